"""Laws of planning: what holds for every organization, not only for the ones we thought of."""

from __future__ import annotations

import os
import random
from collections import Counter
from dataclasses import replace
from datetime import UTC, date, datetime, time

from hypothesis import HealthCheck, given, note, settings

from reconciler.applying.operations import effects_of, operation_for
from reconciler.backends.embedded import EmbeddedConnections
from reconciler.backends.protocol import OutcomeStatus
from reconciler.backends.snapshot import to_snapshot
from reconciler.backends.testops import KatalonBackend
from reconciler.model.desired import WantedList
from reconciler.model.identity import Subject, email_key
from reconciler.model.plan import Action, OrganizationPlan
from reconciler.model.settings import ApiSettings
from reconciler.model.state import OrganizationState
from reconciler.planning.checker import Case, check
from reconciler.products import PRODUCTS, SeatUnit
from reconciler.server.load import load_snapshot
from reconciler.server.store import Store
from tests.laws.organizations import Example, examples, shapes
from tests.worlds import NOW, TODAY, plan_many, words

COUNT = int(os.environ.get("LAW_EXAMPLES", "200"))
law = settings(
    max_examples=COUNT,
    deadline=None,
    suppress_health_check=list(HealthCheck),
    derandomize="LAW_SEED" not in os.environ,
    database=None,
)


def planned(
    example: Example, state: OrganizationState | None = None, *, read_on: date = TODAY
) -> OrganizationPlan:
    plan = plan_many(
        [example.desired],
        [state or example.seen],
        as_of=example.as_of,
        read_on=read_on,
        removals=example.allowed.removals,
        irrevocable=example.allowed.irrevocable,
    )
    return plan.organizations[0]


def case(example: Example) -> Case:
    return Case(example.seen, example.desired, example.as_of, example.allowed, TODAY)


class System:
    """The embedded licensing server in memory, holding today's state of one example on a day."""

    def __init__(self, state: OrganizationState, day: date = TODAY) -> None:
        store = Store.open(":memory:", create=True)
        load_snapshot(store, to_snapshot([state], NOW))
        connections = EmbeddedConnections(
            store, "sqlite:///law", clock=lambda: datetime.combine(day, time(12), UTC)
        )
        self.backend = KatalonBackend(
            "sqlite:///law", connections, settings=ApiSettings(), timezone="UTC"
        )
        self.calls = 0

    def read(self) -> OrganizationState:
        return self.backend.read(101)

    def refused(self, change) -> list[str]:
        """Run one change; return what the server refused of it."""
        refused = []
        for effect in effects_of(change):
            self.calls += 1
            operation = operation_for(101, (effect,))
            for outcome in self.backend.write(operation, idempotency_key=f"k{self.calls}"):
                if outcome.status is not OutcomeStatus.DONE:
                    refused.append(f"{effect}: {outcome.status} {outcome.code}")
        return refused

    def close(self) -> None:
        self.backend.close()


def run(plan: OrganizationPlan, state: OrganizationState, day: date):
    """Return what the server refuses of a plan, step by step, and its state afterwards."""
    system = System(state, day)
    try:
        refused = [line for change in plan.changes for line in system.refused(change)]
        return refused, system.read()
    finally:
        system.close()


@law
@given(examples())
def test_every_step_is_accepted_and_the_end_is_what_was_admitted(example):
    plan = planned(example)
    note(words(plan))
    refused, after = run(plan, example.full, example.as_of)
    assert refused == []
    for pool in plan.pools:
        subscription = after.subscription(pool.product)
        if pool.used is not None and subscription is not None and example.seen is example.full:
            assert subscription.used == pool.used_after
    # What is left to do afterwards is nothing, but for refusals and deferrals, which stay.
    hidden = {
        name: None
        for name in ("members", "licensed_users", "offline_licenses", "machines")
        if getattr(example.seen, name) is None
    }
    again = planned(example, replace(after, **hidden), read_on=example.as_of)
    assert words(again) == []


def wanted_in(one: WantedList, example: Example) -> set[str]:
    listed = [wanted for wanted in one.wanted if wanted.wanted_on(example.as_of)]
    found = {wanted.subject.key for wanted in listed}
    replaced = {wanted.replaces.key for wanted in listed if wanted.replaces is not None}
    for line in one.everyone:
        if line.entry.wants(example.as_of):
            active = {email_key(m.email) for m in example.full.members if m.status == "active"}
            found |= active - {subject.key for subject, _ in line.excluded} - replaced
    return found


@law
@given(examples())
def test_nothing_outside_the_managed_lists_changes_and_no_wanted_holder_loses_a_seat(example):
    plan = planned(example)
    managed = {
        (product.product, one.kind): wanted_in(one, example)
        for product in example.desired.products
        for one in (product.users, product.machines)
        if one is not None
    }
    holding = {
        *((row.product, "user", email_key(row.email)) for row in example.full.licensed_users),
        *((row.product, "machine", row.id) for row in example.full.machines),
    }
    for change in plan.changes:
        wanted = managed[change.product, change.subject.kind]
        loser = change.subject if change.action is Action.REMOVE else change.holder
        if loser is not None:
            assert loser.key not in wanted
            assert (change.product, loser.kind, loser.key) in holding
        if change.action is not Action.REMOVE:
            assert change.subject.key in wanted
        if change.action in {Action.GRANT, Action.REASSIGN}:
            assert (change.product, change.subject.kind, change.subject.key) not in holding
    subjects = [
        (c.product, s.compared)
        for c in plan.changes
        if c.action is not Action.ISSUE_OFFLINE
        for s in (c.subject, c.holder)
        if s is not None
    ]
    assert len(subjects) == len(set(subjects)), "a subject is touched twice in one pool"


def shuffled(state: OrganizationState, seed: int) -> OrganizationState:
    order = random.Random(seed)  # noqa: S311
    rows = {}
    for name in ("members", "subscriptions", "licensed_users", "machines", "sessions"):
        values = getattr(state, name)
        rows[name] = None if values is None else tuple(order.sample(values, len(values)))
    return replace(state, **rows)


@law
@given(examples())
def test_the_order_of_the_apis_lists_does_not_matter(example):
    assert planned(example) == planned(example, shuffled(example.seen, 7))


@law
@given(examples())
def test_the_checker_accepts_every_plan(example):
    assert check(case(example), planned(example)) == ()


@law
@given(examples())
def test_the_checker_rejects_a_plan_with_a_change_dropped_doubled_or_retargeted(example):
    plan = planned(example)
    for place, change in enumerate(plan.changes):
        rest = (*plan.changes[:place], *plan.changes[place + 1 :])
        assert check(case(example), replace(plan, changes=rest))
        doubled = (*plan.changes[: place + 1], change, *plan.changes[place + 1 :])
        assert check(case(example), replace(plan, changes=doubled))
        other = replace(change, subject=Subject(change.subject.kind, "somebody@example.com"))
        retargeted = (*plan.changes[:place], other, *plan.changes[place + 1 :])
        assert check(case(example), replace(plan, changes=retargeted))


@law
@given(examples())
def test_the_checker_rejects_two_changes_swapped_wherever_the_server_does(example):
    plan = planned(example)
    if example.seen is not example.full:
        return
    for place in range(len(plan.changes) - 1):
        first, second = plan.changes[place], plan.changes[place + 1]
        order = (*plan.changes[:place], second, first, *plan.changes[place + 2 :])
        swapped = replace(plan, changes=tuple(replace(c, used_after=None) for c in order))
        if run(swapped, example.full, example.as_of)[0]:
            assert check(case(example), swapped)


@law
@given(examples())
def test_who_waits_for_a_seat_is_behind_everybody_who_got_one(example):
    plan = planned(example)
    for product in example.desired.products:
        if PRODUCTS[product.product].seat is not SeatUnit.USER or product.users is None:
            continue
        if product.users.everyone:
            continue
        rank = {w.subject.key: (-w.priority, w.order) for w in product.users.wanted}
        gained = [
            rank[c.subject.key]
            for c in plan.changes
            if c.product == product.product
            and c.action in {Action.GRANT, Action.REASSIGN}
            and c.pairing != "declared"
        ]
        waiting = [
            rank[d.subject.key]
            for d in plan.deferred
            if d.product == product.product and d.reason == "over_quota" and d.action == "grant"
        ]
        if gained and waiting:
            assert max(gained) < min(waiting)


COMMON = (
    "full",
    "over quota",
    "offline",
    "expired",
    "waitlist",
    "declared transfer",
    "move between products",
    "unknown list",
)
CORNERS = (
    "member replaced under `members: all`",
    "offline license that ends before the day",
    "offline license wanted beside sessions in a full pool",
    "reimage",
)


def test_the_shapes_that_matter_come_in_a_tenth_of_the_examples_and_the_corners_in_some():
    found: Counter[str] = Counter()
    total = 0

    @settings(parent=law, max_examples=500)
    @given(examples())
    def count(example):
        nonlocal total
        total += 1
        found.update(shapes(example))

    count()
    rare = {
        shape: found[shape] / total
        for shapes_, least in ((COMMON, 1 / 10), (CORNERS, 1 / 50))
        for shape in shapes_
        if found[shape] < total * least
    }
    assert rare == {}
