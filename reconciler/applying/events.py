"""What happens during an apply, told as it happens to whoever listens."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from reconciler.applying.operations import Effect
from reconciler.applying.result import ChangeResult, OrganizationResult


class EventKind(StrEnum):
    """The moments of an apply, in the order in which they come."""

    ORGANIZATION_STARTED = "organization_started"
    CALL_STARTED = "call_started"
    """A write is about to be sent; an exception of the listener keeps it from being sent."""
    CALL_ENDED = "call_ended"
    CHANGE_ENDED = "change_ended"
    ORGANIZATION_ENDED = "organization_ended"


@dataclass(frozen=True, slots=True)
class Event:
    """One moment; which of the other fields are filled in follows from its kind.

    `changes` is how many changes the organization has. `key` is the call's idempotency key, and
    `answer` what became of it in one word.
    """

    kind: EventKind
    organization: int
    name: str | None = None
    changes: int = 0
    change_id: str | None = None
    effect: Effect | None = None
    key: str | None = None
    answer: str | None = None
    change: ChangeResult | None = None
    result: OrganizationResult | None = None
