"""Ctrl-C and SIGTERM while something is written: once to stop in order, twice to stop at once."""

from __future__ import annotations

import os
import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from types import FrameType

from reconciler.applying.stopping import Stop

_SIGNALS = (signal.SIGINT, signal.SIGTERM)
_SAID = b"\nstopping: calls in flight are finished first; once more stops at once\n"


@contextmanager
def stopping_in_order(stop: Stop) -> Iterator[None]:
    """Have the first signal request the stop, and a further one raise KeyboardInterrupt.

    Outside the main thread, which alone hears signals, nothing is changed.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return

    def hear(number: int, frame: FrameType | None) -> None:
        if stop.requested:
            raise KeyboardInterrupt
        stop.request()
        # Straight to the file: the stream may be in the middle of a line when the signal comes.
        with suppress(OSError):
            os.write(2, _SAID)

    former = {number: signal.signal(number, hear) for number in _SIGNALS}
    try:
        yield
    finally:
        for number, handler in former.items():
            signal.signal(number, handler)
