"""What happens during an apply, told as it happens to whoever listens."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from reconciler.applying.operations import Effect
from reconciler.applying.result import ChangeResult, OrganizationResult


class EventKind(StrEnum):
    """The moments of an apply, in the order in which they come."""

    SETTLED = "settled"
    """What an earlier apply left open was settled by reading; `text` tells how."""
    ORGANIZATION_STARTED = "organization_started"
    CALL_STARTED = "call_started"
    """A write is about to be sent; an exception of the listener keeps it from being sent."""
    CALL_ENDED = "call_ended"
    CHANGE_ENDED = "change_ended"
    ORGANIZATION_ENDED = "organization_ended"


@dataclass(frozen=True, slots=True)
class Event:
    """One moment; which of the other fields are filled in follows from its kind.

    `changes` is how many changes the organization has. `effects` are those of a call, `key` is
    its idempotency key, and `answers` what became of each effect in a word.
    """

    kind: EventKind
    organization: int
    name: str | None = None
    changes: int = 0
    effects: tuple[Effect, ...] = ()
    key: str | None = None
    answers: tuple[str, ...] = ()
    text: str | None = None
    change: ChangeResult | None = None
    result: OrganizationResult | None = None
