"""Snapshot rows checked and turned into database rows; every complaint names its place."""

from __future__ import annotations

import uuid
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Any

from reconciler.products import PRODUCTS, Product
from reconciler.server.access import Role
from reconciler.server.clock import instant_text, parse_expiry, parse_instant
from reconciler.server.emails import account_key
from reconciler.server.parsing import MAX_TEXT, is_name

MAX_ID = 10**18 - 1
"""The largest organization ID; the same bound as on the wire."""

_MISSING = object()


@dataclass
class Complaints:
    """Collects what is wrong with a snapshot, as far as a limit."""

    lines: list[str] = field(default_factory=list)
    limit: int = 100

    def add(self, place: str, message: str) -> None:
        """Note one problem at its place."""
        if len(self.lines) < self.limit:
            self.lines.append(f"{place}: {message}")


class _BadRowError(Exception):
    """A row that cannot be stored."""


@dataclass(frozen=True)
class Reader:
    """Reads the rows of one organization; a row that is wrong is noted and left out."""

    organization: int
    data: Mapping[str, Any]
    place: str
    complaints: Complaints

    def rows(
        self,
        name: str,
        convert: Callable[[Mapping[str, Any]], tuple[Any, ...]],
        identity: Callable[[tuple[Any, ...]], Any],
    ) -> list[tuple[Any, ...]]:
        """Return the rows of one list, ready to be stored; one that repeats another is wrong."""
        found = []
        seen: dict[Any, int] = {}
        for number, row in self._each(name):
            place = f"{self.place}.{name}[{number}]"
            try:
                values = convert(row)
            except _BadRowError as error:
                self.complaints.add(place, str(error))
                continue
            key = identity(values)
            if key in seen:
                self.complaints.add(place, f"repeats {self.place}.{name}[{seen[key]}]")
                continue
            seen[key] = number
            found.append((self.organization, *values))
        return found

    def _each(self, name: str) -> Iterator[tuple[int, Mapping[str, Any]]]:
        rows = self.data.get(name)
        if rows is None:
            return
        if not isinstance(rows, (list, tuple)):
            self.complaints.add(f"{self.place}.{name}", "must be a list")
            return
        for number, row in enumerate(rows):
            if isinstance(row, Mapping):
                yield number, row
            else:
                self.complaints.add(f"{self.place}.{name}[{number}]", "must be a mapping")

    def members(self) -> list[tuple[Any, ...]]:
        """Return (organization, email, email_key, role, status)."""
        return self.rows("members", _member, lambda values: values[1])

    def subscriptions(self) -> list[tuple[Any, ...]]:
        """Return (organization, feature, quota, machine_quota, expires, offline_allowed, used)."""
        return self.rows("subscriptions", _subscription, lambda values: values[0])

    def licensed_users(self) -> list[tuple[Any, ...]]:
        """Return (organization, feature, email, email_key)."""
        return self.rows("licensed_users", _licensed_user, lambda values: (values[0], values[2]))

    def machines(self) -> list[tuple[Any, ...]]:
        """Return (organization, feature, machine_id, name, email, last_seen)."""
        return self.rows("machines", _machine, lambda values: values[:2])

    def offline_licenses(self) -> list[tuple[Any, ...]]:
        """Return (organization, feature, machine_id, email, value, created_at, expires)."""
        return self.rows("offline_licenses", self._offline, lambda values: values[:2])

    def sessions(self) -> list[tuple[Any, ...]]:
        """Return (organization, feature, session_id, machine_id, email, email_key, started, None).

        A session without an ID gets one that depends on its machine and place there alone. When
        it was last active is not known.
        """
        numbers: Counter[tuple[str, str]] = Counter()

        def convert(row: Mapping[str, Any]) -> tuple[Any, ...]:
            feature, machine = _machine_product(row).feature, _identity(row, "machine")
            numbers[feature, machine] += 1
            seed = f"{self.organization}/{feature}/{machine}/{numbers[feature, machine]}"
            session = _identity(row, "id", uuid.uuid5(uuid.NAMESPACE_URL, seed).hex)
            email, started = _identity(row, "email", None), _instant(row, "started_at")
            key = None if email is None else account_key(email)
            return (feature, session, machine, email, key, started, None)

        return self.rows("sessions", convert, lambda values: values[:3])

    def _offline(self, row: Mapping[str, Any]) -> tuple[Any, ...]:
        feature, machine = _machine_product(row).feature, _identity(row, "machine")
        value = uuid.uuid5(uuid.NAMESPACE_URL, f"{self.organization}/{feature}/{machine}").hex
        return (feature, machine, _identity(row, "email", None), value, None, _expiry(row))


def _member(row: Mapping[str, Any]) -> tuple[Any, ...]:
    email = _identity(row, "email")
    role = _choice(row, "role", tuple(role.value for role in Role), "USER")
    status = _choice(row, "status", ("ACTIVE", "PENDING"), "ACTIVE")
    return (email, account_key(email), role, status)


def _subscription(row: Mapping[str, Any]) -> tuple[Any, ...]:
    offline = row.get("offline_allowed")
    if offline is not None and not isinstance(offline, bool):
        raise _BadRowError("`offline_allowed` must be true or false")
    return (
        _product(row).feature,
        _count(row, "quota"),
        _count(row, "machine_quota"),
        _expiry(row),
        offline,
        _count(row, "used"),
    )


def _licensed_user(row: Mapping[str, Any]) -> tuple[Any, ...]:
    product, email = _product(row), _identity(row, "email")
    if not product.users:
        raise _BadRowError(f"{product.key!r} is not licensed to users")
    return (product.feature, email, account_key(email))


def _machine(row: Mapping[str, Any]) -> tuple[Any, ...]:
    return (
        _machine_product(row).feature,
        _identity(row, "id"),
        _text(row, "name", None),
        _identity(row, "email", None),
        _instant(row, "last_seen"),
    )


def _product(row: Mapping[str, Any]) -> Product:
    key = _text(row, "product")
    if key not in PRODUCTS:
        raise _BadRowError(f"there is no product {key!r}; there are {', '.join(PRODUCTS)}")
    return PRODUCTS[key]


def _machine_product(row: Mapping[str, Any]) -> Product:
    product = _product(row)
    if not product.machines:
        raise _BadRowError(f"{product.key!r} has no machines")
    return product


def _text(row: Mapping[str, Any], name: str, default: Any = _MISSING) -> Any:
    value = row.get(name)
    if value is None:
        if default is _MISSING:
            raise _BadRowError(f"`{name}` is missing")
        return default
    if not isinstance(value, str) or not value:
        raise _BadRowError(f"`{name}` must be a text")
    try:
        value.encode()
    except UnicodeEncodeError:
        raise _BadRowError(f"`{name}` is not valid Unicode") from None
    return value


def _identity(row: Mapping[str, Any], name: str, default: Any = _MISSING) -> Any:
    """Return a text that requests can name."""
    value = _text(row, name, default)
    if isinstance(value, str) and not is_name(value):
        raise _BadRowError(f"`{name}` must be 1 to {MAX_TEXT} printable characters")
    return value


def _choice(row: Mapping[str, Any], name: str, choices: tuple[str, ...], default: str) -> str:
    value = _text(row, name, default)
    # The snapshot spells them in lower case, the API in upper case.
    if value.upper() not in choices:
        raise _BadRowError(f"`{name}` must be one of {', '.join(choices).lower()}")
    return str(value.upper())


def _count(row: Mapping[str, Any], name: str) -> int | None:
    value = row.get(name)
    if value is None:
        return None
    if type(value) is not int or not 0 <= value <= MAX_ID:
        raise _BadRowError(f"`{name}` must be a whole number from 0")
    return value


def _expiry(row: Mapping[str, Any]) -> str | None:
    value = row.get("expires")
    if value is None:
        return None
    try:
        return parse_expiry(value)
    except ValueError:
        raise _BadRowError("`expires` must be a day or a date-time with an offset") from None


def _instant(row: Mapping[str, Any], name: str) -> str | None:
    value = row.get(name)
    if value is None:
        return None
    try:
        match value:
            case datetime():
                return instant_text(value)
            case date():
                raise ValueError
            case _:
                return instant_text(parse_instant(_text(row, name)))
    except ValueError:
        raise _BadRowError(f"`{name}` must be a date-time with an offset") from None
