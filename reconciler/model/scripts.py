"""Letters of several scripts in one address, which is how one address is made to look like another.

The first word of a letter's name in Unicode tells its script well enough, and needs no tables of
its own. East Asian scripts stand beside Latin in daily use and have no letters that look like its.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Iterator

_EAST_ASIAN = frozenset(
    {"CJK", "HIRAGANA", "KATAKANA", "KATAKANA-HIRAGANA", "HANGUL", "BOPOMOFO", "IDEOGRAPHIC"}
)


def mixed_letters(address: str) -> tuple[str, str] | None:
    """Return the first letter of each of two scripts in one part of an email or a domain.

    A part is what stands before the `@`, or one label of the domain. None where no part is mixed;
    an address that is all of one script, whichever that is, is not.
    """
    if address.isascii():
        return None
    local, _, domain = address.rpartition("@")
    for part in (local, *domain.split(".")):
        scripts: dict[str, str] = {}
        for script, letter in _letters(part):
            scripts.setdefault(script, letter)
        if len(scripts) > 1:
            one, other, *_ = scripts.values()
            return one, other
    return None


def mixing(address: str) -> str | None:
    """Return words that name the two letters, None where no part of the address is mixed."""
    found = mixed_letters(address)
    if found is None:
        return None
    one, other = (f"{letter} (U+{ord(letter):04X} {unicodedata.name(letter)})" for letter in found)
    return f"mixes letters of two scripts, {one} and {other}, and may look like another address"


def _letters(text: str) -> Iterator[tuple[str, str]]:
    for letter in text:
        name = unicodedata.name(letter, "")
        script = name.partition(" ")[0]
        if name and script not in _EAST_ASIAN and unicodedata.category(letter).startswith("L"):
            yield script, letter
