"""A plan for a later day than that of the state: offline licenses that end until then."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, timedelta

import pytest

from reconciler.model.desired import DesiredOrganization, Policy, UnlicensedMembers
from reconciler.model.plan import Allowed, OrganizationPlan
from reconciler.model.state import OrganizationState, Session, Subscription
from reconciler.planning.checker import Case, check
from reconciler.planning.forecast import forecast
from reconciler.planning.pools import pools_of
from tests.worlds import TODAY, desired, members, plan, state, wants, words

M = [f"{number:032x}" for number in range(5)]
QUIET = Policy(unlicensed_members=UnlicensedMembers.IGNORE)
ENDS = TODAY + timedelta(days=3)
LATER = ENDS + timedelta(days=1)


def judged(
    wanted: DesiredOrganization, current: OrganizationState, day: date, **options: object
) -> OrganizationPlan:
    """Return the plan, which the checker accepts."""
    found = plan(wanted, current, as_of=day, **options)
    allowed = Allowed(irrevocable=bool(options.get("irrevocable")))
    read_on = options.get("read_on", TODAY)
    assert check(Case(current, wanted, day, allowed, read_on), found) == ()
    return found


def kse(quota: int, used: int | None) -> OrganizationState:
    return state(
        people=members("ada", "bob"),
        subscriptions=(Subscription("kse", quota, used),),
        users={"kse": ["ada"]},
        offline={"kse": {M[1]: ENDS}},
    )


BOTH = desired(users={"kse": ["ada", "bob"]}, policy=QUIET)


@pytest.mark.parametrize("used", [2, None])
def test_the_seat_of_a_license_that_has_ended_by_then_is_free(used: int | None) -> None:
    assert words(judged(BOTH, kse(2, used), ENDS)) == []
    found = judged(BOTH, kse(2, used), LATER)
    assert words(found) == ["+bob"]
    assert (found.pools[0].used, found.pools[0].used_after) == (1, 2)
    assert found.refusals == found.warnings == ()


def test_seats_that_no_list_shows_stay_taken() -> None:
    found = judged(BOTH, kse(3, 3), LATER)
    assert words(found) == ["+bob"]
    assert (found.pools[0].used, found.pools[0].used_after) == (2, 3)
    assert [row.details["reported"] for row in found.warnings] == [2]
    assert [row.code for row in judged(BOTH, kse(2, 3), LATER).refusals] == ["over_quota"]


def test_a_license_that_had_ended_when_the_state_was_read_is_not_counted_in_it() -> None:
    current = kse(2, 2)
    found = judged(BOTH, current, LATER, read_on=LATER)
    assert found.pools[0].used == 2
    assert [row.code for row in found.refusals] == ["over_quota"]
    # An end that nobody knows is none.
    licenses = tuple(replace(row, expires=None) for row in current.offline_licenses or ())
    undated = replace(current, offline_licenses=licenses)
    assert judged(BOTH, undated, LATER).pools[0].used == 2


def test_a_day_before_the_reading_is_planned_on_what_was_read() -> None:
    assert judged(BOTH, kse(2, 2), TODAY - timedelta(days=9)).pools[0].used == 2


def test_the_seat_of_a_session_product_comes_free_too() -> None:
    current = state(
        subscriptions=(Subscription("kre-floating", 2, 2, offline_allowed=True),),
        machines={"kre-floating": [M[1], M[2]]},
        offline={"kre-floating": {M[1]: ENDS}},
        sessions=[Session("kre-floating", M[2])],
    )
    wanted = desired(
        machines={"kre-floating": [M[1], wants(M[2], offline_until=LATER)]},
        policy=replace(QUIET, allow_irrevocable=True),
    )
    assert words(judged(wanted, current, ENDS, irrevocable=True)) == []
    found = judged(wanted, current, LATER, irrevocable=True)
    assert words(found) == [f"!{M[2]}"]
    assert (found.pools[0].used, found.pools[0].used_after) == (1, 2)


def test_a_node_locked_machine_stays_registered_and_keeps_its_seat() -> None:
    current = state(
        subscriptions=(Subscription("kre-node-locked", 1, 1),),
        offline={"kre-node-locked": {M[1]: ENDS}},
    )
    listed = desired(machines={"kre-node-locked": [M[1], M[2]]}, policy=QUIET)
    found = judged(listed, current, LATER)
    assert (words(found), found.pools[0].used) == ([], 1)
    assert [row.code for row in found.refusals] == ["over_quota"]
    moving = desired(machines={"kre-node-locked": [M[2]]}, policy=QUIET)
    assert words(judged(moving, current, LATER)) == [f"{M[1]}->{M[2]}"]


def test_the_forecast_of_that_day_is_what_its_plan_comes_to() -> None:
    (row,) = forecast(BOTH, kse(2, 2), LATER, LATER, read_on=TODAY).pools[0].days
    assert (row.wanted, row.short) == (2, 0)


def test_the_number_never_falls_below_none() -> None:
    pool = pools_of(kse(2, 0), LATER, TODAY)["kse"]
    assert (pool.reported, pool.used) == (0, 1)
