"""Values from outside, made safe in Markdown, in a table's cell too.

Platforms make links and mentions out of bare text after Markdown is done with it, so that entities
alone do not keep a value from notifying somebody. Only code is left alone by all of them.
"""

from __future__ import annotations

import re
from collections.abc import Iterable

from reconciler.model.text import printable

LONGEST = 200
"""The most characters of one value that Markdown shows."""

_RUN = re.compile(r"`+")
_AFTER_BACKSLASH = re.compile(r"(?<=\\)\|")
# Code that our own messages hold, and words that Markdown and the platforms leave as they are.
_PIECE = re.compile(r"`(?P<code>[A-Za-z][A-Za-z0-9_ :=.-]*)`|(?P<word>[^\s`]+)|(?P<odd>`)")
_PLAIN = re.compile(r"[A-Za-z0-9%,;()'-]+(?:/[A-Za-z0-9]+)?[.:]?\)?[.,;:]?")
# What GitHub takes for a commit or an issue.
_REFERENCE = re.compile(r"[0-9a-f]{7,40}|GH-[0-9]+")
_OPENING, _CLOSING = re.compile(r"^\(+"), re.compile(r"[),;:.]+$")


def code(text: str) -> str:
    """Return the text as a code span, which nothing in it can end; a very long one is cut."""
    shown = printable(shortened(text)).replace("<!", "\\x3c!")
    if not shown.strip():
        return f"`{shown or ' '}`"
    runs = {len(run) for run in _RUN.findall(shown)}
    fence = "`" * next(size for size in range(1, len(runs) + 2) if size not in runs)
    pad = " " if shown[0] in "` " or shown[-1] in "` " else ""
    return f"{fence}{pad}{shown}{pad}{fence}"


def prose(text: str) -> str:
    """Return a sentence with every word that is more than letters and digits as code."""
    pieces: list[str] = []
    for found in _PIECE.finditer(printable(shortened(text, 5 * LONGEST))):
        glued = found.start() > 0 and not found.string[found.start() - 1].isspace()
        if found["code"]:
            piece = f"`{found['code']}`"
        elif found["odd"]:
            piece = code("`")
        else:
            piece = _word(found["word"])
        # Two code spans that touch would be one.
        touching = glued and pieces and pieces[-1].endswith("`") and piece.startswith("`")
        pieces.append(piece if not pieces or (glued and not touching) else f" {piece}")
    return "".join(pieces)


def table_row(cells: Iterable[str]) -> str:
    """Return one row of a table; the cells are Markdown already, their pipes are escaped here."""
    return f"| {' | '.join(_cell(cell) for cell in cells)} |"


def _cell(markdown: str) -> str:
    # A backslash before a pipe would make the pipe end the cell, so such a pipe is spelled out.
    return _AFTER_BACKSLASH.sub(r"\\x7c", markdown).replace("|", "\\|")


def shortened(text: str, longest: int = LONGEST) -> str:
    """Return the text, its middle left out where it is very long."""
    if len(text) <= longest:
        return text
    half = longest // 2
    return f"{text[:half]} … {len(text) - 2 * half} characters … {text[-half:]}"


def _word(word: str) -> str:
    if _PLAIN.fullmatch(word) and not _REFERENCE.search(word):
        return word
    opening = _OPENING.search(word)
    closing = _CLOSING.search(word)
    start = opening.end() if opening else 0
    end = closing.start() if closing else len(word)
    if start >= end:
        return code(word)
    return f"{word[:start]}{code(word[start:end])}{word[end:]}"
