"""The API's rows as values: one table says which entity is which list, and which field is what."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from zoneinfo import ZoneInfo

from reconciler.backends.days import instant, last_day
from reconciler.backends.listing import Row, owner_of
from reconciler.errors import MalformedAnswerError
from reconciler.model.identity import email_key
from reconciler.model.state import (
    LicensedUser,
    Machine,
    Member,
    MemberStatus,
    OfflineLicense,
    Role,
    Session,
)
from reconciler.model.text import is_plain, one_line
from reconciler.products import BY_FEATURE

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Field:
    """One field of a row: its name in the API, what it holds, and whether we cannot do without."""

    name: str
    kind: str = "text"
    needed: bool = False


@dataclass(frozen=True, slots=True)
class Listing:
    """One of our lists: the entity to search, and its fields by the names used here."""

    entity: str
    fields: Mapping[str, Field]


_FEATURE = Field("feature", needed=True)
_MACHINE = Field("machineId", "identity", needed=True)
_EMAIL = Field("userEmail", "identity")

LISTINGS: Mapping[str, Listing] = {
    "licensed_users": Listing(
        "UserOrganizationFeature",
        {"feature": _FEATURE, "email": Field("userEmail", "identity", needed=True)},
    ),
    "machines": Listing(
        "Machine",
        {
            "feature": _FEATURE,
            "machine": _MACHINE,
            "email": _EMAIL,
            "name": Field("machineName", "name"),
            "last_seen": Field("lastSeen", "instant"),
        },
    ),
    "offline_licenses": Listing(
        "LicenseKey",
        {
            "offline": Field("offline", "flag", needed=True),
            "feature": _FEATURE,
            "machine": _MACHINE,
            "email": _EMAIL,
            "expires": Field("expirationDate", "day"),
        },
    ),
    "sessions": Listing(
        "KsSession",
        {
            "feature": _FEATURE,
            "machine": _MACHINE,
            "email": _EMAIL,
            "started_at": Field("startTime", "instant"),
            "id": Field("sessionId", "identity"),
        },
    ),
    "members": Listing(
        "UserOrganization",
        {"email": Field("userEmail", "identity", needed=True), "role": Field("role")},
    ),
    "invitations": Listing(
        "UserInvitation",
        {
            "email": Field("email", "identity", needed=True),
            "role": Field("role"),
            "status": Field("status"),
        },
    ),
}
"""Which entity each list is read from. Of the fields, the vendor has published those of
UserOrganizationFeature; the others are the embedded server's, and where a server lacks one that is
needed, the list is unknown."""


_KINDS: Mapping[str, str] = {
    "text": "text",
    "name": "text",
    "identity": "text on one line without control characters",
    "flag": "flag",
    "instant": "instant",
    "day": "day",
}


class _NotGivenError(Exception):
    """A field that the list cannot do without is not in its rows."""


class RowReader:
    """Turns the rows of one organization into our values; `where` is for messages."""

    def __init__(self, where: str, zone: ZoneInfo) -> None:
        self._where = where
        self._convert: Mapping[str, Callable[[Any], Any]] = {
            "text": _text,
            "name": _printed,
            "identity": _identity,
            "flag": _flag,
            "instant": lambda value: instant(_text(value)),
            "day": lambda value: last_day(_text(value), zone),
        }

    def licensed_users(self, rows: Sequence[Row]) -> tuple[LicensedUser, ...] | None:
        """Return the licensed users, None where the rows do not tell who they are."""
        return self._list(
            "licensed_users", rows, lambda product, row: LicensedUser(product, row["email"])
        )

    def machines(self, rows: Sequence[Row]) -> tuple[Machine, ...] | None:
        """Return the registered machines, None where the rows do not tell which they are."""
        return self._list(
            "machines",
            rows,
            lambda product, row: Machine(
                product, row["machine"], row["email"], row["name"], row["last_seen"]
            ),
        )

    def offline_licenses(self, rows: Sequence[Row]) -> tuple[OfflineLicense, ...] | None:
        """Return the offline ones of the license keys, None where they cannot be told apart."""
        return self._list(
            "offline_licenses",
            rows,
            lambda product, row: OfflineLicense(
                product, row["machine"], row["expires"], row["email"]
            ),
        )

    def sessions(self, rows: Sequence[Row]) -> tuple[Session, ...] | None:
        """Return the active sessions, None where the rows do not tell whose they are."""
        return self._list(
            "sessions",
            rows,
            lambda product, row: Session(
                product, row["machine"], row["email"], row["started_at"], row["id"]
            ),
        )

    def members(self, rows: Sequence[Row], invitations: Sequence[Row]) -> tuple[Member, ...] | None:
        """Return the members, then those who are invited and have not accepted.

        Where the invitations do not say whom they are for, only the members are returned: an
        invited person then counts as no member, who gets no license either.
        """
        try:
            active = [
                Member(row["email"], _role(row["role"])) for row in self._values("members", rows)
            ]
        except _NotGivenError as missing:
            self._unknown("members", missing)
            return None
        known = {email_key(member.email) for member in active}
        return (*active, *self._pending(invitations, known))

    def _pending(self, rows: Sequence[Row], known: set[str]) -> Iterator[Member]:
        try:
            for row in self._values("invitations", rows):
                key = email_key(row["email"])
                if (row["status"] or "PENDING").upper() == "PENDING" and key not in known:
                    # Somebody may be invited twice; that is one pending member.
                    known.add(key)
                    yield Member(row["email"], _role(row["role"]), MemberStatus.PENDING)
        except _NotGivenError as missing:
            self._unknown("invitations", missing)

    def _list(
        self, name: str, rows: Sequence[Row], make: Callable[[str, Mapping[str, Any]], Any]
    ) -> tuple[Any, ...] | None:
        try:
            return tuple(
                make(product, row)
                for row in self._values(name, rows)
                if (product := _product(row["feature"])) is not None
            )
        except _NotGivenError as missing:
            self._unknown(name, missing)
            return None

    def _values(self, name: str, rows: Sequence[Row]) -> Iterator[Mapping[str, Any]]:
        listing = LISTINGS[name]
        for row in rows:
            if owner_of(row) is None:
                raise _NotGivenError("organization")
            values: dict[str, Any] = {}
            for key, field in listing.fields.items():
                values[key] = self._value(listing.entity, field, row.get(field.name))
                if values[key] is False:
                    break  # An online license: nothing else of it matters.
            else:
                yield values

    def _value(self, entity: str, field: Field, value: Any) -> Any:
        if value is None or value == "":
            if field.needed:
                raise _NotGivenError(field.name)
            return None
        try:
            return self._convert[field.kind](value)
        except ValueError as error:
            kind = _KINDS[field.kind]
            raise MalformedAnswerError(
                f"{self._where}: a row of {entity} has a {field.name} that is no {kind}",
                hint="no plan can be made on such a list; report it to the server's operator",
            ) from error

    def _unknown(self, name: str, missing: _NotGivenError) -> None:
        entity = LISTINGS[name].entity
        _log.info("%s: rows of %s have no %s, so %s is unknown", self._where, entity, missing, name)


def _text(value: Any) -> str:
    if not isinstance(value, str):
        raise ValueError("not text")
    value.encode()  # A lone surrogate could not be written anywhere.
    return value


def _printed(value: Any) -> str | None:
    if not isinstance(value, str):
        raise ValueError("not text")
    return one_line(value) or None


def _identity(value: Any) -> str:
    text = _text(value)
    if not is_plain(text):
        # Cleaned, it would name something else; as it is, no file could hold it.
        raise ValueError("a control character in it")
    return text


def _flag(value: Any) -> bool:
    if not isinstance(value, bool):
        raise ValueError("not a flag")
    return value


def _role(text: str | None) -> Role:
    """Return the role of this name; one that we do not know has no rights here."""
    try:
        return Role((text or "").lower())
    except ValueError:
        return Role.USER


def _product(feature: str) -> str | None:
    product = BY_FEATURE.get(feature)
    return None if product is None else product.key
