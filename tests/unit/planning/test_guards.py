"""What a plan may take away, and who decides it."""

from __future__ import annotations

from dataclasses import replace

from reconciler.model.desired import DesiredOrganization, MaxRemovals, Policy, UnlicensedMembers
from reconciler.model.plan import Allowed
from reconciler.model.source import Source
from reconciler.model.state import OrganizationState, Subscription
from reconciler.planning.checker import Case, check
from tests.worlds import TODAY, desired, members, plan, state, words

QUIET = Policy(unlicensed_members=UnlicensedMembers.IGNORE)
PEOPLE = ("ada", "bob")
LIST = Source("orgs/acme.yaml", 101, 5)


def moving() -> tuple[DesiredOrganization, OrganizationState]:
    """Everybody of one product moves to another: nobody loses, and a list of two is emptied."""
    return (
        desired(users={"kse": [], "testops": PEOPLE}, policy=QUIET),
        state(
            people=members(*PEOPLE),
            subscriptions=(Subscription("kse", 5), Subscription("testops", 5)),
            users={"kse": PEOPLE},
        ),
    )


def leaving(held: int, kept: int, policy: Policy = QUIET):
    names = [f"u{number:02}" for number in range(held)]
    return (
        desired(users={"kse": names[:kept]}, policy=policy),
        state(
            people=members(*names), subscriptions=(Subscription("kse", 50),), users={"kse": names}
        ),
    )


class TestEmptying:
    def test_an_allowance_of_none_does_not_allow_emptying(self):
        for allowance in (None, 0):
            found = plan(*moving(), removals=allowance)
            assert words(found) == []
            (refusal,) = found.refusals
            assert refusal.code == "max_removals"
            assert refusal.details["emptied"] == ["the users of kse"]

    def test_the_allowance_that_is_asked_for_is_one_that_helps(self):
        (refusal,) = plan(*moving()).refusals
        assert "--allow-removals 1)" in refusal.message
        assert words(plan(*moving(), removals=1)) == ["+ada", "+bob", "-ada", "-bob"]

    def test_the_checker_takes_none_for_no_allowance_too(self):
        wanted, current = moving()
        allowed = plan(wanted, current, removals=1)
        assert check(Case(current, wanted, TODAY, Allowed(1)), allowed) == ()
        for ceiling in (None, 0):
            broken = check(Case(current, wanted, TODAY, Allowed(ceiling)), allowed)
            assert broken == ("empties the users of kse",)


class TestTheLimitsPlace:
    def test_a_limit_that_nobody_set_is_called_the_default_and_stands_at_the_list(self):
        (refusal,) = plan(*leaving(20, 10)).refusals
        assert "(5: the larger of 5 and 10 % of 20, the default)" in refusal.message
        assert refusal.source == LIST

    def test_a_limit_that_was_set_is_named_with_its_place(self):
        where = Source("reconciler.yaml", 14, 3)
        policy = replace(QUIET, max_removals=MaxRemovals(3, 0), sources={"max_removals": where})
        (refusal,) = plan(*leaving(20, 10, policy)).refusals
        assert ", set at reconciler.yaml:14:3)" in refusal.message
        assert refusal.source == where
        # It is not what keeps a list from being emptied, nor what an allowance is measured by.
        for held, allowance in ((2, None), (20, 3)):
            (refusal,) = plan(*leaving(held, 0, policy), removals=allowance).refusals
            assert refusal.source == (where if allowance is None and held == 20 else LIST)

    def test_the_place_is_that_of_the_list_that_would_be_emptied(self):
        wanted, current = moving()
        wanted = replace(wanted, products=tuple(reversed(wanted.products)))
        (refusal,) = plan(wanted, current).refusals
        assert refusal.source == LIST
