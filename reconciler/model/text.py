"""Text that others wrote, for people to read on one line."""

from __future__ import annotations

import re
from collections.abc import Callable

LONGEST = 1000
"""How many characters of a name are kept."""

_CONTROL = re.compile("[\x00-\x1f\x7f-\x9f\u2028\u2029]+")

# C1 controls, whatever Unicode calls a format character, what shows nothing or a mere blank without
# being a space, variation selectors and tags, which can carry a hidden text, and what is no
# character at all. All of it by number: a newer Unicode must not change what is written.
_HIDDEN = (
    r"\x7f-\x9f\xad\u034f\u0600-\u0605\u061c\u06dd\u070f\u0890\u0891\u08e2\u115f\u1160\u17b4\u17b5"
    r"\u180b-\u180f\u200b-\u200f\u2028-\u202e\u2060-\u206f\u2800\u3164\ud800-\udfff\ufdd0-\ufdef"
    r"\ufe00-\ufe0f\ufeff\uffa0\ufff0-\ufffb\ufffe\uffff\U000110bd\U000110cd\U00013430-\U0001343f"
    r"\U0001bca0-\U0001bca3\U0001d173-\U0001d17a\U000e0000-\U000e0fff"
)
HIDDEN = re.compile(f"[{_HIDDEN}]")
"""A character that hides, or hides or reorders others; the C0 controls besides, of which data
formats have their own escapes."""

_UNSAFE = re.compile(rf"[\x00-\x1f{_HIDDEN}]")
# GitHub's runner reads commands out of a log: at the start of a line, and an older form anywhere.
_COMMAND = re.compile(r"^(\s*):(?=:)|#(?=#\[)")


def one_line(text: str) -> str:
    """Return a text as one line that every file of ours may hold, which may be empty."""
    clean = text.encode("utf-8", "replace").decode()
    return _CONTROL.sub(" ", clean).strip()[:LONGEST].rstrip()


def is_plain(text: str) -> bool:
    """Tell whether a text holds no control character and nothing that ends a line."""
    return _CONTROL.search(text) is None


def printable(text: str) -> str:
    """Return the text with every character that hides or steers written as an escape.

    What a CI runner would take for a command is broken by an escape too.
    """
    if not (text.isascii() and text.isprintable()):
        text = _UNSAFE.sub(lambda found: _escape(found.group()), text)
    if "::" in text or "##[" in text:
        text = _COMMAND.sub(_broken, text)
    return text


def revealed(text: str, escape: Callable[[str], str]) -> str:
    """Return a text of data with every hidden character in the escape of its format.

    There it may only stand where that escape means the same character.
    """
    return HIDDEN.sub(lambda found: escape(found.group()), text)


def _broken(found: re.Match[str]) -> str:
    return _escape("#") if found.group() == "#" else f"{found.group(1)}{_escape(':')}"


def _escape(character: str) -> str:
    code = ord(character)
    if code < 0x100:
        return f"\\x{code:02x}"
    return f"\\u{code:04x}" if code < 0x10000 else f"\\U{code:08x}"
