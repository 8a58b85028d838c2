"""Text from outside, made safe for a terminal and a log."""

from __future__ import annotations

import re

# C0 and C1 controls, line and paragraph separators, the marks that reorder text, and what would
# hide in it; a person must see what a value holds. The last two are no characters at all.
_UNSAFE = re.compile(
    r"[\x00-\x1f\x7f-\x9f\xad\u034f\u061c\u115f\u1160\u180e\u200b-\u200f\u2028-\u202e\u2060-\u206f"
    r"\u2800\u3164\ufeff\uffa0\ud800-\udfff\ufffe\uffff\U000e0000-\U000e007f]"
)

# GitHub's runner reads commands out of a log: at the start of a line, and an older form anywhere.
_COMMAND = re.compile(r"^(\s*):(?=:)|#(?=#\[)")


def printable(text: str) -> str:
    """Return the text with every control and reordering character written as an escape.

    What a CI runner would take for a command is broken by an escape too.
    """
    if not (text.isascii() and text.isprintable()):
        text = _UNSAFE.sub(lambda found: _escape(found.group()), text)
    if "::" in text or "##[" in text:
        text = _COMMAND.sub(_broken, text)
    return text


def _broken(found: re.Match[str]) -> str:
    return _escape("#") if found.group() == "#" else f"{found.group(1)}{_escape(':')}"


def _escape(character: str) -> str:
    code = ord(character)
    if code < 0x100:
        return f"\\x{code:02x}"
    return f"\\u{code:04x}" if code < 0x10000 else f"\\U{code:08x}"
