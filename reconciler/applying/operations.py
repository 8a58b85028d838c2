"""A change as what its subjects gain and lose, and each of those as one call to the backend."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
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


def batchable(effect: Effect) -> bool:
    """Tell whether one call may bring about several effects of this kind."""
    if effect.verb is Verb.GRANT:
        return True
    return effect.verb is Verb.REMOVE and effect.subject.kind is SubjectKind.USER


def alike(one: Effect, other: Effect) -> bool:
    """Tell whether two effects differ in nothing but their subject."""
    return (one.verb, one.product, one.subject.kind, one.expires) == (
        other.verb,
        other.product,
        other.subject.kind,
        other.expires,
    )


def operation_for(organization: int, effects: Sequence[Effect]) -> Operation:
    """Return the call that brings about effects that are alike, in their order."""
    first, subjects = effects[0], tuple(effect.subject.id for effect in effects)
    if len(effects) > 1 and not (batchable(first) and all(alike(first, row) for row in effects)):
        raise ValueError(f"no call brings these about together: {', '.join(map(str, effects))}")
    product, subject = first.product, first.subject.id
    users = first.subject.kind is SubjectKind.USER
    match first.verb:
        case Verb.REMOVE if users:
            return RemoveUsers(organization, product, subjects)
        case Verb.REMOVE:
            return RemoveMachine(organization, product, subject)
        case Verb.GRANT if users:
            return GrantUsers(organization, product, subjects)
        case Verb.GRANT:
            return GrantMachines(organization, product, subjects)
        case Verb.ISSUE_OFFLINE:
            if first.expires is None:
                raise ValueError(f"the offline license of {subject} has no last day")
            return IssueOffline(organization, product, subject, first.expires)
        case _:
            assert_never(first.verb)


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
    plan_digest: str, run: str, organization: int, change_ids: Sequence[str], purpose: str
) -> str:
    """Return the key under which one call of one run may be sent any number of times.

    The run is part of it: a server answers a repeated key with what it answered before, and
    between two runs of one plan outsiders may have undone, or made possible, what that answer
    says. `purpose` tells the calls of the same changes apart.
    """
    parts = "\n".join((plan_digest, run, str(organization), *change_ids, purpose))
    return hashlib.sha256(parts.encode()).hexdigest()
