"""Calls that an earlier apply left open in the journal, settled by reading before anything else."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date

from reconciler.applying.events import Event, EventKind
from reconciler.applying.operations import Effect, Verb
from reconciler.applying.record import Intent, Item, Record, Result
from reconciler.applying.sending import Circumstances
from reconciler.applying.simulation import Simulation
from reconciler.errors import ApiError
from reconciler.model.identity import Subject, SubjectKind
from reconciler.model.state import OrganizationState

_WORDS = {"done": "it took effect", "failed": "it did not take effect"}


def settle(shared: Circumstances, organization: int, state: OrganizationState) -> tuple[str, ...]:
    """Write down what became of this organization's open calls, report it, and return the lines."""
    lines = settle_open(shared.record, organization, state, shared.today)
    for line in lines:
        shared.report(Event(EventKind.SETTLED, organization, text=line))
    return lines


def settle_open(
    record: Record, organization: int, state: OrganizationState, today: date
) -> tuple[str, ...]:
    """Write down what became of this organization's open calls, and return a line for each.

    What the state does not tell stays open.
    """
    lines: list[str] = []
    mine = [row for row in record.open_intents if row.organization == organization]
    simulation = Simulation(state, today)
    for intent in mine:
        found = _found(intent, state, simulation)
        if found is None:
            lines.append(f"{_told(intent)}: still open; the list that tells is unreadable")
            continue
        record.outcome(intent.call, found, settled=True)
        endings = "; ".join(f"{row.id}: {_WORDS[row.ending]}" for row in found)
        lines.append(f"{_told(intent)}: {endings}")
    return tuple(lines)


def settle_others(shared: Circumstances, due: Iterable[int]) -> None:
    """Settle what is open in organizations in which nothing is due, so that nobody else does it.

    One that cannot be read stays open, and is told. A stop leaves the rest to the next apply.
    """
    others = {intent.organization for intent in shared.record.open_intents} - set(due)
    for organization in sorted(others):
        if shared.stop.requested:
            return
        try:
            state = shared.read(organization)
        except ApiError as error:
            text = f"calls of an earlier apply are still open: {error.message}"
            shared.report(Event(EventKind.SETTLED, organization, text=text))
            continue
        settle(shared, organization, state)


def _found(
    intent: Intent, state: OrganizationState, simulation: Simulation
) -> tuple[Result, ...] | None:
    results: list[Result] = []
    for item in intent.items:
        shown = _shows(intent, item, state, simulation)
        if shown is None:
            return None
        results.append(Result(item.id, "done" if shown else "failed"))
    return tuple(results)


def _shows(
    intent: Intent, item: Item, state: OrganizationState, simulation: Simulation
) -> bool | None:
    if item.kind == "session":
        if state.sessions is None:
            return None
        return all((row.product, row.id) != (intent.product, item.id) for row in state.sessions)
    subject = Subject(SubjectKind(item.kind), item.id)
    return simulation.shows(Effect(Verb(intent.action), intent.product, subject, intent.expires))


def _told(intent: Intent) -> str:
    names = ", ".join(item.id for item in intent.items)
    return f"left open by an earlier apply: {intent.action} {intent.product} {names}"
