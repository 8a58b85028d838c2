"""Filling a database from a snapshot."""

from __future__ import annotations

import re
import sqlite3
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

from reconciler.errors import ConfigurationError, RefusedError
from reconciler.model.source import Problem, Source
from reconciler.products import BY_FEATURE
from reconciler.server.clock import parse_expiry
from reconciler.server.pools import read_pool
from reconciler.server.rules import Subscription
from reconciler.server.snapshot_rows import MAX_ID, Complaints, Reader
from reconciler.server.store import Store
from reconciler.server.tables import DATA

SNAPSHOT_FORMAT = "license-snapshot/1"

Locate = Callable[[tuple[str | int, ...]], Source]

_STEP = re.compile(r"\w+")
_PATH = re.compile(r"\w+(?:\[\d+\]|\.\w+)*")

_DISTANT_PAST = "0000"
"""Sorts before every expiry, so that every offline license counts."""

_INSERTS = {
    "members": "members (organization_id, email, email_key, role, status)",
    "licensed_users": "licensed_users (organization_id, feature, email, email_key)",
    "machines": "machines (organization_id, feature, machine_id, name, email, last_seen)",
    "offline_licenses": (
        "offline_licenses (organization_id, feature, machine_id, email, value, created_at, expires)"
    ),
    "sessions": (
        "sessions (organization_id, feature, session_id, machine_id, email, email_key,"
        " started_at, active_at)"
    ),
}


def load_snapshot(
    store: Store,
    document: Mapping[str, Any],
    *,
    replace: bool = False,
    name: str = "snapshot",
    locate: Locate | None = None,
) -> None:
    """Fill an empty database with a snapshot, or with `replace` put it in the place of all data.

    A list that is absent is loaded as an empty one: the server is the system itself, where
    nothing is unknown. Pools over their quota are loaded as they are. Keys are kept. Either all
    of it is stored or nothing.

    Raises RefusedError where the database is not empty, and ConfigurationError with every
    problem of the snapshot, which `name` stands for in the messages; `locate` turns the path of a
    value into its place in the file.
    """
    complaints = Complaints()
    readers = _readers(document, complaints)
    with store.write() as connection:
        if replace:
            for table in DATA:
                connection.execute(f"DELETE FROM {table}")  # noqa: S608
        elif connection.execute("SELECT EXISTS (SELECT 1 FROM organizations)").fetchone()[0]:
            raise RefusedError(
                "The database holds organizations already.",
                hint="Load into a new file, or put the snapshot in their place: "
                "`reconciler load SNAPSHOT --db FILE --replace`.",
            )
        for reader in readers:
            _store(connection, reader, _taken_at(document, complaints))
        if complaints.lines:
            raise ConfigurationError(
                Problem(_source(line, name, locate), line)
                for line in dict.fromkeys(complaints.lines)
            )


def _source(line: str, name: str, locate: Locate | None) -> Source:
    """Return the place of a complaint, which begins with the path of a value."""
    path = line.partition(":")[0]
    if locate is None or not _PATH.fullmatch(path):
        return Source(name)
    try:
        return locate(tuple(int(step) if step.isdigit() else step for step in _STEP.findall(path)))
    except LookupError:
        return Source(name)  # What is missing has no place of its own.


def _readers(document: Mapping[str, Any], complaints: Complaints) -> list[Reader]:
    if document.get("format") != SNAPSHOT_FORMAT:
        complaints.add("format", f"must be {SNAPSHOT_FORMAT}")
    organizations = document.get("organizations")
    if not isinstance(organizations, (list, tuple)):
        complaints.add("organizations", "must be a list")
        return []
    readers: dict[int, Reader] = {}
    for number, data in enumerate(organizations):
        place = f"organizations[{number}]"
        organization = data.get("id") if isinstance(data, Mapping) else None
        if type(organization) is not int or not 0 <= organization <= MAX_ID:
            complaints.add(place, "must have an `id` that is a whole number")
        elif organization in readers:
            complaints.add(place, f"repeats {readers[organization].place}")
        else:
            readers[organization] = Reader(organization, data, place, complaints)
    return list(readers.values())


def _taken_at(document: Mapping[str, Any], complaints: Complaints) -> str:
    value = document.get("taken_at")
    if value is None:
        return _DISTANT_PAST
    try:
        return parse_expiry(value)
    except ValueError:
        complaints.add("taken_at", "must be a date-time with an offset")
        return _DISTANT_PAST


def _store(connection: sqlite3.Connection, reader: Reader, taken_at: str) -> None:
    name = reader.data.get("name")
    if name is not None and not isinstance(name, str):
        reader.complaints.add(f"{reader.place}.name", "must be a text")
        return
    connection.execute("INSERT INTO organizations VALUES (?, ?)", (reader.organization, name))
    rows = {
        "members": reader.members(),
        "licensed_users": reader.licensed_users(),
        "machines": reader.machines(),
        "offline_licenses": reader.offline_licenses(),
        "sessions": reader.sessions(),
    }
    for table, values in rows.items():
        if values:
            marks = ", ".join("?" * len(values[0]))
            connection.executemany(f"INSERT INTO {_INSERTS[table]} VALUES ({marks})", values)  # noqa: S608
    connection.executemany(
        "INSERT OR IGNORE INTO accounts (email, email_key) VALUES (?, ?)",
        (row[1:3] for row in rows["members"]),
    )
    connection.executemany(
        "INSERT OR IGNORE INTO accounts (email, email_key) VALUES (?, ?)",
        (row[2:4] for row in rows["licensed_users"]),
    )
    for subscription in reader.subscriptions():
        _store_subscription(connection, subscription, taken_at)


def _store_subscription(
    connection: sqlite3.Connection, row: tuple[Any, ...], taken_at: str
) -> None:
    """Store a subscription; what its `used` has above our count is kept as a surplus of seats.

    The count is that of the moment when the snapshot was taken, since `used` is.
    """
    organization, feature, quota, machine_quota, expires, offline, used = row
    bought = Subscription(quota, machine_quota, expires, offline, surplus=0)
    pool = read_pool(connection, organization, BY_FEATURE[feature], taken_at)
    counted = replace(pool, subscription=bought).used
    connection.execute(
        "INSERT INTO subscriptions (organization_id, feature, quota, machine_quota, expires,"
        " offline_allowed, used_surplus) VALUES (?, ?, ?, ?, ?, ?, ?)",
        (
            organization,
            feature,
            quota,
            machine_quota,
            expires,
            offline,
            max(0, (used or 0) - counted),
        ),
    )
