"""Which changes go in one call, and that the seats stay within quota all the same."""

from __future__ import annotations

from datetime import date

from hypothesis import given
from hypothesis import strategies as st

from reconciler.applying.batching import LARGEST, batches
from reconciler.applying.executor import execute
from reconciler.applying.operations import effects_of
from reconciler.applying.remainder import Step
from reconciler.model.plan import Change
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
)
from tests.unit.applying.test_resuming import World, worlds

MACHINES = "kre-node-locked"


def sizes(*changes: Change, largest: int = LARGEST) -> list[int]:
    steps = [Step(change, effects_of(change)) for change in changes]
    return [len(batch) for batch in batches(steps, largest=largest)]


def test_adjacent_grants_and_adjacent_removes_of_one_product_go_together() -> None:
    assert sizes(grant("a@x.io"), grant("b@x.io"), remove("c@x.io"), remove("d@x.io")) == [2, 2]
    assert sizes(grant("m1", product=MACHINES), grant("m2", product=MACHINES)) == [2]


def test_what_differs_in_product_kind_or_verb_does_not() -> None:
    assert sizes(grant("a@x.io"), grant("b@x.io", product="testops")) == [1, 1]
    assert sizes(grant("a@x.io"), remove("b@x.io"), grant("c@x.io")) == [1, 1, 1]
    assert sizes(grant("a@x.io"), grant("m1")) == [1, 1]


def test_machines_are_removed_and_offline_licenses_issued_one_by_one() -> None:
    assert sizes(remove("m1", product=MACHINES), remove("m2", product=MACHINES)) == [1, 1]
    assert sizes(offline("m1", date(2027, 1, 1)), offline("m2", date(2027, 1, 1))) == [1, 1]


def test_a_reassign_stands_alone() -> None:
    assert sizes(pair("a@x.io", "b@x.io"), pair("c@x.io", "d@x.io"), grant("e@x.io")) == [1, 1, 1]


def test_a_call_is_bounded() -> None:
    changes = [grant(f"u{n}@x.io") for n in range(250)]
    assert sizes(*changes) == [100, 100, 50]
    assert sizes(*changes[:4], largest=1) == [1, 1, 1, 1]


def test_what_is_done_already_parts_what_lies_around_it() -> None:
    changes = [grant(f"u{n}@x.io") for n in range(3)]
    steps = [Step(change, effects_of(change)) for change in changes]
    steps[1] = Step(changes[1], ())
    assert [len(batch) for batch in batches(steps)] == [1, 1, 1]


@given(world=worlds(), parallel=st.sampled_from([1, 3]))
def test_batched_and_parallel_it_ends_as_one_by_one_with_each_effect_once(
    world: World, parallel: int
) -> None:
    ends = []
    for batch, threads in ((1, 1), (100, parallel)):
        backend = FakeBackend(*world.states)
        result = execute(
            plan_of(*world.plans),
            backend,
            plan_digest="d",
            batch=batch,
            parallel=threads,
            patience=NO_PATIENCE,
        )
        assert (result.exit_code, result.writes, backend.peaks) == (0, world.calls, [])
        assert len(set(backend.history)) == len(backend.history) == world.calls
        ends.append((sorted(backend.history), backend.states.keys()))
    assert ends[0] == ends[1]


def test_grants_that_fill_a_pool_to_its_last_seat_go_in_one_call() -> None:
    state = organization_state(quotas={"kse": 3}, members=[f"u{n}@x.io" for n in range(3)])
    backend = FakeBackend(state)
    plan = organization_plan(*(grant(f"u{n}@x.io") for n in range(3)))
    assert execute(plan_of(plan), backend, plan_digest="d").exit_code == 0
    assert (backend.calls, backend.peaks) == (1, [])
