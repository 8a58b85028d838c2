"""Why one subject has or lacks a license."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, timedelta

import pytest

from reconciler.model.desired import (
    DesiredOrganization,
    Entry,
    Everyone,
    MaxRemovals,
    NotAMember,
    Policy,
    Wanted,
)
from reconciler.model.identity import Subject, machine, user
from reconciler.model.source import Source
from reconciler.model.state import (
    Machine,
    Member,
    OfflineLicense,
    OrganizationState,
    Role,
    Session,
    Subscription,
)
from reconciler.planning.explanation import Explanation, ProductReason, explain
from tests.worlds import TODAY, desired, email, members, plan, short, state, wants

YESTERDAY, TOMORROW = TODAY - timedelta(days=1), TODAY + timedelta(days=1)


def world(*holders: str, quota: int = 5, **more: object) -> OrganizationState:
    return state(
        people=members("ada", "bob", "carol"),
        subscriptions=(Subscription("kse", quota), Subscription("kre-node-locked", 5)),
        users={"kse": holders},
        **more,
    )


def why(
    subject: Subject | str,
    wanted: DesiredOrganization,
    current: OrganizationState,
    day: date = TODAY,
    **options: object,
) -> Explanation:
    who = user(email(subject)) if isinstance(subject, str) else subject
    found = plan(wanted, current, as_of=day, **{"removals": 50, **options})
    return explain(who, wanted, current, found, day)


def only(found: Explanation) -> ProductReason:
    (reason,) = found.products
    return reason


def with_users(files: DesiredOrganization, **fields: object) -> DesiredOrganization:
    (product,) = files.products
    users = replace(product.users, **fields)
    return replace(files, products=(replace(product, users=users),))


def test_a_wanted_holder_has_nothing_before_it() -> None:
    found = why("ada", desired(users={"kse": ["ada"]}), world("ada"))
    assert found.member == Member(email("ada"))
    reason = only(found)
    assert (reason.wanted, reason.holding.licensed) == (True, True)
    assert [entry.path for entry in reason.entries] == [(Source("orgs/acme.yaml", 102, 9),)]
    assert reason.managed == Source("orgs/acme.yaml", 101, 5)
    assert (reason.changes, reason.deferred, reason.refusals) == ((), (), ())


def test_the_subject_is_known_by_any_spelling_of_the_email() -> None:
    current = replace(world("Bob@Example.com"), members=(Member("bob@example.com", Role.ADMIN),))
    found = why("BOB@example.com", desired(users={"kse": ["bob"]}), current)
    assert found.member == Member("bob@example.com", Role.ADMIN)
    assert (only(found).wanted, only(found).holding.licensed) == (True, True)


@pytest.mark.parametrize(
    ("holders", "lines", "changes"),
    [
        ([], ["bob"], ["+bob"]),
        (["bob"], [], ["-bob"]),
        (["bob"], ["carol"], ["bob->carol"]),
        (["ada"], ["bob"], ["ada->bob"]),
    ],
)
def test_the_next_plans_changes_are_told_to_who_gains_and_to_who_loses(
    holders: list[str], lines: list[str], changes: list[str]
) -> None:
    reason = only(why("bob", desired(users={"kse": lines}), world(*holders)))
    assert [short(change) for change in reason.changes] == changes


def test_changes_of_others_are_not_told() -> None:
    reason = only(why("ada", desired(users={"kse": ["ada", "carol"]}), world("ada", "bob")))
    assert reason.changes == ()


def test_each_entry_has_its_path_its_dates_and_whether_it_wants_now() -> None:
    listed, group = Source("orgs/acme.yaml", 9, 7), Source("groups/qa.yaml", 4, 7)
    entries = (
        Entry(group, None, YESTERDAY, path=(listed,), groups=("qa-core",)),
        Entry(Source("orgs/acme.yaml", 12, 7), TODAY),
    )
    wanted = with_users(
        desired(users={"kse": ["ada"]}), wanted=(Wanted(user(email("ada")), entries, 0, 3),)
    )
    reason = only(why("ada", wanted, world()))
    first, second = reason.entries
    assert (first.path, first.groups) == ((listed, group), ("qa-core",))
    assert (first.end, first.wants) == (YESTERDAY, False)
    assert (second.start, second.wants) == (TODAY, True)
    assert (reason.wanted, reason.priority) == (True, 3)


def test_members_all_is_an_entry_and_its_except_a_reason_of_its_own() -> None:
    line, left_out = Source("orgs/acme.yaml", 9, 7), Source("orgs/acme.yaml", 9, 30)
    wanted = with_users(
        desired(users={"kse": []}),
        everyone=(Everyone(Entry(line), 0, excluded=((user("BOB@example.com"), left_out),)),),
    )
    (entry,) = only(why("ada", wanted, world())).entries
    assert (entry.path, entry.everyone, entry.wants) == ((line,), True, True)
    bob = only(why("bob", wanted, world()))
    assert (bob.entries, bob.excluded, bob.wanted) == ((), (left_out,), False)


def test_who_is_to_take_the_seat_over_is_named_before_and_on_the_day() -> None:
    for start, kinds in ((None, ["bob->carol"]), (TOMORROW, [])):
        wanted = desired(users={"kse": [wants("carol", replaces="BOB@example.com", start=start)]})
        reason = only(why("bob", wanted, world("bob")))
        assert [row.subject.id for row in reason.replaced_by] == [email("carol")]
        assert [short(change) for change in reason.changes] == kinds
    assert [row.reason for row in reason.deferred] == ["awaits_replacement"]
    carol = only(why("carol", wanted, world("bob")))
    assert carol.replaces == user("BOB@example.com")


def test_refusals_are_told_to_those_whose_changes_they_withhold() -> None:
    wanted = desired(users={"kse": ["ada", "bob"]})
    codes = [row.code for row in only(why("bob", wanted, world("ada", quota=1))).refusals]
    assert codes == ["over_quota"]
    assert only(why("ada", wanted, world("ada", quota=1))).refusals == ()


def test_a_refusal_of_the_whole_organization_is_told_where_it_withholds_something() -> None:
    wanted = desired(
        users={"kse": ["ada"], "testops": ["ada"]}, policy=Policy(max_removals=MaxRemovals(0, 0))
    )
    current = replace(
        world("ada", "bob"),
        subscriptions=(Subscription("kse", 5), Subscription("testops", 5)),
    )
    found = why("bob", wanted, current, removals=None)
    assert [(p.product, [r.code for r in p.refusals]) for p in found.products] == [
        ("kse", ["max_removals"])
    ]
    ada = why("ada", wanted, current, removals=None)
    assert [(p.product, [r.code for r in p.refusals]) for p in ada.products] == [
        ("kse", []),
        ("testops", ["max_removals"]),
    ]


def test_a_pool_that_cannot_be_read_explains_why_nothing_happens() -> None:
    hidden = replace(world(), licensed_users=None)
    reason = only(why("bob", desired(users={"kse": ["bob"]}), hidden))
    assert reason.holding.licensed is None
    assert [row.code for row in reason.refusals] == ["unreadable"]
    # Nobody else is concerned by it.
    assert why("ada", desired(users={"kse": ["bob"]}), hidden).products == ()


def test_a_stranger_is_no_member_and_told_why_the_grant_waits() -> None:
    wanted = desired(users={"kse": ["stranger"]}, policy=Policy(not_a_member=NotAMember.DEFER))
    found = why("stranger", wanted, world())
    assert (found.member, found.members_known) == (None, True)
    assert [row.reason for row in only(found).deferred] == ["not_a_member"]
    assert why("ada", wanted, replace(world("ada"), members=None)).members_known is False


def test_what_a_user_holds_besides_the_license_is_shown() -> None:
    current = replace(
        world("bob"),
        machines=(Machine("kse", "m1", "BOB@example.com", "laptop"), Machine("kse", "m2")),
        offline_licenses=(OfflineLicense("kse", "m1", TOMORROW, "bob@example.com"),),
        sessions=(Session("kse", "m2", "bob@example.com"), Session("kse", "m3", email("ada"))),
    )
    holding = only(why("bob", desired(), current)).holding
    assert [row.id for row in holding.machines or ()] == ["m1"]
    assert [row.machine for row in holding.offline or ()] == ["m1"]
    assert [row.machine for row in holding.sessions or ()] == ["m2"]
    assert holding.registered is None


def test_a_product_that_only_the_system_speaks_of_is_shown_and_not_managed() -> None:
    found = why("ada", desired(users={"testops": []}), world("ada"))
    assert [(row.product, row.managed) for row in found.products] == [("kse", None)]


def test_a_machine_is_explained_like_a_user() -> None:
    wanted = desired(
        machines={"kre-node-locked": [wants("m1", offline_until=TOMORROW), "m2"]},
        users={"kse": ["ada"]},
    )
    current = world(
        "ada",
        machines={"kre-node-locked": ["m1", "m3"]},
        sessions=(Session("kre-node-locked", "m1", email("ada")),),
    )
    found = why(machine("m1"), wanted, current)
    reason = only(found)
    assert (found.member, reason.holding.registered, reason.holding.licensed) == (None, True, None)
    assert reason.offline_until == TOMORROW
    assert [row.code for row in reason.refusals] == ["irrevocable"]
    assert [row.machine for row in reason.holding.sessions or ()] == ["m1"]
    assert [short(c) for c in only(why(machine("m3"), wanted, current)).changes] == ["m3->m2"]


def test_warnings_that_name_the_subject_come_along() -> None:
    wanted = desired(users={"kse": ["ada", wants("bob", end=YESTERDAY)]})
    codes = {row.code for row in why("BOB@example.com", wanted, world("ada", "bob")).warnings}
    assert codes == {"expired_entries", "unlicensed_members"}
    assert why("ada", wanted, world("ada", "bob")).warnings == ()


def test_machine_ids_of_another_case_are_other_machines() -> None:
    wanted = desired(machines={"kse": []})
    current = world(machines={"kse": ["ABC"]})
    assert [row.code for row in why(machine("ABC"), wanted, current).warnings] == [
        "unlisted_machines"
    ]
    assert why(machine("abc"), wanted, current).warnings == ()


def test_the_protected_are_called_so() -> None:
    policy = Policy(protected=frozenset({email("bob"), "m1"}))
    wanted = desired(users={"kse": []}, policy=policy)
    found = why("Bob@Example.com", wanted, world("bob"))
    assert found.protected
    assert [row.code for row in only(found).refusals] == ["protected"]
    assert why(machine("m1"), wanted, world()).protected
    assert not why("ada", wanted, world()).protected


def test_another_day_is_explained_as_that_day() -> None:
    wanted = desired(users={"kse": [wants("bob", start=TOMORROW)]})
    assert not only(why("bob", wanted, world())).wanted
    later = only(why("bob", wanted, world(), day=TOMORROW))
    assert later.wanted
    assert [short(change) for change in later.changes] == ["+bob"]
