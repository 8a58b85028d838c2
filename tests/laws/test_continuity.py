"""Continuity: nobody is without a license for a moment where any order could spare it."""

from __future__ import annotations

from collections import Counter
from functools import cache

from hypothesis import given, note
from hypothesis import strategies as st

from reconciler.model.desired import Policy, UnlicensedMembers
from reconciler.model.plan import Action, OrganizationPlan, Pairing
from reconciler.model.state import Subscription
from reconciler.planning.checker import Case, check
from reconciler.products import PRODUCTS, SeatUnit
from tests.laws.test_plan_laws import System, law
from tests.worlds import TODAY, desired, members, plan_many, state, wants, words

PEOPLE = ("ann", "ben", "cat", "dan", "eva", "fay", "gus")
POOLS = ("kse", "testops", "kse-floating")


@st.composite
def moving_worlds(draw):
    """People who change places between two pools with few seats and one without a limit."""
    products = draw(st.sampled_from([POOLS[:2], POOLS]))
    held: dict[str, list[str]] = {product: [] for product in products}
    wanted: dict[str, list[str]] = {product: [] for product in products}
    place = st.sampled_from((*products, *products[:2], None))
    for name in draw(st.permutations(PEOPLE)):
        for side in (held, wanted):
            for product in {draw(place), draw(place) if draw(st.integers(0, 5)) == 0 else None}:
                if product is not None:
                    side[product].append(name)
    users = {}
    for product, names in wanted.items():
        names[:] = draw(st.permutations(names))
        leaving = [name for name in held[product] if name not in names]
        lines = []
        for name in names:
            declared = name not in held[product] and leaving and draw(st.booleans())
            pair = draw(st.integers(0, 7)) == 0 and declared
            lines.append(wants(name, replaces=leaving.pop()) if pair else name)
        users[product] = lines
    seats = tuple(
        Subscription(product, max(len(held[product]), len(wanted[product])) + draw(spare), None)
        for product in products
    )
    return (
        state(people=members(*PEOPLE), subscriptions=seats, users=held),
        desired(users=users, policy=Policy(unlicensed_members=UnlicensedMembers.IGNORE)),
    )


spare = st.sampled_from([0, 0, 0, 1])


def an_order_exists(plan: OrganizationPlan) -> bool:
    """Try every order of the plan's single effects, automatic pairs taken apart."""
    effects: list[tuple[str, str | None, str | None]] = []
    for change in plan.changes:
        loses = change.subject if change.action is Action.REMOVE else change.holder
        gains = None if change.action is Action.REMOVE else change.subject
        if change.pairing is Pairing.DECLARED:
            effects.append((change.product, gains.id, loses.id))
            continue
        if gains is not None:
            effects.append((change.product, gains.id, None))
        if loses is not None:
            effects.append((change.product, None, loses.id))
    free = {
        pool.product: pool.quota - pool.used
        for pool in plan.pools
        if PRODUCTS[pool.product].seat is SeatUnit.USER
    }
    gaining = Counter(gains for _, gains, _ in effects if gains is not None)

    @cache
    def possible(left: frozenset) -> bool:
        if not left:
            return True
        waiting = {gains for _, gains, _ in left if gains is not None}
        taken = Counter()
        for product, gains, loses in set(effects) - left:
            taken[product] += (gains is not None) - (loses is not None)
        for effect in left:
            product, gains, loses = effect
            if loses in waiting and gaining[loses]:
                continue
            full = product in free and free[product] - taken[product] < 1
            if gains is not None and loses is None and full:
                continue
            if possible(left - {effect}):
                return True
            if gains is None:
                # Giving a seat back never hurts, so no other step need be tried first.
                return False
        return False

    return possible(frozenset(effects))


def interrupted(plan: OrganizationPlan) -> set[tuple[str, str]]:
    """Return who loses a product before gaining another one, as the plan's order has it."""
    found = set()
    gaining = Counter(c.subject.id for c in plan.changes if c.action is not Action.REMOVE)
    for change in plan.changes:
        loses = change.subject if change.action is Action.REMOVE else change.holder
        if loses is not None and gaining[loses.id]:
            found.add((loses.id, change.product))
        if change.action is not Action.REMOVE:
            gaining[change.subject.id] -= 1
    return found


@law
@given(moving_worlds())
def test_continuity_is_given_up_only_where_no_order_could_keep_it(world):
    before, files = world
    plan = plan_many([files], [before], removals=100).organizations[0]
    note(words(plan))
    said = {
        (row.details["subject"], row.details["product"])
        for row in plan.warnings
        if row.code == "continuity"
    }
    assert said == interrupted(plan)
    assert not said or not an_order_exists(plan)
    case = Case(before, files, TODAY, plan_many([files], [before], removals=100).allowed)
    assert check(case, plan) == ()
    system = System(before)
    try:
        assert [line for change in plan.changes for line in system.refused(change)] == []
    finally:
        system.close()
