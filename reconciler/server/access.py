"""Who asks, and in which organizations they may manage licenses."""

from __future__ import annotations

import base64
import binascii
import sqlite3
from dataclasses import dataclass
from enum import StrEnum

from reconciler.server.emails import account_key
from reconciler.server.keys import find_owner_of
from reconciler.server.messages import HttpError, Request


class Role(StrEnum):
    """A member's role, as the API spells it."""

    OWNER = "OWNER"
    ADMIN = "ADMIN"
    USER = "USER"
    BILLING_MANAGER = "BILLING_MANAGER"


MANAGERS = frozenset({Role.OWNER, Role.ADMIN})
"""The roles that may see the lists of licenses and change them."""


@dataclass(frozen=True, slots=True)
class Principal:
    """The owner of a key. One without an email owns every organization and is member of none."""

    email: str | None

    @classmethod
    def synthetic_owner(cls) -> Principal:
        """Return the owner of everything, who is nobody's member."""
        return cls(None)

    @property
    def name(self) -> str:
        """What stands in the history."""
        return self.email or "owner"


_CHALLENGE = {"WWW-Authenticate": 'Basic realm="licensing", charset="UTF-8"'}


def authenticate(connection: sqlite3.Connection, request: Request) -> Principal:
    """Return the owner of the request's key, else raise a 401 that does not repeat the key."""
    header = request.header("Authorization")
    if header is None:
        raise HttpError(401, "An API key is needed: Basic, without user name.", headers=_CHALLENGE)
    scheme, _, encoded = header.strip().partition(" ")
    key: str | None = None
    if scheme.lower() == "basic":
        try:
            user, colon, key = base64.b64decode(encoded, validate=True).decode().partition(":")
        except (binascii.Error, ValueError):
            key = None
        else:
            key = key if colon and not user else None
    found = find_owner_of(connection, key) if key else None
    if found is None:
        raise HttpError(401, "The API key is not valid.", headers=_CHALLENGE)
    return Principal(found.email)


def roles_of(connection: sqlite3.Connection, principal: Principal) -> dict[int, Role] | None:
    """Return the principal's role by organization, or None for the owner of all of them."""
    if principal.email is None:
        return None
    rows = connection.execute(
        "SELECT organization_id, role FROM members WHERE email_key = ? AND status = 'ACTIVE'",
        (account_key(principal.email),),
    )
    return {row["organization_id"]: Role(row["role"]) for row in rows}


def role_in(connection: sqlite3.Connection, principal: Principal, organization: int) -> Role:
    """Return the principal's role, else raise a 404: what one is no member of does not exist."""
    if principal.email is None:
        row = connection.execute(
            "SELECT 1 FROM organizations WHERE id = ?", (organization,)
        ).fetchone()
        role = Role.OWNER if row else None
    else:
        role = (roles_of(connection, principal) or {}).get(organization)
    if role is None:
        raise HttpError(404, f"There is no organization {organization} for this API key.")
    return role


def require_manager(
    connection: sqlite3.Connection, principal: Principal, organization: int
) -> None:
    """Raise a 404 or a 403 unless the principal manages this organization's licenses."""
    role = role_in(connection, principal, organization)
    if role not in MANAGERS:
        raise HttpError(
            403,
            f"Only an Owner or Admin of organization {organization} manages its licenses;"
            f" this API key's owner is {role}.",
        )
