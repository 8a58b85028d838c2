from collections.abc import Callable
from dataclasses import replace
from datetime import date

import pytest

from reconciler.applying.events import Event, EventKind
from reconciler.applying.executor import execute
from reconciler.applying.result import ApplyResult, ChangeResult, ChangeStatus
from reconciler.backends.protocol import Operation, Write
from reconciler.errors import (
    ApiError,
    ForbiddenError,
    RefusedError,
    UnclearOutcomeError,
    UnreachableError,
)
from reconciler.model.plan import Change, OrganizationPlan, Refusal, Scope
from tests.unit.applying.fake import (
    BY_HAND,
    EXCESS,
    NO_PATIENCE,
    FakeBackend,
    grant,
    offline,
    organization_plan,
    organization_state,
    pair,
    plan_of,
    pool,
    remove,
    transfer,
)

DIGEST = "sha256:" + "a" * 64
FULL = organization_state(
    quotas={"kse": 2}, users={"kse": ["ada@x.io", "carol@x.io"]}, members=["bob@x.io", "eve@x.io"]
)
TRANSFER = organization_plan(transfer("carol@x.io", "bob@x.io", used_after=2), pools=[pool()])
REFUSAL = Refusal("over_quota", Scope.POOL, "short by 1", "kse")


def apply(
    backend: FakeBackend, *plans: OrganizationPlan, on_event: Callable[[Event], None] | None = None
) -> ApplyResult:
    return execute(
        plan_of(*plans), backend, plan_digest=DIGEST, on_event=on_event, patience=NO_PATIENCE
    )


def statuses(result: ApplyResult, organization: int = 0) -> list[str]:
    return [row.status.value for row in result.organizations[organization].changes]


def at_call(wanted: int, error: BaseException) -> Callable[[int, Operation], None]:
    def hook(number: int, operation: Operation) -> None:
        if number == wanted:
            raise error

    return hook


def test_a_transfer_in_a_full_pool_removes_first_and_never_passes_the_quota() -> None:
    backend = FakeBackend(FULL)
    result = apply(backend, TRANSFER)
    assert backend.history == [
        (101, "remove", "kse", "carol@x.io"),
        (101, "grant", "kse", "bob@x.io"),
    ]
    assert (result.exit_code, result.writes, statuses(result)) == (0, 2, ["done"])
    assert backend.peaks == []


def test_applying_the_same_plan_again_writes_nothing_and_succeeds() -> None:
    backend = FakeBackend(FULL)
    apply(backend, TRANSFER)
    result = apply(backend, TRANSFER)
    assert (result.exit_code, result.writes, statuses(result)) == (0, 0, ["skipped"])
    assert backend.calls == 2


def test_a_half_done_transfer_runs_its_other_half() -> None:
    backend = FakeBackend(FULL)
    backend.revoke(101, "kse", "carol@x.io")
    result = apply(backend, TRANSFER)
    assert backend.history == [(101, "grant", "kse", "bob@x.io")]
    assert (result.exit_code, result.writes) == (0, 1)


def test_machines_move_and_get_offline_licenses_like_users_do() -> None:
    state = organization_state(
        quotas={"kre-node-locked": 2}, machines={"kre-node-locked": ["a1", "b2"]}
    )
    backend = FakeBackend(state)
    changes = (
        pair("a1", "c3", product="kre-node-locked"),
        offline("c3", date(2027, 3, 31), product="kre-node-locked"),
    )
    assert apply(backend, organization_plan(*changes)).exit_code == 0
    assert backend.holders(101, "kre-node-locked") == ["b2", "c3"]
    assert backend.used(101, "kre-node-locked") == 2
    (license_,) = backend.states[101].offline_licenses or ()
    assert (license_.machine, license_.expires) == ("c3", date(2027, 3, 31))


def test_a_stale_organization_is_not_touched_and_tells_what_moved() -> None:
    backend = FakeBackend(FULL)
    backend.revoke(101, "kse", "carol@x.io")
    backend.grant(101, "kse", "eve@x.io")
    plan = organization_plan(remove("ada@x.io"), grant("gone@x.io"), pools=[pool()])
    result = apply(backend, plan)
    (row,) = result.organizations
    assert backend.calls == 0
    assert [stale.code for stale in row.stale] == ["not_a_member"]
    assert row.moved == ("members: gone@x.io was active, is not one",)
    assert statuses(result) == ["not_attempted", "not_attempted"]
    assert result.exit_code == 4


def test_a_stale_organization_still_tells_what_is_done_already() -> None:
    backend = FakeBackend(FULL)
    plan = organization_plan(remove("zoe@x.io"), grant("gone@x.io"))
    assert statuses(apply(backend, plan)) == ["skipped", "not_attempted"]


def test_one_organization_never_stops_another() -> None:
    bad = organization_state(102, quotas={"kse": 1}, users={"kse": ["ada@x.io"]})
    good = organization_state(103, quotas={"kse": 1}, members=["bob@x.io"])
    backend = FakeBackend(FULL, bad, good)
    result = apply(
        backend,
        TRANSFER,
        organization_plan(remove("ada@x.io"), grant("gone@x.io"), number=102),
        organization_plan(grant("bob@x.io"), number=999),
        organization_plan(grant("bob@x.io"), number=103),
    )
    assert [statuses(result, place) for place in range(4)] == [
        ["done"],
        ["not_attempted", "not_attempted"],
        ["not_attempted"],
        ["done"],
    ]
    assert result.organizations[2].error == "organization 999 is not known"
    assert result.exit_code == 5


def test_an_organization_stops_at_its_first_failure() -> None:
    backend = FakeBackend(FULL)
    # The API went away for one call: nothing of it took effect.
    backend.before = at_call(1, UnreachableError("no connection", hint="try again"))
    plan = organization_plan(remove("ada@x.io"), grant("bob@x.io"), remove("carol@x.io"))
    result = apply(backend, plan)
    assert statuses(result) == ["done", "failed", "not_attempted"]
    (failed,) = result.organizations[0].failed
    assert failed.message == "grant kse to bob@x.io: no connection (try again)"
    assert result.exit_code == 5
    assert backend.holders(101, "kse") == ["carol@x.io"]


def test_a_failure_before_anything_was_written_exits_1_and_a_rejection_4() -> None:
    backend = FakeBackend(FULL)
    backend.before = at_call(0, ForbiddenError("neither owner nor admin", status=403))
    assert apply(backend, TRANSFER).exit_code == 1

    full = organization_state(quotas={"kse": 1}, members=["bob@x.io", "eve@x.io"])
    backend = FakeBackend(full)
    backend.before = lambda number, operation: backend.grant(101, "kse", "eve@x.io")
    result = apply(backend, organization_plan(grant("bob@x.io")))
    (row,) = result.organizations[0].failed
    assert (row.status, row.code) == (ChangeStatus.REJECTED, "over_quota")
    assert row.message == f"grant kse to bob@x.io: {EXCESS}"
    assert (result.exit_code, result.writes) == (4, 0)


def leave_before(backend: FakeBackend, call: int, email: str) -> None:
    def hook(number: int, operation: Operation) -> None:
        if number == call:
            backend.leave(101, email)

    backend.before = hook


def test_a_declared_transfer_whose_grant_is_rejected_gives_the_seat_back() -> None:
    backend = FakeBackend(FULL)
    leave_before(backend, 1, "bob@x.io")
    result = apply(backend, TRANSFER)
    (row,) = result.organizations[0].changes
    assert backend.holders(101, "kse") == ["ada@x.io", "carol@x.io"]
    assert (row.status, row.code, row.given_back) == (ChangeStatus.REJECTED, "not_a_member", True)
    assert row.message is not None
    assert row.message.endswith("the seat was given back to carol@x.io")
    assert (row.writes, result.exit_code) == (2, 5)


def test_an_automatic_pair_does_not_give_the_seat_back() -> None:
    backend = FakeBackend(FULL)
    leave_before(backend, 1, "bob@x.io")
    result = apply(backend, organization_plan(pair("carol@x.io", "bob@x.io")))
    (row,) = result.organizations[0].changes
    assert backend.holders(101, "kse") == ["ada@x.io"]
    assert row.given_back is None
    assert row.message is not None
    assert "carol@x.io has lost the seat" in row.message
    assert result.exit_code == 5


def test_a_seat_is_not_given_back_to_somebody_who_left_meanwhile() -> None:
    backend = FakeBackend(FULL)

    def both_leave(number: int, operation: Operation) -> None:
        if number == 1:
            backend.leave(101, "bob@x.io")
            backend.leave(101, "carol@x.io")

    backend.before = both_leave
    result = apply(backend, TRANSFER)
    (row,) = result.organizations[0].changes
    assert row.given_back is False
    assert row.message is not None
    assert row.message.endswith("carol@x.io is not a member of the organization")
    assert backend.calls == 2


def test_a_seat_that_an_outsider_took_cannot_be_given_back_and_it_says_so() -> None:
    backend = FakeBackend(FULL)

    def taken(number: int, operation: Operation) -> None:
        if number == 1:
            backend.grant(101, "kse", "eve@x.io")

    backend.before = taken
    (row,) = apply(backend, TRANSFER).organizations[0].changes
    assert (row.code, row.given_back) == ("over_quota", False)
    assert row.message is not None
    assert row.message.endswith(f"no seat of kse is free: 2 of 2 are used{BY_HAND}")
    assert backend.peaks == []


def test_a_seat_goes_back_too_where_the_grant_might_succeed_later() -> None:
    backend = FakeBackend(FULL)
    backend.before = at_call(1, UnreachableError("no connection"))
    result = apply(backend, TRANSFER)
    (row,) = result.organizations[0].changes
    assert (row.status, row.given_back, result.exit_code) == (ChangeStatus.FAILED, True, 5)
    assert backend.holders(101, "kse") == ["ada@x.io", "carol@x.io"]
    backend.before = None
    assert apply(backend, TRANSFER).exit_code == 0
    assert backend.holders(101, "kse") == ["ada@x.io", "bob@x.io"]


def test_a_seat_is_not_given_back_where_the_grant_may_have_taken_effect() -> None:
    backend = FakeBackend(FULL)

    def dropped(number: int, operation: Operation) -> None:
        if number == 1:
            backend.on_read = lost
            raise UnclearOutcomeError("timed out")

    def lost(organization: int) -> None:
        raise UnreachableError("no connection")

    backend.before = dropped
    (row,) = apply(backend, TRANSFER).organizations[0].changes
    assert (row.unclear, row.given_back, backend.calls) == (True, None, 2)


def test_a_seat_that_the_other_has_after_all_is_not_given_back() -> None:
    """The grant failed, and by the time of the return its effect is there."""
    backend = FakeBackend(FULL)

    def late(number: int, operation: Operation) -> None:
        if number == 1:
            backend.grant(101, "kse", "bob@x.io")
            raise UnreachableError("no connection")

    backend.before = late
    (row,) = apply(backend, TRANSFER).organizations[0].changes
    assert (row.status, row.given_back, backend.calls) == (ChangeStatus.FAILED, None, 2)
    assert row.message is not None
    assert row.message.endswith("bob@x.io has the seat by now")
    assert apply(backend, TRANSFER).exit_code == 0


def test_a_resumed_transfer_never_gives_a_seat_to_somebody_whom_others_may_have_removed() -> None:
    backend = FakeBackend(FULL)
    backend.revoke(101, "kse", "carol@x.io")
    leave_before(backend, 0, "bob@x.io")
    (row,) = apply(backend, TRANSFER).organizations[0].changes
    assert row.given_back is None
    assert backend.holders(101, "kse") == ["ada@x.io"]


def test_a_half_done_transfer_that_is_stale_tells_who_has_no_seat() -> None:
    backend = FakeBackend(FULL)
    backend.revoke(101, "kse", "carol@x.io")
    backend.leave(101, "bob@x.io")
    (stale,) = apply(backend, TRANSFER).organizations[0].stale
    assert stale.message == (
        "grant kse to bob@x.io: bob@x.io is not a member of the organization; "
        "carol@x.io has no seat any more"
    )


def test_an_unclear_outcome_that_took_effect_is_settled_by_reading() -> None:
    backend = FakeBackend(FULL)
    backend.after = at_call(0, UnclearOutcomeError("timed out"))
    result = apply(backend, TRANSFER)
    assert (result.exit_code, result.writes) == (0, 2)
    assert backend.calls == 2
    assert backend.reads == 2


def test_an_unclear_outcome_without_effect_is_a_failure() -> None:
    backend = FakeBackend(FULL)
    backend.before = at_call(0, UnclearOutcomeError("timed out"))
    result = apply(backend, TRANSFER)
    (row,) = result.organizations[0].changes
    assert row.message == (
        "remove kse from carol@x.io: timed out; read back, it did not take effect"
    )
    assert (result.exit_code, result.unclear) == (1, False)
    assert backend.holders(101, "kse") == ["ada@x.io", "carol@x.io"]


def test_an_outcome_that_cannot_be_read_back_counts_as_written() -> None:
    backend = FakeBackend(FULL)

    def dropped(number: int, operation: Operation) -> None:
        backend.on_read = lost
        raise UnclearOutcomeError("timed out")

    def lost(organization: int) -> None:
        raise UnreachableError("no connection")

    backend.before = dropped
    result = apply(backend, TRANSFER)
    assert (result.exit_code, result.writes, result.unclear) == (5, 0, True)


def test_an_answer_that_names_somebody_else_is_settled_by_reading() -> None:
    class Confused(FakeBackend):
        def write(self, operation: Operation, *, idempotency_key: str):  # type: ignore[no-untyped-def]
            super().write(operation, idempotency_key=idempotency_key)
            return ()

    assert apply(Confused(FULL), TRANSFER).exit_code == 0


def test_a_missing_write_refuses_the_whole_plan_before_the_first_one() -> None:
    backend = FakeBackend(FULL, writes=[Write.REMOVE_USERS])
    with pytest.raises(RefusedError, match=r"grant_users \(1 changes\)") as caught:
        apply(backend, organization_plan(remove("ada@x.io"), grant("bob@x.io")))
    assert caught.value.hint is not None
    assert "--via checklist" in caught.value.hint
    assert backend.history == []
    assert backend.reads == 0


def test_writes_that_the_plan_does_not_need_may_be_missing() -> None:
    backend = FakeBackend(FULL, writes=[Write.REMOVE_USERS])
    assert apply(backend, organization_plan(remove("ada@x.io"))).exit_code == 0


def test_a_snapshot_is_never_written_to() -> None:
    backend = FakeBackend(FULL)
    backend.live = False
    with pytest.raises(RefusedError, match="snapshot"):
        apply(backend, TRANSFER)


def test_refusals_of_the_plan_itself_count_and_deferrals_do_not() -> None:
    backend = FakeBackend(FULL)
    alone = organization_plan(refusals=[REFUSAL])
    assert apply(backend, alone).exit_code == 4
    assert backend.reads == 0
    assert apply(backend, alone, organization_plan(remove("ada@x.io"))).exit_code == 5
    assert apply(backend).exit_code == 0


def test_keys_differ_between_calls_and_between_runs_but_a_named_run_repeats_them() -> None:
    def keys(run: str | None) -> list[str]:
        backend = FakeBackend(FULL)
        execute(plan_of(TRANSFER), backend, plan_digest=DIGEST, run=run)
        return backend.keys

    assert keys("one") == keys("one")
    assert len({*keys("one"), *keys("two"), *keys(None), *keys(None)}) == 8


def test_what_outsiders_undid_is_done_again_and_not_answered_from_memory() -> None:
    backend = FakeBackend(FULL)
    apply(backend, TRANSFER)
    backend.revoke(101, "kse", "bob@x.io")
    assert apply(backend, TRANSFER).exit_code == 0
    assert backend.holders(101, "kse") == ["ada@x.io", "bob@x.io"]


def test_events_tell_each_moment_in_order() -> None:
    events: list[Event] = []
    apply(FakeBackend(FULL), TRANSFER, on_event=events.append)
    assert [event.kind for event in events] == [
        EventKind.ORGANIZATION_STARTED,
        EventKind.CALL_STARTED,
        EventKind.CALL_ENDED,
        EventKind.CALL_STARTED,
        EventKind.CALL_ENDED,
        EventKind.CHANGE_ENDED,
        EventKind.ORGANIZATION_ENDED,
    ]
    assert [event.answers for event in events if event.answers] == [("done",), ("done",)]


class Interrupter:
    """Interrupts at the n-th event."""

    def __init__(self, number: int) -> None:
        self.left = number

    def __call__(self, event: Event) -> None:
        if self.left == 0:
            raise KeyboardInterrupt
        self.left -= 1


@pytest.mark.parametrize("number", range(7))
def test_an_interrupt_at_any_moment_loses_no_account_of_what_was_written(number: int) -> None:
    backend = FakeBackend(FULL)
    other = organization_state(102, quotas={"kse": 1}, members=["bob@x.io"])
    backend.states[102] = other
    plans = (TRANSFER, organization_plan(grant("bob@x.io"), number=102))
    result = apply(backend, *plans, on_event=Interrupter(number))
    assert result.interrupted
    assert result.writes == len(backend.history)
    assert result.exit_code == (5 if backend.history else 1)
    assert statuses(result, 1) == ["not_attempted"]
    written = {0: "not_attempted", 1: "failed", 2: "done"}[len(backend.history)]
    assert statuses(result) == [written]
    assert apply(backend, *plans).exit_code == 0
    assert backend.holders(101, "kse") == ["ada@x.io", "bob@x.io"]


def test_an_interrupt_within_a_call_leaves_its_outcome_open() -> None:
    backend = FakeBackend(FULL)
    backend.after = at_call(1, KeyboardInterrupt())
    result = apply(backend, TRANSFER)
    (row,) = result.organizations[0].changes
    assert row.unclear
    assert row.message is not None
    assert "its outcome is not known" in row.message
    assert result.exit_code == 5


def test_a_reassign_without_a_holder_is_a_bug_that_is_not_hidden() -> None:
    broken = Change("1", TRANSFER.changes[0].action, "kse", TRANSFER.changes[0].subject,
                    TRANSFER.changes[0].source)  # fmt: skip
    with pytest.raises(ValueError, match="names no holder"):
        apply(FakeBackend(FULL), organization_plan(broken))


def in_giving_back(backend: FakeBackend, happening: Callable[[], None]) -> ChangeResult:
    """Apply a transfer whose subject leaves in the middle, and more happens before the return."""
    leave_before(backend, 1, "bob@x.io")
    reads = iter(range(9))

    def on_read(organization: int) -> None:
        if next(reads) == 1:
            happening()

    backend.on_read = on_read
    (row,) = apply(backend, TRANSFER).organizations[0].changes
    return row


def test_a_seat_that_the_holder_has_again_is_not_given_back_twice() -> None:
    backend = FakeBackend(FULL)
    row = in_giving_back(backend, lambda: backend.grant(101, "kse", "carol@x.io"))
    assert row.given_back is True
    assert row.message is not None
    assert row.message.endswith("carol@x.io has a seat again")
    assert backend.calls == 2


def test_a_seat_is_not_given_back_blindly() -> None:
    def lost() -> None:
        raise UnreachableError("no connection")

    row = in_giving_back(FakeBackend(FULL), lost)
    assert row.given_back is False
    assert row.message is not None
    assert row.message.endswith(f"could not be given back to carol@x.io: no connection{BY_HAND}")


def test_a_seat_whose_return_fails_too_is_told() -> None:
    backend = FakeBackend(FULL)

    def hook(number: int, operation: Operation) -> None:
        if number == 1:
            backend.leave(101, "bob@x.io")
        if number == 2:
            raise ForbiddenError("no role any more", status=403)

    backend.before = hook
    (row,) = apply(backend, TRANSFER).organizations[0].changes
    assert (row.status, row.given_back, row.writes) == (ChangeStatus.REJECTED, False, 1)
    assert row.message is not None
    assert row.message.endswith(f"could not be given back to carol@x.io: no role any more{BY_HAND}")


def test_a_grant_that_the_api_refuses_as_a_request_gives_the_seat_back() -> None:
    backend = FakeBackend(FULL)
    backend.before = at_call(1, ApiError("the request makes no sense", status=400))
    (row,) = apply(backend, TRANSFER).organizations[0].changes
    assert (row.status, row.given_back) == (ChangeStatus.FAILED, True)
    assert backend.holders(101, "kse") == ["ada@x.io", "carol@x.io"]


def test_an_outcome_whose_list_cannot_be_read_stays_unclear() -> None:
    backend = FakeBackend(FULL)

    def dropped(number: int, operation: Operation) -> None:
        backend.states[101] = replace(backend.states[101], licensed_users=None)
        raise UnclearOutcomeError("timed out")

    backend.before = dropped
    (row,) = apply(backend, TRANSFER).organizations[0].changes
    assert row.unclear
    assert row.message is not None
    assert row.message.endswith("the list that tells is unreadable")


def test_what_somebody_else_did_meanwhile_counts_as_done_already() -> None:
    backend = FakeBackend(FULL)
    backend.before = lambda number, operation: backend.revoke(101, "kse", "carol@x.io")
    result = apply(backend, organization_plan(remove("carol@x.io")))
    assert (statuses(result), result.writes, result.exit_code) == (["skipped"], 0, 0)


def test_an_account_sorts_changes_by_what_became_of_them() -> None:
    backend = FakeBackend(FULL)
    backend.before = at_call(1, UnreachableError("no connection"))
    changes = (remove("zoe@x.io"), remove("ada@x.io"), grant("bob@x.io"), remove("carol@x.io"))
    (row,) = apply(backend, organization_plan(*changes)).organizations
    assert [len(part) for part in (row.skipped, row.done, row.failed, row.not_attempted)] == [
        1, 1, 1, 1,
    ]  # fmt: skip
