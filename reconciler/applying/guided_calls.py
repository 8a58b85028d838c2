"""The steps of a guided checklist as what is written down of them, and as what is not seen yet."""

from __future__ import annotations

import uuid
from collections.abc import Collection
from dataclasses import dataclass

from reconciler.applying.answers import Ending
from reconciler.applying.operations import Effect, Verb, effects_of
from reconciler.applying.record import Intent, Item
from reconciler.applying.record import Result as Recorded
from reconciler.applying.simulation import Simulation
from reconciler.applying.steps import Step
from reconciler.applying.wording import Words, value
from reconciler.model.identity import SubjectKind
from reconciler.model.plan import Action, Change


@dataclass(frozen=True, slots=True)
class Call:
    """The part of a step that is written down as one call."""

    name: str
    effects: tuple[Effect, ...]
    changes: tuple[str, ...]


def missing_effects(step: Step, simulation: Simulation) -> tuple[Effect, ...]:
    """Return what of a step is not there; what cannot be known counts as not there."""
    return tuple(
        effect
        for change in step.changes
        for effect in effects_of(change)
        if simulation.shows(effect) is not True
    )


def calls_of(step: Step) -> tuple[Call, ...]:
    """Return the calls as which a step is written down: its removes, then what it gives."""
    calls = []
    for verb in Verb:
        rows = [
            (effect, change.id)
            for change in step.changes
            for effect in effects_of(change)
            if effect.verb is verb
        ]
        if rows:
            effects, changes = zip(*rows, strict=True)
            calls.append(Call(uuid.uuid4().hex, effects, changes))
    return tuple(calls)


def intent_of(organization: int, step: Step, call: Call) -> Intent:
    """Return a call as it is written down before its step is shown."""
    items = (
        Item(effect.subject.kind.value, effect.subject.id, change)
        for effect, change in zip(call.effects, call.changes, strict=True)
    )
    first = call.effects[0]
    return Intent(
        call.name, organization, first.verb.value, step.product, tuple(items), first.expires
    )


def recorded(effect: Effect, missing: Collection[Effect] | None) -> Recorded:
    """Return what is written down of an effect; `missing` is None where nothing could be read."""
    if missing is None:
        return Recorded(effect.subject.id, Ending.UNCLEAR.value, message="could not be read back")
    if effect in missing:
        return Recorded(effect.subject.id, Ending.FAILED.value, message="left out by the person")
    return Recorded(effect.subject.id, Ending.DONE.value)


def not_seen(effect: Effect) -> Words:
    """Return what is not there yet, in words."""
    subject = value(effect.subject.id)
    word = "licensed" if effect.subject.kind is SubjectKind.USER else "registered"
    match effect.verb:
        case Verb.GRANT:
            return (subject, f" is not {word} yet")
        case Verb.REMOVE:
            return (subject, f" is still {word}")
        case Verb.ISSUE_OFFLINE:
            return (subject, " has no such offline license yet")


def half_done(change: Change, missing: Effect) -> str:
    """Return what a person must know of a change of which one half is missing."""
    if change.action is Action.REASSIGN and missing.verb is Verb.GRANT and change.holder:
        return (
            f"{change.holder.id} has lost the seat and {change.subject.id} does not have it yet; "
            "run it again to go on"
        )
    return f"half done; missing: {missing}"
