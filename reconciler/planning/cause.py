"""What brought each change about: this revision of the files, a date in them, or older drift."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import replace
from datetime import date

from reconciler.model.desired import DesiredOrganization
from reconciler.model.identity import Subject
from reconciler.model.plan import (
    Action,
    Cause,
    Change,
    Deferral,
    OrganizationPlan,
    Plan,
    Refusal,
)
from reconciler.planning.everyone import entries_for, replaced_in

_Effect = tuple[str, Action, Subject, date | None]
"""A product; grant, remove or issue_offline; who gains or loses; an offline license's last day."""


def with_causes(plan: Plan, base: Plan, files: Iterable[DesiredOrganization]) -> Plan:
    """Return the plan with every cause told apart by a plan of the base revision.

    `base` is made from the same state and for the same day; `files` are the organizations of
    the plan itself. What the base would do as well is drift, or a date's doing where the files
    give the subject a day that has come; the rest is this change's.
    """
    before = {organization.id: organization for organization in base.organizations}
    dated = {organization.id: _dated(organization, plan.as_of) for organization in files}
    return replace(
        plan,
        organizations=tuple(
            _organization(row, before.get(row.id), dated.get(row.id, lambda _: False))
            for row in plan.organizations
        ),
    )


def _organization(
    plan: OrganizationPlan, base: OrganizationPlan | None, dated: Callable[[_Effect], bool]
) -> OrganizationPlan:
    done = {effect for change in (base.changes if base else ()) for effect in _effects(change)}
    held: dict[tuple[str, str | None], set[object]] = {}
    due = set(done)
    for refusal in base.refusals if base else ():
        held.setdefault((refusal.code, refusal.product), set()).update(_grounds(refusal))
        due.update(effect for change in refusal.withheld for effect in _effects(change))
    waiting = {
        (row.product, row.action, row.subject.compared, row.reason)
        for row in (base.deferred if base else ())
    }

    def change_cause(change: Change, known: set[_Effect]) -> Cause:
        effects = _effects(change)
        if not known.issuperset(effects):
            return Cause.CHANGE
        return Cause.DATE if any(dated(effect) for effect in effects) else Cause.DRIFT

    def deferral_cause(row: Deferral) -> Cause:
        key = (row.product, row.action, row.subject.compared, row.reason)
        return Cause.DRIFT if key in waiting else Cause.CHANGE

    def refusal_cause(row: Refusal) -> Cause:
        known = held.get((row.code, row.product))
        return Cause.CHANGE if known is None or _grounds(row) - known else Cause.DRIFT

    return replace(
        plan,
        changes=tuple(replace(row, cause=change_cause(row, done)) for row in plan.changes),
        deferred=tuple(replace(row, cause=deferral_cause(row)) for row in plan.deferred),
        refusals=tuple(
            replace(
                row,
                cause=refusal_cause(row),
                withheld=tuple(replace(c, cause=change_cause(c, due)) for c in row.withheld),
            )
            for row in plan.refusals
        ),
    )


def _grounds(refusal: Refusal) -> set[object]:
    """Return what a refusal is about, so that it can be told whether this change adds to it.

    A grant that a mass removal or an unlicensed member withholds is not what those are about.
    """
    if refusal.code == "unlicensed_members":
        return set((refusal.details or {}).get("emails", ()))
    effects = {effect for change in refusal.withheld for effect in _effects(change)}
    if refusal.code == "max_removals":
        return {effect for effect in effects if effect[1] is Action.REMOVE}
    return set(effects)


def _effects(change: Change) -> tuple[_Effect, ...]:
    gains = Action.GRANT if change.action is Action.REASSIGN else change.action
    effect = (change.product, gains, change.subject.compared, change.expires)
    if change.holder is None:
        return (effect,)
    return effect, (change.product, Action.REMOVE, change.holder.compared, None)


def _dated(desired: DesiredOrganization, day: date) -> Callable[[_Effect], bool]:
    """Return what tells whether a day in the files has brought an effect about by this day."""
    lists = [
        (product.product, one)
        for product in desired.products
        for one in (product.users, product.machines)
        if one is not None
    ]
    named = {
        (product, wanted.subject.compared): wanted
        for product, one in lists
        for wanted in one.wanted
    }
    lines = {(product, one.kind): one.everyone for product, one in lists}
    replaced = {(product, one.kind): replaced_in(one) for product, one in lists}

    def dated(effect: _Effect) -> bool:
        product, action, subject, _ = effect
        wanted = named.get((product, subject))
        entries = [] if wanted is None else list(wanted.entries)
        for line in lines.get((product, subject.kind), ()):
            if all(left_out.compared != subject for left_out, _ in line.excluded):
                entries += entries_for(line, subject.key, replaced[product, subject.kind])
        if action is Action.REMOVE:
            return any(entry.end is not None and entry.end < day for entry in entries)
        wanting = [entry for entry in entries if entry.wants(day)]
        return bool(wanting) and all(entry.start is not None for entry in wanting)

    return dated
