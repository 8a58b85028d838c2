"""Reading while a person waits, and what reading tells of steps that an earlier run left open."""

from __future__ import annotations

from datetime import date

from reconciler.applying.answers import text_of
from reconciler.applying.person import Person
from reconciler.applying.record import Record
from reconciler.applying.settling import settle_open
from reconciler.applying.wording import value
from reconciler.backends.protocol import Backend
from reconciler.errors import ApiError
from reconciler.model.plan import Plan
from reconciler.model.state import OrganizationState


def settle_others(
    plan: Plan, backend: Backend, person: Person, record: Record, today: date
) -> None:
    """Settle what an earlier run left open in organizations that the plan does not change.

    One that cannot be read stays open, and is told.
    """
    changed = {row.id for row in plan.organizations if row.changes}
    for organization in sorted({row.organization for row in record.open_intents} - changed):
        state = read(backend, person, organization)
        if isinstance(state, str):
            person.tell((f"Organization {organization}: could not be read: ", value(state)))
        else:
            settle(person, record, state, today)


def settle(person: Person, record: Record, state: OrganizationState, today: date) -> None:
    """Settle what an earlier run left open in an organization that was just read, and tell it."""
    for line in settle_open(record, state.id, state, today):
        person.tell((f"Organization {state.id}: ", value(line)))


def read(backend: Backend, person: Person, organization: int) -> OrganizationState | str:
    """Read an organization; return why where it cannot be read."""
    try:
        with person.checking():
            return backend.read(organization)
    except ApiError as error:
        return text_of(error)
