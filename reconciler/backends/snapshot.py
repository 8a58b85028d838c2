"""Snapshots: a saved state as a read-only backend, and the state of a system as a snapshot."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import UTC, date, datetime
from functools import partial
from typing import Any
from zoneinfo import ZoneInfo

from reconciler.backends import days
from reconciler.backends.ordering import describe, ordered, repeated
from reconciler.backends.protocol import Capabilities, Operation, OrganizationRef, Outcome
from reconciler.errors import ApiError, ConfigurationError, UnknownOrganizationError
from reconciler.model.source import Problem, Source
from reconciler.model.state import (
    LISTS,
    LicensedUser,
    Machine,
    Member,
    MemberStatus,
    OfflineLicense,
    OrganizationState,
    Role,
    Session,
    Subscription,
)

FORMAT = "license-snapshot/1"

_MOST_PROBLEMS = 1_000

Place = tuple[str | int, ...]
Locate = Callable[[Place], Source]


class SnapshotBackend:
    """A `Backend` over the data of a snapshot that its schema accepts; it has no writes.

    `locate` turns the path of a value into its place in the file, for messages. Raises
    `ConfigurationError` with every row that is there twice and every date that is none.
    """

    def __init__(
        self,
        data: Mapping[str, Any],
        *,
        target: str,
        timezone: str,
        locate: Locate | None = None,
    ) -> None:
        self._target = target
        reader = _Reader(days.zone(timezone), locate or (lambda path: _somewhere(target, path)))
        self._taken_at = reader.moment(data.get("taken_at"), ("taken_at",))
        self._states = reader.organizations(data["organizations"])
        if reader.problems:
            raise ConfigurationError(reader.problems)

    @property
    def target(self) -> str:
        """The snapshot's name."""
        return self._target

    @property
    def taken_at(self) -> datetime | None:
        """When the snapshot was taken, None where it does not say."""
        return self._taken_at

    def capabilities(self) -> Capabilities:
        """Return the lists that every organization of the snapshot has, and no write."""
        known = (
            {name for name in LISTS if getattr(state, name) is not None}
            for state in self._states.values()
        )
        return Capabilities(
            reads=frozenset(LISTS).intersection(*known),
            writes=frozenset(),
            live=False,
            taken_at=self._taken_at,
        )

    def organizations(self) -> tuple[OrganizationRef, ...]:
        """Return the snapshot's organizations; nobody's role is known."""
        return tuple(
            OrganizationRef(state.id, state.name, None) for _, state in sorted(self._states.items())
        )

    def read(self, organization: int) -> OrganizationState:
        """Return the state of one organization; raises `UnknownOrganizationError`."""
        try:
            return self._states[organization]
        except KeyError:
            there = ", ".join(str(identity) for identity in sorted(self._states))
            raise UnknownOrganizationError(
                f"{self._target} does not hold organization {organization}",
                hint=f"it holds {there or 'none'}",
            ) from None

    def write(self, operation: Operation, *, idempotency_key: str) -> tuple[Outcome, ...]:
        """Raise `ApiError`: a snapshot is never changed."""
        raise ApiError(f"{self._target} is a snapshot, which cannot be changed", hint="use --api")

    def close(self) -> None:
        """Do nothing."""


def _somewhere(target: str, path: Place) -> Source:
    return Source(f"{target.removeprefix('snapshot:')}: {'.'.join(str(part) for part in path)}")


class _Reader:
    """Makes values of the rows, and collects what is wrong with them."""

    def __init__(self, zone: ZoneInfo, locate: Locate) -> None:
        self._zone = zone
        self._locate = locate
        self.problems: list[Problem] = []

    def organizations(self, listed: Sequence[Mapping[str, Any]]) -> dict[int, OrganizationState]:
        states: dict[int, OrganizationState] = {}
        for index, row in enumerate(listed):
            place: Place = ("organizations", index)
            state = self._organization(row, place)
            if state.id in states:
                self._complain((*place, "id"), f"organization {state.id} is here a second time")
            states[state.id] = state
        return states

    def _organization(self, row: Mapping[str, Any], place: Place) -> OrganizationState:
        lists: dict[str, Any] = {}
        for name in LISTS:
            rows = row.get(name)
            if rows is None:
                continue
            make = partial(_MAKE[name], self)
            found = [make(value, (*place, name, index)) for index, value in enumerate(rows)]
            for again, first in repeated(name, found):
                self._complain(
                    (*place, name, again),
                    f"{describe(name, found[again])} is listed twice in {name}, "
                    f"first at {self._locate((*place, name, first))}",
                )
            lists[name] = tuple(found)
        return ordered(OrganizationState(id=row["id"], name=row.get("name"), **lists))

    def member(self, row: Mapping[str, Any], place: Place) -> Member:
        return Member(
            row["email"],
            Role(row.get("role", Role.USER)),
            MemberStatus(row.get("status", MemberStatus.ACTIVE)),
        )

    def subscription(self, row: Mapping[str, Any], place: Place) -> Subscription:
        return Subscription(
            row["product"],
            row.get("quota"),
            row.get("used"),
            row.get("machine_quota"),
            self.day(row.get("expires"), (*place, "expires")),
            row.get("offline_allowed"),
        )

    def licensed_user(self, row: Mapping[str, Any], place: Place) -> LicensedUser:
        return LicensedUser(row["product"], row["email"])

    def machine(self, row: Mapping[str, Any], place: Place) -> Machine:
        seen = self.moment(row.get("last_seen"), (*place, "last_seen"))
        return Machine(row["product"], row["id"], row.get("email"), row.get("name"), seen)

    def offline_license(self, row: Mapping[str, Any], place: Place) -> OfflineLicense:
        expires = self.day(row.get("expires"), (*place, "expires"))
        return OfflineLicense(row["product"], row["machine"], expires, row.get("email"))

    def session(self, row: Mapping[str, Any], place: Place) -> Session:
        started = self.moment(row.get("started_at"), (*place, "started_at"))
        return Session(row["product"], row["machine"], row.get("email"), started, row.get("id"))

    def day(self, text: str | None, place: Place) -> date | None:
        if text is None:
            return None
        try:
            return days.last_day(text, self._zone)
        except ValueError:
            self._complain(place, f"{text!r} is neither a date nor a date-time")
            return None

    def moment(self, text: str | None, place: Place) -> datetime | None:
        if text is None:
            return None
        try:
            return days.instant(text)
        except ValueError:
            self._complain(place, f"{text!r} is no date-time")
            return None

    def _complain(self, place: Place, message: str) -> None:
        self.problems.append(Problem(self._locate(place), message))
        if len(self.problems) >= _MOST_PROBLEMS:
            raise ConfigurationError(self.problems, hint="the rest was not looked at")


_MAKE: Mapping[str, Callable[[_Reader, Mapping[str, Any], Place], Any]] = {
    "members": _Reader.member,
    "subscriptions": _Reader.subscription,
    "licensed_users": _Reader.licensed_user,
    "machines": _Reader.machine,
    "offline_licenses": _Reader.offline_license,
    "sessions": _Reader.session,
}


def to_snapshot(states: Iterable[OrganizationState], taken_at: datetime) -> dict[str, Any]:
    """Return a snapshot's document: sorted by organization, unknown lists and values left out."""
    return {
        "format": FORMAT,
        "taken_at": days.wire(taken_at.astimezone(UTC).replace(microsecond=0)),
        "organizations": [
            _state_document(ordered(state)) for state in sorted(states, key=lambda s: s.id)
        ],
    }


def _state_document(state: OrganizationState) -> dict[str, Any]:
    document: dict[str, Any] = {"id": state.id}
    if state.name is not None:
        document["name"] = state.name
    for name in LISTS:
        rows = getattr(state, name)
        if rows is not None:
            document[name] = [_row_document(row) for row in rows]
    return document


def _row_document(row: Any) -> dict[str, Any]:
    return {
        name: _plain(value)
        for name in row.__dataclass_fields__
        if (value := getattr(row, name)) is not None
    }


def _plain(value: Any) -> Any:
    if isinstance(value, datetime):
        return days.wire(value)
    if isinstance(value, date):
        return value.isoformat()
    return str(value) if isinstance(value, Role | MemberStatus) else value
