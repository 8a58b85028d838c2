"""The License Management page as data: per product the seats, and the four lists."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date, datetime
from typing import Any

from reconciler.model.identity import email_key
from reconciler.model.state import MemberStatus, OrganizationState
from reconciler.planning.pools import PoolState, pools_of

FORMAT = "license-page/1"

Document = dict[str, Any]


def page_of(states: Iterable[OrganizationState], day: date) -> Document:
    """Return the page of these organizations, as of a day; a list that is unknown is null."""
    return {
        "format": FORMAT,
        "as_of": day.isoformat(),
        "organizations": [_organization(state, day) for state in states],
    }


def _organization(state: OrganizationState, day: date) -> Document:
    pools = pools_of(state, day)
    return {
        "id": state.id,
        "name": state.name,
        "members": _members(state),
        "products": [_product(pool) for pool in pools.values() if _shown(pool)],
    }


def _members(state: OrganizationState) -> Document | None:
    if state.members is None:
        return None
    pending = sum(member.status is MemberStatus.PENDING for member in state.members)
    return {"active": len(state.members) - pending, "pending": pending}


def _shown(pool: PoolState) -> bool:
    return bool(pool.subscription or pool.holders or pool.machines or pool.offline or pool.sessions)


def _product(pool: PoolState) -> Document:
    used, quota = pool.used, pool.quota
    subscription = pool.subscription
    return {
        "product": pool.product.key,
        "name": pool.product.name,
        "quota": quota,
        "used": used,
        "available": None if used is None or quota is None else quota - used,
        "machine_quota": pool.machine_quota,
        "expires": _iso(subscription.expires if subscription else None),
        "licensed_users": _users(pool),
        "online_licenses": _online(pool),
        "offline_licenses": _offline(pool),
        "registered_machines": _registered(pool),
    }


def _users(pool: PoolState) -> list[str] | None:
    if pool.holders is None or not pool.product.users:
        return None if pool.product.users else []
    return sorted(pool.holders.values(), key=email_key)


def _online(pool: PoolState) -> list[Document] | None:
    if pool.sessions is None:
        return None
    rows = sorted(pool.sessions, key=lambda row: (row.machine, row.id or "", row.email or ""))
    return [
        {"machine": row.machine, "email": row.email, "started_at": _iso(row.started_at)}
        for row in rows
    ]


def _offline(pool: PoolState) -> list[Document] | None:
    if pool.offline is None:
        return None
    return [
        {"machine": machine, "email": row.email, "expires": _iso(row.expires)}
        for machine, row in sorted(pool.offline.items())
    ]


def _registered(pool: PoolState) -> list[Document] | None:
    if pool.machines is None or not pool.product.machines:
        return None if pool.product.machines else []
    return [
        {
            "machine": machine,
            "name": row.name,
            "email": row.email,
            "last_seen": _iso(row.last_seen),
        }
        for machine, row in sorted(pool.machines.items())
    ]


def _iso(value: date | datetime | None) -> str | None:
    return None if value is None else value.isoformat().replace("+00:00", "Z")
