"""`members: all` with an entry that replaces one of them: the transfer happens."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, timedelta

import pytest

from reconciler.model.desired import (
    DesiredOrganization,
    Entry,
    Everyone,
    OnShortage,
    Policy,
    UnlicensedMembers,
)
from reconciler.model.identity import user
from reconciler.model.plan import Allowed, OrganizationPlan
from reconciler.model.source import Source
from reconciler.model.state import Member, MemberStatus, OrganizationState, Subscription
from reconciler.planning.cause import with_causes
from reconciler.planning.checker import Case, check
from reconciler.planning.explanation import explain
from reconciler.planning.forecast import forecast
from tests.worlds import TODAY, desired, email, members, plan, plan_many, short, state, wants, words

YESTERDAY, TOMORROW = TODAY - timedelta(days=1), TODAY + timedelta(days=1)
LINE = Source("orgs/acme.yaml", 130, 9)
QUIET = Policy(unlicensed_members=UnlicensedMembers.IGNORE)
PEOPLE = members("ada", "bob", "carol")


def files(
    *lines: object, policy: Policy = QUIET, leaving_out: tuple[str, ...] = ()
) -> DesiredOrganization:
    """A list with these lines and `members: all`."""
    wanted = desired(users={"kse": lines}, policy=policy)
    (product,) = wanted.products
    excluded = tuple((user(email(name)), LINE) for name in leaving_out)
    users = replace(product.users, everyone=(Everyone(Entry(LINE), len(lines), excluded=excluded),))
    return replace(wanted, products=(replace(product, users=users),))


def holding(*names: str, quota: int = 2, people: tuple[Member, ...] = PEOPLE) -> OrganizationState:
    subscriptions = (Subscription("kse", quota),)
    return state(people=people, subscriptions=subscriptions, users={"kse": names})


def judged(
    wanted: DesiredOrganization, current: OrganizationState, day: date = TODAY
) -> OrganizationPlan:
    """Return the plan, which the checker accepts."""
    found = plan(wanted, current, as_of=day)
    assert check(Case(current, wanted, day, Allowed()), found) == ()
    return found


TRANSFER = files(wants("bob", replaces="carol"))


def test_the_transfer_is_made_in_a_full_pool() -> None:
    found = judged(TRANSFER, holding("ada", "carol"))
    assert [(short(c), c.pairing) for c in found.changes] == [("carol->bob", "declared")]
    assert found.complete


@pytest.mark.parametrize("quota", [2, 9])
def test_after_it_nothing_is_left_to_do_and_the_replaced_gets_nothing_back(quota: int) -> None:
    found = judged(TRANSFER, holding("ada", "bob", quota=quota))
    assert words(found) == []
    assert found.complete


def test_whoever_holds_a_seat_without_the_replaced_is_no_transfer() -> None:
    assert words(judged(TRANSFER, holding("ada"))) == ["+bob"]
    assert words(judged(TRANSFER, holding("ada", "bob", "carol", quota=3))) == ["-carol"]


def test_until_the_transfer_is_due_the_replaced_is_a_member_like_any_other() -> None:
    wanted = files(wants("bob", start=TOMORROW, replaces="carol"))
    assert words(judged(wanted, holding("ada", quota=3))) == ["+bob", "+carol"]
    assert words(judged(wanted, holding("ada", "carol", quota=3))) == ["+bob"]
    full = judged(wanted, holding("ada", "carol"))
    assert (words(full), [row.code for row in full.refusals]) == ([], ["over_quota"])
    assert words(judged(wanted, holding("ada", "carol"), TOMORROW)) == ["carol->bob"]
    both = holding("ada", "bob", "carol", quota=3)
    assert words(judged(wanted, both)) == []
    assert words(judged(wanted, both, TOMORROW)) == ["-carol"]


def test_when_the_entry_has_ended_the_replaced_is_a_member_again() -> None:
    wanted = files(wants("bob", end=YESTERDAY, replaces="carol"), leaving_out=("bob",))
    found = judged(wanted, holding("ada", "bob"))
    assert words(found) == ["bob->carol"]
    # Deleting the entry, as the plan asks for, changes nothing.
    (notice,) = [row for row in found.warnings if row.code == "expired_entries"]
    assert notice.details["subjects"] == [email("bob")]
    assert words(judged(files(leaving_out=("bob",)), holding("ada", "bob"))) == ["bob->carol"]


def test_a_transfer_that_waits_keeps_the_replaced() -> None:
    people = (*members("ada", "carol"), Member(email("bob"), status=MemberStatus.PENDING))
    found = judged(TRANSFER, holding("ada", "carol", people=people))
    assert words(found) == []
    assert {(row.subject.id, row.reason) for row in found.deferred} == {
        (email("bob"), "pending_member"),
        (email("carol"), "awaits_replacement"),
    }


def test_an_entry_of_the_replaced_that_is_over_is_no_entry_of_the_file() -> None:
    wanted = files(wants("bob", start=YESTERDAY, replaces="carol"))
    found = judged(wanted, holding("ada", "carol"))
    assert [row.code for row in found.warnings] == []
    assert words(found) == ["carol->bob"]
    removed = judged(wanted, holding("ada", "bob", "carol", quota=3))
    assert [c.reason for c in removed.changes] == ["listed until 2026-11-22"]


def test_the_checker_refuses_a_plan_that_grants_the_replaced_or_spares_them() -> None:
    current = holding("ada", "bob", quota=9)
    granting = plan(files("bob"), current)
    assert words(granting) == ["+carol"]
    broken = check(Case(current, TRANSFER, TODAY, Allowed()), granting)
    assert any("nobody wants it" in line for line in broken)
    full = holding("ada", "carol")
    broken = check(Case(full, TRANSFER, TODAY, Allowed()), plan(files("ada"), full))
    assert any("carol@example.com is not wanted in kse" in line for line in broken)


def test_a_line_that_has_ended_raises_no_rank_that_the_checker_does_not_know() -> None:
    policy = replace(QUIET, on_shortage=OnShortage.WAITLIST)
    wanted = files("carol", "bob", policy=policy, leaving_out=("carol",))
    (product,) = wanted.products
    (line,) = product.users.everyone
    ended = replace(line, entry=Entry(LINE, end=YESTERDAY), priority=7)
    users = replace(product.users, everyone=(ended,))
    wanted = replace(wanted, products=(replace(product, users=users),))
    assert words(judged(wanted, holding(quota=1))) == ["+bob"]


def test_the_forecast_counts_what_the_plans_of_the_days_come_to() -> None:
    wanted = files(wants("bob", start=TOMORROW, replaces="carol"))
    current = holding("ada", "bob", "carol", quota=9)
    ahead = forecast(wanted, current, TODAY, TOMORROW)
    assert [(row.day, row.wanted) for row in ahead.pools[0].days] == [(TODAY, 3), (TOMORROW, 2)]


def test_why_tells_who_takes_the_seat_and_that_members_all_passes_them_over() -> None:
    current = holding("ada", "bob")
    found = explain(user(email("carol")), TRANSFER, current, plan(TRANSFER, current), TODAY)
    (reason,) = found.products
    assert (reason.wanted, reason.entries, reason.passed_over) == (False, (), True)
    assert [row.subject.id for row in reason.replaced_by] == [email("bob")]
    later = files(wants("bob", start=TOMORROW, replaces="carol"))
    found = explain(user(email("carol")), later, current, plan(later, current), TODAY)
    (reason,) = found.products
    assert [(row.everyone, row.end, row.wants) for row in reason.entries] == [(True, TODAY, True)]
    assert (reason.wanted, reason.passed_over) == (True, False)
    found = explain(user(email("ada")), TRANSFER, current, plan(TRANSFER, current), TODAY)
    assert not found.products[0].passed_over


def test_a_day_on_which_it_happens_is_its_cause() -> None:
    due = files(wants("bob", start=TODAY, replaces="carol"))
    over = files(wants("bob", end=YESTERDAY, replaces="carol"))
    for wanted, current, told in (
        (due, holding("ada", "bob", "carol", quota=3), {"-carol": "date"}),
        (over, holding("ada", "bob", quota=3), {"+carol": "date"}),
        (TRANSFER, holding("ada", "bob", "carol", quota=3), {"-carol": "drift"}),
    ):
        made = plan_many([wanted], [current])
        (found,) = with_causes(made, made, [wanted]).organizations
        assert {short(change): str(change.cause) for change in found.changes} == told
