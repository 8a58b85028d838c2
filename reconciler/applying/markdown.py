"""Values from outside in Markdown: shown as they are, never as a link, a mention or HTML.

They stand in code, since that is where nothing is interpreted, and which reads well as plain text.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from types import MappingProxyType
from urllib.parse import quote

from reconciler.applying.wording import Tone, Words
from reconciler.model.text import printable


def code(text: str) -> str:
    """Return the text as a code span, in which nothing of it is Markdown, a link or a mention."""
    shown = printable(text)
    fence = "`" * (_longest_run([shown]) + 1)
    # A space that touches the fence is stripped in pairs; it keeps backticks off the fence.
    return f"{fence} {shown} {fence}" if "`" in shown else f"{fence}{shown or ' '}{fence}"


def block(lines: Iterable[str], indent: str = "") -> list[str]:
    """Return a code block of the lines, to be copied as they are; none of them can end it."""
    shown = [printable(line) for line in lines]
    fence = "`" * max(3, _longest_run(shown) + 1)
    return [f"{indent}{row}" for row in (f"{fence}text", *shown, fence)]


def link(text: str, address: str) -> str:
    """Return a link; `text` is Markdown already."""
    return f"[{text}](<{address_of(address)}>)"


def address_of(text: str) -> str:
    """Return an address in which whatever would end or disguise it is percent-encoded."""
    return quote(text.encode("utf-8", "backslashreplace"), safe=":/?#&=%@[]+,;~")


def sentence(words: Words) -> str:
    """Return a sentence as Markdown; only its plain text is taken as it stands."""
    return "".join(
        part if isinstance(part, str) else _TONES[part.tone](part.text) for part in words
    )


_TONES: Mapping[Tone, Callable[[str], str]] = MappingProxyType(
    {Tone.VALUE: code, Tone.LABEL: "*{}*".format, Tone.STRONG: "**{}**".format}
)


def _longest_run(lines: Iterable[str]) -> int:
    return max((len(run) for line in lines for run in re.findall("`+", line)), default=0)
