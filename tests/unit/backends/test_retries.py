from __future__ import annotations

import time
from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reconciler.backends import retries
from reconciler.backends.retries import PATIENCE, patiently, read_retry
from reconciler.backends.retry_after import retry_after
from reconciler.backends.transport import Answer

OK = Answer(200, {}, b"{}")


class Time:
    """A clock that only pauses move."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.now = 0.0
        self.pauses: list[float] = []
        monkeypatch.setattr(retries.time, "sleep", self.pause)
        monkeypatch.setattr(retries.time, "monotonic", lambda: self.now)

    def pause(self, seconds: float) -> None:
        self.pauses.append(seconds)
        self.now += seconds


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Time:
    return Time(monkeypatch)


def failing(*outcomes: Answer | Exception) -> Callable[[], Answer]:
    left = list(outcomes)

    def attempt() -> Answer:
        outcome = left.pop(0) if left else OK
        if isinstance(outcome, Exception):
            raise outcome
        return outcome

    return attempt


def busy(**headers: str) -> Answer:
    return Answer(503, {name.replace("_", "-"): value for name, value in headers.items()}, b"")


def test_pauses_grow_and_differ_by_chance(clock: Time) -> None:
    seen = set()
    for _ in range(5):
        clock.pauses.clear()
        assert patiently(failing(busy(), busy(), busy()), read_retry()) is OK
        first, second, third = clock.pauses
        assert 0.5 <= first < 1 <= second < 2 <= third < 2.5
        seen.add(first)
    assert len(seen) > 1


def test_the_last_answer_is_returned_where_the_attempts_run_out(clock: Time) -> None:
    answers = [busy() for _ in range(9)]
    assert patiently(failing(*answers), read_retry()) is answers[4]


def test_the_last_error_is_raised_where_the_attempts_run_out(clock: Time) -> None:
    errors = [ConnectionResetError(str(number)) for number in range(9)]
    with pytest.raises(ConnectionResetError, match="2"):
        patiently(failing(*errors), read_retry())


def test_an_error_that_will_not_pass_is_raised_at_once(clock: Time) -> None:
    with pytest.raises(ConnectionRefusedError):
        patiently(failing(ConnectionRefusedError()), read_retry())
    assert clock.pauses == []


def test_a_pause_that_goes_beyond_all_patience_is_not_begun(clock: Time) -> None:
    answers = [busy(retry_after="25"), busy(retry_after="25"), busy(retry_after="25")]
    assert patiently(failing(*answers), read_retry()) is answers[2]
    assert clock.pauses == [25, 25]


def test_slow_attempts_use_up_the_patience_too(clock: Time) -> None:
    def slow() -> Answer:
        clock.now += PATIENCE
        return busy()

    assert patiently(slow, read_retry()).status == 503
    assert clock.now == PATIENCE


@pytest.mark.parametrize(
    ("text", "seconds"),
    [("0", 0), (" 7 ", 7), ("9" * 5000, 366 * 86400), ("Wed, 21 Oct 2015 07:28:00 GMT", 0)],
)
def test_what_a_server_asks_for_is_read(text: str, seconds: float) -> None:
    assert retry_after({"retry-after": text}) == seconds


@pytest.mark.parametrize(
    "text",
    ["", "-1", "1.5", "soon", "Wed, 21 Oct 99999 07:28:00 GMT", "Wed, 99 Oct 2015 07:28:00 GMT"],
)
def test_what_is_no_pause_is_none(text: str) -> None:
    assert retry_after({"retry-after": text}) in {None, 0}
    assert retry_after({}) is None


def test_a_date_is_counted_from_now(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(time, "time", lambda: 1_445_412_470.0)
    assert retry_after({"retry-after": "Wed, 21 Oct 2015 07:28:00 GMT"}) == 10


@given(st.text() | st.from_regex(r"[A-Z][a-z]{2}, \d+ [A-Z][a-z]{2} \d+ [\d:]+ .{0,9}"))
def test_whatever_stands_there_is_a_number_of_seconds_or_nothing(text: str) -> None:
    seconds = retry_after({"retry-after": text})
    assert seconds is None or 0 <= seconds <= 366 * 86400
