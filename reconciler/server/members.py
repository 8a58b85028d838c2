"""Leaving an organization, which takes a person's licenses there."""

from __future__ import annotations

from reconciler.products import PRODUCTS
from reconciler.server.emails import account_key
from reconciler.server.pools import read_pool
from reconciler.server.sessions import end_user_sessions
from reconciler.server.users import revoke
from reconciler.server.writing import Result, Write


def remove_member(write: Write, organization: int, email: str) -> Result:
    """Remove a person from an organization, revoking all licenses and ending all sessions there.

    Offline licenses stay, as they do when a license is removed.
    """
    for product in PRODUCTS.values():
        pool = read_pool(write.connection, organization, product, write.now)
        _, pool = revoke(write, organization, pool, email)
        end_user_sessions(write, organization, pool, email)
    removed = write.connection.execute(
        "DELETE FROM members WHERE organization_id = ? AND email_key = ?",
        (organization, account_key(email)),
    ).rowcount
    result = Result(email, "removed" if removed else "unchanged")
    write.record(organization, None, "remove_member", result)
    return result
