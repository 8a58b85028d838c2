"""Lines of styled text, which come out plain or in colours."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import NamedTuple

from reconciler.reports.printable import printable


@dataclass(frozen=True, slots=True)
class Look:
    """How text may look where it goes; the default is plain and never wraps."""

    colours: bool = False
    width: int = 100


class Span(NamedTuple):
    """A piece of a line; `style` is a rich style, such as `bold red`."""

    text: str
    style: str = ""


Line = tuple[Span, ...]


def line(*parts: str | Span) -> Line:
    """Return a line of these parts, with every control character in them made visible."""
    spans = (part if isinstance(part, Span) else Span(part) for part in parts)
    return tuple(Span(printable(span.text), span.style) for span in spans if span.text)


def text_of(lines: Iterable[Line], look: Look) -> str:
    """Return the lines as text, each ended by a newline."""
    rows = list(lines)
    if look.colours:
        return _coloured(rows, look.width)
    return "".join("".join(span.text for span in row).rstrip() + "\n" for row in rows)


def _coloured(lines: list[Line], width: int) -> str:
    from io import StringIO

    from rich.console import Console
    from rich.text import Text

    out = StringIO()
    console = Console(file=out, force_terminal=True, width=width, highlight=False)
    for row in lines:
        console.print(Text.assemble(*row), soft_wrap=True)
    return out.getvalue()
