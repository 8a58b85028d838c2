"""The vendor's idle timeout: the studio's sessions that nobody uses give their license back.

By the vendor's documentation the timeout is 120 minutes where it is enabled and nothing else is
said. A session's last sign of life is its activation, each repeated one, or, for a session out of
a snapshot, the first request after it was loaded: that it was listed proves that it was not idle
then, and what its host did since nobody knows. All by the clock of the server.
"""

from __future__ import annotations

import sqlite3
from datetime import datetime, timedelta

from reconciler.products import BY_FEATURE
from reconciler.server.clock import earlier, second_text
from reconciler.server.pools import read_pool
from reconciler.server.sessions import end_sessions
from reconciler.server.store import Store
from reconciler.server.writing import Write

DEFAULT_MINUTES = 120

_FEATURES = ("KSE", "UNLIMITED_KSE")
"""The studio, per user and floating; the runtime engine's sessions do not idle."""

_STUDIO = "feature IN ('KSE', 'UNLIMITED_KSE')"
_OVERDUE = "feature = :feature AND active_at < :key"


def set_idle_minutes(store: Store, minutes: int) -> None:
    """Keep the timeout in the database, so that all who open it go by the same; 0 is for none."""
    with store.write() as connection:
        connection.execute(
            "INSERT OR REPLACE INTO meta VALUES ('idle_minutes', ?)", (str(minutes),)
        )


def idle_timeout_of(store: Store) -> timedelta | None:
    """Return the database's timeout, None for none; one that was never set is the default."""
    with store.read() as connection:
        row = connection.execute("SELECT value FROM meta WHERE key = 'idle_minutes'").fetchone()
    return timeout_of(int(row["value"]) if row else DEFAULT_MINUTES)


def timeout_of(minutes: int) -> timedelta | None:
    """Return so many minutes as a timeout, None for 0."""
    return timedelta(minutes=minutes) if minutes else None


def is_idling_due(connection: sqlite3.Connection, now: datetime, timeout: timedelta) -> bool:
    """Tell whether `end_idle_sessions` has anything to do."""
    return bool(
        connection.execute(
            f"SELECT EXISTS (SELECT 1 FROM sessions WHERE {_STUDIO}"  # noqa: S608
            " AND (active_at IS NULL OR active_at < ?))",
            (earlier(now, timeout),),
        ).fetchone()[0]
    )


def end_idle_sessions(write: Write, timeout: timedelta) -> None:
    """End the studio's sessions that were not heard of for longer than the timeout."""
    write.connection.execute(
        f"UPDATE sessions SET active_at = ? WHERE active_at IS NULL AND {_STUDIO}",  # noqa: S608
        (second_text(write.moment),),
    )
    limit = earlier(write.moment, timeout)
    for feature in _FEATURES:
        organizations = write.connection.execute(
            f"SELECT DISTINCT organization_id FROM sessions WHERE {_OVERDUE}",  # noqa: S608
            {"feature": feature, "key": limit},
        ).fetchall()
        for (organization,) in organizations:
            pool = read_pool(write.connection, organization, BY_FEATURE[feature], write.now)
            where = f"organization_id = :organization AND {_OVERDUE}"
            end_sessions(write, organization, pool, where, limit, action="end_idle_session")
