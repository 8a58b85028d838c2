"""Lines of styled text, which come out plain or in colours."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

from reconciler.model.text import printable

if TYPE_CHECKING:
    from rich.text import Text

_WORD = re.compile(r"\S+\s*")
_HANG = 4
_NARROWEST = 40

LIMIT = 60_000
"""The most characters of a report in Markdown, but where it may have more; GitHub takes 65,536 in
a comment."""


@dataclass(frozen=True, slots=True)
class Look:
    """How a report may look where it goes; the default is plain and never wraps.

    `width` is a terminal's, in cells. `whole` says, in a report that has to leave things out, where
    all of it is: the address of the run, where there is one. `folder` is where the command runs, as
    seen from the repository's root: annotations name their files from there. `room` is the most
    characters that a report in Markdown may have.
    """

    colours: bool = False
    width: int | None = None
    whole: str | None = None
    folder: str = ""
    room: int = LIMIT


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
    """Return the lines as text, each ended by a newline.

    On a terminal a line that is too long goes on, indented, at a space; a word is never cut, so
    that it can be copied.
    """
    rows = list(lines)
    if look.colours or look.width is not None:
        return _for_terminal(rows, look)
    return "".join("".join(span.text for span in row).rstrip() + "\n" for row in rows)


def _for_terminal(rows: list[Line], look: Look) -> str:
    from io import StringIO

    from rich.console import Console

    out = StringIO()
    console = Console(
        file=out,
        force_terminal=look.colours,
        no_color=not look.colours,
        width=look.width,
        highlight=False,
    )
    for row in rows:
        for part in _wrapped(row, look.width):
            console.print(part, soft_wrap=True)
    return out.getvalue()


def _wrapped(row: Line, width: int | None) -> Iterator[Text]:
    from rich.text import Text

    text = Text.assemble(*row)
    text.rstrip()
    if width is None or width < _NARROWEST or text.cell_len <= width:
        yield text
        return
    plain = text.plain
    indent = len(plain) - len(plain.lstrip())
    for number, part in enumerate(text.divide(_breaks(plain, indent, width))):
        part.rstrip()
        yield Text(" " * (indent + _HANG)) + part if number else part


def _breaks(plain: str, indent: int, width: int) -> list[int]:
    """Return where a line goes on in the next, each at the start of a word."""
    from rich.cells import cell_len

    found = []
    used = indent
    for word in _WORD.finditer(plain, indent):
        if used > indent + _HANG and used + cell_len(word.group().rstrip()) > width:
            found.append(word.start())
            used = indent + _HANG
        used += cell_len(word.group())
    return found
