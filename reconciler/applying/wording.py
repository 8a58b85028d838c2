"""A sentence with its parts told apart, so that each format can show a value as a value."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum

from reconciler.model.text import printable


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


def plain(words: Words) -> str:
    """Return a sentence as a terminal shows it."""
    return "".join(part if isinstance(part, str) else printable(part.text) for part in words)
