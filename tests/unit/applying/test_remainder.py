from dataclasses import replace
from datetime import date

import pytest

from reconciler.applying.operations import Verb
from reconciler.applying.remainder import Remainder, remainder_of
from reconciler.model.plan import OrganizationPlan
from reconciler.model.state import LicensedUser, OfflineLicense, OrganizationState, Session
from tests.unit.applying.fake import (
    TODAY,
    grant,
    offline,
    organization_plan,
    organization_state,
    pair,
    pool,
    remove,
    transfer,
)

FULL = organization_state(
    quotas={"kse": 2}, users={"kse": ["ada@x.io", "carol@x.io"]}, members=["bob@x.io", "eve@x.io"]
)


def rest(plan: OrganizationPlan, state: OrganizationState) -> Remainder:
    return remainder_of(plan, state, TODAY)


def verbs(remainder: Remainder) -> list[list[Verb]]:
    return [[effect.verb for effect in step.pending] for step in remainder.steps]


def test_a_transfer_in_a_full_pool_is_to_do_in_both_halves() -> None:
    found = rest(organization_plan(transfer("carol@x.io", "bob@x.io")), FULL)
    assert verbs(found) == [[Verb.REMOVE, Verb.GRANT]]
    assert not found.stale
    assert not found.steps[0].half_done


def test_a_transfer_whose_holder_is_gone_needs_only_its_grant() -> None:
    state = replace(FULL, licensed_users=(LicensedUser("kse", "ada@x.io"),))
    found = rest(organization_plan(transfer("carol@x.io", "bob@x.io")), state)
    assert verbs(found) == [[Verb.GRANT]]
    assert found.steps[0].half_done


def test_a_transfer_whose_subject_is_granted_needs_only_its_remove() -> None:
    state = organization_state(quotas={"kse": 3}, users={"kse": ["carol@x.io", "bob@x.io"]})
    found = rest(organization_plan(transfer("carol@x.io", "bob@x.io")), state)
    assert verbs(found) == [[Verb.REMOVE]]


def test_changes_that_are_there_are_done_whatever_the_spelling_of_an_email() -> None:
    state = organization_state(quotas={"kse": 2}, users={"kse": ["BOB@x.io"]})
    found = rest(organization_plan(transfer("carol@x.io", "bob@x.io"), remove("eve@x.io")), state)
    assert [step.done for step in found.steps] == [True, True]
    assert not found.stale


def test_a_grant_whose_seat_an_outsider_took_is_stale_and_says_who_and_what_moved() -> None:
    state = organization_state(
        quotas={"kse": 2}, users={"kse": ["ada@x.io", "eve@x.io"]}, members=["bob@x.io"]
    )
    plan = organization_plan(transfer("carol@x.io", "bob@x.io", used_after=2), pools=[pool()])
    found = rest(plan, state)
    assert [(row.code, row.message) for row in found.stale] == [
        (
            "over_quota",
            "grant kse to bob@x.io: no seat of kse is free: 2 of 2 are used; "
            "carol@x.io has no seat any more",
        )
    ]
    # One seat fewer was expected: the first half of the transfer is there.
    assert found.moved == (
        "kse: carol@x.io was licensed, is not licensed",
        "kse: seats used was 1, is 2",
    )


def test_a_seat_that_a_remove_frees_before_is_counted() -> None:
    changes = (remove("carol@x.io"), grant("bob@x.io"))
    assert not rest(organization_plan(*changes), FULL).stale
    assert [row.code for row in rest(organization_plan(*reversed(changes)), FULL).stale] == [
        "over_quota"
    ]


@pytest.mark.parametrize(
    ("state", "code"),
    [
        (organization_state(quotas={"kse": 9}), "not_a_member"),
        (organization_state(quotas={"kse": 9}, pending=["bob@x.io"]), "pending_member"),
        (organization_state(quotas={}, members=["bob@x.io"]), "no_subscription"),
        (
            replace(organization_state(quotas={}, members=["bob@x.io"]), subscriptions=None),
            "unreadable",
        ),
        (
            replace(
                organization_state(quotas={"kse": 9}, members=["bob@x.io"]), licensed_users=None
            ),
            "unreadable",
        ),
    ],
)
def test_a_grant_that_no_longer_holds_is_stale_with_the_reason(
    state: OrganizationState, code: str
) -> None:
    found = rest(organization_plan(grant("bob@x.io")), state)
    assert [row.code for row in found.stale] == [code]
    # Also where the reason is one of the whole pool, or organization, it is told what is affected.
    assert found.stale[0].message.startswith("grant kse to bob@x.io: ")


def test_a_subscription_that_has_ended_makes_grants_stale_but_not_removes() -> None:
    plan = organization_plan(remove("carol@x.io"), grant("bob@x.io"))
    late = remainder_of(plan, FULL, date(2027, 7, 1))
    assert [(row.change.subject.id, row.code) for row in late.stale] == [
        ("bob@x.io", "subscription_expired")
    ]
    assert not remainder_of(plan, FULL, date(2027, 6, 30)).stale


def test_seats_that_only_the_api_counts_are_taken() -> None:
    (row,) = FULL.subscriptions or ()
    state = replace(FULL, subscriptions=(replace(row, quota=3, used=3),))
    found = rest(organization_plan(grant("bob@x.io")), state)
    assert [stale.code for stale in found.stale] == ["over_quota"]


def test_a_quota_that_the_plan_knew_and_that_cannot_be_read_now_is_stale() -> None:
    (row,) = FULL.subscriptions or ()
    state = replace(FULL, subscriptions=(replace(row, quota=None),))
    known = organization_plan(grant("bob@x.io"), pools=[pool()])
    assert [stale.code for stale in rest(known, state).stale] == ["unreadable"]
    assert not rest(organization_plan(grant("bob@x.io")), state).stale


def test_every_stale_change_is_told_and_one_does_not_make_the_others_look_stale() -> None:
    plan = organization_plan(
        pair("ada@x.io", "gone@x.io"), pair("carol@x.io", "bob@x.io"), grant("nobody@x.io")
    )
    found = rest(plan, FULL)
    assert [row.change.subject.id for row in found.stale] == ["gone@x.io", "nobody@x.io"]
    assert "members: gone@x.io was active, is not one" in found.moved


def test_a_machine_that_holds_an_offline_license_cannot_be_removed_any_more() -> None:
    state = replace(
        organization_state(quotas={"kre-node-locked": 2}, machines={"kre-node-locked": ["a1"]}),
        offline_licenses=(OfflineLicense("kre-node-locked", "a1", date(2027, 1, 31)),),
    )
    plan = organization_plan(remove("a1", product="kre-node-locked"))
    assert [row.code for row in rest(plan, state).stale] == ["offline_locked"]
    assert not remainder_of(plan, state, date(2027, 2, 1)).stale


@pytest.mark.parametrize(
    ("licenses", "last", "code"),
    [
        ([], date(2027, 3, 31), None),
        ([], date(2027, 7, 1), "invalid_date"),
        ([], date(2026, 11, 23), "invalid_date"),
        ([date(2027, 1, 31)], date(2027, 3, 31), "already_offline"),
        ([date(2027, 4, 30)], date(2027, 3, 31), "done"),
    ],
)
def test_an_offline_license_is_due_only_where_it_can_be_issued(
    licenses: list[date], last: date, code: str | None
) -> None:
    state = replace(
        # The pool is full: the license takes the seat that its machine already has.
        organization_state(quotas={"kre-node-locked": 1}, machines={"kre-node-locked": ["a1"]}),
        offline_licenses=tuple(OfflineLicense("kre-node-locked", "a1", ends) for ends in licenses),
    )
    found = rest(organization_plan(offline("a1", last, product="kre-node-locked")), state)
    if code == "done":
        assert found.steps[0].done
    else:
        assert [row.code for row in found.stale] == ([] if code is None else [code])


def test_an_offline_license_of_a_session_product_needs_a_seat_that_no_session_takes() -> None:
    state = replace(
        organization_state(quotas={"kre-floating": 1}),
        sessions=(Session("kre-floating", "b2", email="ada@x.io"),),
    )
    plan = organization_plan(offline("a1", date(2027, 3, 31), product="kre-floating"))
    assert [row.code for row in rest(plan, state).stale] == ["over_quota"]
    assert not rest(plan, replace(state, sessions=())).stale


def test_removing_a_user_ends_the_session_whose_seat_is_needed_next() -> None:
    state = replace(
        organization_state(quotas={"kre-floating": 1}, users={"kre-floating": ["ada@x.io"]}),
        sessions=(Session("kre-floating", "b2", email="Ada@x.io"),),
    )
    plan = organization_plan(
        remove("ada@x.io", product="kre-floating"),
        offline("a1", date(2027, 3, 31), product="kre-floating"),
    )
    assert not rest(plan, state).stale


def test_a_machine_of_a_user_product_has_to_be_activated_on_its_host() -> None:
    plan = organization_plan(grant("a1"))
    assert [row.code for row in rest(plan, FULL).stale] == ["activate_on_host"]


def test_the_machine_quota_limits_registrations() -> None:
    state = organization_state(
        quotas={"kre-node-locked": 5}, machines={"kre-node-locked": ["a1", "b2"]}
    )
    (row,) = state.subscriptions or ()
    state = replace(state, subscriptions=(replace(row, machine_quota=2),))
    plan = organization_plan(grant("c3", product="kre-node-locked"))
    assert [stale.code for stale in rest(plan, state).stale] == ["machine_quota"]
    moves = organization_plan(pair("a1", "c3", product="kre-node-locked"))
    assert not rest(moves, state).stale


def test_drift_of_a_pool_is_told_although_nothing_is_stale() -> None:
    state = organization_state(quotas={"kse": 5}, users={"kse": ["ada@x.io"]}, members=["bob@x.io"])
    plan = organization_plan(grant("bob@x.io", used_after=3), pools=[pool(quota=4, used=2)])
    found = rest(plan, state)
    assert not found.stale
    assert found.moved == ("kse: quota was 4, is 5", "kse: seats used was 2, is 1")


def test_what_the_plan_itself_did_is_no_drift() -> None:
    plan = organization_plan(
        remove("ada@x.io", used_after=1),
        pair("carol@x.io", "bob@x.io", used_after=1),
        grant("eve@x.io", used_after=2),
        pools=[pool()],
    )
    for users in (["carol@x.io"], [], ["bob@x.io"], ["bob@x.io", "eve@x.io"]):
        state = organization_state(
            quotas={"kse": 2}, users={"kse": users}, members=["bob@x.io", "eve@x.io"]
        )
        found = rest(plan, state)
        assert not found.stale
        assert found.moved == ()


def test_each_change_is_compared_with_what_the_changes_before_it_leave() -> None:
    state = organization_state(
        quotas={"kre-node-locked": 2, "kse": 3},
        users={"kse": ["ada@x.io"]},
        machines={"kre-node-locked": ["a1"]},
        members=["bob@x.io"],
    )
    found = rest(
        organization_plan(
            remove("ada@x.io"),
            grant("ada@x.io"),
            grant("bob@x.io"),
            remove("bob@x.io"),
            offline("a1", date(2027, 3, 31), product="kre-node-locked"),
            remove("a1", product="kre-node-locked"),
        ),
        state,
    )
    assert all(not step.done for step in found.steps)
    assert [row.code for row in found.stale] == ["offline_locked"]


def test_an_undated_offline_license_satisfies_any_wanted_day() -> None:
    state = replace(
        organization_state(quotas={"kre-node-locked": 1}, machines={"kre-node-locked": ["a1"]}),
        offline_licenses=(OfflineLicense("kre-node-locked", "a1"),),
    )
    plan = organization_plan(offline("a1", date(2027, 3, 31), product="kre-node-locked"))
    assert rest(plan, state).steps[0].done


def test_what_cannot_be_listed_is_told_as_unknown_in_the_account() -> None:
    state = replace(FULL, licensed_users=None, offline_licenses=None, members=None)
    changes = (
        remove("carol@x.io"),
        grant("bob@x.io"),
        offline("a1", date(2027, 3, 31), product="kre-floating"),
    )
    found = rest(organization_plan(*changes), state)
    assert [row.code for row in found.stale] == ["unreadable"] * 3
    assert found.moved == (
        "kse: bob@x.io was not licensed, is unknown",
        "kse: carol@x.io was licensed, is unknown",
    )


def test_an_organization_that_allows_no_offline_licenses_any_more_is_stale() -> None:
    state = organization_state(quotas={"kre-floating": 1})
    (row,) = state.subscriptions or ()
    state = replace(state, subscriptions=(replace(row, offline_allowed=False),))
    plan = organization_plan(offline("a1", date(2027, 3, 31), product="kre-floating"))
    assert [stale.code for stale in rest(plan, state).stale] == ["offline_not_allowed"]
