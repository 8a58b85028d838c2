"""Applies under random faults, while outsiders change things: nobody is wronged, and it ends well.

FAULT_EXAMPLES and FAULT_STEPS make it longer; see script/fault-test.
"""

from __future__ import annotations

import itertools
import os
import sys
from collections import Counter
from contextlib import ExitStack
from datetime import UTC
from typing import Any

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from reconciler.applying.events import Event, EventKind
from reconciler.applying.executor import execute
from reconciler.applying.patience import Patience
from reconciler.applying.result import ApplyResult, ChangeStatus
from reconciler.backends.protocol import (
    Backend,
    GrantMachines,
    GrantUsers,
    Operation,
    RemoveMachine,
    RemoveUsers,
)
from reconciler.errors import ApiError
from reconciler.model.desired import DesiredOrganization, NotAMember, OnShortage, Policy
from reconciler.model.identity import email_key
from reconciler.model.plan import Action, Allowed, Configuration, Plan
from reconciler.planning.planner import PlanRequest
from reconciler.planning.sound import sound_plan
from reconciler.products import PRODUCTS
from tests.server.fault_rules import READS, WRITES, heavy_rules, rules
from tests.server.misbehaving import misbehaving
from tests.server.world import machines, snapshot, subscription, users
from tests.worlds import NOW, TODAY, desired, email, wants

EXAMPLES = int(os.environ.get("FAULT_EXAMPLES", "60"))
STEPS = int(os.environ.get("FAULT_STEPS", "15"))
ORGANIZATION = 101
PEOPLE = [f"u{number}" for number in range(8)]
MACHINES = [f"m{number}" for number in range(4)]
QUOTA = {"kse": 3, "testops": 2, "kre-node-locked": 2}
MEMBERS = [{"email": "owner@example.com", "role": "owner"}] + [
    {"email": email(name), "role": "user"} for name in PEOPLE
]
TALLY: Counter[str] = Counter()
"""What happened in the whole run, for who asks pytest for it by `-s`."""

Held = set[tuple[str, str]]


def subset(names: list[str], most: int) -> st.SearchStrategy[list[str]]:
    return st.lists(st.sampled_from(names), unique=True, max_size=most)


@st.composite
def wanted_users(draw: st.DrawFn) -> list[Any]:
    names = draw(subset(PEOPLE, 5))
    holders = [name for name in PEOPLE if name not in names]
    lines: list[Any] = []
    for name in names:
        replaced = draw(st.none() | st.sampled_from(holders)) if holders else None
        if replaced:
            holders.remove(replaced)
        lines.append(
            wants(
                name,
                replaces=None if replaced is None else email(replaced),
                priority=draw(st.integers(0, 1)),
            )
        )
    return lines


@st.composite
def files(draw: st.DrawFn) -> DesiredOrganization:
    return desired(
        users={"kse": draw(wanted_users()), "testops": draw(wanted_users())},
        machines={"kre-node-locked": draw(subset(MACHINES, 3))},
        policy=Policy(on_shortage=draw(st.sampled_from(OnShortage)), not_a_member=NotAMember.DEFER),
    )


MIXTURES = st.one_of(
    heavy_rules("writes"),
    heavy_rules("writes", "search", "users_me"),
    rules(*READS, *WRITES),
)
ONE_USER = st.sampled_from(PEOPLE).map(lambda name: (email(name),))
HERE = st.just(ORGANIZATION)
NODES = st.just("kre-node-locked")
OUTSIDERS: st.SearchStrategy[Operation] = st.one_of(
    st.builds(GrantUsers, HERE, st.sampled_from(["kse", "testops"]), ONE_USER),
    st.builds(RemoveUsers, HERE, st.sampled_from(["kse", "testops"]), ONE_USER),
    st.builds(GrantMachines, HERE, NODES, st.sampled_from(MACHINES).map(lambda name: (name,))),
    st.builds(RemoveMachine, HERE, NODES, st.sampled_from(MACHINES)),
)


class Mixture(RuleBasedStateMachine):
    """One organization, its files, a server with faults, and somebody else."""

    def __init__(self) -> None:
        super().__init__()
        self.stack = ExitStack()
        self.numbers = itertools.count()
        self.plan: Plan | None = None
        self.wanted: Held = set()
        self.outsider: list[Operation] = []

    @initialize(
        kse=subset(PEOPLE, 3),
        testops=subset(PEOPLE, 2),
        nodes=subset(MACHINES, 2),
        wanted=files(),
    )
    def begin(
        self, kse: list[str], testops: list[str], nodes: list[str], wanted: DesiredOrganization
    ) -> None:
        document = snapshot(
            *(subscription(product, quota) for product, quota in QUOTA.items()),
            members=MEMBERS,
            licensed_users=[
                *users("kse", *map(email, kse)),
                *users("testops", *map(email, testops)),
            ],
            machines=machines("kre-node-locked", *nodes),
        )
        self.start: Held = {("kse", email(name)) for name in kse}
        self.start |= {("testops", email(name)) for name in testops}
        self.start |= {("kre-node-locked", name) for name in nodes}
        self.server = self.stack.enter_context(misbehaving(document))
        self.server.faults.behave()
        self.client = self.stack.enter_context(self.server.client())
        self.client.capabilities()
        self.desired = wanted

    @rule(
        wanted=files() | st.none(),
        found=MIXTURES,
        seed=st.integers(0, 1000),
        peace=st.booleans(),
        batch=st.sampled_from([1, 2, 100]),
        times=st.integers(1, 3),
    )
    def plan_and_apply(
        self,
        *,
        wanted: DesiredOrganization | None,
        found: list[dict[str, Any]],
        seed: int,
        peace: bool,
        batch: int,
        times: int,
    ) -> None:
        """Edit, plan and apply in the midst of faults; in `peace` they begin after the planning."""
        self.desired = wanted or self.desired
        self.server.faults.misbehave(*found, seed=seed)
        plan = self.planned(self.server.past() if peace else self.client)
        if plan is None:
            TALLY["plans that could not be made"] += 1
            return
        self.plan, self.wanted = plan, wanted_of(self.desired)
        for _ in range(times):
            self.apply(plan, self.client, batch)

    @precondition(lambda self: self.plan is not None)
    @rule(found=MIXTURES, seed=st.integers(0, 1000), batch=st.sampled_from([1, 100]))
    def apply_the_former_plan_again(
        self, found: list[dict[str, Any]], seed: int, batch: int
    ) -> None:
        self.server.faults.misbehave(*found, seed=seed)
        assert self.plan is not None
        self.apply(self.plan, self.client, batch)

    @rule(operation=OUTSIDERS, later=st.booleans())
    def somebody_changes_something(self, operation: Operation, later: bool) -> None:
        self.change(operation, later)

    @rule(name=st.sampled_from(PEOPLE))
    def somebody_leaves(self, name: str) -> None:
        self.server.faults.service.remove_member(ORGANIZATION, email(name))

    def change(self, operation: Operation, later: bool) -> None:
        """Change something now, or in the middle of the next apply."""
        if later:
            self.outsider.append(operation)
        else:
            self.server.past().write(operation, idempotency_key=f"outsider-{next(self.numbers)}")

    def planned(self, backend: Backend) -> Plan | None:
        try:
            state = backend.read(ORGANIZATION)
        except ApiError:
            return None
        return sound_plan(
            PlanRequest(
                desired=(self.desired,),
                states={ORGANIZATION: state},
                as_of=TODAY,
                created_at=NOW,
                tool="reconciler test",
                target=backend.target,
                configuration=Configuration("sha256:" + 64 * "0"),
                allowed=Allowed(removals=100),
                live=True,
                timezone=UTC,
            )
        )

    def apply(self, plan: Plan, backend: Backend, batch: int) -> ApplyResult:
        before = self.history()
        run = next(self.numbers)
        keys: set[str] = set()

        def meddle(event: Event) -> None:
            if event.kind is EventKind.CALL_STARTED:
                keys.add(str(event.key))
                if self.outsider:
                    self.change(self.outsider.pop(0), later=False)

        clock = itertools.count()
        result = execute(
            plan,
            backend,
            plan_digest="sha256:test",
            today=TODAY,
            run=f"run-{run}",
            batch=batch,
            on_event=meddle,
            patience=Patience(5, 0, 0, 0, clock=lambda: float(next(clock))),
        )
        after = self.history()[len(before) :]
        own = [row for row in after if row["idempotency_key"] in keys]
        self.nobody_who_is_wanted_lost_anything(own)
        self.each_change_happened_once(own)
        self.what_is_done_was_done(result, held(self.start, before), after)
        TALLY[f"applies that ended with {result.exit_code}"] += 1
        TALLY.update(
            f"changes that were {change.status}"
            for one in result.organizations
            for change in one.changes
        )
        return result

    def nobody_who_is_wanted_lost_anything(self, own: list[dict[str, Any]]) -> None:
        lost = {key_of(row) for row in own if row["status"] == "removed"}
        assert not lost & self.wanted, (lost, self.wanted)

    def each_change_happened_once(self, own: list[dict[str, Any]]) -> None:
        effective = [
            (row["idempotency_key"], key_of(row)) for row in own if row["status"] in _EFFECTIVE
        ]
        assert len(effective) == len(set(effective)), effective

    def what_is_done_was_done(
        self, result: ApplyResult, before: Held, after: list[dict[str, Any]]
    ) -> None:
        """Hold each change that is called done against the history, at any moment of the apply."""
        moments = [before]
        for row in after:
            moments.append(held(moments[-1], [row]))
        for change in (row for one in result.organizations for row in one.changes):
            if change.status not in {ChangeStatus.DONE, ChangeStatus.SKIPPED}:
                continue
            product = change.change.product
            gains = change.change.action is not Action.REMOVE
            subject = (product, email_key(change.change.subject.id))
            assert any((subject in moment) is gains for moment in moments), change
            if change.change.holder is not None:
                holder = (product, email_key(change.change.holder.id))
                assert any(holder not in moment for moment in moments), change

    def history(self) -> list[dict[str, Any]]:
        return self.server.history()

    @invariant()
    def no_seat_was_ever_over_quota(self) -> None:
        for row in self.history() if hasattr(self, "server") else ():
            if row["status"] in {"granted", "registered"}:
                assert row["used_after"] <= row["quota"], row

    def teardown(self) -> None:
        try:
            if hasattr(self, "server"):
                self.ends_well()
                TALLY.update(self.server.faults.happened)
        finally:
            self.stack.close()

    def ends_well(self) -> None:
        """Once all is quiet, applying comes to an end, and the end is what the files want."""
        self.server.faults.behave()
        self.outsider.clear()
        past = self.server.past()
        self.wanted = wanted_of(self.desired)
        for _ in range(4):
            plan = self.planned(past)
            assert plan is not None
            if not any(row.changes for row in plan.organizations):
                break
            result = self.apply(plan, self.client, 100)
            assert result.exit_code in {0, 4, 5}
            assert not any(row.broken for row in result.organizations)
        else:
            raise AssertionError("applying again and again does not come to an end")
        truth = held(self.start, self.history())
        assert truth == shown(self.server.truth(ORGANIZATION))
        (organization,) = plan.organizations
        managed = {row.product for row in self.desired.products}
        if organization.complete:
            assert {row for row in truth if row[0] in managed} == self.wanted
        TALLY["ends that are as wanted"] += 1


_EFFECTIVE = {"granted", "removed", "registered", "issued"}
_FEATURES = {product.feature: key for key, product in PRODUCTS.items()}


def key_of(row: dict[str, Any]) -> tuple[str, str]:
    return _FEATURES[row["feature"]], email_key(row["subject"])


def held(before: Held, history: list[dict[str, Any]]) -> Held:
    """Who holds what after a part of the history."""
    now = set(before)
    for row in history:
        if row["feature"] is None:
            continue
        if row["status"] in {"granted", "registered"}:
            now.add(key_of(row))
        elif row["status"] == "removed":
            now.discard(key_of(row))
    return now


def shown(state: Any) -> Held:
    return {(row.product, email_key(row.email)) for row in state.licensed_users} | {
        (row.product, row.id) for row in state.machines
    }


def wanted_of(organization: DesiredOrganization) -> Held:
    lists = [
        (product.product, wanted)
        for product in organization.products
        for wanted in (product.users, product.machines)
        if wanted is not None
    ]
    return {
        (product, email_key(row.subject.id)) for product, wanted in lists for row in wanted.wanted
    }


TestMixture = Mixture.TestCase
TestMixture.settings = settings(
    max_examples=EXAMPLES,
    stateful_step_count=STEPS,
    deadline=None,
    print_blob=True,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much],
)


def teardown_module() -> None:
    """Tell what happened: pytest shows it with `-s`."""
    sys.stdout.writelines(f"\n{count:8,} {name}" for name, count in sorted(TALLY.items()))
