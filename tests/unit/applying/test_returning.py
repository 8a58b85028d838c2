"""A seat that a killed apply took for a declared transfer goes back, where the journal knows it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from reconciler.applying.audit import audit
from reconciler.applying.executor import execute
from reconciler.applying.journal import Journal
from reconciler.applying.record import Begin, Taken
from reconciler.applying.result import ApplyResult, ChangeResult, ChangeStatus
from reconciler.applying.stopping import Stop
from reconciler.backends.protocol import Operation
from reconciler.errors import ForbiddenError, UnreachableError
from reconciler.model.identity import user
from reconciler.model.plan import Action, Change, Deferral, OrganizationPlan, Refusal, Scope
from reconciler.model.source import Source
from tests.unit.applying.fake import (
    BY_HAND,
    NO_PATIENCE,
    TARGET,
    FakeBackend,
    change,
    grant,
    organization_plan,
    organization_state,
    pair,
    plan_of,
    remove,
    transfer,
)

FULL = organization_state(
    quotas={"kse": 2},
    users={"kse": ["ada@x.io", "carol@x.io"]},
    members=["bob@x.io", "dan@x.io", "eve@x.io"],
)
TRANSFER = organization_plan(transfer("carol@x.io", "bob@x.io"))
BEGIN = Begin(target=TARGET, tool="reconciler 0.1.0", plan_digest="sha256:" + "e" * 64)
LEFT = "bob@x.io is not a member of the organization"


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "j.jsonl"


def apply(
    backend: FakeBackend, path: Path | None, *plans: OrganizationPlan, **rest: Any
) -> ApplyResult:
    given = {"plan_digest": "d", "patience": NO_PATIENCE, **rest}
    if path is None:
        return execute(plan_of(*plans), backend, **given)
    with Journal.open(path, BEGIN) as journal:
        return execute(plan_of(*plans), backend, record=journal, **given)


def killed(backend: FakeBackend, path: Path, plan: OrganizationPlan = TRANSFER) -> None:
    """Apply, and die before the first grant is sent."""

    def hook(number: int, operation: Operation) -> None:
        if number == 1:
            raise KeyboardInterrupt

    backend.before = hook
    apply(backend, path, plan)
    backend.before = None
    assert backend.holders(101, "kse") == ["ada@x.io"]


def half_done(path: Path, plan: OrganizationPlan = TRANSFER) -> FakeBackend:
    """Return a world in which carol has lost the seat, and bob has left."""
    backend = FakeBackend(FULL)
    killed(backend, path, plan)
    backend.leave(101, "bob@x.io")
    return backend


def taken(path: Path) -> tuple[Taken, ...]:
    with Journal.open(path, BEGIN) as journal:
        return journal.taken


def one(result: ApplyResult) -> ChangeResult:
    (row,) = result.organizations[0].changes
    return row


def stale(result: ApplyResult) -> list[str]:
    return [row.message for row in result.organizations[0].stale]


def test_the_same_plan_gives_the_seat_of_a_killed_transfer_back(path: Path) -> None:
    backend = half_done(path)
    result = apply(backend, path, TRANSFER)
    assert backend.holders(101, "kse") == ["ada@x.io", "carol@x.io"]
    row = one(result)
    assert (row.status, row.given_back, row.writes) == (ChangeStatus.NOT_ATTEMPTED, True, 1)
    assert stale(result) == [
        f"grant kse to bob@x.io: {LEFT}; the seat was given back to carol@x.io"
    ]
    assert result.exit_code == 5
    assert taken(path) == ()


def test_it_stands_in_the_journal_like_any_other_return(path: Path) -> None:
    backend = half_done(path)
    apply(backend, path, TRANSFER)
    last = audit(path)["events"][-1]
    assert [last[name] for name in ("action", "subject", "outcome", "change")] == [
        "grant", "carol@x.io", "done", TRANSFER.changes[0].id,
    ]  # fmt: skip


def test_applying_once_more_has_nothing_to_give_back(path: Path) -> None:
    backend = half_done(path)
    apply(backend, path, TRANSFER)
    calls = backend.calls
    result = apply(backend, path, TRANSFER)
    assert (result.exit_code, result.writes, backend.calls) == (4, 0, calls)
    assert stale(result) == [f"grant kse to bob@x.io: {LEFT}"]


def test_without_the_journal_the_stale_line_names_who_has_no_seat(path: Path) -> None:
    backend = half_done(path)
    result = apply(backend, None, TRANSFER)
    assert backend.holders(101, "kse") == ["ada@x.io"]
    assert stale(result) == [f"grant kse to bob@x.io: {LEFT}; carol@x.io has no seat any more"]
    assert (one(result).given_back, result.exit_code) == (None, 4)


def test_a_seat_that_somebody_else_took_away_is_no_affair_of_the_journal(path: Path) -> None:
    backend = FakeBackend(FULL)
    apply(backend, path, organization_plan(remove("zoe@x.io")))
    backend.revoke(101, "kse", "carol@x.io")
    backend.leave(101, "bob@x.io")
    assert stale(apply(backend, path, TRANSFER)) == [
        f"grant kse to bob@x.io: {LEFT}; carol@x.io has no seat any more"
    ]
    assert backend.holders(101, "kse") == ["ada@x.io"]


def test_a_remove_whose_outcome_was_never_written_down_counts_once_reading_shows_it(
    path: Path,
) -> None:
    backend = FakeBackend(FULL)
    backend.after = lambda number, operation: _die()
    apply(backend, path, TRANSFER)
    backend.after = None
    backend.leave(101, "bob@x.io")
    assert one(apply(backend, path, TRANSFER)).given_back is True
    assert backend.holders(101, "kse") == ["ada@x.io", "carol@x.io"]


def _die() -> None:
    raise KeyboardInterrupt


def test_a_remove_that_never_happened_leaves_nothing_to_give_back(path: Path) -> None:
    backend = FakeBackend(FULL)
    backend.before = lambda number, operation: _die()
    apply(backend, path, TRANSFER)
    backend.before = None
    backend.leave(101, "bob@x.io")
    result = apply(backend, path, TRANSFER)
    assert (one(result).given_back, backend.calls, result.exit_code) == (None, 1, 4)
    # Reading has shown it, and that is written down: a later removal by others is theirs.
    backend.revoke(101, "kse", "carol@x.io")
    assert one(apply(backend, path, TRANSFER)).given_back is None


@pytest.mark.parametrize("when", ["before", "after"])
@pytest.mark.parametrize("call", range(4))
@pytest.mark.parametrize("leaves", ["bob@x.io", "dan@x.io"])
def test_killed_at_any_call_nobody_loses_a_seat_to_somebody_who_never_had_it(
    path: Path, call: int, when: str, leaves: str
) -> None:
    backend = FakeBackend(FULL)
    plan = organization_plan(transfer("carol@x.io", "bob@x.io"), transfer("ada@x.io", "dan@x.io"))
    holder = {"bob@x.io": "carol@x.io", "dan@x.io": "ada@x.io"}[leaves]
    setattr(backend, when, lambda number, operation: _die() if number == call else None)
    apply(backend, path, plan)
    setattr(backend, when, None)
    with Journal.open(path, BEGIN) as journal:
        unknown = {item.id for intent in journal.open_intents for item in intent.items}
    took_over = leaves in backend.holders(101, "kse") and leaves not in unknown
    backend.leave(101, leaves)
    apply(backend, path, plan)
    # Who is known to have taken over has left the seat; else its former holder has it, or again.
    assert (holder in backend.holders(101, "kse")) is not took_over
    assert backend.peaks == []
    audit(path)


def test_an_automatic_pair_gives_nothing_back_later_either(path: Path) -> None:
    plan = organization_plan(pair("carol@x.io", "bob@x.io"))
    backend = half_done(path, plan)
    assert stale(apply(backend, path, plan)) == [
        f"grant kse to bob@x.io: {LEFT}; carol@x.io has no seat any more"
    ]
    assert taken(path) == ()


@pytest.mark.parametrize(
    ("happens", "why"),
    [
        (
            lambda backend: backend.leave(101, "carol@x.io"),
            "carol@x.io is not a member of the organization",
        ),
        (
            lambda backend: backend.grant(101, "kse", "eve@x.io"),
            f"no seat of kse is free: 2 of 2 are used{BY_HAND}",
        ),
    ],
    ids=["the holder left", "an outsider took it"],
)
def test_a_seat_that_cannot_go_back_is_told_with_the_reason(
    path: Path, happens: Callable[[FakeBackend], None], why: str
) -> None:
    backend = half_done(path)
    happens(backend)
    result = apply(backend, path, TRANSFER)
    assert (one(result).given_back, one(result).writes, result.exit_code) == (False, 0, 4)
    assert stale(result)[0].endswith(f"the seat could not be given back to carol@x.io: {why}")


def test_a_return_that_fails_is_tried_again_by_the_next_apply(path: Path) -> None:
    backend = half_done(path)

    def away(number: int, operation: Operation) -> None:
        raise UnreachableError("no connection")

    backend.before = away
    result = apply(backend, path, TRANSFER)
    assert stale(result)[0].endswith(
        f"could not be given back to carol@x.io: no connection{BY_HAND}"
    )
    backend.before = None
    assert one(apply(backend, path, TRANSFER)).given_back is True


def test_a_stop_before_the_return_leaves_it_to_the_next_apply(path: Path) -> None:
    backend, stop = half_done(path), Stop()
    backend.on_read = lambda organization: stop.request()
    result = apply(backend, path, TRANSFER, stop=stop)
    assert (result.interrupted, result.writes, result.exit_code) == (True, 0, 1)
    assert stale(result)[0].endswith("carol@x.io has no seat any more")
    backend.on_read = None
    assert one(apply(backend, path, TRANSFER)).given_back is True


def test_an_interrupt_within_the_return_is_told_as_not_known(path: Path) -> None:
    backend = half_done(path)
    backend.after = lambda number, operation: _die()
    result = apply(backend, path, TRANSFER)
    row = one(result)
    assert (row.status, row.unclear, result.exit_code) == (ChangeStatus.NOT_ATTEMPTED, True, 5)


def test_the_other_half_is_still_made_where_it_can_be(path: Path) -> None:
    backend = FakeBackend(FULL)
    killed(backend, path)
    result = apply(backend, path, TRANSFER)
    assert (one(result).status, result.exit_code) == (ChangeStatus.DONE, 0)
    assert backend.holders(101, "kse") == ["ada@x.io", "bob@x.io"]
    assert taken(path) == ()


@pytest.mark.parametrize("plan", [TRANSFER, organization_plan(grant("bob@x.io"))])
def test_a_resumed_grant_that_fails_gives_the_seat_back(path: Path, plan: OrganizationPlan) -> None:
    """By the same plan, and by a fresh one, to which it is a plain grant."""
    backend = FakeBackend(FULL)
    killed(backend, path)

    def refused(number: int, operation: Operation) -> None:
        if number == 2:
            raise ForbiddenError("neither owner nor admin", status=403)

    backend.before = refused
    row = one(apply(backend, path, plan))
    assert (row.status, row.given_back) == (ChangeStatus.FAILED, True)
    assert row.change.holder == user("carol@x.io")
    assert row.message is not None
    assert row.message.endswith("the seat was given back to carol@x.io")
    assert backend.holders(101, "kse") == ["ada@x.io", "carol@x.io"]


# A fresh plan, to which bob is one who cannot be granted.

WITHHELD = replace(
    organization_plan(),
    refusals=(Refusal("not_a_member", Scope.CHANGE, LEFT, "kse", withheld=(grant("bob@x.io"),)),),
)
DEFERRED = replace(
    organization_plan(),
    deferred=(
        Deferral(Action.GRANT, "kse", user("bob@x.io"), "not_a_member", LEFT, Source("o.yaml")),
    ),
)


@pytest.mark.parametrize("plan", [WITHHELD, DEFERRED], ids=["refused", "deferred"])
def test_a_fresh_plan_gives_the_seat_back_while_the_transfer_is_still_wanted(
    path: Path, plan: OrganizationPlan
) -> None:
    backend = half_done(path)
    result = apply(backend, path, plan)
    assert backend.holders(101, "kse") == ["ada@x.io", "carol@x.io"]
    row = one(result)
    assert (row.change.action, row.change.id) == (Action.REASSIGN, TRANSFER.changes[0].id)
    assert (row.change.subject, row.change.holder) == (user("bob@x.io"), user("carol@x.io"))
    assert (row.status, row.given_back, row.writes) == (ChangeStatus.NOT_ATTEMPTED, True, 1)
    assert stale(result) == [
        f"grant kse to bob@x.io: {LEFT}; the seat was given back to carol@x.io"
    ]
    assert result.exit_code == 5
    again = apply(backend, path, plan)
    assert (again.writes, again.organizations[0].changes) == (0, ())
    assert [row["subject"] for row in audit(path)["events"]] == [
        "carol@x.io", "bob@x.io", "carol@x.io",
    ]  # fmt: skip


def test_a_fresh_plan_goes_first_and_a_seat_that_it_gives_away_is_told(path: Path) -> None:
    backend = half_done(path)
    plan = replace(WITHHELD, changes=(grant("eve@x.io"),))
    result = apply(backend, path, plan)
    assert backend.holders(101, "kse") == ["ada@x.io", "eve@x.io"]
    (row,) = result.organizations
    assert [change.status for change in row.changes] == [ChangeStatus.DONE]
    assert row.stale == ()
    assert row.settled[-1] == (
        f"left half done by an earlier apply: grant kse to bob@x.io: {LEFT}; the seat could not "
        f"be given back to carol@x.io: no seat of kse is free: 2 of 2 are used{BY_HAND}"
    )


def test_an_organization_that_stops_leaves_the_return_to_a_later_apply(path: Path) -> None:
    backend = half_done(path)
    backend.before = lambda number, operation: backend.leave(101, "eve@x.io")
    result = apply(backend, path, replace(WITHHELD, changes=(grant("eve@x.io"),)))
    assert [row.status for row in result.organizations[0].changes] == [ChangeStatus.REJECTED]
    backend.before = None
    assert one(apply(backend, path, WITHHELD)).given_back is True


@pytest.mark.parametrize(
    "plan",
    [
        organization_plan(),
        organization_plan(remove("ada@x.io")),
        replace(
            organization_plan(),
            refusals=(
                Refusal("protected", Scope.CHANGE, "x", "kse", withheld=(remove("bob@x.io"),)),
                Refusal(
                    "not_a_member",
                    Scope.CHANGE,
                    "x",
                    "testops",
                    withheld=(grant("bob@x.io", product="testops"),),
                ),
            ),
        ),
    ],
)
def test_files_that_no_longer_want_the_transfer_give_nothing_back(
    path: Path, plan: OrganizationPlan
) -> None:
    backend = half_done(path)
    apply(backend, path, plan)
    assert "carol@x.io" not in backend.holders(101, "kse")


def test_a_grant_that_only_a_rule_withholds_keeps_the_seat_for_the_other(path: Path) -> None:
    backend = FakeBackend(FULL)
    killed(backend, path)
    assert apply(backend, path, WITHHELD).writes == 0
    assert backend.holders(101, "kse") == ["ada@x.io"]


@pytest.mark.parametrize("who", ["carol@x.io", "bob@x.io"])
def test_a_seat_that_either_has_by_now_is_no_news(path: Path, who: str) -> None:
    backend = FakeBackend(FULL)
    killed(backend, path)
    backend.grant(101, "kse", who)
    backend._set(101, members=())
    (row,) = apply(backend, path, WITHHELD).organizations
    assert (row.changes, row.stale, row.writes) == ((), (), 0)
    assert not any("half done" in line for line in row.settled)


# What a journal knows.


def outsiders_grant_it(backend: FakeBackend) -> None:
    backend.grant(101, "kse", "carol@x.io")


@pytest.mark.parametrize(
    ("happens", "following"),
    [
        (None, grant("carol@x.io")),
        (None, grant("bob@x.io")),
        (outsiders_grant_it, remove("carol@x.io")),
    ],
    ids=["the holder has one again", "the other has it", "a plan takes it for good"],
)
def test_a_journal_knows_a_seat_until_a_later_apply_disposes_of_it(
    path: Path, happens: Callable[[FakeBackend], None] | None, following: Change
) -> None:
    backend = FakeBackend(FULL)
    killed(backend, path)
    row = Taken(101, "kse", user("carol@x.io"), user("bob@x.io"), TRANSFER.changes[0].id)
    assert taken(path) == (row,)
    apply(backend, path, organization_plan(grant("eve@x.io"), number=999))
    apply(backend, path, organization_plan(grant("ada@x.io", product="testops")))
    assert taken(path) == (row,)
    if happens is not None:
        happens(backend)
    apply(backend, path, organization_plan(following))
    assert taken(path) == ()


def test_a_remove_that_found_nothing_to_remove_took_no_seat(path: Path) -> None:
    backend = FakeBackend(FULL)

    def outsider(number: int, operation: Operation) -> None:
        if number == 0:
            backend.revoke(101, "kse", "carol@x.io")
        else:
            raise KeyboardInterrupt

    backend.before = outsider
    apply(backend, path, TRANSFER)
    assert taken(path) == ()


def test_machines_are_given_back_too(path: Path) -> None:
    state = organization_state(quotas={"kre-node-locked": 1}, machines={"kre-node-locked": ["a1"]})
    backend = FakeBackend(state)
    plan = organization_plan(transfer("a1", "b2", product="kre-node-locked"))
    backend.before = lambda number, operation: _die() if number else None
    apply(backend, path, plan)

    def refused(number: int, operation: Operation) -> None:
        if number == 2:
            raise ForbiddenError("no", status=403)

    backend.before = refused
    assert one(apply(backend, path, plan)).given_back is True
    assert backend.holders(101, "kre-node-locked") == ["a1"]


def test_a_transfer_of_which_the_other_has_the_seat_already_takes_none_for_it(path: Path) -> None:
    backend = FakeBackend(
        organization_state(quotas={"kse": 2}, users={"kse": ["carol@x.io", "bob@x.io"]})
    )
    apply(backend, path, organization_plan(change(
        Action.REASSIGN, "bob@x.io", "carol@x.io", pairing=TRANSFER.changes[0].pairing
    )))  # fmt: skip
    assert taken(path) == ()
