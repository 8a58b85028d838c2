"""The embedded licensing server in this process: the API's client over calls of a function."""

from __future__ import annotations

import json
import sqlite3
from pathlib import Path
from urllib.parse import unquote

from reconciler.backends.answers import UNCLEAR
from reconciler.backends.transport import Answer, Call
from reconciler.errors import ApiError, UnclearOutcomeError
from reconciler.model.redaction import Redaction
from reconciler.server.access import Principal
from reconciler.server.clock import Clock, system_clock
from reconciler.server.idling import idle_timeout_of
from reconciler.server.service import LicensingService, Request
from reconciler.server.store import Store


class EmbeddedTransport:
    """A `Transport` that hands each call to the service, as the owner of every organization."""

    def __init__(
        self, service: LicensingService, address: str, redaction: Redaction | None = None
    ) -> None:
        self._redaction = redaction or Redaction({})
        self._service = service
        self._address = address
        self._principal = Principal.synthetic_owner()

    @property
    def address(self) -> str:
        """The database's URL."""
        return self._address

    @property
    def key_name(self) -> str | None:
        """None: whoever can open the file is its owner."""
        return None

    def request(self, call: Call) -> Answer:
        """Have the service answer the call."""
        body = None if call.json is None else json.dumps(call.json).encode()
        request = Request(call.method, unquote(call.path), call.query, call.headers, body)
        try:
            response = self._service.handle(request, principal=self._principal)
        except sqlite3.Error as error:
            message = f"{self._address}: the database failed: {error}"
            if call.write:
                raise UnclearOutcomeError(f"{message}; {UNCLEAR}") from error
            raise ApiError(message, hint="is the disk full, or the file damaged?") from error
        headers = {name.lower(): value for name, value in response.headers.items()}
        return Answer(response.status, headers, self._redaction.body(response.body))

    def redact(self, text: str) -> str:
        """Return the text without any key of the environment; none is needed here."""
        return self._redaction.text(text)

    def close(self) -> None:
        """Do nothing; the store is closed by who opened it."""


class EmbeddedConnections:
    """The one transport to a database file, which it opens and closes."""

    def __init__(
        self,
        store: Store,
        address: str,
        *,
        clock: Clock = system_clock,
        redaction: Redaction | None = None,
    ) -> None:
        self._store = store
        service = LicensingService(store, clock, idle_timeout=idle_timeout_of(store))
        self._transport = EmbeddedTransport(service, address, redaction)

    @classmethod
    def open(
        cls,
        file: Path,
        address: str,
        *,
        clock: Clock = system_clock,
        redaction: Redaction | None = None,
    ) -> EmbeddedConnections:
        """Open a database file that is there; raises a `ReconcilerError` where it is not."""
        store = Store.open(file, create=False)
        return cls(store, address, clock=clock, redaction=redaction)

    def for_organization(self, organization: int) -> EmbeddedTransport:
        """Return the one transport."""
        return self._transport

    def all(self) -> tuple[EmbeddedTransport, ...]:
        """Return the one transport."""
        return (self._transport,)

    def close(self) -> None:
        """Close the database."""
        self._store.close()
