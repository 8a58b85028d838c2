"""Text that others wrote, for people to read on one line."""

from __future__ import annotations

import re

LONGEST = 1000
"""How many characters of a name are kept."""

_CONTROL = re.compile("[\x00-\x1f\x7f-\x9f\u2028\u2029]+")


def one_line(text: str) -> str:
    """Return a text as one line that every file of ours may hold, which may be empty."""
    clean = text.encode("utf-8", "replace").decode()
    return _CONTROL.sub(" ", clean).strip()[:LONGEST].rstrip()


def is_plain(text: str) -> bool:
    """Tell whether a text holds no control character and nothing that ends a line."""
    return _CONTROL.search(text) is None
