"""Ctrl-C and SIGTERM: alike, and while something is written, once to stop in order."""

from __future__ import annotations

import os
import signal
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from types import FrameType

from reconciler.applying.stopping import Stop

_SIGNALS = (signal.SIGINT, signal.SIGTERM)
_LOOK_UP = 0.25
_SAID = b"\nstopping: calls in flight are finished first; once more stops at once\n"


@contextmanager
def ending_like_ctrl_c() -> Iterator[None]:
    """Have SIGTERM raise KeyboardInterrupt, as long as nothing is written that it could cut short.

    Outside the main thread, which alone hears signals, nothing is changed.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return

    def hear(number: int, frame: FrameType | None) -> None:
        raise KeyboardInterrupt

    former = signal.signal(signal.SIGTERM, hear)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, former)


@contextmanager
def heard_while_asking() -> Iterator[None]:
    """Have a signal heard soon that comes just before the wait for an answer begins.

    Python hears signals between its own steps; one that comes too late for that, and too early to
    interrupt the wait, would be heard only after the answer. So the wait is interrupted regularly.
    """
    on_main_thread = threading.current_thread() is threading.main_thread()
    if sys.platform == "win32" or not on_main_thread:
        yield
        return
    former = signal.signal(signal.SIGALRM, lambda number, frame: None)
    signal.setitimer(signal.ITIMER_REAL, _LOOK_UP, _LOOK_UP)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, former)


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
