"""Calls that fail or are unclear: settled by reading, tried again, in a bounded time."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reconciler.applying.executor import execute
from reconciler.applying.patience import Patience, is_transient
from reconciler.applying.result import ApplyResult, ChangeStatus
from reconciler.applying.stopping import Stop
from reconciler.backends.protocol import Operation, Outcome, OutcomeStatus
from reconciler.errors import (
    ApiError,
    ForbiddenError,
    IncompleteListingError,
    UnclearOutcomeError,
    UnreachableError,
)
from reconciler.model.plan import OrganizationPlan
from tests.unit.applying.fake import (
    FakeBackend,
    grant,
    offline,
    organization_plan,
    organization_state,
    pair,
    plan_of,
    transfer,
)
from tests.unit.applying.test_resuming import World, worlds

DIGEST = "sha256:" + "d" * 64
FULL = organization_state(
    quotas={"kse": 2}, users={"kse": ["ada@x.io", "carol@x.io"]}, members=["bob@x.io", "eve@x.io"]
)
TRANSFER = organization_plan(transfer("carol@x.io", "bob@x.io"))


class Clock(Stop):
    """A stop whose waiting takes no time: it moves the clock on."""

    def __init__(self) -> None:
        super().__init__()
        self.now = 0.0
        self.pauses: list[float] = []

    def __call__(self) -> float:
        return self.now

    def wait(self, seconds: float) -> bool:
        self.pauses.append(seconds)
        self.now += seconds
        return self.requested

    def sleep(self, seconds: float) -> None:
        self.wait(seconds)


class Impatient(Clock):
    """Somebody asks for the stop in the first pause."""

    def wait(self, seconds: float) -> bool:
        self.request()
        return super().wait(seconds)


def apply(
    backend: FakeBackend, *plans: OrganizationPlan, clock: Clock | None = None, batch: int = 100
) -> ApplyResult:
    clock = clock or Clock()
    return execute(
        plan_of(*plans),
        backend,
        plan_digest=DIGEST,
        stop=clock,
        patience=Patience(clock=clock),
        batch=batch,
    )


def failing(*errors: BaseException | None) -> Callable[[int, Operation], None]:
    """Raise these at the first calls, in order; None lets a call pass."""
    left = list(errors)

    def hook(number: int, operation: Operation) -> None:
        error = left.pop(0) if left else None
        if error is not None:
            raise error

    return hook


def test_a_rate_limit_is_waited_for_as_long_as_the_server_asks() -> None:
    backend, clock = FakeBackend(FULL), Clock()
    backend.before = failing(ApiError("too many", status=429, retry_after=17.0))
    assert apply(backend, TRANSFER, clock=clock).exit_code == 0
    assert clock.pauses == [17.0]
    assert backend.keys[0] == backend.keys[1]


def test_a_rate_limit_that_came_after_the_effect_is_read_back_after_the_pause() -> None:
    backend, clock = FakeBackend(FULL), Clock()
    backend.after = failing(ApiError("too many", status=429, retry_after=17.0))
    pauses_at_read: list[int] = []
    backend.on_read = lambda _: pauses_at_read.append(len(clock.pauses))
    result = apply(backend, TRANSFER, clock=clock)
    assert (result.exit_code, result.writes, len(backend.keys)) == (0, 2, 2)
    assert pauses_at_read == [0, 1]


@pytest.mark.parametrize("effect", [True, False])
def test_a_rate_limit_that_cannot_be_waited_for_is_read_back_all_the_same(effect: bool) -> None:
    backend, clock = FakeBackend(FULL), Clock()
    hook = failing(ApiError("too many", status=429, retry_after=61.0))
    backend.after, backend.before = (hook, None) if effect else (None, hook)
    result = apply(backend, TRANSFER, clock=clock)
    assert (result.exit_code, result.writes) == ((0, 2) if effect else (1, 0))


@pytest.mark.parametrize("unclear", [True, False])
def test_a_rate_limit_that_cannot_be_read_back_is_believed_in_the_apis_own_words_alone(
    unclear: bool,
) -> None:
    backend = FakeBackend(FULL)
    kind = UnclearOutcomeError if unclear else ApiError
    backend.before = failing(kind("too many", status=429, retry_after=61.0))

    def gone(organization: int) -> None:
        if backend.reads > 1:
            raise ForbiddenError("no role any more", status=403)

    backend.on_read = gone
    result = apply(backend, TRANSFER)
    assert (result.exit_code, result.unclear) == ((5, True) if unclear else (1, False))


def test_pauses_double_with_jitter_up_to_a_bound_and_end_with_the_time() -> None:
    backend, clock = FakeBackend(FULL), Clock()
    backend.before = failing(*[UnreachableError("no connection")] * 99)
    (row,) = apply(backend, TRANSFER, clock=clock).organizations[0].failed
    for pause, least in zip(clock.pauses, (0.5, 1, 2, 4), strict=False):
        assert least <= pause <= least + 0.25
    assert max(clock.pauses) <= 8
    assert 60 - 8.25 <= clock.now <= 60
    assert row.message == "remove kse from carol@x.io: no connection"
    assert len(set(backend.keys)) == 1


def test_a_pause_that_does_not_fit_into_the_time_is_not_waited_for() -> None:
    backend, clock = FakeBackend(FULL), Clock()
    backend.before = failing(ApiError("too many", status=429, retry_after=61.0))
    result = apply(backend, TRANSFER, clock=clock)
    assert (result.exit_code, clock.pauses) == (1, [])


def test_the_time_is_for_a_change_in_all_and_not_for_each_of_its_calls() -> None:
    backend, clock = FakeBackend(FULL), Clock()
    slow = ApiError("too many", status=429, retry_after=40.0)
    backend.before = failing(slow, None, slow)
    result = apply(backend, TRANSFER, clock=clock)
    assert clock.pauses == [40.0]
    (row,) = result.organizations[0].failed
    assert (row.writes, row.given_back) == (2, True)


BUSY = ApiError("too many", status=429, retry_after=4.0)
PAIR = organization_plan(pair("carol@x.io", "bob@x.io"))


def stopping(clock: Clock, *errors: BaseException | None) -> Callable[[int, Operation], None]:
    """Fail like `failing`, and have somebody ask for a stop at the second call."""
    fail = failing(*errors)

    def hook(number: int, operation: Operation) -> None:
        if number == 1:
            clock.request()
        fail(number, operation)

    return hook


def test_a_declared_transfer_that_has_begun_is_finished_whoever_stops_it() -> None:
    backend, clock = FakeBackend(FULL), Clock()
    backend.before = stopping(clock, None, *[BUSY] * 3)
    result = apply(backend, TRANSFER, clock=clock)
    assert (result.writes, clock.pauses) == (2, [4.0] * 3)
    assert backend.holders(101, "kse") == ["ada@x.io", "bob@x.io"]


def test_a_stop_while_a_transfer_waits_for_its_grant_does_not_end_the_waiting() -> None:
    backend, clock = FakeBackend(FULL), Impatient()
    backend.before = failing(None, *[BUSY] * 3)
    assert apply(backend, TRANSFER, clock=clock).writes == 2
    assert clock.pauses == [4.0] * 3


def test_a_transfer_that_cannot_be_finished_after_a_stop_gives_the_seat_back() -> None:
    backend, clock = FakeBackend(FULL), Clock()

    def busy_with_bob(number: int, operation: Operation) -> None:
        if number == 1:
            clock.request()
        if "bob@x.io" in getattr(operation, "emails", ()):
            raise BUSY

    backend.before = busy_with_bob
    result = apply(backend, TRANSFER, clock=clock)
    (row,) = result.organizations[0].failed
    assert (row.given_back, result.exit_code) == (True, 5)
    assert clock.now <= 60
    assert backend.holders(101, "kse") == ["ada@x.io", "carol@x.io"]


def test_giving_a_seat_back_waits_longer_than_anything_else_and_not_for_ever() -> None:
    backend, clock = FakeBackend(FULL), Clock()
    slow = ApiError("too many", status=429, retry_after=120.0)
    backend.before = failing(None, slow, slow)
    (row,) = apply(backend, TRANSFER, clock=clock).organizations[0].failed
    assert (row.given_back, clock.pauses) == (True, [120.0])
    backend, clock = FakeBackend(FULL), Clock()
    backend.before = failing(None, *[slow] * 99)
    (row,) = apply(backend, TRANSFER, clock=clock).organizations[0].failed
    assert (row.given_back, clock.pauses) == (False, [120.0, 120.0])


def test_what_is_read_before_a_seat_goes_back_is_read_again_while_the_server_is_away() -> None:
    backend, clock = FakeBackend(FULL), Clock()
    away: list[ApiError] = [UnreachableError("refused"), IncompleteListingError("it moves")]

    def on_read(organization: int) -> None:
        if backend.reads > 1 and away:
            raise away.pop()

    backend.on_read = on_read
    backend.before = failing(None, ApiError("no such email", status=400))
    (row,) = apply(backend, TRANSFER, clock=clock).organizations[0].failed
    assert (row.given_back, len(clock.pauses)) == (True, 2)


@pytest.mark.parametrize(("failures", "granted"), [(1, True), (2, False)])
def test_an_automatic_pair_tries_its_grant_once_more_after_a_stop_without_waiting(
    failures: int, granted: bool
) -> None:
    backend, clock = FakeBackend(FULL), Clock()
    backend.before = stopping(clock, None, *[BUSY] * failures)
    result = apply(backend, PAIR, clock=clock)
    assert (backend.calls, clock.pauses) == (3, [])
    assert (result.writes == 2) is granted
    assert ("bob@x.io" in backend.holders(101, "kse")) is granted


def test_a_stop_in_the_pause_of_an_automatic_pair_ends_it_with_one_more_try() -> None:
    backend, clock = FakeBackend(FULL), Impatient()
    backend.before = failing(None, *[BUSY] * 9)
    apply(backend, PAIR, clock=clock)
    assert (backend.calls, clock.pauses) == (3, [4.0])


def test_waiting_that_nothing_may_cut_short_takes_its_time() -> None:
    stop = Stop()
    stop.request()
    begun = time.monotonic()
    stop.sleep(0.05)
    assert time.monotonic() - begun >= 0.05


@pytest.mark.parametrize(
    ("error", "transient"),
    [
        (ApiError("", status=429), True),
        (ApiError("", status=503), True),
        (UnreachableError(""), True),
        (UnclearOutcomeError(""), True),
        (UnclearOutcomeError("", status=302), True),
        (UnclearOutcomeError("", status=429), True),
        (UnclearOutcomeError("", status=403), False),
        (ApiError("", status=400), False),
        (ForbiddenError("", status=403), False),
        (ApiError(""), False),
    ],
)
def test_only_what_passes_by_itself_is_tried_again(error: ApiError, transient: bool) -> None:
    assert is_transient(error) is transient
    backend, clock = FakeBackend(FULL), Clock()
    backend.before = failing(error)
    assert (apply(backend, TRANSFER, clock=clock).exit_code == 0) is transient
    assert (backend.calls > 1) is transient
    # What is unclear and not sent again is looked at again.
    assert bool(clock.pauses) is (transient or isinstance(error, UnclearOutcomeError))


def test_an_unclear_call_without_effect_is_sent_again_under_the_same_key() -> None:
    backend = FakeBackend(FULL)
    backend.before = failing(UnclearOutcomeError("timed out"), UnclearOutcomeError("timed out"))
    result = apply(backend, TRANSFER)
    assert (result.exit_code, result.writes) == (0, 2)
    assert len(backend.keys) == 4
    assert len(set(backend.keys)) == 2
    assert len(backend.history) == 2


def test_an_unclear_call_with_effect_is_not_sent_again() -> None:
    backend = FakeBackend(FULL)
    backend.after = failing(UnclearOutcomeError("reset"))
    assert apply(backend, TRANSFER).exit_code == 0
    assert len(backend.keys) == 2


def test_reading_back_is_tried_again_while_the_server_is_away() -> None:
    backend, clock = FakeBackend(FULL), Clock()
    away: list[ApiError] = [UnreachableError("refused"), IncompleteListingError("it moves")]

    def on_read(organization: int) -> None:
        if backend.reads > 1 and away:
            raise away.pop()

    backend.on_read = on_read
    backend.after = failing(UnclearOutcomeError("reset"))
    result = apply(backend, TRANSFER, clock=clock)
    assert (result.exit_code, result.writes, len(clock.pauses)) == (0, 2, 2)


def test_a_server_that_is_away_before_an_organization_begins_is_waited_for() -> None:
    backend, clock = FakeBackend(FULL), Clock()
    away: list[ApiError] = [UnreachableError("refused"), UnreachableError("refused")]

    def on_read(organization: int) -> None:
        if away:
            raise away.pop()

    backend.on_read = on_read
    result = apply(backend, TRANSFER, clock=clock)
    assert (result.exit_code, result.writes, len(clock.pauses)) == (0, 2, 2)
    backend, clock = FakeBackend(FULL), Clock()

    def never(organization: int) -> None:
        raise UnreachableError("refused")

    backend.on_read = never
    result = apply(backend, TRANSFER, clock=clock)
    assert (result.exit_code, result.writes) == (1, 0)
    assert clock.now <= 60


def test_what_was_done_late_is_not_called_rejected() -> None:
    """The first try takes effect only after it was read back; the second is then turned away."""
    machine = organization_state(
        quotas={"kre-node-locked": 1}, machines={"kre-node-locked": ["a1"]}
    )
    backend = FakeBackend(machine)
    late: list[Operation] = []

    def before(number: int, operation: Operation) -> None:
        if number == 0:
            late.append(operation)
            raise UnclearOutcomeError("timed out")
        backend._effect(late.pop())

    backend.before = before
    plan = organization_plan(offline("a1", date(2027, 3, 31), product="kre-node-locked"))
    result = apply(backend, plan)
    assert (result.exit_code, result.writes) == (0, 1)
    assert [row[1] for row in backend.history] == ["issue_offline"]


def test_a_rejection_after_a_doubtful_try_that_cannot_be_confirmed_is_unclear() -> None:
    backend = FakeBackend(FULL)

    def before(number: int, operation: Operation) -> None:
        if number == 0:
            raise UnclearOutcomeError("timed out")
        backend.leave(101, "bob@x.io")
        backend.on_read = gone

    def gone(organization: int) -> None:
        raise ForbiddenError("no role any more", status=403)

    backend.before = before
    backend.revoke(101, "kse", "carol@x.io")
    result = apply(backend, organization_plan(grant("bob@x.io")))
    (row,) = result.organizations[0].failed
    assert (row.unclear, result.exit_code) == (True, 5)
    assert row.message == (
        "grant kse to bob@x.io: an earlier try may have taken effect; "
        "reading it back failed too: no role any more"
    )


def test_what_another_try_finds_done_counts_as_written() -> None:
    backend = FakeBackend(FULL)
    late: list[Operation] = []

    def before(number: int, operation: Operation) -> None:
        if number == 0:
            late.append(operation)
            raise UnclearOutcomeError("timed out")
        if late:
            backend._effect(late.pop())

    backend.before = before
    result = apply(backend, TRANSFER)
    assert (result.exit_code, result.writes) == (0, 2)


@dataclass
class Answering(FakeBackend):
    """Answers about whomever it likes, once."""

    about: Sequence[str] = ()
    told: list[str] = field(default_factory=list)

    def write(self, operation: Operation, *, idempotency_key: str) -> tuple[Outcome, ...]:
        outcomes = super().write(operation, idempotency_key=idempotency_key)
        if self.told:
            return outcomes
        self.told.append(idempotency_key)
        return tuple(Outcome(name, OutcomeStatus.DONE) for name in self.about)


def test_an_answer_about_somebody_else_is_not_believed() -> None:
    backend = Answering.__new__(Answering)
    FakeBackend.__init__(backend, FULL)
    backend.about, backend.told = ["eve@x.io"], []
    reads = backend.reads
    assert apply(backend, TRANSFER).exit_code == 0
    assert backend.reads - reads == 2
    assert backend.holders(101, "kse") == ["ada@x.io", "bob@x.io"]


FREE = organization_state(quotas={"kse": 9}, members=[f"u{n}@x.io" for n in range(4)])
FOUR = organization_plan(*(grant(f"u{n}@x.io") for n in range(4)))


def test_a_batch_that_was_done_in_part_is_finished() -> None:
    backend = FakeBackend(FREE)

    def half(number: int, operation: Operation) -> None:
        if number == 0:
            backend.grant(101, "kse", "u0@x.io", "u1@x.io")
            raise UnclearOutcomeError("reset")

    backend.before = half
    result = apply(backend, FOUR)
    assert (result.exit_code, result.writes) == (0, 4)
    assert [row[3] for row in backend.history] == ["u2@x.io", "u3@x.io"]
    assert len(set(backend.keys)) == 1


def test_a_batch_tells_of_each_subject_what_became_of_it() -> None:
    backend = FakeBackend(FREE)

    def gone(number: int, operation: Operation) -> None:
        backend.leave(101, "u1@x.io")

    backend.before = gone
    plan = organization_plan(*FOUR.changes, grant("u9@x.io", product="testops"))
    state = organization_state(
        quotas={"kse": 9, "testops": 9}, members=[f"u{n}@x.io" for n in range(10)]
    )
    backend.states[101] = state
    (row,) = apply(backend, plan).organizations
    assert [change.status for change in row.changes] == [
        ChangeStatus.DONE,
        ChangeStatus.REJECTED,
        ChangeStatus.DONE,
        ChangeStatus.DONE,
        ChangeStatus.NOT_ATTEMPTED,
    ]
    assert row.changes[1].code == "not_a_member"
    assert row.changes[1].message == "grant kse to u1@x.io: not a member"


def test_a_batch_that_is_refused_as_a_whole_is_sent_one_by_one_to_find_the_bad_one() -> None:
    backend = FakeBackend(FREE)

    def malformed(number: int, operation: Operation) -> None:
        if "u2@x.io" in getattr(operation, "emails", ()):
            raise ApiError("no such email", status=400)

    backend.before = malformed
    (row,) = apply(backend, FOUR).organizations
    assert [change.status.value for change in row.changes] == [
        "done", "done", "failed", "not_attempted",
    ]  # fmt: skip
    assert row.changes[2].message == "grant kse to u2@x.io: no such email"
    assert row.writes == 2


def test_no_further_try_is_made_once_a_stop_is_requested() -> None:
    backend, clock = FakeBackend(FULL), Clock()

    def stopped(number: int, operation: Operation) -> None:
        clock.request()
        raise UnclearOutcomeError("timed out")

    backend.before = stopped
    result = apply(backend, TRANSFER, clock=clock)
    assert (clock.pauses, backend.calls) == ([], 1)
    (row,) = result.organizations[0].failed
    assert row.message is not None
    assert row.message.endswith("read back, it did not take effect")
    assert result.exit_code == 1


FAULTS: dict[str, tuple[bool, Callable[[], ApiError]]] = {
    "dropped before": (False, lambda: UnclearOutcomeError("reset")),
    "dropped after": (True, lambda: UnclearOutcomeError("reset")),
    "busy": (False, lambda: ApiError("too many", status=429, retry_after=1.0)),
    "broken": (False, lambda: UnclearOutcomeError("failed", status=503)),
    "away": (False, lambda: UnreachableError("refused")),
}


@given(
    world=worlds(),
    faults=st.lists(st.sampled_from([None, *FAULTS]), max_size=12),
    reads=st.lists(st.booleans(), max_size=6),
    batch=st.sampled_from([1, 100]),
)
def test_passing_faults_change_nothing_but_the_number_of_tries(
    world: World, faults: list[str | None], reads: list[bool], batch: int
) -> None:
    backend, whole = FakeBackend(*world.states), FakeBackend(*world.states)
    assert apply(whole, *world.plans).exit_code == 0
    awaited: list[ApiError] = []

    def before(number: int, operation: Operation) -> None:
        fault = faults.pop() if faults else None
        if fault is not None:
            late, error = FAULTS[fault]
            if not late:
                raise error()
            awaited.append(error())

    def after(number: int, operation: Operation) -> None:
        if awaited:
            raise awaited.pop()

    def on_read(organization: int) -> None:
        # The first reading of an organization is not tried again here but by the backend.
        if backend.reads > len(world.plans) and reads and reads.pop():
            raise UnreachableError("refused")

    backend.before, backend.after, backend.on_read = before, after, on_read
    result = execute(
        plan_of(*world.plans),
        backend,
        plan_digest=DIGEST,
        stop=(clock := Clock()),
        patience=Patience(seconds=10_000, clock=clock),
        batch=batch,
        parallel=1,
    )
    stopped_at_a_reading = any(row.error for row in result.organizations)
    assert stopped_at_a_reading or (result.exit_code, result.writes) == (0, world.calls)
    assert not result.unclear
    assert backend.peaks == []
    assert len(set(backend.history)) == len(backend.history)
    if not stopped_at_a_reading:
        assert sorted(backend.history) == sorted(whole.history)
