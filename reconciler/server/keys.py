"""API keys: stored as hashes, and never written or shown."""

from __future__ import annotations

import hashlib
import re
import secrets
import sqlite3
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

from reconciler.errors import ConfigurationError
from reconciler.model.source import Problem, Source
from reconciler.server.emails import account_key
from reconciler.server.store import Store, StoreError

Locate = Callable[[tuple[int, ...]], Source]

_KEY = re.compile(r"[!-~]{1,512}", re.ASCII)
_MOST_PROBLEMS = 1_000


@dataclass(frozen=True, slots=True)
class MemberKey:
    """A member's API key; its text form does not show the key."""

    email: str
    key: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class KeyOwner:
    """Whose a key is; without an email it is the synthetic owner's."""

    email: str | None


def new_key() -> str:
    """Return a new random key."""
    return secrets.token_urlsafe(32)


def is_key(text: str) -> bool:
    """Tell whether a text can be a key: 1 to 512 visible ASCII characters."""
    return bool(_KEY.fullmatch(text))


def set_owner_key(store: Store, key: str) -> None:
    """Make this the key of the synthetic owner; the one before is valid no longer.

    Raises StoreError where it is a member's.
    """
    with store.write() as connection:
        _replace_owner(connection, key)


def set_member_keys(store: Store, keys: Sequence[MemberKey]) -> None:
    """Make these the keys of members; those before are valid no longer.

    Raises StoreError where one of them is another's or the synthetic owner's.
    """
    with store.write() as connection:
        _replace_members(connection, keys)


def set_keys(store: Store, *, owner: str | None, members: Sequence[MemberKey] | None) -> str | None:
    """Set the keys that are given, all or none; those that are None stay as they are.

    A store without any key of the synthetic owner gets one, which is returned: only now can it be
    known. Raises StoreError where one key is given to two owners.
    """
    made = None
    with store.write() as connection:
        if members is not None:
            _replace_members(connection, members)
        if owner is None and not _has_owner(connection):
            owner = made = new_key()
        if owner is not None:
            _replace_owner(connection, owner)
    return made


def _has_owner(connection: sqlite3.Connection) -> bool:
    query = "SELECT EXISTS (SELECT 1 FROM keys WHERE email IS NULL)"
    return bool(connection.execute(query).fetchone()[0])


def _replace_owner(connection: sqlite3.Connection, key: str) -> None:
    connection.execute("DELETE FROM keys WHERE email IS NULL")
    _insert(connection, [(_hash(connection, key), None, None)])


def _replace_members(connection: sqlite3.Connection, keys: Sequence[MemberKey]) -> None:
    connection.execute("DELETE FROM keys WHERE email IS NOT NULL")
    rows = [(_hash(connection, row.key), row.email, account_key(row.email)) for row in keys]
    _insert(connection, rows)


def _insert(
    connection: sqlite3.Connection, rows: Sequence[tuple[str, str | None, str | None]]
) -> None:
    try:
        connection.executemany("INSERT INTO keys VALUES (?, ?, ?)", rows)
    except sqlite3.IntegrityError as error:
        raise StoreError("One API key is given to two owners.") from error


def find_owner_of(connection: sqlite3.Connection, key: str) -> KeyOwner | None:
    """Return whose key this is, or None."""
    row = connection.execute(
        "SELECT email FROM keys WHERE hash = ?", (_hash(connection, key),)
    ).fetchone()
    return KeyOwner(row["email"]) if row else None


def member_keys(data: Any, locate: Locate) -> tuple[MemberKey, ...]:
    """Return the keys that a file holds: a list of `{key, email}`.

    `locate` gives the place of the file's own value and of each entry. Raises ConfigurationError
    with every problem; none of them quotes the file.
    """
    if not isinstance(data, list):
        raise ConfigurationError([Problem(locate(()), "must be a list of {key, email}")])
    problems = []
    first: dict[str, int] = {}
    for index, row in enumerate(data):
        complaint = _complaint(row)
        if complaint is None and first.setdefault(row["key"], index) != index:
            complaint = f"one key is given twice, first in entry {first[row['key']] + 1}"
        if complaint:
            problems.append(Problem(locate((index,)), f"entry {index + 1}: {complaint}"))
        if len(problems) == _MOST_PROBLEMS:
            break
    if problems:
        raise ConfigurationError(problems)
    return tuple(MemberKey(email=row["email"], key=row["key"]) for row in data)


def _complaint(row: Any) -> str | None:
    if not isinstance(row, dict) or set(row) != {"key", "email"}:
        return "must have exactly `key` and `email`"
    if not isinstance(row["key"], str) or not is_key(row["key"]):
        return "`key` must be a text of visible ASCII characters (quote it)"
    if not isinstance(row["email"], str) or not row["email"]:
        return "`email` must be a text"
    return None


def _hash(connection: sqlite3.Connection, key: str) -> str:
    """Return the key's hash, salted with the database's own salt.

    Keys are random texts, so that one round of a fast hash suffices, and a look-up by hash tells
    nothing by its timing.
    """
    salt = connection.execute("SELECT value FROM meta WHERE key = 'salt'").fetchone()["value"]
    return hashlib.sha256(f"{salt}:{key}".encode()).hexdigest()
