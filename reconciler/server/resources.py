"""Organizations and accounts as the vendor's published API shows them."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Sequence
from typing import Any

from reconciler.products import PRODUCTS
from reconciler.server.access import Principal, Role, roles_of
from reconciler.server.emails import account_key
from reconciler.server.pools import read_pools
from reconciler.server.rules import Pool


def organization_resources(
    connection: sqlite3.Connection, principal: Principal, organizations: Sequence[int], now: str
) -> list[dict[str, Any]]:
    """Return the OrganizationResource of each of these organizations, in their order."""
    roles = roles_of(connection, principal)
    pools = read_pools(connection, organizations, now)
    rows = connection.execute(
        "SELECT o.id, o.name, (SELECT COUNT(*) FROM members m WHERE m.organization_id = o.id"
        " AND m.status = 'ACTIVE') AS members"
        " FROM organizations o WHERE o.id IN (SELECT value FROM json_each(?))",
        (json.dumps(list(organizations)),),
    )
    resources = {
        row["id"]: {
            "id": row["id"],
            "name": row["name"],
            "domain": None,
            "role": Role.OWNER if roles is None else roles.get(row["id"]),
            "numberUser": row["members"],
            **_license_fields(row["id"], pools, now),
        }
        for row in rows
    }
    return [resources[organization] for organization in organizations]


def _license_fields(
    organization: int, pools: dict[tuple[int, str], Pool], now: str
) -> dict[str, Any]:
    fields: dict[str, Any] = {"subscribed": False}
    for product in PRODUCTS.values():
        pool = pools.get((organization, product.feature))
        bought = pool.subscription if pool else None
        fields[product.quota_field] = bought.quota if bought else None
        fields[product.used_field] = pool.used if pool else None
        fields[product.expiry_field] = bought.expires if bought else None
        if product.machine_quota_field:
            fields[product.machine_quota_field] = bought.machine_quota if bought else None
        if product.offline_field:
            # One flag stands for all products of a family: it is true where any of them has it.
            known = fields.get(product.offline_field)
            allowed = bought.offline_allowed if bought else None
            fields[product.offline_field] = known if allowed is None else allowed or bool(known)
        if bought and (bought.expires is None or bought.expires >= now):
            fields["subscribed"] = True
    return fields


def me(connection: sqlite3.Connection, principal: Principal, now: str) -> dict[str, Any]:
    """Return the account of the key's owner, with the organizations and products it has."""
    roles = roles_of(connection, principal)
    if roles is None:
        visible = [row[0] for row in connection.execute("SELECT id FROM organizations")]
    else:
        visible = list(roles)
    return {
        **_account(connection, principal),
        "organizations": organization_resources(connection, principal, sorted(visible), now),
        "organizationFeature": _features(connection, principal, visible),
    }


def _account(connection: sqlite3.Connection, principal: Principal) -> dict[str, Any]:
    if principal.email is None:
        return {"id": 0, "email": None, "fullName": "Owner of this server"}
    row = connection.execute(
        "SELECT id, email FROM accounts WHERE email_key = ?", (account_key(principal.email),)
    ).fetchone()
    email = row["email"] if row else principal.email
    return {"id": row["id"] if row else None, "email": email, "fullName": email}


def _features(
    connection: sqlite3.Connection, principal: Principal, visible: Sequence[int]
) -> list[dict[str, Any]]:
    if principal.email is None:
        return []
    rows = connection.execute(
        "SELECT l.id, a.id AS user_id, l.email, l.organization_id, l.feature"
        " FROM licensed_users l LEFT JOIN accounts a USING (email_key)"
        " WHERE l.email_key = ? AND l.organization_id IN (SELECT value FROM json_each(?))"
        " ORDER BY l.id",
        (account_key(principal.email), json.dumps(list(visible))),
    )
    return [
        {
            "id": row["id"],
            "userId": row["user_id"],
            "userEmail": row["email"],
            "organizationId": row["organization_id"],
            "feature": row["feature"],
        }
        for row in rows
    ]
