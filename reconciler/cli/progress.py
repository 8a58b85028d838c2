"""A line of progress for whatever takes longer than a second."""

from __future__ import annotations

import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TextIO

QUIET_SECONDS = 1.0
_PLAIN_EVERY = 10.0


class Progress:
    """Counts what is done and tells it on standard error, once the first second is over.

    On a terminal it is one line that is rewritten; elsewhere a line every ten seconds.
    """

    def __init__(
        self,
        label: str,
        total: int,
        *,
        stream: TextIO | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._label = label
        self._total = total
        self._done = 0
        self._stream = sys.stderr if stream is None else stream
        self._terminal = self._stream.isatty()
        self._clock = clock
        self._next = clock() + QUIET_SECONDS
        self._shown = False

    def advance(self) -> None:
        """Count one more as done."""
        self._done += 1
        self.tick()

    def tick(self) -> None:
        """Tell how far it is, where it is time to."""
        if self._clock() < self._next:
            return
        self._next = self._clock() + (QUIET_SECONDS if self._terminal else _PLAIN_EVERY)
        text = f"{self._label}: {self._done} of {self._total}"
        self._stream.write(f"\r\x1b[K{text}" if self._terminal else f"{text}\n")
        self._stream.flush()
        self._shown = True

    def finish(self) -> None:
        """Take the line away again."""
        if self._shown and self._terminal:
            self._stream.write("\r\x1b[K")
            self._stream.flush()


@contextmanager
def working(
    label: str, *, stream: TextIO | None = None, after: float = QUIET_SECONDS
) -> Iterator[None]:
    """Tell once what is being done, where it takes longer than a second and cannot be counted."""
    out = sys.stderr if stream is None else stream
    terminal = out.isatty()
    shown = threading.Event()

    def show() -> None:
        shown.set()
        out.write(f"{label}…" if terminal else f"{label}…\n")
        out.flush()

    timer = threading.Timer(after, show)
    timer.daemon = True
    timer.start()
    try:
        yield
    finally:
        timer.cancel()
        timer.join()
        if shown.is_set() and terminal:
            out.write("\r\x1b[K")
            out.flush()
