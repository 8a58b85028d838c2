"""The active sessions as data, the oldest first."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import datetime
from typing import Any

from reconciler.model.state import OrganizationState, Session

FORMAT = "license-sessions/1"

Document = dict[str, Any]


def sessions_page(
    states: Iterable[OrganizationState], now: datetime, product: str | None = None
) -> Document:
    """Return the active sessions of these organizations, as of an instant; of one product only,
    where it is given.

    `unknown` are the organizations whose sessions cannot be listed. Ages are in seconds; one that
    the licensing system does not tell is null.
    """
    known = list(states)
    rows = [
        row
        for state in known
        for row in _rows(state, now)
        if product is None or row["product"] == product
    ]
    return {
        "format": FORMAT,
        "at": _iso(now),
        "sessions": sorted(rows, key=_place),
        "unknown": [state.id for state in known if state.sessions is None],
    }


def _rows(state: OrganizationState, now: datetime) -> Iterator[Document]:
    machines = {(row.product, row.id): row for row in state.machines or ()}
    for session in state.sessions or ():
        machine = machines.get((session.product, session.machine))
        started = session.started_at
        yield {
            "organization": state.id,
            "organization_name": state.name,
            "product": session.product,
            "machine": session.machine,
            "machine_name": machine.name if machine else None,
            "user": session.email,
            "session": session.id,
            "started_at": None if started is None else _iso(started),
            "age_seconds": _seconds(started, now),
            "idle_seconds": _idle(session, machine.last_seen if machine else None, now),
        }


def _idle(session: Session, seen: datetime | None, now: datetime) -> int | None:
    """Return how long the machine was not heard of; what it last did before the session is none."""
    if seen is None or (session.started_at is not None and seen < session.started_at):
        return None
    return _seconds(seen, now)


def _seconds(since: datetime | None, now: datetime) -> int | None:
    return None if since is None else max(0, int((now - since).total_seconds()))


def _place(row: Document) -> tuple[Any, ...]:
    return (
        -(row["age_seconds"] if row["age_seconds"] is not None else -1),
        row["started_at"] or "",
        row["organization"],
        row["product"],
        row["machine"],
        row["session"] or "",
    )


def _iso(value: datetime) -> str:
    return value.isoformat().replace("+00:00", "Z")
