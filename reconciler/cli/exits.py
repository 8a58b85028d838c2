"""The exit codes that scripts rely on."""

from __future__ import annotations

from collections.abc import Iterable
from enum import IntEnum


class Exit(IntEnum):
    """What the process tells its caller."""

    DONE = 0
    FAILURE = 1
    PENDING = 2
    INVALID = 3
    REFUSED = 4
    PARTIAL = 5
    USAGE = 64


_GRAVEST_FIRST = (Exit.INVALID, Exit.FAILURE, Exit.REFUSED, Exit.PENDING)


def gravest(exits: Iterable[Exit]) -> Exit:
    """Return the one code that a plan ends with: invalid, failure, refused, pending, done."""
    found = set(exits)
    return next((code for code in _GRAVEST_FIRST if code in found), Exit.DONE)
