"""Ending sessions: by request, and with their user's license or their machine."""

from __future__ import annotations

from dataclasses import replace

from reconciler.products import Product
from reconciler.server.emails import account_key
from reconciler.server.pools import read_pool
from reconciler.server.rules import Pool
from reconciler.server.writing import Outcome, Result, Write

_OF_PRODUCT = "organization_id = :organization AND feature = :feature"


def release_session(
    write: Write, organization: int, product: Product, machine: str, session: str
) -> Outcome:
    """End one session of a machine, which frees its license."""
    pool = read_pool(write.connection, organization, product, write.now)
    ended = write.connection.execute(
        "DELETE FROM sessions WHERE organization_id = ? AND feature = ? AND session_id = ?"
        " AND machine_id = ?",
        (organization, product.feature, session, machine),
    ).rowcount
    result = Result(session, "ended" if ended else "unchanged")
    pool = replace(pool, sessions=pool.sessions - ended)
    write.record(organization, pool, "end_session", result)
    return Outcome((result,), pool)


def end_user_sessions(write: Write, organization: int, pool: Pool, email: str) -> Pool:
    """End every session that a user has of this product, and return the pool without them."""
    where = f"{_OF_PRODUCT} AND email_key = :key"
    return end_sessions(write, organization, pool, where, account_key(email))


def end_machine_sessions(write: Write, organization: int, pool: Pool, machine: str) -> Pool:
    """End every session that a machine has of this product, and return the pool without them."""
    return end_sessions(write, organization, pool, f"{_OF_PRODUCT} AND machine_id = :key", machine)


def end_sessions(
    write: Write,
    organization: int,
    pool: Pool,
    where: str,
    key: str,
    *,
    action: str = "end_session",
) -> Pool:
    """End the sessions of a pool for which `where` holds, and return the pool without them.

    `where` may use `:organization`, `:feature` and `:key`.
    """
    # Not RETURNING, which the SQLite of long-term distributions does not know.
    rows = write.connection.execute(
        f"SELECT id, session_id FROM sessions WHERE {where} ORDER BY id",  # noqa: S608
        {"organization": organization, "feature": pool.product.feature, "key": key},
    ).fetchall()
    for row in rows:
        write.connection.execute("DELETE FROM sessions WHERE id = ?", (row["id"],))
        pool = replace(pool, sessions=pool.sessions - 1)
        write.record(organization, pool, action, Result(row["session_id"], "ended"))
    return pool
