"""Characters that a person cannot see, and texts that hold them."""

from __future__ import annotations

import unicodedata

from hypothesis import strategies as st

NAMED = "\x7f\x85\x9b\xad\u034f\u061c\u115f\u1160\u180e\u200b\u200d\u202e\u2066\u2800\u3164\ufe0f"
HIDDEN = f"{NAMED}\ufeff\uffa0\U000e0000\U000e0041\U000e01ef"
"""One of each kind: blanks, joiners, marks that reorder, variation selectors, tags."""

TEXTS = st.text() | st.text(st.sampled_from(f'{HIDDEN}\n\t\r\x00\x1b"\\#[:é😀a '))
"""Text of every kind, and text in which there is little else."""


def is_hidden(character: str) -> bool:
    """Tell whether a character is one that no output may hold as it is."""
    return character in HIDDEN or unicodedata.category(character) in {"Cc", "Cf", "Zl", "Zp"}


def hidden_in(text: str) -> set[str]:
    """Return the characters of a text of several lines that nobody could see."""
    return {character for character in text if character != "\n" and is_hidden(character)}
