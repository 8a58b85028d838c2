"""Values from outside in Markdown: shown as they are, never as a link, a mention or HTML.

They stand in code, since that is where nothing is interpreted, and which reads well as plain text.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from urllib.parse import quote


def visible(text: str) -> str:
    """Return the text in one line, each control and reordering character as an escape."""
    return "".join(
        character if character.isprintable() else character.encode("unicode_escape").decode("ascii")
        for character in text
    )


def code(text: str) -> str:
    """Return the text as a code span, in which nothing of it is Markdown, a link or a mention."""
    shown = visible(text)
    fence = "`" * (_longest_run([shown]) + 1)
    # A space that touches the fence is stripped in pairs; it keeps backticks off the fence.
    return f"{fence} {shown} {fence}" if "`" in shown else f"{fence}{shown or ' '}{fence}"


def block(lines: Iterable[str], indent: str = "") -> list[str]:
    """Return a code block of the lines, to be copied as they are; none of them can end it."""
    shown = [visible(line) for line in lines]
    fence = "`" * max(3, _longest_run(shown) + 1)
    return [f"{indent}{row}" for row in (f"{fence}text", *shown, fence)]


def link(text: str, address: str) -> str:
    """Return a link; `text` is Markdown already."""
    return f"[{text}](<{quote(address, safe=':/?#&=%@[]+,;~')}>)"


def _longest_run(lines: Iterable[str]) -> int:
    return max((len(run) for line in lines for run in re.findall("`+", line)), default=0)
