"""Several organizations at once, each in order; stops, and a journal that cannot be written."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from reconciler.applying.chain import JournalError
from reconciler.applying.events import Event, EventKind
from reconciler.applying.executor import execute
from reconciler.applying.journal import Journal
from reconciler.applying.record import Begin, Intent, Item, Result, Unrecorded
from reconciler.applying.result import ApplyResult, OrganizationStatus
from reconciler.applying.stopping import Stop
from reconciler.backends.protocol import Operation, Outcome
from reconciler.errors import UnreachableError
from reconciler.model.plan import OrganizationPlan
from reconciler.model.state import OrganizationState
from tests.unit.applying.fake import (
    NO_PATIENCE,
    TARGET,
    FakeBackend,
    grant,
    organization_plan,
    organization_state,
    pair,
    plan_of,
    remove,
    transfer,
)

NUMBERS = range(101, 109)
BEGIN = Begin(target=TARGET, tool="reconciler 0.1.0", plan_digest="sha256:" + "e" * 64)


def states() -> list[OrganizationState]:
    return [
        organization_state(
            number,
            quotas={"kse": 2},
            users={"kse": ["a@x.io", "c@x.io"]},
            members=["b@x.io", "d@x.io"],
        )
        for number in NUMBERS
    ]


def plans() -> list[OrganizationPlan]:
    return [
        organization_plan(pair("a@x.io", "b@x.io"), transfer("c@x.io", "d@x.io"), number=number)
        for number in NUMBERS
    ]


def apply(backend: FakeBackend, *rows: OrganizationPlan, **rest: object) -> ApplyResult:
    return execute(
        plan_of(*(rows or plans())),
        backend,
        plan_digest="d",
        patience=NO_PATIENCE,
        **rest,  # type: ignore[arg-type]
    )


class SlowBackend(FakeBackend):
    """Every write takes a moment; counts how many are under way at once, and where."""

    def __init__(self, *rows: OrganizationState, seconds: float = 0.02) -> None:
        super().__init__(*rows)
        self.seconds = seconds
        self.most = 0
        self.under_way: list[int] = []
        self.lock = threading.Lock()
        self.meeting: threading.Barrier | None = None

    def write(self, operation: Operation, *, idempotency_key: str) -> tuple[Outcome, ...]:
        with self.lock:
            assert operation.organization not in self.under_way, "two calls of one organization"
            self.under_way.append(operation.organization)
            self.most = max(self.most, len(self.under_way))
        if self.meeting is not None and operation.organization in NUMBERS[:4]:
            # Passed only once four are here; later calls do not wait.
            self.meeting.wait()
            self.meeting = None
        time.sleep(self.seconds)
        with self.lock:
            self.under_way.remove(operation.organization)
            return super().write(operation, idempotency_key=idempotency_key)


ORDER = [
    ("remove", "a@x.io"),
    ("grant", "b@x.io"),
    ("remove", "c@x.io"),
    ("grant", "d@x.io"),
]


def test_organizations_overlap_and_each_one_keeps_its_order() -> None:
    backend = SlowBackend(*states(), seconds=0.001)
    backend.meeting = threading.Barrier(4, timeout=10)
    result = apply(backend, parallel=4)
    assert (result.exit_code, result.writes) == (0, 32)
    assert backend.most == 4
    for number in NUMBERS:
        mine = [(verb, name) for org, verb, _, name in backend.history if org == number]
        assert mine == ORDER
    assert [row.id for row in result.organizations] == list(NUMBERS)


def test_one_at_a_time_never_overlaps() -> None:
    backend = SlowBackend(*states(), seconds=0.001)
    apply(backend)
    assert backend.most == 1


def test_a_failure_in_one_organization_stops_no_other_that_runs_beside_it() -> None:
    backend = FakeBackend(*states())

    def lost(number: int, operation: Operation) -> None:
        if operation.organization == 103:
            raise UnreachableError("no connection")

    backend.before = lost
    result = apply(backend, parallel=8)
    failed = [row.id for row in result.organizations if row.broken]
    assert (failed, result.exit_code, result.writes) == ([103], 5, 28)


def test_a_rate_is_kept_by_all_organizations_together() -> None:
    backend = FakeBackend(*states()[:4])
    start = time.monotonic()
    # Four readings and sixteen writes are twenty turns.
    apply(backend, *plans()[:4], parallel=4, rate=100.0)
    assert time.monotonic() - start >= 19 / 100


def test_events_come_one_at_a_time_whatever_runs_beside() -> None:
    inside = threading.Lock()
    heard: list[EventKind] = []

    def hear(event: Event) -> None:
        assert inside.acquire(blocking=False)
        heard.append(event.kind)
        inside.release()

    apply(FakeBackend(*states()), parallel=8, on_event=hear)
    assert heard.count(EventKind.CHANGE_ENDED) == 16
    assert heard.count(EventKind.ORGANIZATION_ENDED) == 8


def test_a_bug_in_one_organization_is_told_with_the_account_of_all() -> None:
    backend = FakeBackend(*states())

    def broken(number: int, operation: Operation) -> None:
        if number == 6:
            raise ZeroDivisionError("by nothing")

    backend.before = broken
    result = apply(backend)
    assert isinstance(result.bug, ZeroDivisionError)
    assert (result.exit_code, result.writes) == (5, len(backend.history))
    assert [row.status for row in result.organizations] == [
        OrganizationStatus.DONE,
        OrganizationStatus.FAILED,
        *[OrganizationStatus.INTERRUPTED] * 6,
    ]
    assert result.organizations[1].reason == "ZeroDivisionError: by nothing"
    assert result.organizations[2].reason == "interrupted before its first change"


def test_a_stop_finishes_the_calls_in_flight_and_begins_nothing_new() -> None:
    backend, stop = SlowBackend(*states()), Stop()
    backend.after = lambda number, operation: stop.request()
    result = apply(backend, parallel=4, stop=stop)
    assert result.interrupted
    assert (result.exit_code, result.unclear) == (5, False)
    assert result.writes == len(backend.history)
    # Whoever lost a seat in a reassign has had it passed on.
    for row in result.organizations:
        assert row.writes in {0, 2}
    assert apply(backend).exit_code == 0
    assert len(backend.history) == 32


def test_a_stop_before_the_first_call_writes_nothing_and_exits_1() -> None:
    backend, stop = FakeBackend(*states()), Stop()
    stop.request()
    result = apply(backend, parallel=4, stop=stop)
    assert (result.exit_code, result.writes, backend.calls, backend.reads) == (1, 0, 0, 0)


def test_a_seat_is_given_back_even_after_a_stop() -> None:
    backend, stop = FakeBackend(states()[0]), Stop()

    def gone(number: int, operation: Operation) -> None:
        if number == 1:
            stop.request()
            backend.leave(101, "d@x.io")

    backend.before = gone
    result = apply(backend, organization_plan(transfer("c@x.io", "d@x.io")), stop=stop)
    assert result.organizations[0].failed[0].given_back is True
    assert backend.holders(101, "kse") == ["a@x.io", "c@x.io"]


def test_an_interrupt_of_the_waiting_thread_leaves_calls_to_themselves(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    backend, began, leave = FakeBackend(*states()), threading.Event(), threading.Event()

    def hang(number: int, operation: Operation) -> None:
        began.set()
        assert leave.wait(10)

    backend.before = hang

    def interrupted(crew: object) -> None:
        assert began.wait(10)
        raise KeyboardInterrupt

    monkeypatch.setattr("reconciler.applying.crew.Crew._next", interrupted)
    try:
        result = apply(backend, *plans()[:1])
        assert (result.interrupted, result.unclear, result.exit_code) == (True, True, 5)
        (row,) = result.organizations[0].failed
        assert row.message is not None
        assert "its outcome is not known" in row.message
    finally:
        leave.set()


class Failing(Unrecorded):
    """A record on a disk that becomes full."""

    def __init__(self, room: int) -> None:
        self.room = room
        self.lock = threading.Lock()

    def _take(self) -> None:
        with self.lock:
            self.room -= 1
            if self.room < 0:
                raise JournalError("j.jsonl: cannot be written: No space left", hint="make room")

    def intent(self, intent: Intent) -> None:
        self._take()

    def outcome(self, call: str, results: tuple[Result, ...], *, settled: bool = False) -> None:
        self._take()


def test_without_room_for_the_first_intent_no_call_is_made() -> None:
    backend = FakeBackend(*states())
    result = apply(backend, parallel=4, record=Failing(0))
    assert (result.exit_code, result.interrupted, backend.calls) == (1, False, 0)
    told = "j.jsonl: cannot be written: No space left (make room)"
    assert {row.error for row in result.organizations} == {told}


@pytest.mark.parametrize("room", range(1, 9))
def test_a_journal_that_fails_in_the_middle_stops_all_and_the_account_is_true(room: int) -> None:
    backend = FakeBackend(*states()[:2])
    result = apply(backend, *plans()[:2], record=Failing(room))
    assert result.exit_code == 5
    assert result.writes == len(backend.history) == (room + 1) // 2
    assert apply(backend, *plans()[:2]).exit_code == 0
    assert len(backend.history) == 8


@pytest.mark.parametrize(
    ("room", "leaves", "told"),
    [
        (1, False, "interrupted between its calls; c@x.io has lost the seat"),
        (2, False, "interrupted between its calls; c@x.io has lost the seat"),
        (3, True, "grant kse to d@x.io: not a member; c@x.io has lost the seat"),
        (4, True, "grant kse to d@x.io: not a member; c@x.io has lost the seat"),
        (5, True, "grant kse to d@x.io: not a member; the seat was given back to c@x.io"),
    ],
)
def test_a_transfer_that_the_journal_stops_halfway_tells_whose_seat_is_gone(
    room: int, leaves: bool, told: str
) -> None:
    backend = FakeBackend(states()[0])

    def hook(number: int, operation: Operation) -> None:
        if leaves and number == 1:
            backend.leave(101, "d@x.io")

    backend.before = hook
    plan = organization_plan(transfer("c@x.io", "d@x.io"))
    (row,) = apply(backend, plan, record=Failing(room)).organizations[0].failed
    assert row.message == f"{told}; apply the plan again"


def test_a_rejection_that_found_no_room_in_the_journal_is_told_all_the_same() -> None:
    backend = FakeBackend(states()[0])
    backend.before = lambda number, operation: backend.leave(101, "b@x.io")
    plan = organization_plan(remove("zoe@x.io"), grant("b@x.io"), remove("a@x.io"))
    backend._set(101, licensed_users=())
    (row,) = apply(backend, plan, record=Failing(1)).organizations[0].failed
    assert row.message == "grant kse to b@x.io: not a member; apply the plan again"


def opened(path: Path) -> Journal:
    return Journal.open(path, BEGIN)


def left_open(path: Path, *intents: Intent) -> None:
    with opened(path) as journal:
        for intent in intents:
            journal.intent(intent)


def test_what_an_earlier_apply_left_open_is_settled_by_reading_first(tmp_path: Path) -> None:
    path = tmp_path / "j.jsonl"
    left_open(
        path,
        Intent("c1", 101, "remove", "kse", (Item("user", "a@x.io"),)),
        Intent("c2", 101, "grant", "kse", (Item("user", "c@x.io"), Item("user", "b@x.io"))),
        Intent("c3", 102, "end_session", "kse", (Item("session", "s1"),)),
        Intent("c4", 999, "remove", "kse", (Item("user", "a@x.io"),)),
    )
    backend = FakeBackend(*states())
    events: list[Event] = []
    with opened(path) as journal:
        assert apply(backend, *plans()[:1], record=journal, on_event=events.append).exit_code == 0
    told = [event.text for event in events if event.kind is EventKind.SETTLED]
    assert told == [
        "left open by an earlier apply: end_session kse s1: s1: it took effect",
        "calls of an earlier apply are still open: organization 999 is not known",
        "left open by an earlier apply: remove kse a@x.io: a@x.io: it did not take effect",
        "left open by an earlier apply: grant kse c@x.io, b@x.io: c@x.io: it took effect; "
        "b@x.io: it did not take effect",
    ]
    with opened(path) as journal:
        assert [intent.call for intent in journal.open_intents] == ["c4"]


def test_a_stop_is_heard_while_open_calls_of_other_organizations_are_settled(
    tmp_path: Path,
) -> None:
    path = tmp_path / "j.jsonl"
    left_open(
        path,
        Intent("c1", 102, "grant", "kse", (Item("user", "b@x.io"),)),
        Intent("c2", 103, "grant", "kse", (Item("user", "b@x.io"),)),
    )
    backend, stop = FakeBackend(*states()), Stop()
    backend.on_read = lambda organization: stop.request()
    with opened(path) as journal:
        result = apply(backend, *plans()[:1], record=journal, stop=stop)
    assert (result.interrupted, result.exit_code, backend.reads) == (True, 1, 1)
    with opened(path) as journal:
        assert [intent.call for intent in journal.open_intents] == ["c2"]


def test_an_open_call_whose_list_is_unreadable_stays_open(tmp_path: Path) -> None:
    path = tmp_path / "j.jsonl"
    left_open(path, Intent("c1", 101, "end_session", "kse", (Item("session", "s1"),)))
    backend = FakeBackend(states()[0])
    backend._set(101, sessions=None)
    with opened(path) as journal:
        (row,) = apply(backend, plans()[0], record=journal).organizations
    assert row.settled == (
        "left open by an earlier apply: end_session kse s1: still open; "
        "the list that tells is unreadable",
    )
    with opened(path) as journal:
        assert len(journal.open_intents) == 1


def test_a_stale_organization_writes_nothing_and_others_go_on() -> None:
    backend = FakeBackend(*states()[:2])
    backend.leave(101, "b@x.io")
    result = apply(backend, *plans()[:2], parallel=2)
    assert {row[0] for row in backend.history} == {102}
    assert result.exit_code == 5


Happening = Callable[[FakeBackend], None]


@pytest.mark.parametrize("call", range(6))
def test_an_outsider_who_takes_a_seat_in_the_middle_leaves_nothing_half_done(call: int) -> None:
    state = organization_state(
        quotas={"kse": 3}, users={"kse": ["a@x.io", "c@x.io"]}, members=["b@x.io", "d@x.io"]
    )
    backend = FakeBackend(state)

    def outsider(number: int, operation: Operation) -> None:
        if number == call and backend.used(101, "kse") < 3:
            backend.grant(101, "kse", "zoe@x.io")

    backend.before = outsider
    plan = organization_plan(
        transfer("a@x.io", "b@x.io"), grant("d@x.io"), remove("c@x.io"), number=101
    )
    result = apply(backend, plan, batch=1)
    assert backend.peaks == []
    assert result.writes == len(backend.history)
    held = backend.holders(101, "kse")
    # The seat of the transfer is with one of the two, whatever happens beside it.
    assert ("a@x.io" in held) + ("b@x.io" in held) == 1
