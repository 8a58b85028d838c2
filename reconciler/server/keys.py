"""API keys: stored as hashes, read from a file, and never written or shown."""

from __future__ import annotations

import hashlib
import re
import secrets
import sqlite3
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

from reconciler.errors import ConfigurationError
from reconciler.model.source import Problem, Source
from reconciler.server.emails import account_key
from reconciler.server.store import Store, StoreError

_KEY = re.compile(r"[!-~]{1,512}", re.ASCII)


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


def read_key_file(path: Path | str) -> tuple[MemberKey, ...]:
    """Return the keys of a YAML or JSON file: a list of `{key, email}`.

    Raises ConfigurationError with every problem; none of them quotes the file.
    """
    name = str(path)
    try:
        data = yaml.load(Path(path).read_bytes(), Loader=_loader())  # noqa: S506 - a safe one
    except OSError as error:
        raise _invalid(name, f"cannot be read: {error.strerror}") from error
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark
        place = Source(name, mark.line + 1, mark.column + 1) if mark else Source(name)
        # The parser's own message would quote the line, and with it the key; so would the chain.
        raise ConfigurationError([Problem(place, "is not valid YAML")]) from None
    except (yaml.YAMLError, ValueError, RecursionError):
        raise _invalid(name, "is not valid YAML in UTF-8") from None
    if not isinstance(data, list):
        raise _invalid(name, "must be a list of {key, email}")
    problems = [
        Problem(Source(name), f"entry {number}: {complaint}")
        for number, row in enumerate(data, 1)
        if (complaint := _complaint(row))
    ]
    if not problems and len({row["key"] for row in data}) < len(data):
        problems.append(Problem(Source(name), "one key is given twice"))
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


def _invalid(name: str, message: str) -> ConfigurationError:
    return ConfigurationError([Problem(Source(name), message)])


def _loader() -> Any:
    return getattr(yaml, "CSafeLoader", yaml.SafeLoader)


def _hash(connection: sqlite3.Connection, key: str) -> str:
    """Return the key's hash, salted with the database's own salt.

    Keys are random texts, so that one round of a fast hash suffices, and a look-up by hash tells
    nothing by its timing.
    """
    salt = connection.execute("SELECT value FROM meta WHERE key = 'salt'").fetchone()["value"]
    return hashlib.sha256(f"{salt}:{key}".encode()).hexdigest()
