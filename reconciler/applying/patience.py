"""How often and how long a change is tried again, in a bounded time."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum, auto

from urllib3.util.retry import RequestHistory, Retry

from reconciler.applying.answers import is_final
from reconciler.applying.stopping import Stop
from reconciler.errors import (
    ApiError,
    IncompleteListingError,
    MalformedAnswerError,
    UnclearOutcomeError,
    UnreachableError,
)

# One failure lies behind whoever waits, which makes the first pause one of `first_pause`, too.
_FAILED_ONCE = (RequestHistory(None, None, None, None, None),)

_APART = 5.0
"""Seconds between two readings that have to agree; a host may list a write a little later."""

_TRANSIENT = frozenset({408, 425, 429, 500, 502, 503, 504})


class OnStop(Enum):
    """What is left of the tries once somebody asks for a stop."""

    GIVE_UP = auto()
    ONCE_MORE = auto()
    """One further try, at once."""
    GO_ON = auto()
    """All that there are: until then somebody is without a seat."""


@dataclass(frozen=True, slots=True)
class Patience:
    """The bounds of trying again: seconds for one change in all, pauses that double, with jitter.

    A pause is as long as the server asks for by Retry-After, where that is longer; one that does
    not fit into the rest of the time is not waited for. `seconds_for_return` are those for giving
    a seat back: nothing comes after it that could still help.
    """

    seconds: float = 60.0
    seconds_for_return: float = 300.0
    first_pause: float = 0.5
    longest_pause: float = 8.0
    jitter: float = 0.25
    clock: Callable[[], float] = time.monotonic

    def begin(self, stop: Stop) -> Trying:
        """Return the pauses of one change; its time begins to run."""
        return self._begin(stop, self.seconds)

    def begin_return(self, stop: Stop) -> Trying:
        """Return the pauses of giving a seat back, which no stop ends."""
        trying = self._begin(stop, self.seconds_for_return)
        trying.on_stop = OnStop.GO_ON
        trying.stubborn = True
        return trying

    def _begin(self, stop: Stop, seconds: float) -> Trying:
        policy = Retry(
            total=None,
            backoff_factor=self.first_pause / 2,
            backoff_max=self.longest_pause,
            backoff_jitter=self.jitter,
            history=_FAILED_ONCE,
        )
        return Trying(policy, self.clock() + seconds, self.clock, stop)


class Trying:
    """The pauses between the tries of one change; `on_stop` tells how many a stop leaves.

    With `stubborn`, everything is tried again but a request that will never be taken: a garbled
    page and a key or a role that is not accepted may pass too.
    """

    def __init__(
        self, policy: Retry, deadline: float, clock: Callable[[], float], stop: Stop
    ) -> None:
        self._policy = policy
        self._deadline = deadline
        self._clock = clock
        self._stop = stop
        self._tried_once_more = False
        self.on_stop = OnStop.GIVE_UP
        self.stubborn = False

    def pause(self, error: ApiError) -> bool:
        """Wait before the next try, and return whether there is one.

        There is none where the error will not pass by itself, where the time is over, and where
        somebody stops the apply, as far as `on_stop` says so.
        """
        if not (is_transient(error) or (self.stubborn and _may_pass(error))):
            return False
        if self._stop.requested and self.on_stop is not OnStop.GO_ON:
            return self._once_more()
        self._policy = self._policy.increment(error=error)
        seconds = max(self._policy.get_backoff_time(), error.retry_after or 0.0)
        if self._clock() + seconds > self._deadline:
            return False
        if self.on_stop is OnStop.GO_ON:
            self._stop.sleep(seconds)
            return True
        return not self._stop.wait(seconds) or self._once_more()

    def look_again(self) -> bool:
        """Wait before what was read is read once more, as far as the time allows.

        Return whether it is to be: a stop leaves no time for it, unless `on_stop` says to go on.
        """
        seconds = max(0.0, min(_APART, self._deadline - self._clock()))
        if self.on_stop is OnStop.GO_ON:
            self._stop.sleep(seconds)
            return True
        return not self._stop.requested and not self._stop.wait(seconds)

    def _once_more(self) -> bool:
        first = self.on_stop is OnStop.ONCE_MORE and not self._tried_once_more
        self._tried_once_more = True
        return first


def is_transient(error: ApiError) -> bool:
    """Tell whether the same request may succeed a little later."""
    if isinstance(error, UnclearOutcomeError) and 400 <= (error.status or 0) < 500:
        # Somebody's page on the way says no, and would say it again.
        return error.status in _TRANSIENT
    if isinstance(error, UnreachableError | UnclearOutcomeError | IncompleteListingError):
        return True
    return error.status in _TRANSIENT


def _may_pass(error: ApiError) -> bool:
    """Tell whether anything but the request itself may be what is wrong."""
    return isinstance(error, MalformedAnswerError) or not is_final(error)
