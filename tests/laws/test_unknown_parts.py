"""What the licensing system does not tell: no plan offers what its own apply would refuse."""

from __future__ import annotations

from dataclasses import replace

from hypothesis import given, note
from hypothesis import strategies as st

from reconciler.applying.remainder import remainder_of
from reconciler.model.state import LISTS, Subscription
from reconciler.planning.checker import Case, check
from tests.laws.organizations import Example, examples
from tests.laws.test_plan_laws import law
from tests.worlds import TODAY, plan_many, words

_FIELDS = ("quota", "used", "machine_quota", "expires", "offline_allowed")


@st.composite
def hidden_parts(draw: st.DrawFn) -> Example:
    """Return an example of today of which any lists, subscriptions and fields are hidden."""
    example = draw(examples())
    lists = draw(st.sets(st.sampled_from(LISTS), max_size=3))
    state = replace(example.full, **dict.fromkeys(lists))
    if state.subscriptions is not None:
        state = replace(state, subscriptions=draw(_some_of(state.subscriptions)))
    return replace(example, seen=state, as_of=TODAY)


@st.composite
def _some_of(draw: st.DrawFn, rows: tuple[Subscription, ...]) -> tuple[Subscription, ...]:
    found = []
    for row in rows:
        if draw(st.sampled_from([True] * 5 + [False])):
            fields = draw(st.sets(st.sampled_from(_FIELDS), max_size=3))
            found.append(replace(row, **dict.fromkeys(fields)))
    return tuple(found)


def remainder(example: Example):
    plan = plan_many(
        [example.desired],
        [example.seen],
        removals=example.allowed.removals,
        irrevocable=example.allowed.irrevocable,
    ).organizations[0]
    note(words(plan))
    return plan, remainder_of(plan, example.seen, TODAY)


@law
@given(hidden_parts())
def test_whatever_is_unknown_a_plan_applied_at_once_is_never_stale(example):
    plan, rest = remainder(example)
    assert [row.message for row in rest.stale] == []
    assert [step.change.id for step in rest.steps] == [change.id for change in plan.changes]


@law
@given(hidden_parts())
def test_whatever_is_unknown_the_checker_agrees_with_the_plan(example):
    plan, _ = remainder(example)
    case = Case(example.seen, example.desired, TODAY, example.allowed, TODAY)
    assert check(case, plan) == ()
