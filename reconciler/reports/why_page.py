"""Why a subject has or lacks its licenses, as data: the files, the state and the next plan."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import date, datetime
from typing import Any

from reconciler.model.identity import Subject
from reconciler.model.plan import Change, OrganizationPlan, Plan, Refusal
from reconciler.model.plan_document import to_document
from reconciler.model.source import Source
from reconciler.planning.explanation import EntryReason, Explanation, Holding, ProductReason

FORMAT = "license-explanation/1"

Document = dict[str, Any]


def page_of(asked: str, explanations: Sequence[Explanation], plan: Plan) -> Document:
    """Return the page for what was asked; `plan` is the next plan that the explanations tell of."""
    return {
        "format": FORMAT,
        "asked": asked,
        "as_of": plan.as_of.isoformat(),
        "target": plan.target,
        "organizations": [_organization(row, plan) for row in explanations],
    }


def _organization(row: Explanation, plan: Plan) -> Document:
    return {
        "id": row.organization,
        "name": row.name,
        "subject": _subject(row.subject),
        "member": row.member and {"role": row.member.role.value, "status": row.member.status.value},
        "members_known": row.members_known,
        "protected": row.protected,
        "products": [_product(reason, row, plan) for reason in row.products],
        "warnings": [
            {"code": notice.code, "message": notice.message, "source": _place(notice.source)}
            for notice in row.warnings
        ],
    }


def _product(reason: ProductReason, explanation: Explanation, plan: Plan) -> Document:
    return {
        "product": reason.product,
        "managed": _place(reason.managed),
        "wanted": reason.wanted,
        "entries": [_entry(entry) for entry in reason.entries],
        "excluded": [_place(source) for source in reason.excluded],
        "priority": reason.priority,
        "replaces": reason.replaces and _subject(reason.replaces),
        "replaced_by": [
            {"subject": _subject(wanted.subject), "source": _place(wanted.source)}
            for wanted in reason.replaced_by
        ],
        "passed_over": reason.passed_over,
        "note": reason.note,
        "name": reason.name,
        "offline_until": _iso(reason.offline_until),
        **_holding(reason.holding),
        **_next_plan(reason, explanation, plan),
    }


def _entry(entry: EntryReason) -> Document:
    return {
        "path": [_place(source) for source in entry.path],
        "groups": list(entry.groups),
        "everyone": entry.everyone,
        "from": _iso(entry.start),
        "until": _iso(entry.end),
        "wants": entry.wants,
    }


def _holding(holding: Holding) -> Document:
    """Return what the licensing system shows; a list that is unknown is null."""
    return {
        "licensed": holding.licensed,
        "registered": holding.registered,
        "machines": None
        if holding.machines is None
        else [
            {"machine": row.id, "name": row.name, "last_seen": _iso(row.last_seen)}
            for row in holding.machines
        ],
        "offline_licenses": None
        if holding.offline is None
        else [
            {"machine": row.machine, "email": row.email, "expires": _iso(row.expires)}
            for row in holding.offline
        ],
        "sessions": None
        if holding.sessions is None
        else [
            {"machine": row.machine, "email": row.email, "started_at": _iso(row.started_at)}
            for row in holding.sessions
        ],
    }


def _next_plan(reason: ProductReason, explanation: Explanation, plan: Plan) -> Document:
    """Return the plan's own rows on the subject, as the plan's document writes them."""
    subject = explanation.subject.compared

    def own(refusal: Refusal) -> Refusal:
        withheld = (c for c in refusal.withheld if c.product == reason.product)
        return replace(refusal, withheld=tuple(c for c in withheld if _concerns(c, subject)))

    part = OrganizationPlan(
        explanation.organization,
        explanation.name,
        changes=reason.changes,
        deferred=reason.deferred,
        refusals=tuple(own(refusal) for refusal in reason.refusals),
    )
    (document,) = to_document(replace(plan, organizations=(part,)))["organizations"]
    return {key: document[key] for key in ("changes", "deferred", "refusals")}


def _concerns(change: Change, subject: Subject) -> bool:
    holder = change.holder
    return subject in {change.subject.compared, holder.compared if holder is not None else None}


def _subject(subject: Subject) -> Document:
    return {"kind": subject.kind.value, "id": subject.id}


def _place(source: Source | None) -> Document | None:
    if source is None:
        return None
    return {"file": source.file, "line": source.line, "column": source.column}


def _iso(value: date | datetime | None) -> str | None:
    return None if value is None else value.isoformat().replace("+00:00", "Z")
