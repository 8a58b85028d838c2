"""The API client: the vendor's published reads, and writes by routes that can be set."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from threading import Lock
from typing import Any

from reconciler.backends import days, writes
from reconciler.backends.answers import fetch, is_declined
from reconciler.backends.discovery import Discovery, discover
from reconciler.backends.listing import PAGE_SIZE, Row, list_rows, organization_id
from reconciler.backends.ordering import describe, ordered, repeated
from reconciler.backends.protocol import (
    Capabilities,
    Operation,
    OrganizationRef,
    Outcome,
    Write,
)
from reconciler.backends.routes import other_routes, read_routes
from reconciler.backends.rows import LISTINGS, RowReader
from reconciler.backends.subscriptions import role, subscriptions
from reconciler.backends.transport import Call, Connections, Transport
from reconciler.errors import (
    ApiError,
    ForbiddenError,
    MalformedAnswerError,
    UnknownOrganizationError,
)
from reconciler.model.settings import ApiSettings, WriteMode, Writing
from reconciler.model.state import LISTS, OrganizationState, Role, Subscription
from reconciler.model.text import one_line
from reconciler.products import PRODUCTS, SeatUnit

ME_PATH = "/api/v1/users/me"
_MOST_NAMED = 20

_log = logging.getLogger(__name__)


class KatalonBackend:
    """A `Backend` over the licensing API; safe to read from several threads.

    The state is read afresh by each `read`. What the server can search is asked once. Writes go
    by the API where the workspace says so, or where it does not say and the server is the
    project's own; else there are none, and changes are left to a checklist.
    """

    def __init__(
        self,
        target: str,
        connections: Connections,
        *,
        settings: ApiSettings,
        timezone: str,
        page_size: int = PAGE_SIZE,
    ) -> None:
        self._target = target
        self._connections = connections
        self._routes = read_routes(settings.routes)
        self._other_routes = other_routes(settings.routes)
        self._mode = settings.writes
        self._zone = days.zone(timezone)
        self._page_size = page_size
        self._discovery: Discovery | None = None
        self._lock = Lock()

    @property
    def target(self) -> str:
        """The address, as it stands in plans."""
        return self._target

    def capabilities(self) -> Capabilities:
        """Return the lists that the server can search and the writes that may be sent to it."""
        discovery = self._discover(self._connections.all()[0])
        reads = {name for name in LISTS if self._searchable(name, discovery)}
        return Capabilities(
            reads=frozenset(reads | {"subscriptions"}),
            writes=frozenset(Write) if self._writable(discovery) else frozenset(),
            live=True,
            writing=self._writing(discovery),
        )

    def organizations(self) -> tuple[OrganizationRef, ...]:
        """Return the organizations that the keys' owners belong to."""
        found: dict[int, OrganizationRef] = {}
        for transport in self._connections.all():
            for identity, resource in _mine(transport).items():
                own = self._own_transport(identity, transport)
                if identity not in found or own:
                    name = _name(resource)
                    found[identity] = OrganizationRef(identity, name, role(resource))
        return tuple(found[identity] for identity in sorted(found))

    def read(self, organization: int) -> OrganizationState:
        """Read one organization; every list that the server does not give is None.

        Where it declines to give any list at all, that is the organization's error.
        """
        transport = self._connections.for_organization(organization)
        resource = self._resource(transport, organization)
        discovery = self._discover(transport)
        where = f"{transport.address}: organization {organization}"
        reader = RowReader(where, self._zone)
        search = _Search(transport, discovery, organization, self._page_size)

        def rows(name: str) -> Sequence[Row] | None:
            return search.rows(LISTINGS[name].entity)

        users, machines, keys = rows("licensed_users"), rows("machines"), rows("offline_licenses")
        sessions, members, invitations = rows("sessions"), rows("members"), rows("invitations")
        search.raise_if_all_declined()
        state = OrganizationState(
            id=organization,
            name=_name(resource),
            members=None if members is None else reader.members(members, invitations or ()),
            subscriptions=self._subscriptions(search, resource, where),
            licensed_users=None if users is None else reader.licensed_users(users),
            machines=None if machines is None else reader.machines(machines),
            offline_licenses=None if keys is None else reader.offline_licenses(keys),
            sessions=None if sessions is None else reader.sessions(sessions),
        )
        return ordered(_without_repeated(state, where))

    def write(self, operation: Operation, *, idempotency_key: str) -> tuple[Outcome, ...]:
        """Run one operation, once; nothing is sent where writes are off."""
        transport = self._connections.for_organization(operation.organization)
        if not self._writable(self._discover(transport)):
            raise ApiError(
                f"{self._target}: changes are not made by the API here",
                hint="use the checklist, or say --writes api",
            )
        return writes.run(
            transport,
            operation,
            routes=self._routes,
            idempotency_key=idempotency_key,
        )

    def close(self) -> None:
        """Close the connections."""
        self._connections.close()

    def _own_transport(self, organization: int, transport: Transport) -> bool:
        try:
            return self._connections.for_organization(organization) is transport
        except ApiError:
            return False  # Its own key is not set: that is told when it is read.

    def _discover(self, transport: Transport) -> Discovery:
        with self._lock:
            if self._discovery is None:
                self._discovery = discover(transport)
            return self._discovery

    def _writable(self, discovery: Discovery) -> bool:
        return (self._mode or _default_mode(discovery)) is WriteMode.API

    def _writing(self, discovery: Discovery) -> Writing:
        mode = None if self._mode is _default_mode(discovery) else self._mode
        return Writing(mode, self._other_routes)

    def _searchable(self, name: str, discovery: Discovery) -> bool:
        return name in LISTINGS and LISTINGS[name].entity in discovery.condition_keys

    def _resource(self, transport: Transport, organization: int) -> Mapping[str, Any]:
        mine = _mine(transport)
        if organization not in mine:
            seen = ", ".join(str(identity) for identity in sorted(mine)[:_MOST_NAMED])
            more = ", …" if len(mine) > _MOST_NAMED else ""
            raise UnknownOrganizationError(
                f"{transport.address}: the key's owner does not belong to organization "
                f"{organization}",
                hint=f"it sees {seen}{more}" if seen else "it sees no organization at all",
            )
        resource = mine[organization]
        if role(resource) not in {None, Role.OWNER, Role.ADMIN}:
            raise ForbiddenError(
                f"{transport.address}: the key's owner is neither Owner nor Admin of "
                f"organization {organization}",
                hint="use a key of an Owner or Admin, or have one of them change the role",
            )
        return resource

    def _subscriptions(
        self, search: _Search, resource: Mapping[str, Any], where: str
    ) -> tuple[Subscription, ...] | None:
        found = subscriptions(resource, self._zone, where)
        if found is not None:
            return found
        # Nobody has published whether users/me fills in the numbers; the entity may have them.
        for row in search.rows("Organization") or ():
            if organization_id(row.get("id")) == search.organization:
                found = subscriptions(row, self._zone, where)
        return found


@dataclass(slots=True)
class _Search:
    """The lists of one organization, as far as the server gives them."""

    transport: Transport
    discovery: Discovery
    organization: int
    page_size: int
    given: int = 0
    declined: list[ApiError] = field(default_factory=list)

    def rows(self, entity: str) -> list[Row] | None:
        """Return the rows of an entity, None where the server does not give them."""
        key = self.discovery.condition_keys.get(entity)
        if key is None:
            return None
        try:
            found = list_rows(
                self.transport,
                entity,
                key=key,
                organization=self.organization,
                size=self.page_size,
            )
        except ApiError as error:
            if not is_declined(error):
                raise
            _log.info("the list of %s is unknown: %s", entity, error.message)
            self.declined.append(error)
            return None
        self.given += 1
        return found

    def raise_if_all_declined(self) -> None:
        """Raise the first refusal where no list was given: it is not about one list then."""
        if self.declined and not self.given:
            raise self.declined[0]


def _default_mode(discovery: Discovery) -> WriteMode:
    return WriteMode.API if discovery.own_server else WriteMode.CHECKLIST


def _mine(transport: Transport) -> dict[int, Mapping[str, Any]]:
    """Return the organizations of the key's owner, by ID, as the API describes them."""
    me, _ = fetch(transport, Call("GET", ME_PATH))
    listed = me.get("organizations") if isinstance(me, dict) else None
    if not isinstance(listed, list):
        raise MalformedAnswerError(
            f"{transport.address}: {ME_PATH} has no list of organizations",
            hint="check that the URL is the licensing API's own",
        )
    found: dict[int, Mapping[str, Any]] = {}
    for resource in listed:
        identity = organization_id(resource.get("id")) if isinstance(resource, dict) else None
        if identity is None or identity in found:
            raise MalformedAnswerError(
                f"{transport.address}: an organization in {ME_PATH} has no ID of its own"
            )
        found[identity] = resource
    return found


def _name(resource: Mapping[str, Any]) -> str | None:
    name = resource.get("name")
    return (one_line(name) or None) if isinstance(name, str) else None


def _without_repeated(state: OrganizationState, where: str) -> OrganizationState:
    """Return the state without the lists that no plan can count, with the reason.

    Raises `MalformedAnswerError` where a row comes twice that can be there only once.
    """
    reasons: dict[str, str] = {}
    for name in LISTS:
        rows = getattr(state, name) or ()
        for index, _ in repeated(name, rows):
            row = describe(name, rows[index])
            if not (name in _OF_MACHINES and _takes_machine_seats(rows[index].product)):
                raise MalformedAnswerError(
                    f"{where}: {row} is listed twice in {name}",
                    hint="no plan can be made on such a list; report it to the server's operator",
                )
            reasons[name] = (
                f"{row} is listed more than once, and machines that hold several licenses are "
                "not counted here"
            )
    unknown: dict[str, Any] = dict.fromkeys(reasons)
    return replace(state, reasons=reasons, **unknown)


_OF_MACHINES = ("machines", "offline_licenses")


def _takes_machine_seats(product: str) -> bool:
    # By the vendor's documentation such a machine may hold several licenses.
    return PRODUCTS[product].seat is SeatUnit.MACHINE
