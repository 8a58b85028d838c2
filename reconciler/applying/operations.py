"""A change as what its subjects gain and lose, and each of those as one call to the backend."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from datetime import date
from enum import StrEnum
from typing import assert_never

from reconciler.backends.protocol import (
    GrantMachines,
    GrantUsers,
    IssueOffline,
    Operation,
    RemoveMachine,
    RemoveUsers,
    Write,
)
from reconciler.model.identity import Subject, SubjectKind
from reconciler.model.plan import Action, Change


class Verb(StrEnum):
    """What happens to a subject; the words are those of the plan's actions."""

    REMOVE = "remove"
    GRANT = "grant"
    ISSUE_OFFLINE = "issue_offline"


@dataclass(frozen=True, slots=True)
class Effect:
    """One subject gains or loses one thing: a half of a reassign, or the whole of another change.

    `expires` is the last day of an offline license, None for every other verb.
    """

    verb: Verb
    product: str
    subject: Subject
    expires: date | None = None

    def __str__(self) -> str:
        match self.verb:
            case Verb.REMOVE:
                return f"remove {self.product} from {self.subject.id}"
            case Verb.GRANT:
                return f"grant {self.product} to {self.subject.id}"
            case Verb.ISSUE_OFFLINE:
                return f"issue an offline license of {self.product} to {self.subject.id}"
            case _:
                assert_never(self.verb)


def effects_of(change: Change) -> tuple[Effect, ...]:
    """Return what the change does, in the order in which it has to happen."""
    match change.action:
        case Action.REMOVE:
            return (Effect(Verb.REMOVE, change.product, change.subject),)
        case Action.GRANT:
            return (Effect(Verb.GRANT, change.product, change.subject),)
        case Action.ISSUE_OFFLINE:
            return (Effect(Verb.ISSUE_OFFLINE, change.product, change.subject, change.expires),)
        case Action.REASSIGN:
            if change.holder is None:
                raise ValueError(f"the reassign {change.id} names no holder")
            return (
                Effect(Verb.REMOVE, change.product, change.holder),
                Effect(Verb.GRANT, change.product, change.subject),
            )
        case _:
            assert_never(change.action)


def operation_for(organization: int, effect: Effect) -> Operation:
    """Return the call that brings the effect about."""
    product, subject = effect.product, effect.subject.id
    users = effect.subject.kind is SubjectKind.USER
    match effect.verb:
        case Verb.REMOVE if users:
            return RemoveUsers(organization, product, (subject,))
        case Verb.REMOVE:
            return RemoveMachine(organization, product, subject)
        case Verb.GRANT if users:
            return GrantUsers(organization, product, (subject,))
        case Verb.GRANT:
            return GrantMachines(organization, product, (subject,))
        case Verb.ISSUE_OFFLINE:
            if effect.expires is None:
                raise ValueError(f"the offline license of {subject} has no last day")
            return IssueOffline(organization, product, subject, effect.expires)
        case _:
            assert_never(effect.verb)


def write_for(effect: Effect) -> Write:
    """Return which write the backend must offer for the effect."""
    users = effect.subject.kind is SubjectKind.USER
    match effect.verb:
        case Verb.REMOVE:
            return Write.REMOVE_USERS if users else Write.REMOVE_MACHINE
        case Verb.GRANT:
            return Write.GRANT_USERS if users else Write.GRANT_MACHINES
        case Verb.ISSUE_OFFLINE:
            return Write.ISSUE_OFFLINE
        case _:
            assert_never(effect.verb)


def idempotency_key(
    plan_digest: str, run: str, organization: int, change_id: str, purpose: str
) -> str:
    """Return the key under which one call of one run may be sent any number of times.

    The run is part of it: a server answers a repeated key with what it answered before, and
    between two runs of one plan outsiders may have undone, or made possible, what that answer
    says. `purpose` tells the calls of one change apart.
    """
    parts = "\n".join((plan_digest, run, str(organization), change_id, purpose))
    return hashlib.sha256(parts.encode()).hexdigest()
