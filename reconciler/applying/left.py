"""What a person still has to do of one organization's plan, as the world is now."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import date
from types import MappingProxyType

from reconciler.applying.operations import Verb
from reconciler.applying.remainder import Stale, Step, remainder_of
from reconciler.model.plan import Action, Change, OrganizationPlan
from reconciler.model.state import OrganizationState
from reconciler.planning.pools import pools_of
from reconciler.planning.seats import Tally

_ACTIONS = {Verb.REMOVE: Action.REMOVE, Verb.GRANT: Action.GRANT}


@dataclass(frozen=True, slots=True)
class Left:
    """The rest of one organization's plan.

    `changes` are what is left of each, in order, with their plan's IDs: of a half-done reassign
    the other half, and `used_after` counted anew. `done` are the IDs of those that are there.
    Where anything is `stale`, nothing of it may be done; `error` says why it could not be read.
    """

    changes: tuple[Change, ...] = ()
    done: frozenset[str] = frozenset()
    quotas: Mapping[str, int | None] = field(default_factory=lambda: MappingProxyType({}))
    stale: tuple[Stale, ...] = ()
    moved: tuple[str, ...] = ()
    error: str | None = None


def left_of(plan: OrganizationPlan, state: OrganizationState, today: date) -> Left:
    """Compare one organization's plan with its freshly read state."""
    remainder = remainder_of(plan, state, today)
    pools = pools_of(state, today)
    tallies = {product: Tally(pools[product]) for product in {row.product for row in plan.changes}}
    changes = []
    for step in remainder.steps:
        if not step.done:
            rest = _rest(step)
            changes.append(replace(rest, used_after=tallies[rest.product].run(rest)))
    return Left(
        tuple(changes),
        frozenset(step.change.id for step in remainder.steps if step.done),
        MappingProxyType({product: pools[product].quota for product in tallies}),
        remainder.stale,
        remainder.moved,
    )


def _rest(step: Step) -> Change:
    change = step.change
    if not step.half_done:
        return change
    (effect,) = step.pending
    action = _ACTIONS[effect.verb]
    # Whoever lost the seat already is told nothing more of it.
    loses = change.loses_last_license and action is Action.REMOVE
    ends = change.ends_sessions if action is Action.REMOVE else ()
    return replace(
        change,
        action=action,
        subject=effect.subject,
        holder=None,
        pairing=None,
        loses_last_license=loses,
        ends_sessions=ends,
    )
