"""Giving a seat back: tried as long as anything may pass, and believed once two readings agree."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from reconciler.applying.executor import execute
from reconciler.applying.journal import Journal
from reconciler.applying.patience import Patience
from reconciler.applying.record import Begin
from reconciler.applying.result import ApplyResult, ChangeResult
from reconciler.backends.protocol import GrantUsers, Operation, Outcome, OutcomeStatus
from reconciler.errors import (
    ApiError,
    AuthenticationError,
    ForbiddenError,
    MalformedAnswerError,
    UnclearOutcomeError,
    UnknownOrganizationError,
)
from reconciler.model.state import Member, OrganizationState
from tests.unit.applying.fake import (
    BY_HAND,
    TARGET,
    FakeBackend,
    organization_plan,
    organization_state,
    plan_of,
    transfer,
)
from tests.unit.applying.test_trying_again import Clock

FULL = organization_state(
    quotas={"kse": 2}, users={"kse": ["ada@x.io", "carol@x.io"]}, members=["bob@x.io", "eve@x.io"]
)
TRANSFER = organization_plan(transfer("carol@x.io", "bob@x.io"))
BEGIN = Begin(target=TARGET, tool="reconciler 0.1.0", plan_digest="sha256:" + "e" * 64)
PASSING = {
    "a garbled page": MalformedAnswerError("a web page where JSON is due", status=200),
    "a page that is not there": MalformedAnswerError("no such page", status=404),
    "a key that is not accepted": AuthenticationError("no such key", status=401),
    "a role that is taken away": ForbiddenError("not allowed", status=403),
    "an organization that is not shown": UnknownOrganizationError("not yours"),
    "a server that fails": ApiError("failed", status=500),
}


def apply(backend: FakeBackend, clock: Clock, path: Path | None = None) -> ApplyResult:
    given = {"plan_digest": "d", "stop": clock, "patience": Patience(clock=clock)}
    if path is None:
        return execute(plan_of(TRANSFER), backend, **given)  # type: ignore[arg-type]
    with Journal.open(path, BEGIN) as journal:
        return execute(plan_of(TRANSFER), backend, record=journal, **given)  # type: ignore[arg-type]


def only(result: ApplyResult) -> ChangeResult:
    (row,) = result.organizations[0].changes
    return row


def leaves(backend: FakeBackend, *errors: ApiError) -> None:
    """Let bob leave just before he is granted the seat; the calls after that fail in this way."""
    left = list(errors)

    def hook(number: int, operation: Operation) -> None:
        if number == 1:
            backend.leave(101, "bob@x.io")
        elif number > 1 and left:
            raise left.pop(0)

    backend.before = hook


def failing_reads(backend: FakeBackend, *errors: ApiError) -> None:
    """Fail the readings that come after the one at the start, with these errors in turn."""
    left: list[ApiError | None] = [None, *errors]

    def on_read(organization: int) -> None:
        error = left.pop(0) if left else None
        if error is not None:
            raise error

    backend.on_read = on_read


@pytest.mark.parametrize("error", PASSING.values(), ids=PASSING)
def test_a_reading_that_fails_in_any_way_is_read_again(error: ApiError) -> None:
    backend, clock = FakeBackend(FULL), Clock()
    leaves(backend)
    failing_reads(backend, error, error, error)
    result = apply(backend, clock)
    assert (only(result).given_back, result.exit_code) == (True, 5)
    assert backend.holders(101, "kse") == ["ada@x.io", "carol@x.io"]
    assert len(clock.pauses) == 3


@pytest.mark.parametrize("error", [e for e in PASSING.values() if e.status != 404], ids=str)
def test_a_grant_back_that_fails_and_may_pass_is_sent_again(error: ApiError) -> None:
    backend, clock = FakeBackend(FULL), Clock()
    leaves(backend, error, error)
    assert only(apply(backend, clock)).given_back is True
    assert backend.holders(101, "kse") == ["ada@x.io", "carol@x.io"]
    assert len(set(backend.keys[2:])) == 1


def test_the_tries_end_with_their_time_and_the_account_says_what_a_person_can_do() -> None:
    backend, clock = FakeBackend(FULL), Clock()
    leaves(backend)
    failing_reads(backend, *[ForbiddenError("not allowed", status=403)] * 999)
    result = apply(backend, clock)
    row = only(result)
    assert (row.given_back, row.writes, result.exit_code) == (False, 1, 5)
    assert str(row.message).endswith(f"to carol@x.io: not allowed{BY_HAND}")
    assert 280 < clock.now <= 300


def test_a_request_that_will_never_be_taken_is_sent_once() -> None:
    backend, clock = FakeBackend(FULL), Clock()
    leaves(backend, *[ApiError("no such thing", status=422)] * 99)
    row = only(apply(backend, clock))
    assert (row.given_back, backend.calls, clock.pauses) == (False, 3, [])


def test_whether_it_went_back_is_not_claimed_where_nobody_knows() -> None:
    backend, clock = FakeBackend(FULL), Clock()
    leaves(backend, UnclearOutcomeError("timed out"))
    failing_reads(backend, *[None, *[ApiError("away", status=503)] * 999])  # type: ignore[list-item]
    result = apply(backend, clock)
    row = only(result)
    assert (row.given_back, row.unclear, result.exit_code) == (None, True, 5)
    assert "whether the seat went back to carol@x.io is not known" in str(row.message)


def test_it_is_granted_to_the_member_as_the_members_are_spelled() -> None:
    members = tuple(
        Member("Carol@X.io") if row.email == "carol@x.io" else row for row in FULL.members or ()
    )
    backend, clock = FakeBackend(replace(FULL, members=members)), Clock()
    leaves(backend)
    sent: list[str] = []

    def after(number: int, operation: Operation) -> None:
        assert isinstance(operation, GrantUsers) or number == 0
        sent.extend(getattr(operation, "emails", ()))

    backend.after = after
    row = only(apply(backend, clock))
    assert (row.given_back, sent[-1]) == (True, "Carol@X.io")
    assert str(row.message).endswith("the seat was given back to Carol@X.io")


class Late(FakeBackend):
    """A system of which each reading shows what was so that many readings ago."""

    def __init__(self, state: OrganizationState, readings: int) -> None:
        super().__init__(state)
        self.shown = [state] * readings
        self.before_it = state

    def read(self, organization: int) -> OrganizationState:
        self.shown.append(super().read(organization))
        return self.shown.pop(0)


def test_a_list_that_is_late_is_not_taken_for_a_seat_that_is_back() -> None:
    backend, clock = Late(FULL, 1), Clock()
    leaves(backend)
    row = only(apply(backend, clock))
    assert (row.given_back, backend.holders(101, "kse")) == (True, ["ada@x.io", "carol@x.io"])
    assert str(row.message).endswith("the seat was given back to carol@x.io")
    assert clock.pauses == [5.0]


PAGE = UnclearOutcomeError("a web page", status=403)


@pytest.mark.parametrize("number", [0, 1], ids=["the removal", "the grant"])
def test_a_list_that_is_late_is_not_taken_for_a_call_that_did_nothing(number: int) -> None:
    backend, clock = Late(FULL, 1), Clock()

    def after(count: int, operation: Operation) -> None:
        if count == number:
            # The list is late from here on.
            backend.shown = [backend.before_it]
            raise PAGE

    def before(count: int, operation: Operation) -> None:
        backend.before_it = backend.states[101]

    backend.shown, backend.before, backend.after = [], before, after
    result = apply(backend, clock)
    assert (result.exit_code, backend.calls, clock.pauses) == (0, 2, [5.0])
    assert backend.holders(101, "kse") == ["ada@x.io", "bob@x.io"]


def test_what_two_readings_do_not_show_was_not_done() -> None:
    backend, clock = FakeBackend(FULL), Clock()

    def before(number: int, operation: Operation) -> None:
        raise PAGE

    backend.before = before
    result = apply(backend, clock)
    assert (result.exit_code, result.writes, clock.pauses) == (1, 0, [5.0])


def test_a_refusal_after_an_unclear_try_is_not_believed_on_a_list_that_is_late() -> None:
    backend, clock = Late(FULL, 0), Clock()
    former = backend.states[101]

    def after(number: int, operation: Operation) -> None:
        if number == 0:
            backend.shown = [former, former]
            raise UnclearOutcomeError("no answer")

    def write(operation: Operation, *, idempotency_key: str) -> tuple[Outcome, ...]:
        if backend.calls == 1:
            backend.calls += 1
            return (Outcome("carol@x.io", OutcomeStatus.REJECTED, "not_licensed", "has none"),)
        return FakeBackend.write(backend, operation, idempotency_key=idempotency_key)

    backend.after, backend.write = after, write  # type: ignore[method-assign]
    result = apply(backend, clock)
    assert (result.exit_code, backend.holders(101, "kse")) == (0, ["ada@x.io", "bob@x.io"])


def test_a_seat_that_two_readings_show_is_back() -> None:
    backend, clock = FakeBackend(FULL), Clock()

    def hook(number: int, operation: Operation) -> None:
        if number == 1:
            backend.leave(101, "bob@x.io")
            backend.grant(101, "kse", "carol@x.io")

    backend.before = hook
    row = only(apply(backend, clock))
    assert (row.given_back, backend.calls, clock.pauses) == (True, 2, [5.0])
    assert str(row.message).endswith("carol@x.io has a seat again")


def killed_in(path: Path, backend: FakeBackend, kill: Callable[[FakeBackend], None]) -> None:
    leaves(backend)
    kill(backend)
    apply(backend, Clock(), path)
    backend.before = backend.on_read = None
    assert backend.holders(101, "kse") == ["ada@x.io"]


def in_its_reading(backend: FakeBackend) -> None:
    reads = iter(range(9))

    def die(organization: int) -> None:
        if next(reads) == 1:
            raise KeyboardInterrupt

    backend.on_read = die


def in_its_call(backend: FakeBackend) -> None:
    before = backend.before
    assert before is not None

    def die(number: int, operation: Operation) -> None:
        if number == 2:
            raise KeyboardInterrupt
        before(number, operation)

    backend.before = die


@pytest.mark.parametrize("kill", [in_its_reading, in_its_call])
def test_killed_in_the_midst_the_next_apply_gives_it_back(
    tmp_path: Path, kill: Callable[[FakeBackend], None]
) -> None:
    path, backend = tmp_path / "j.jsonl", FakeBackend(FULL)
    killed_in(path, backend, kill)
    assert only(apply(backend, Clock(), path)).given_back is True
    assert backend.holders(101, "kse") == ["ada@x.io", "carol@x.io"]


def test_killed_and_resumed_where_lists_are_late_it_still_goes_back(tmp_path: Path) -> None:
    path, backend = tmp_path / "j.jsonl", FakeBackend(FULL)
    killed_in(path, backend, in_its_reading)
    # The next apply reads the list of before the removal, and bob among the members.
    late = Late(FULL, 1)
    late.states = dict(backend.states)
    row = only(apply(late, Clock(), path))
    assert (row.given_back, late.holders(101, "kse")) == (True, ["ada@x.io", "carol@x.io"])
