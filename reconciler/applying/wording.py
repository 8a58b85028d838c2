"""A sentence with its parts told apart, so that each format can show a value as a value."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum


class Tone(StrEnum):
    """What a part of a sentence is, where it is not plain text of ours."""

    VALUE = "value"
    """It came from outside, and is shown as it is."""
    LABEL = "label"
    """A name that stands in the vendor's page."""
    STRONG = "strong"


@dataclass(frozen=True, slots=True)
class Part:
    """A part of a sentence that is not plain text."""

    text: str
    tone: Tone


Words = tuple[str | Part, ...]


def value(text: str) -> Part:
    """Return a value from outside."""
    return Part(text, Tone.VALUE)


def label(text: str) -> Part:
    """Return a name of the vendor's page."""
    return Part(text, Tone.LABEL)


def strong(text: str) -> Part:
    """Return words of ours that must not be overlooked."""
    return Part(text, Tone.STRONG)


def joined(parts: Iterable[Part], separator: str = ", ") -> Words:
    """Return the parts with a separator between them."""
    words: list[str | Part] = []
    for part in parts:
        words += [separator, part] if words else [part]
    return tuple(words)


# GitHub's runner reads commands out of a log: at the start of a line, and an older form anywhere.
_COMMAND = re.compile(r"(?:^(?P<before>\s*)(?=::)|(?=##\[))(?P<sign>[:#])")


def visible(text: str) -> str:
    """Return the text in one line, each control and reordering character as an escape.

    What a CI runner would take for a command, wherever the text is shown, is broken by one too.
    """
    shown = "".join(
        character if character.isprintable() else character.encode("unicode_escape").decode("ascii")
        for character in text
    )
    return _COMMAND.sub(lambda found: f"{found['before'] or ''}\\x{ord(found['sign']):02x}", shown)


def plain(words: Words) -> str:
    """Return a sentence as a terminal shows it."""
    return "".join(part if isinstance(part, str) else visible(part.text) for part in words)
