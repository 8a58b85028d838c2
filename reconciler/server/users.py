"""Granting products to users, and taking them away."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from reconciler.products import Product
from reconciler.server.emails import account_key
from reconciler.server.pools import read_pool
from reconciler.server.rules import Pool, grant_problem
from reconciler.server.sessions import end_user_sessions
from reconciler.server.writing import Outcome, Result, Write


def grant_users(
    write: Write, organization: int, product: Product, emails: Sequence[str]
) -> Outcome:
    """License users in the order given while seats last; a licensed one stays as it is."""
    pool = read_pool(write.connection, organization, product, write.now)
    results = []
    for email in emails:
        result, pool = _grant(write, organization, pool, email)
        write.record(organization, pool, "grant_user", result)
        results.append(result)
    return Outcome(tuple(results), pool)


def _grant(write: Write, organization: int, pool: Pool, email: str) -> tuple[Result, Pool]:
    holder = (organization, pool.product.feature, account_key(email))
    held = write.connection.execute(
        "SELECT 1 FROM licensed_users WHERE organization_id = ? AND feature = ? AND email_key = ?",
        holder,
    ).fetchone()
    if held:
        return Result(email, "unchanged"), pool
    standing, spelled = write.member(organization, email)
    problem = grant_problem(pool, standing, write.now)
    if problem:
        return Result(email, "rejected", problem), pool
    write.connection.execute(
        "INSERT INTO licensed_users (organization_id, feature, email_key, email)"
        " VALUES (?, ?, ?, ?)",
        (*holder, spelled),
    )
    return Result(email, "granted"), replace(pool, licensed=pool.licensed + 1)


def remove_users(
    write: Write, organization: int, product: Product, emails: Sequence[str]
) -> Outcome:
    """Take licenses away and end these users' sessions at once; offline licenses stay."""
    pool = read_pool(write.connection, organization, product, write.now)
    results = []
    for email in emails:
        result, pool = revoke(write, organization, pool, email)
        if result.status == "unchanged":
            write.record(organization, pool, "remove_user", result)
        results.append(result)
    return Outcome(tuple(results), pool)


def revoke(write: Write, organization: int, pool: Pool, email: str) -> tuple[Result, Pool]:
    """Take one user's license of this product, where there is one, and end the sessions on it."""
    removed = write.connection.execute(
        "DELETE FROM licensed_users WHERE organization_id = ? AND feature = ? AND email_key = ?",
        (organization, pool.product.feature, account_key(email)),
    ).rowcount
    if not removed:
        return Result(email, "unchanged"), pool
    result = Result(email, "removed")
    pool = replace(pool, licensed=pool.licensed - 1)
    write.record(organization, pool, "remove_user", result)
    return result, end_user_sessions(write, organization, pool, email)
