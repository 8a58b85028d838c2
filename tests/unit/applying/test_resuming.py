"""The law of resuming: the same plan again, after any stop, ends where one run would have."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reconciler.applying.executor import execute
from reconciler.backends.protocol import Operation
from reconciler.errors import ApiError, UnclearOutcomeError, UnreachableError
from reconciler.model.plan import Change, OrganizationPlan, Pairing
from reconciler.model.state import OrganizationState
from tests.unit.applying.fake import (
    NO_PATIENCE,
    FakeBackend,
    grant,
    offline,
    organization_plan,
    organization_state,
    pair,
    plan_of,
    remove,
    transfer,
)

DIGEST = "sha256:" + "b" * 64
MACHINES = "kre-node-locked"


@dataclass(frozen=True)
class World:
    states: tuple[OrganizationState, ...]
    plans: tuple[OrganizationPlan, ...]

    @property
    def calls(self) -> int:
        changes = [change for plan in self.plans for change in plan.changes]
        return sum(2 if change.holder is not None else 1 for change in changes)


@st.composite
def organizations(draw: st.DrawFn, number: int) -> tuple[OrganizationState, OrganizationPlan]:
    """Draw a state and a feasible plan for it: removes, then pairs, then grants that fit."""
    quotas: dict[str, int] = {}
    users: dict[str, list[str]] = {}
    machines: dict[str, list[str]] = {}
    members: list[str] = []
    changes: list[Change] = []
    for product in draw(st.sets(st.sampled_from(["kse", "testops", MACHINES]), min_size=1)):
        suffix = "" if product == MACHINES else "@x.io"
        held = [f"{product}-h{place}{suffix}" for place in range(draw(st.integers(0, 4)))]
        new = [f"{product}-n{place}{suffix}" for place in range(draw(st.integers(0, 4)))]
        quotas[product] = len(held) + draw(st.integers(0, 2))
        leaving = held[: draw(st.integers(0, len(held)))]
        paired = min(len(leaving), draw(st.integers(0, len(new))))
        kind = draw(st.sampled_from([pair, transfer]))
        part = [remove(name, product=product) for name in leaving[paired:]]
        part += [
            kind(old, fresh, product=product)
            for old, fresh in zip(leaving[:paired], new[:paired], strict=True)
        ]
        room = quotas[product] - len(held) + len(leaving) - paired
        part += [grant(name, product=product) for name in new[paired : paired + room]]
        if product == MACHINES:
            machines[product] = held
            staying = held[len(leaving) :]
            part += [offline(name, date(2027, 3, 31), product=product) for name in staying[:1]]
        else:
            users[product] = held
            members += new
        changes += part
    state = organization_state(
        number, quotas=quotas, users=users, machines=machines, members=members
    )
    return state, organization_plan(*changes, number=number)


@st.composite
def worlds(draw: st.DrawFn) -> World:
    drawn = [draw(organizations(number)) for number in range(1, 1 + draw(st.integers(1, 2)))]
    return World(tuple(state for state, _ in drawn), tuple(plan for _, plan in drawn))


def apply(backend: FakeBackend, world: World) -> int:
    plan = plan_of(*world.plans)
    return execute(plan, backend, plan_digest=DIGEST, batch=1, patience=NO_PATIENCE).exit_code


def ends(backend: FakeBackend) -> dict[tuple[int, str], list[str]]:
    return {
        (number, product): backend.holders(number, product)
        for number in backend.states
        for product in ("kse", "testops", MACHINES)
    }


def raising(error: BaseException, wanted: int) -> Callable[[int, Operation], None]:
    def hook(number: int, operation: Operation) -> None:
        if number == wanted:
            raise error

    return hook


def returns_of(world: World) -> set[tuple[int, str, str, str]]:
    """What gives the seat of a declared transfer back to its holder."""
    return {
        (plan.id, "grant", change.product, change.holder.id)
        for plan in world.plans
        for change in plan.changes
        if change.pairing is Pairing.DECLARED and change.holder is not None
    }


FAULTS: dict[str, Callable[[], BaseException]] = {
    "interrupt": KeyboardInterrupt,
    "unclear": lambda: UnclearOutcomeError("timed out"),
    "unreachable": lambda: UnreachableError("no connection"),
    "refused": lambda: ApiError("too many requests", status=429),
}


@given(
    world=worlds(),
    data=st.data(),
    fault=st.sampled_from(sorted(FAULTS)),
    effect_first=st.booleans(),
)
def test_the_same_plan_after_a_stop_anywhere_ends_as_one_run_and_does_each_effect_once(
    world: World, data: st.DataObject, fault: str, effect_first: bool
) -> None:
    whole = FakeBackend(*world.states)
    assert apply(whole, world) == 0

    stopped = FakeBackend(*world.states)
    # Only an interrupt and an unclear outcome can come after the effect.
    after = effect_first and fault in {"interrupt", "unclear"}
    call = data.draw(st.integers(0, world.calls))
    hook = raising(FAULTS[fault](), call)
    stopped.before, stopped.after = (None, hook) if after else (hook, None)
    first = apply(stopped, world)
    if call < world.calls and not (after and fault == "unclear"):
        assert first in {1, 5}
    stopped.before = stopped.after = None

    assert apply(stopped, world) == 0
    assert ends(stopped) == ends(whole)
    returned = [row for row in stopped.history if row not in whole.history]
    assert len(returned) <= (fault != "interrupt")
    assert all(row in returns_of(world) for row in returned)
    taken_again = [(number, "remove", *rest) for number, _, *rest in returned]
    once = sorted([*whole.history, *returned, *taken_again])
    assert sorted(stopped.history) == once
    assert stopped.peaks == []

    assert apply(stopped, world) == 0
    assert sorted(stopped.history) == once


@pytest.mark.parametrize("call", range(3))
def test_a_stop_in_the_middle_of_a_plan_is_resumed_by_another_process_without_any_memory(
    call: int,
) -> None:
    state = organization_state(
        quotas={"kse": 1}, users={"kse": ["a@x.io"]}, members=["b@x.io", "c@x.io"]
    )
    plan = organization_plan(pair("a@x.io", "b@x.io"), remove("d@x.io"))
    backend = FakeBackend(state)
    backend.before = raising(KeyboardInterrupt(), call)
    execute(plan_of(plan), backend, plan_digest=DIGEST)
    successor = FakeBackend(backend.states[101])
    assert execute(plan_of(plan), successor, plan_digest=DIGEST).exit_code == 0
    assert successor.holders(101, "kse") == ["b@x.io"]
    assert len(backend.history) + len(successor.history) == 2
