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
    """People who change places between two pools with few seats and one without a limit.

    A pool may be over its quota, as far as everybody who is wanted fits in the end.
    """
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
    seats = []
    for product in products:
        fits, is_seat = len(wanted[product]), PRODUCTS[product].seat is SeatUnit.USER
        quota = max(len(held[product]), fits) + draw(spare)
        if draw(st.integers(0, 3)) == 0:
            quota = draw(st.integers(fits, max(fits, len(held[product]))))
        # What the API counts above its quota in a pool of sessions is nobody's list.
        used = quota + 1 if not is_seat and draw(st.booleans()) else None
        seats.append(Subscription(product, quota, used))
    return (
        state(people=members(*PEOPLE), subscriptions=tuple(seats), users=held),
        desired(users=users, policy=Policy(unlicensed_members=UnlicensedMembers.IGNORE)),
    )


spare = st.sampled_from([0, 0, 0, 1])

Effect = tuple[str, str | None, str | None]
"""A product, who gains it and who loses it."""


def effects_of(plan: OrganizationPlan) -> list[Effect]:
    """Return the plan's single effects: automatic pairs are two, declared transfers stay one."""
    effects: list[Effect] = []
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
    return effects


def fewest_interrupted(plan: OrganizationPlan) -> int:
    """Try every order of the plan's single effects; how often somebody loses before gaining."""
    effects = effects_of(plan)
    free = {
        pool.product: pool.quota - pool.used
        for pool in plan.pools
        if PRODUCTS[pool.product].seat is SeatUnit.USER
    }

    @cache
    def fewest(left: frozenset[Effect]) -> int:
        if not left:
            return 0
        waiting = {gains for _, gains, _ in left if gains is not None}
        seats = Counter(free)
        for product, gains, loses in set(effects) - left:
            seats[product] -= (gains is not None) - (loses is not None)

        def fits(effect: Effect) -> bool:
            product, gains, loses = effect
            return gains is None or product not in free or seats[product] + (loses is not None) > 0

        possible = [effect for effect in left if fits(effect)]
        harmless = [effect for effect in possible if effect[2] not in waiting]
        for effect in harmless:
            product, gains, loses = effect
            # It costs nobody anything and takes no seat: no other step need be tried first.
            if gains is None or loses is not None or product not in free:
                return fewest(left - {effect})
        found = [fewest(left - {effect}) for effect in harmless]
        if 0 in found:
            return 0
        return min(
            found + [1 + fewest(left - {effect}) for effect in set(possible) - set(harmless)]
        )

    return fewest(frozenset(effects))


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
def test_as_few_as_any_order_can_spare_are_interrupted(world):
    before, files = world
    plan = plan_many([files], [before], removals=100).organizations[0]
    note(words(plan))
    said = {
        (row.details["subject"], row.details["product"])
        for row in plan.warnings
        if row.code == "continuity"
    }
    assert said == interrupted(plan)
    assert len(said) == fewest_interrupted(plan)
    case = Case(before, files, TODAY, plan_many([files], [before], removals=100).allowed)
    assert check(case, plan) == ()
    system = System(before)
    try:
        assert [line for change in plan.changes for line in system.refused(change)] == []
    finally:
        system.close()
