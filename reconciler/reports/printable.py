"""Text from outside, made safe for a terminal and a log."""

from __future__ import annotations

import re

# C0 and C1 controls, line and paragraph separators, the marks that reorder text, and what would
# hide in it; a person must see what a value holds.
_UNSAFE = re.compile(
    r"[\x00-\x1f\x7f-\x9f\u061c\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff\ud800-\udfff]"
)


def printable(text: str) -> str:
    """Return the text with every control and reordering character written as an escape."""
    if text.isascii() and text.isprintable():
        return text
    return _UNSAFE.sub(_escape, text)


def _escape(found: re.Match[str]) -> str:
    code = ord(found.group())
    return f"\\x{code:02x}" if code < 0x100 else f"\\u{code:04x}"
