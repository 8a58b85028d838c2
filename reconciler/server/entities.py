"""What can be searched: one row an entity, with its condition keys, sorts and answer."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from types import MappingProxyType
from typing import Any


class KeyType(StrEnum):
    """How a condition's text is compared."""

    NUMBER = "number"
    TEXT = "text"
    EMAIL = "email"
    DATE = "date"
    BOOLEAN = "boolean"


@dataclass(frozen=True, slots=True)
class Key:
    """A key of conditions and sorts, and the column it stands for."""

    column: str
    type: KeyType


@dataclass(frozen=True, slots=True)
class Entity:
    """One searchable kind of rows.

    `source` is the SELECT whose columns the keys name; it may use `:now`. `managers` tells
    whether only Owners and Admins see the rows.
    """

    name: str
    source: str
    keys: Mapping[str, Key]
    row: Callable[[sqlite3.Row], dict[str, Any]]
    managers: bool = True


_ORGANIZATION = {
    "Organization.id": Key("organization_id", KeyType.NUMBER),
    "organizationId": Key("organization_id", KeyType.NUMBER),
}
_ID = {"id": Key("id", KeyType.NUMBER), **_ORGANIZATION}
_FEATURE = {"feature": Key("feature", KeyType.TEXT)}
_USER = {"userEmail": Key("email_key", KeyType.EMAIL)}
_MACHINE = {"machineId": Key("machine_id", KeyType.TEXT)}


def _licensed_user(row: sqlite3.Row) -> dict[str, Any]:
    return {
        "id": row["id"],
        "userId": row["user_id"],
        "userEmail": row["email"],
        "organizationId": row["organization_id"],
        "feature": row["feature"],
    }


def _machine(row: sqlite3.Row) -> dict[str, Any]:
    return {
        "id": row["id"],
        "machineId": row["machine_id"],
        "machineName": row["name"],
        "userEmail": row["email"],
        "feature": row["feature"],
        "organizationId": row["organization_id"],
        "lastSeen": row["last_seen"],
    }


def license_key(row: sqlite3.Row) -> dict[str, Any]:
    """Return a LicenseKey row, online or offline."""
    return {
        "id": row["id"],
        "value": row["value"],
        "machineId": row["machine_id"],
        "createAt": row["created_at"],
        "expirationDate": row["expires"],
        "organization": {"id": row["organization_id"], "name": row["organization_name"]},
        "errorMessage": None,
        "feature": row["feature"],
        "offline": bool(row["offline"]),
        "userEmail": row["email"],
    }


def _session(row: sqlite3.Row) -> dict[str, Any]:
    return {
        "id": row["id"],
        "sessionId": row["session_id"],
        "machineId": row["machine_id"],
        "userEmail": row["email"],
        "feature": row["feature"],
        "organizationId": row["organization_id"],
        "startTime": row["started_at"],
    }


def _member(row: sqlite3.Row) -> dict[str, Any]:
    return {
        "id": row["id"],
        "userId": row["user_id"],
        "userEmail": row["email"],
        "organizationId": row["organization_id"],
        "role": row["role"],
    }


def _invitation(row: sqlite3.Row) -> dict[str, Any]:
    return {
        "id": row["id"],
        "email": row["email"],
        "organizationId": row["organization_id"],
        "role": row["role"],
        "status": row["status"],
    }


def _organization(row: sqlite3.Row) -> dict[str, Any]:
    # Only the ID: the search asks for the whole resource of a page's organizations at once.
    return {"id": row["id"]}


LICENSE_KEYS = """
    SELECT t.id * 2 AS id, t.organization_id, o.name AS organization_name, t.feature,
        t.machine_id, t.email, t.email_key, t.session_id AS value, t.started_at AS created_at,
        NULL AS expires, 0 AS offline
    FROM sessions t JOIN organizations o ON o.id = t.organization_id
    UNION ALL
    SELECT t.id * 2 + 1, t.organization_id, o.name, t.feature,
        t.machine_id, t.email, account_key(t.email), t.value, t.created_at, t.expires, 1
    FROM offline_licenses t JOIN organizations o ON o.id = t.organization_id
    WHERE t.expires IS NULL OR t.expires >= :now
"""
"""Online licenses (one a session) and unexpired offline ones, with IDs that never meet."""

# A subquery and no join: it is run for the rows of a page only, not for those that are skipped.
_USER_ID = "(SELECT a.id FROM accounts a WHERE a.email_key = t.email_key) AS user_id"

_MEMBERS = f"SELECT t.*, {_USER_ID} FROM members t WHERE t.status = "  # noqa: S608

_ROWS = (
    Entity(
        "UserOrganizationFeature",
        f"SELECT t.*, {_USER_ID} FROM licensed_users t",  # noqa: S608
        {**_ID, **_FEATURE, **_USER, "userId": Key("user_id", KeyType.NUMBER)},
        _licensed_user,
    ),
    Entity(
        "Machine",
        "SELECT *, account_key(email) AS email_key FROM machines",
        {
            **_ID,
            **_FEATURE,
            **_USER,
            **_MACHINE,
            "machineName": Key("name", KeyType.TEXT),
            "lastSeen": Key("last_seen", KeyType.DATE),
        },
        _machine,
    ),
    Entity(
        "LicenseKey",
        LICENSE_KEYS,
        {
            **_ID,
            **_FEATURE,
            **_USER,
            **_MACHINE,
            "offline": Key("offline", KeyType.BOOLEAN),
            "createAt": Key("created_at", KeyType.DATE),
            "expirationDate": Key("expires", KeyType.DATE),
        },
        license_key,
    ),
    Entity(
        "KsSession",
        "SELECT * FROM sessions",
        {
            **_ID,
            **_FEATURE,
            **_USER,
            **_MACHINE,
            "sessionId": Key("session_id", KeyType.TEXT),
            "startTime": Key("started_at", KeyType.DATE),
        },
        _session,
    ),
    Entity(
        "UserOrganization",
        _MEMBERS + "'ACTIVE'",
        {
            **_ID,
            **_USER,
            "userId": Key("user_id", KeyType.NUMBER),
            "role": Key("role", KeyType.TEXT),
        },
        _member,
    ),
    Entity(
        "UserInvitation",
        _MEMBERS + "'PENDING'",
        {**_ID, "email": Key("email_key", KeyType.EMAIL), "role": Key("role", KeyType.TEXT)},
        _invitation,
    ),
    Entity(
        "Organization",
        "SELECT id, id AS organization_id, name FROM organizations",
        {
            "id": Key("id", KeyType.NUMBER),
            "Organization.id": Key("organization_id", KeyType.NUMBER),
            "name": Key("name", KeyType.TEXT),
        },
        _organization,
        managers=False,
    ),
)

ENTITIES: Mapping[str, Entity] = MappingProxyType({row.name: row for row in _ROWS})
"""Every entity by its name."""


def search_info() -> dict[str, Any]:
    """Return what can be searched and how, in the vendor's published shape."""
    return {
        entity.name: {
            "filterConfig": {name: key.type.value for name, key in entity.keys.items()},
            "sortConfig": list(entity.keys),
            "sortDefault": ["id,asc"],
        }
        for entity in ENTITIES.values()
    }
