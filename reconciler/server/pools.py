"""The seat numbers of pools, counted in the database."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterable, Mapping
from dataclasses import replace

from reconciler.products import BY_FEATURE, Product
from reconciler.server.rules import Pool, Subscription

_COUNTS: Mapping[str, str] = {
    "licensed": "FROM licensed_users t WHERE 1",
    "machines": "FROM machines t WHERE 1",
    "converted": (
        "FROM machines t JOIN offline_licenses o USING (organization_id, feature, machine_id)"
        " WHERE (o.expires IS NULL OR o.expires >= :now)"
    ),
    "offline": "FROM offline_licenses t WHERE (t.expires IS NULL OR t.expires >= :now)",
    "sessions": "FROM sessions t WHERE 1",
}
"""What is counted, by the field of a Pool; `t` is the table with organization and feature."""


def read_pool(
    connection: sqlite3.Connection, organization: int, product: Product, now: str
) -> Pool:
    """Return one pool at this moment."""
    where = "t.organization_id = :organization AND t.feature = :feature"
    parameters = {"organization": organization, "feature": product.feature, "now": now}
    counts = ", ".join(
        f"(SELECT COUNT(*) {source} AND {where}) AS {name}" for name, source in _COUNTS.items()
    )
    numbers = connection.execute(f"SELECT {counts}", parameters).fetchone()
    bought = connection.execute(
        "SELECT * FROM subscriptions WHERE organization_id = ? AND feature = ?",
        (organization, product.feature),
    ).fetchone()
    return Pool(product, _subscription(bought) if bought else None, **dict(numbers))


def read_pools(
    connection: sqlite3.Connection, organizations: Iterable[int], now: str
) -> dict[tuple[int, str], Pool]:
    """Return the pools of these organizations that have a subscription, by ID and feature."""
    chosen = "t.organization_id IN (SELECT value FROM json_each(:organizations))"
    parameters = {"organizations": json.dumps(sorted(organizations)), "now": now}
    pools = {
        (row["organization_id"], row["feature"]): Pool(
            BY_FEATURE[row["feature"]], _subscription(row)
        )
        for row in connection.execute(f"SELECT * FROM subscriptions t WHERE {chosen}", parameters)  # noqa: S608
    }
    for name, source in _COUNTS.items():
        query = (
            f"SELECT t.organization_id, t.feature, COUNT(*) AS number {source} AND {chosen}"
            " GROUP BY t.organization_id, t.feature"
        )
        for row in connection.execute(query, parameters):
            key = (row["organization_id"], row["feature"])
            if key in pools:
                pools[key] = replace(pools[key], **{name: row["number"]})
    return pools


def _subscription(row: sqlite3.Row) -> Subscription:
    allowed = row["offline_allowed"]
    return Subscription(
        quota=row["quota"],
        machine_quota=row["machine_quota"],
        expires=row["expires"],
        offline_allowed=None if allowed is None else bool(allowed),
        surplus=row["used_surplus"],
    )
