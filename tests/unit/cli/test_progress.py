"""Progress is told after a second, on a terminal by one line, elsewhere by few."""

from __future__ import annotations

import io
import threading
from collections.abc import Callable

from reconciler.cli.progress import Progress, working


class Clock:
    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def test_what_takes_less_than_a_second_says_nothing() -> None:
    for stream in (io.StringIO(), Terminal()):
        clock = Clock()
        progress = Progress("reading", 2, stream=stream, clock=clock)
        clock.now = 0.9
        progress.advance()
        progress.advance()
        progress.finish()
        assert stream.getvalue() == ""


def test_elsewhere_it_is_a_line_after_a_second_and_then_every_ten() -> None:
    stream, clock = io.StringIO(), Clock()
    progress = Progress("reading", 30, stream=stream, clock=clock)
    for second in range(1, 23):
        clock.now = float(second)
        progress.advance()
    progress.finish()
    assert stream.getvalue() == "reading: 1 of 30\nreading: 11 of 30\nreading: 21 of 30\n"


def test_on_a_terminal_the_line_is_rewritten_and_taken_away() -> None:
    stream, clock = Terminal(), Clock()
    progress = Progress("reading", 3, stream=stream, clock=clock)
    for second in (1.0, 2.0):
        clock.now = second
        progress.advance()
    progress.finish()
    assert stream.getvalue() == "\r\x1b[Kreading: 1 of 3\r\x1b[Kreading: 2 of 3\r\x1b[K"


def test_work_that_cannot_be_counted_is_named_once_when_it_takes_long() -> None:
    for stream, shown in (
        (io.StringIO(), "planning…\n"),
        (Terminal(), "planning…\r\x1b[K"),
    ):
        told = threading.Event()
        write = stream.write

        def noticed(text: str, write: Callable[[str], int] = write) -> int:
            count = write(text)
            told.set()  # noqa: B023 - called within this round of the loop
            return count

        stream.write = noticed  # type: ignore[method-assign]
        with working("planning", stream=stream, after=0.01):
            assert told.wait(timeout=30)
        assert stream.getvalue() == shown


def test_quick_work_says_nothing() -> None:
    for stream in (io.StringIO(), Terminal()):
        with working("planning", stream=stream, after=30):
            pass
        assert stream.getvalue() == ""
