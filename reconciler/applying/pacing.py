"""An upper bound on how often the licensing system is asked, for all organizations together."""

from __future__ import annotations

import threading
import time

from reconciler.applying.stopping import Stop


class Pace:
    """Lets `rate` turns a second pass, evenly; None lets all pass.

    A turn is one write, or one reading of an organization.
    """

    def __init__(self, rate: float | None) -> None:
        self._interval = 0.0 if rate is None else 1.0 / rate
        self._next = time.monotonic()
        self._lock = threading.Lock()

    def take_turn(self, stop: Stop) -> None:
        """Wait for a turn; a stop that is requested meanwhile ends the wait."""
        if not self._interval:
            return
        with self._lock:
            now = time.monotonic()
            turn = max(now, self._next)
            self._next = turn + self._interval
        stop.wait(turn - now)
