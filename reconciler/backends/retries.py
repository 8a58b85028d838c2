"""Which failures of a read are tried again, and for how long."""

from __future__ import annotations

from types import TracebackType
from typing import Any, Self

from urllib3 import BaseHTTPResponse
from urllib3.connectionpool import ConnectionPool
from urllib3.exceptions import InvalidHeader, MaxRetryError, ResponseError
from urllib3.util.retry import Retry

LONGEST_WAIT = 30.0
"""Seconds; a server that asks for a longer pause is not waited for."""


class ReadRetry(Retry):
    """urllib3's retry, which gives up at once where Retry-After asks for more than the cap."""

    def get_retry_after(self, response: BaseHTTPResponse) -> float | None:
        """Return the pause that the server asks for in seconds, None where it is not legible."""
        try:
            return super().get_retry_after(response)
        except InvalidHeader:
            return None

    def increment(
        self,
        method: str | None = None,
        url: str | None = None,
        response: BaseHTTPResponse | None = None,
        error: Exception | None = None,
        _pool: ConnectionPool | None = None,
        _stacktrace: TracebackType | None = None,
    ) -> Self:
        """Count one more attempt; raises `MaxRetryError` where there is none left."""
        if response is not None and (self.get_retry_after(response) or 0) > LONGEST_WAIT:
            # urlopen then hands back this very response, as raise_on_status is off.
            raise MaxRetryError(_pool, url or "", ResponseError("Retry-After"))  # type: ignore[arg-type]
        return super().increment(method, url, response, error, _pool, _stacktrace)


def read_retry(**changes: Any) -> ReadRetry:
    """Return the policy for reads: few attempts, growing pauses, in a bounded time."""
    settings: dict[str, Any] = {
        "total": 4,
        "connect": 2,
        "read": 1,
        "status": 3,
        "other": 0,
        "redirect": 0,
        "status_forcelist": (429, 502, 503, 504),
        "allowed_methods": frozenset({"GET", "POST"}),
        "backoff_factor": 0.4,
        "backoff_jitter": 0.2,
        "backoff_max": 5,
        "raise_on_status": False,
        "raise_on_redirect": False,
    }
    return ReadRetry(**(settings | changes))
