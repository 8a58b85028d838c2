"""How often and how long a change is tried again, in a bounded time."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass

from urllib3.util.retry import RequestHistory, Retry

from reconciler.applying.stopping import Stop
from reconciler.errors import (
    ApiError,
    IncompleteListingError,
    UnclearOutcomeError,
    UnreachableError,
)

# One failure lies behind whoever waits, which makes the first pause one of `first_pause`, too.
_FAILED_ONCE = (RequestHistory(None, None, None, None, None),)

_TRANSIENT = frozenset({408, 425, 429, 500, 502, 503, 504})


@dataclass(frozen=True, slots=True)
class Patience:
    """The bounds of trying again: seconds for one change in all, pauses that double, with jitter.

    A pause is as long as the server asks for by Retry-After, where that is longer; one that does
    not fit into the rest of the time is not waited for.
    """

    seconds: float = 60.0
    first_pause: float = 0.5
    longest_pause: float = 8.0
    jitter: float = 0.25
    clock: Callable[[], float] = time.monotonic

    def begin(self, stop: Stop) -> Trying:
        """Return the pauses of one change; its time begins to run."""
        policy = Retry(
            total=None,
            backoff_factor=self.first_pause / 2,
            backoff_max=self.longest_pause,
            backoff_jitter=self.jitter,
            history=_FAILED_ONCE,
        )
        return Trying(policy, self.clock() + self.seconds, self.clock, stop)


class Trying:
    """The pauses between the tries of one change."""

    def __init__(
        self, policy: Retry, deadline: float, clock: Callable[[], float], stop: Stop
    ) -> None:
        self._policy = policy
        self._deadline = deadline
        self._clock = clock
        self._stop = stop

    def pause(self, error: ApiError) -> bool:
        """Wait before the next try, and return whether there is one.

        There is none where the error will not pass by itself, where the time is over, and where
        somebody stops the apply.
        """
        if not is_transient(error) or self._stop.requested:
            return False
        self._policy = self._policy.increment(error=error)
        seconds = max(self._policy.get_backoff_time(), error.retry_after or 0.0)
        if self._clock() + seconds > self._deadline:
            return False
        return not self._stop.wait(seconds)


def is_transient(error: ApiError) -> bool:
    """Tell whether the same request may succeed a little later."""
    if isinstance(error, UnreachableError | UnclearOutcomeError | IncompleteListingError):
        return True
    return error.status in _TRANSIENT
