"""What is left of a plan in the world as it is now: done, half done, to do, or stale."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from typing import Self

from reconciler.applying.account import moved
from reconciler.applying.operations import Effect, Verb, effects_of
from reconciler.applying.simulation import Objection, Simulation
from reconciler.model.identity import Subject
from reconciler.model.plan import Change, OrganizationPlan
from reconciler.model.state import OrganizationState


@dataclass(frozen=True, slots=True)
class Step:
    """One change with those of its effects that are not there yet; none left means done."""

    change: Change
    pending: tuple[Effect, ...]

    @property
    def done(self) -> bool:
        """Whether nothing of the change is left to do."""
        return not self.pending

    @property
    def half_done(self) -> bool:
        """Whether one half of a reassign is there and the other is not."""
        return 0 < len(self.pending) < len(effects_of(self.change))


@dataclass(frozen=True, slots=True)
class Stale:
    """A change that no longer holds; `code` is the licensing API's word for the reason.

    `lost` is who has lost the seat that nobody gets now.
    """

    change: Change
    code: str
    reason: str
    lost: Subject | None = None

    @property
    def message(self) -> str:
        """What cannot happen, why, and who has lost the seat."""
        return f"{self.reason}; {self.lost.id} has no seat any more" if self.lost else self.reason

    @classmethod
    def of(
        cls, change: Change, effect: Effect, objection: Objection, *, lost: Subject | None = None
    ) -> Self:
        """Return the change as one of which this effect cannot happen."""
        return cls(change, objection.code, f"{effect}: {objection.message}", lost)


@dataclass(frozen=True, slots=True)
class Remainder:
    """The rest of one organization's plan, a step a change in the plan's order.

    Nothing of it may be written while anything is stale. `moved` tells, a line each, what is
    otherwise than the plan presupposes.
    """

    steps: tuple[Step, ...]
    stale: tuple[Stale, ...] = ()
    moved: tuple[str, ...] = ()


def remainder_of(plan: OrganizationPlan, state: OrganizationState, today: date) -> Remainder:
    """Compare the plan with the freshly read state and try what is left on it, in order.

    Every stale change is told, not the first alone. What is still possible of a stale change is
    counted for the changes after it, so that one stale change does not make them all look stale.
    """
    limited = {pool.product for pool in plan.pools if pool.quota is not None}
    simulation = Simulation(state, today, limited=limited)
    steps: list[Step] = []
    stale: list[Stale] = []
    for change in plan.changes:
        pending = tuple(
            effect for effect in effects_of(change) if simulation.shows(effect) is not True
        )
        steps.append(Step(change, pending))
        found = _try(simulation, change, pending)
        if found is not None:
            stale.append(found)
    pending_of = {step.change.id: step.pending for step in steps}
    lines = moved(plan, simulation, pending_of, subjects=bool(stale))
    return Remainder(tuple(steps), tuple(stale), lines)


def _try(simulation: Simulation, change: Change, pending: tuple[Effect, ...]) -> Stale | None:
    for effect in pending:
        objection = simulation.objection(effect)
        if objection is not None:
            return Stale.of(change, effect, objection, lost=_loser(change, pending))
        simulation.carry_out(effect)
    return None


def _loser(change: Change, pending: tuple[Effect, ...]) -> Subject | None:
    removed = all(effect.verb is not Verb.REMOVE for effect in pending)
    return change.holder if removed else None
