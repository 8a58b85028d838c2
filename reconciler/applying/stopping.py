"""Stopping an apply: what is in flight is finished, and nothing new is begun."""

from __future__ import annotations

import threading
import time


class Stopped(Exception):  # noqa: N818 - it is a request that was heard, no error
    """No further call is made, because somebody asked for that."""


class Stop:
    """A request to stop that every thread of an apply heeds; made once, it stays."""

    def __init__(self) -> None:
        self._event = threading.Event()

    def request(self) -> None:
        """Ask for the stop; may be called from a signal handler, and more than once."""
        self._event.set()

    @property
    def requested(self) -> bool:
        """Whether it was asked for."""
        return self._event.is_set()

    def wait(self, seconds: float) -> bool:
        """Sleep, but not beyond the request; return whether it was made."""
        return self._event.wait(seconds)

    def sleep(self, seconds: float) -> None:
        """Sleep, whether the request is made or not."""
        time.sleep(seconds)

    def check(self) -> None:
        """Raise `Stopped` once it was asked for."""
        if self.requested:
            raise Stopped
