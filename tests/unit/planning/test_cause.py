"""What brought a change about: the change of the files, older drift, or a date."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

from reconciler.model.desired import (
    DesiredOrganization,
    Entry,
    Everyone,
    MaxRemovals,
    NotAMember,
    OnShortage,
    Policy,
)
from reconciler.model.identity import user
from reconciler.model.plan import OrganizationPlan
from reconciler.model.source import Source
from reconciler.model.state import Member, MemberStatus, OrganizationState, Subscription
from reconciler.planning.cause import with_causes
from tests.worlds import TODAY, desired, email, members, plan_many, short, state, wants

YESTERDAY, TOMORROW = TODAY - timedelta(days=1), TODAY + timedelta(days=1)
PEOPLE = ("ada", "bob", "carol", "dan", "eve")


def world(*holders: str, quota: int = 9, **more: object) -> OrganizationState:
    return state(
        people=members(*PEOPLE),
        subscriptions=(Subscription("kse", quota, offline_allowed=True),),
        users={"kse": holders},
        **more,
    )


def told(
    now: DesiredOrganization,
    before: DesiredOrganization | None,
    current: OrganizationState,
    **options: object,
) -> OrganizationPlan:
    options = {"removals": 50, **options}
    plan = plan_many([now], [current], **options)
    base = plan_many([] if before is None else [before], [current], **options)
    return with_causes(plan, base, [now]).organizations[0]


def causes(found: OrganizationPlan) -> dict[str, str]:
    return {short(change): str(change.cause) for change in found.changes}


def files(*lines: object, policy: Policy | None = None) -> DesiredOrganization:
    return desired(users={"kse": lines}, policy=policy)


def test_what_the_base_would_do_as_well_is_drift_and_the_rest_this_changes() -> None:
    before, now = files("ada", "bob"), files("ada", "bob", "carol")
    assert causes(told(now, before, world("ada"))) == {"+bob": "drift", "+carol": "change"}
    assert causes(told(files(), before, world("ada", "dan"))) == {
        "-ada": "change",
        "-dan": "drift",
    }


def test_everything_of_a_new_organization_is_this_changes() -> None:
    assert causes(told(files("ada"), None, world())) == {"+ada": "change"}


def test_a_pair_is_drift_only_where_both_halves_are() -> None:
    both = told(files("bob"), files("bob"), world("ada"))
    half = told(files("bob"), files(), world("ada"))
    assert causes(both) == {"ada->bob": "drift"}
    assert causes(half) == {"ada->bob": "change"}


def test_halves_that_the_base_paired_otherwise_are_drift_still() -> None:
    now = files(wants("bob", replaces="eve"), "carol")
    before = files("bob", "carol")
    assert causes(told(now, before, world("dan", "eve"))) == {
        "eve->bob": "drift",
        "dan->carol": "drift",
    }


def test_a_day_that_has_come_or_gone_is_told_apart_from_drift() -> None:
    same = files(
        wants("ada", start=YESTERDAY), wants("bob", end=YESTERDAY), wants("carol", end=TOMORROW)
    )
    assert causes(told(same, same, world("bob", "dan", quota=9))) == {
        "bob->ada": "date",
        "dan->carol": "drift",
    }


def test_a_subject_that_an_undated_entry_wants_as_well_is_drift() -> None:
    same = files(wants("ada", start=YESTERDAY))
    (product,) = same.products
    (ada,) = product.users.wanted
    twice = replace(ada, entries=(*ada.entries, Entry(Source("groups/qa.yaml", 4, 5))))
    users = replace(product.users, wanted=(twice,))
    same = replace(same, products=(replace(product, users=users),))
    assert causes(told(same, same, world())) == {"+ada": "drift"}


def test_the_day_of_members_all_is_a_date_for_those_it_brings() -> None:
    def everyone(**dates: object) -> DesiredOrganization:
        found = files("ada")
        (product,) = found.products
        source = Source("orgs/acme.yaml", 30, 9)
        line = Everyone(Entry(source, **dates), 1, excluded=((user(email("eve")), source),))
        users = replace(product.users, everyone=(line,))
        return replace(found, products=(replace(product, users=users),))

    come, gone, open_ = everyone(start=YESTERDAY), everyone(end=YESTERDAY), everyone()
    assert causes(told(come, come, world())) == {
        "+ada": "drift",
        "+bob": "date",
        "+carol": "date",
        "+dan": "date",
    }
    assert causes(told(gone, gone, world("ada", "bob", "eve"))) == {
        "-bob": "date",
        "-eve": "drift",
    }
    assert set(causes(told(open_, open_, world())).values()) == {"drift"}


def test_another_last_day_of_an_offline_license_is_this_changes() -> None:
    policy = Policy(allow_irrevocable=True)

    def until(days: int) -> DesiredOrganization:
        last = TODAY + timedelta(days=days)
        return desired(machines={"kse": [wants("m1", offline_until=last)]}, policy=policy)

    current = world(machines={"kse": ["m1"]})
    assert causes(told(until(9), until(9), current, irrevocable=True)) == {"!m1": "drift"}
    assert causes(told(until(9), until(8), current, irrevocable=True)) == {"!m1": "change"}


def test_a_deferral_is_drift_where_the_base_defers_it_for_the_same_reason() -> None:
    policy = Policy(not_a_member=NotAMember.DEFER)
    current = replace(
        world(),
        members=(*members(*PEOPLE), Member(email("pia"), status=MemberStatus.PENDING)),
    )
    before, now = files("stranger", policy=policy), files("stranger", "pia", policy=policy)
    found = told(now, before, current)
    assert [(row.reason, str(row.cause)) for row in found.deferred] == [
        ("not_a_member", "drift"),
        ("pending_member", "change"),
    ]


def test_a_refusal_is_drift_where_the_base_is_refused_all_of_it() -> None:
    policy = Policy(on_shortage=OnShortage.FAIL)
    before, more = files("ada", "bob", policy=policy), files("ada", "bob", "carol", policy=policy)
    (same,) = told(before, before, world(quota=1)).refusals
    assert str(same.cause) == "drift"
    assert {str(change.cause) for change in same.withheld} == {"drift"}
    (wider,) = told(more, before, world(quota=1)).refusals
    assert str(wider.cause) == "change"
    assert {short(c): str(c.cause) for c in wider.withheld} == {
        "+ada": "drift",
        "+bob": "drift",
        "+carol": "change",
    }


def test_what_makes_a_limit_be_passed_is_at_fault_and_not_what_had_been_within_it() -> None:
    policy = Policy(max_removals=MaxRemovals(1, 0))
    before, now = files("bob", "carol", policy=policy), files("carol", policy=policy)
    found = told(now, before, world("ada", "bob", "carol"), removals=None)
    (refusal,) = found.refusals
    assert (refusal.code, str(refusal.cause)) == ("max_removals", "change")
    assert {short(c): str(c.cause) for c in refusal.withheld} == {
        "-ada": "drift",
        "-bob": "change",
    }


def test_a_grant_that_a_standing_mass_removal_withholds_is_not_at_fault() -> None:
    policy = Policy(max_removals=MaxRemovals(1, 0))
    before, now = files("carol", policy=policy), files("carol", "eve", policy=policy)
    found = told(now, before, world("ada", "bob", "carol"), removals=None)
    (refusal,) = found.refusals
    assert (refusal.code, str(refusal.cause)) == ("max_removals", "drift")


def test_lists_that_cannot_be_read_are_no_fault_of_this_change() -> None:
    hidden = replace(world(), licensed_users=None)
    (refusal,) = told(files("ada", "bob"), files("ada"), hidden).refusals
    assert (refusal.code, str(refusal.cause)) == ("unreadable", "drift")
    (new,) = told(files("ada"), desired(), hidden).refusals
    assert str(new.cause) == "change"


def test_nothing_but_causes_is_altered() -> None:
    now, current = files("ada", "bob"), world("carol")
    plan = plan_many([now], [current], removals=9)
    base = plan_many([files("ada")], [current], removals=9)
    found = with_causes(plan, base, [now])
    blank = replace(plan.organizations[0].changes[0]).cause
    (organization,) = found.organizations
    undone = replace(
        organization, changes=tuple(replace(c, cause=blank) for c in organization.changes)
    )
    assert replace(found, organizations=(undone,)) == plan
