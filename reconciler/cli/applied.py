"""What an apply did, as the document that its reports are made from."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from reconciler.applying.result import (
    ApplyResult,
    ChangeResult,
    ChangeStatus,
    OrganizationResult,
)

FORMAT = "license-apply/1"

Document = dict[str, Any]


def document_of(result: ApplyResult, plan: Mapping[str, Any]) -> Document:
    """Return what was really done, change by change, with the plan that it was done from."""
    changes = [row for organization in result.organizations for row in organization.changes]
    # Not as `writes` and `routes`, as in the plan: the former counts here.
    writing = {name: plan[name] for name in ("writes", "routes") if name in plan}
    return {
        "format": FORMAT,
        "plan_digest": plan["digest"],
        "changes_digest": plan["changes_digest"],
        "target": plan["target"],
        **({"writing": writing} if writing else {}),
        "writes": result.writes,
        "interrupted": result.interrupted,
        "counts": {
            status.value: sum(row.status is status for row in changes) for status in ChangeStatus
        },
        "organizations": [_organization(row) for row in result.organizations],
    }


def _organization(row: OrganizationResult) -> Document:
    return {
        "id": row.id,
        "name": row.name,
        "status": row.status.value,
        "reason": row.reason,
        "changes": [_change(change) for change in row.changes],
        "error": row.error,
        "stale": [
            {
                "change": stale.change.id,
                "product": stale.change.product,
                "subject": stale.change.subject.id,
                "code": stale.code,
                "message": stale.message,
            }
            for stale in row.stale
        ],
        "moved": list(row.moved),
        "settled": list(row.settled),
        "refusals": len(row.refusals),
        "refused": list(row.refusals),
        "interrupted": row.interrupted,
    }


def _change(row: ChangeResult) -> Document:
    change = row.change
    return {
        "id": change.id,
        "action": change.action.value,
        "product": change.product,
        "subject": change.subject.id,
        "from": change.holder.id if change.holder else None,
        "status": row.status.value,
        "code": row.code,
        "message": row.message,
        "writes": row.writes,
        "unclear": row.unclear,
        "given_back": row.given_back,
    }
