"""How a call ended for one of its subjects, and why."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from reconciler.errors import ApiError, ReconcilerError

BUSY = 429
"""The status of a server that has too much to do, and says that it did nothing."""


class Ending(StrEnum):
    """How a call ended."""

    DONE = "done"
    UNCHANGED = "unchanged"
    """It was so already; somebody else did it since the state was read."""
    REJECTED = "rejected"
    FAILED = "failed"
    """Nothing was changed."""
    UNCLEAR = "unclear"
    """It may have taken effect, and reading back did not tell."""


@dataclass(frozen=True, slots=True)
class Answer:
    """How a call ended and why. `final` tells that sending it again later cannot help as such."""

    ending: Ending
    code: str | None = None
    message: str | None = None
    final: bool = False

    @property
    def holds(self) -> bool:
        """Whether the effect is there now."""
        return self.ending in {Ending.DONE, Ending.UNCHANGED}


def text_of(error: ReconcilerError) -> str:
    """Return what went wrong and what to do about it, in one line."""
    return f"{error.message} ({error.hint})" if error.hint else error.message


# Wrong keys, lacking roles, time-outs and rate limits end some day; the request itself is right.
_PASSING = frozenset({401, 403, 408, 425, 429})


def is_final(error: ApiError) -> bool:
    """Tell whether the licensing system will never take this request."""
    status = error.status
    return status is not None and 400 <= status < 500 and status not in _PASSING
