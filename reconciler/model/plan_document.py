"""The plan's JSON document (`license-plan/1`), both ways, and its digests."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from datetime import date, datetime
from typing import Any

from reconciler.model.identity import Subject, SubjectKind
from reconciler.model.plan import (
    Action,
    Allowed,
    Cause,
    Change,
    Configuration,
    Deferral,
    Notice,
    OrganizationPlan,
    Pairing,
    Plan,
    Pool,
    Refusal,
    Scope,
    Unread,
)
from reconciler.model.settings import WriteMode, Writing
from reconciler.model.source import Source

FORMAT = "license-plan/1"
"""The format written here. Within one number there are only additions."""

Document = dict[str, Any]


def to_document(plan: Plan, forecast: Mapping[str, Any] | None = None) -> Document:
    """Return the plan as plain data, its digests filled in; the keys stand in a readable order.

    `forecast` is the document of the seats ahead, as of the plan's day, for reports; the digest
    covers it, the changes digest does not.
    """
    document: Document = {
        "format": FORMAT,
        "created_at": plan.created_at.isoformat(),
        "as_of": plan.as_of.isoformat(),
        "valid_until": plan.valid_until.isoformat(),
        "tool": plan.tool,
        "target": plan.target,
        **writing_fields(plan.writing),
        "config": {
            "digest": plan.configuration.digest,
            "revision": plan.configuration.revision,
            "dirty": plan.configuration.dirty,
        },
        "changes_digest": changes_digest(plan),
        "digest": "",
        "allowed": {
            "removals": plan.allowed.removals,
            "irrevocable": plan.allowed.irrevocable,
        },
        "live": plan.live,
        "applyable": plan.applyable,
        "complete": plan.complete,
        "summary": _summary(plan),
        "organizations": [_organization(row, live=plan.live) for row in plan.organizations],
        "unread": [{"id": row.id, "message": row.message} for row in plan.unread],
    }
    if forecast is not None:
        document["forecast"] = dict(forecast)
    document["digest"] = document_digest(document)
    return document


def from_document(document: Mapping[str, Any]) -> Plan:
    """Return the plan that a document holds; the document must be valid against the schema."""
    config, allowed = document["config"], document["allowed"]
    return Plan(
        created_at=datetime.fromisoformat(document["created_at"]),
        as_of=date.fromisoformat(document["as_of"]),
        valid_until=datetime.fromisoformat(document["valid_until"]),
        tool=document["tool"],
        target=document["target"],
        configuration=Configuration(
            config["digest"], config.get("revision"), config.get("dirty", False)
        ),
        allowed=Allowed(allowed.get("removals"), allowed.get("irrevocable", False)),
        organizations=tuple(_read_organization(row) for row in document["organizations"]),
        live=document.get("live", document["applyable"]),
        unread=tuple(Unread(row["id"], row["message"]) for row in document.get("unread", ())),
        writing=_read_writing(document),
    )


def changes_digest(plan: Plan) -> str:
    """Return the digest of what the plan does: equal for two plans that do the same in order.

    It covers where that is done, and how where that is not the target's default.
    """
    rows = [
        [
            organization.id,
            change.action,
            change.product,
            [change.subject.kind, change.subject.id],
            None if change.holder is None else [change.holder.kind, change.holder.id],
            None if change.expires is None else change.expires.isoformat(),
        ]
        for organization in plan.organizations
        for change in organization.changes
    ]
    return _sha256({"target": plan.target, **writing_fields(plan.writing), "changes": rows})


def document_digest(document: Mapping[str, Any]) -> str:
    """Return the digest of a whole document, its own `digest` left out."""
    return _sha256({key: value for key, value in document.items() if key != "digest"})


def _sha256(data: Any) -> str:
    text = json.dumps(data, ensure_ascii=False, sort_keys=True, separators=(",", ":"))
    # A lone surrogate cannot be encoded as UTF-8, and must not end in a traceback either.
    return "sha256:" + hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()


def _summary(plan: Plan) -> Document:
    counts = dict.fromkeys((action.value for action in Action), 0)
    for organization in plan.organizations:
        for change in organization.changes:
            counts[change.action] += 1
    return {
        **counts,
        "losing": sum(organization.losing for organization in plan.organizations),
        "losing_last": sum(organization.losing_last for organization in plan.organizations),
        "deferred": sum(len(organization.deferred) for organization in plan.organizations),
        "refused": sum(len(organization.refusals) for organization in plan.organizations),
        "organizations": len(plan.organizations),
    }


def writing_fields(writing: Writing) -> Document:
    """Return `writes` and `routes` as documents hold them: nothing for what is the default."""
    row: Document = {}
    if writing.mode is not None:
        row["writes"] = writing.mode.value
    if writing.routes:
        row["routes"] = dict(writing.routes)
    return row


def _organization(plan: OrganizationPlan, *, live: bool) -> Document:
    return {
        "id": plan.id,
        "name": plan.name,
        "applyable": live and bool(plan.changes),
        "complete": plan.complete,
        "losing": plan.losing,
        "losing_last": plan.losing_last,
        "pools": [_pool(pool) for pool in plan.pools],
        "changes": [_change(change) for change in plan.changes],
        "deferred": [_deferral(deferral) for deferral in plan.deferred],
        "refusals": [_refusal(refusal) for refusal in plan.refusals],
        "warnings": [_notice(notice) for notice in plan.warnings],
    }


def _pool(pool: Pool) -> Document:
    return {
        "product": pool.product,
        "quota": pool.quota,
        "used": pool.used,
        "used_after": pool.used_after,
        "peak": pool.peak,
        "offline": pool.offline,
        "offline_until": _iso(pool.offline_until),
        "machine_quota": pool.machine_quota,
        "machines": pool.machines,
        "expires": _iso(pool.expires),
    }


def _change(change: Change) -> Document:
    row: Document = {
        "id": change.id,
        "action": change.action.value,
        "product": change.product,
        "subject": _subject(change.subject),
    }
    if change.holder is not None:
        row["from"] = _subject(change.holder)
    if change.pairing is not None:
        row["pairing"] = change.pairing.value
    if change.expires is not None:
        row["expires"] = change.expires.isoformat()
    if change.action in {Action.REMOVE, Action.REASSIGN}:
        row["loses_last_license"] = change.loses_last_license
        row["ends_sessions"] = list(change.ends_sessions)
    row["used_after"] = change.used_after
    row["cause"] = change.cause.value
    if change.reason is not None:
        row["reason"] = change.reason
    row["source"] = _source(change.source)
    return row


def _deferral(deferral: Deferral) -> Document:
    row: Document = {
        "action": deferral.action.value,
        "product": deferral.product,
        "subject": _subject(deferral.subject),
        "reason": deferral.reason,
        "message": deferral.message,
        "available_from": _iso(deferral.available_from),
        "cause": deferral.cause.value,
        "source": _source(deferral.source),
    }
    if deferral.expires is not None:
        row["expires"] = deferral.expires.isoformat()
    return row


def _refusal(refusal: Refusal) -> Document:
    row: Document = {"code": refusal.code, "scope": refusal.scope.value}
    if refusal.product is not None:
        row["product"] = refusal.product
    row["cause"] = refusal.cause.value
    row["message"] = refusal.message
    row["details"] = dict(refusal.details or {})
    row["withheld"] = [_change(change) for change in refusal.withheld]
    if refusal.source is not None:
        row["source"] = _source(refusal.source)
    return row


def _notice(notice: Notice) -> Document:
    row: Document = {
        "code": notice.code,
        "message": notice.message,
        "details": dict(notice.details or {}),
    }
    if notice.source is not None:
        row["source"] = _source(notice.source)
    return row


def _subject(subject: Subject) -> Document:
    return {"kind": subject.kind.value, "id": subject.id}


def _source(source: Source) -> Document:
    return {"file": source.file, "line": source.line, "column": source.column}


def _iso(day: date | None) -> str | None:
    return None if day is None else day.isoformat()


def _read_writing(document: Mapping[str, Any]) -> Writing:
    mode = document.get("writes")
    return Writing(WriteMode(mode) if mode else None, document.get("routes", {}))


def _read_organization(row: Mapping[str, Any]) -> OrganizationPlan:
    return OrganizationPlan(
        id=row["id"],
        name=row.get("name"),
        pools=tuple(_read_pool(pool) for pool in row["pools"]),
        changes=tuple(_read_change(change) for change in row["changes"]),
        deferred=tuple(_read_deferral(deferral) for deferral in row["deferred"]),
        refusals=tuple(_read_refusal(refusal) for refusal in row["refusals"]),
        warnings=tuple(_read_notice(notice) for notice in row["warnings"]),
        losing=row.get("losing", 0),
    )


def _read_pool(row: Mapping[str, Any]) -> Pool:
    return Pool(
        product=row["product"],
        quota=row.get("quota"),
        used=row.get("used"),
        used_after=row.get("used_after"),
        peak=row.get("peak"),
        offline=row.get("offline"),
        machine_quota=row.get("machine_quota"),
        machines=row.get("machines"),
        expires=_read_date(row.get("expires")),
        offline_until=_read_date(row.get("offline_until")),
    )


def _read_change(row: Mapping[str, Any]) -> Change:
    pairing = row.get("pairing")
    return Change(
        id=row["id"],
        action=Action(row["action"]),
        product=row["product"],
        subject=_read_subject(row["subject"]),
        source=_read_source(row["source"]),
        holder=_read_subject(row["from"]) if row.get("from") else None,
        pairing=Pairing(pairing) if pairing else None,
        loses_last_license=row.get("loses_last_license", False),
        ends_sessions=tuple(row.get("ends_sessions", ())),
        used_after=row.get("used_after"),
        expires=_read_date(row.get("expires")),
        cause=Cause(row.get("cause") or Cause.CHANGE),
        reason=row.get("reason"),
    )


def _read_deferral(row: Mapping[str, Any]) -> Deferral:
    return Deferral(
        action=Action(row["action"]),
        product=row["product"],
        subject=_read_subject(row["subject"]),
        reason=row["reason"],
        message=row.get("message", ""),
        source=_read_source(row["source"]),
        available_from=_read_date(row.get("available_from")),
        expires=_read_date(row.get("expires")),
        cause=Cause(row.get("cause") or Cause.CHANGE),
    )


def _read_refusal(row: Mapping[str, Any]) -> Refusal:
    return Refusal(
        code=row["code"],
        scope=Scope(row["scope"]),
        message=row["message"],
        product=row.get("product"),
        details=row.get("details"),
        withheld=tuple(_read_change(change) for change in row.get("withheld", ())),
        source=_read_source(row["source"]) if row.get("source") else None,
        cause=Cause(row.get("cause") or Cause.CHANGE),
    )


def _read_notice(row: Mapping[str, Any]) -> Notice:
    return Notice(
        code=row["code"],
        message=row["message"],
        details=row.get("details"),
        source=_read_source(row["source"]) if row.get("source") else None,
    )


def _read_subject(row: Mapping[str, Any]) -> Subject:
    return Subject(SubjectKind(row["kind"]), row["id"])


def _read_source(row: Mapping[str, Any]) -> Source:
    return Source(row["file"], row.get("line", 0), row.get("column", 0))


def _read_date(text: str | None) -> date | None:
    return None if text is None else date.fromisoformat(text)
