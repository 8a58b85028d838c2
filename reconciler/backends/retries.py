"""Which failures of a read are tried again, and for how long."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

from urllib3 import HTTPResponse
from urllib3.exceptions import MaxRetryError, ProtocolError
from urllib3.util.retry import RequestHistory, Retry

from reconciler.backends.failures import is_passing
from reconciler.backends.retry_after import retry_after
from reconciler.backends.transport import Answer
from reconciler.errors import ReconcilerError

PATIENCE = 60.0
"""Seconds; no further attempt at a read begins later than that after the first."""

_PASSING = (408, 429, 500, 502, 503, 504)


def read_retry(**changes: Any) -> Retry:
    """Return the policy for reads: few attempts, growing pauses that differ by chance."""
    settings: dict[str, Any] = {
        "total": 4,
        "read": 2,
        "status": 4,
        "status_forcelist": _PASSING,
        "allowed_methods": None,
        "backoff_factor": 0.25,
        "backoff_jitter": 0.25,
        "backoff_max": 5,
        # urllib3 does not pause before the second attempt; as its third it does.
        "history": (RequestHistory(None, None, None, None, None),),
    }
    return Retry(**(settings | changes))


def patiently(attempt: Callable[[], Answer], retry: Retry, *, patience: float = PATIENCE) -> Answer:
    """Return the answer of the first attempt that does not fail in passing.

    Where the attempts or the patience (in seconds) run out, the last answer is returned, or the
    last error raised. A pause that the server asks for is kept, or else not waited for at all.
    """
    until = time.monotonic() + patience
    while True:
        outcome = _outcome(attempt)
        if isinstance(outcome, Answer) and not retry.is_retry("GET", outcome.status):
            return outcome
        following = _following(retry, outcome)
        pause = 0.0 if following is None else _pause(following, outcome)
        if following is None or time.monotonic() + pause > until:
            if isinstance(outcome, Exception):
                raise outcome
            return outcome
        time.sleep(pause)
        retry = following


def _outcome(attempt: Callable[[], Answer]) -> Answer | Exception:
    try:
        return attempt()
    except ReconcilerError:
        raise
    except Exception as error:
        if not is_passing(error):
            raise
        return error


def _following(retry: Retry, outcome: Answer | Exception) -> Retry | None:
    """Return the policy after one more failure, None where no attempt is left."""
    try:
        if isinstance(outcome, Answer):
            return retry.increment("GET", "", response=HTTPResponse(status=outcome.status))
        return retry.increment("GET", "", error=ProtocolError())
    except MaxRetryError:
        return None


def _pause(retry: Retry, outcome: Answer | Exception) -> float:
    asked = retry_after(outcome.headers) if isinstance(outcome, Answer) else None
    return retry.get_backoff_time() if asked is None else asked
