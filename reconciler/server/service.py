"""The licensing service: from request to response, without any web framework."""

from __future__ import annotations

import logging
import sqlite3
from collections.abc import Mapping
from contextlib import AbstractContextManager
from datetime import timedelta

from reconciler.server.access import Principal, authenticate
from reconciler.server.clock import Clock, instant_text, system_clock
from reconciler.server.endpoints import Call
from reconciler.server.idling import end_idle_sessions, is_idling_due
from reconciler.server.members import remove_member
from reconciler.server.messages import (
    HttpError,
    Request,
    Response,
    answer_to,
    error_payload,
    respond,
)
from reconciler.server.replays import idempotency_key, recall, remember
from reconciler.server.routes import Route, find_route
from reconciler.server.store import LostDatabaseError, Store
from reconciler.server.writing import Write

__all__ = ["LicensingService", "Principal", "Request", "Response"]

_log = logging.getLogger(__name__)


class LicensingService:
    """The licensing system over one store; safe to call from several threads.

    With an `idle_timeout`, studio sessions that were not heard of for longer are ended before
    any request is carried out.
    """

    def __init__(
        self,
        store: Store,
        clock: Clock = system_clock,
        *,
        idle_timeout: timedelta | None = None,
    ) -> None:
        self._store = store
        self._clock = clock
        self._idle_timeout = idle_timeout

    def handle(self, request: Request, principal: Principal | None = None) -> Response:
        """Return the response; a principal that is given needs no key.

        A response with an error means that nothing was changed.
        """
        return answer_to(request, self._answer(request, principal))

    def _answer(self, request: Request, principal: Principal | None) -> Response:
        try:
            route, parameters = find_route(request.method, request.path)
            return self._run(route, parameters, request, principal)
        except HttpError as error:
            return self._refusal(error)
        except LostDatabaseError as error:
            _log.error("%s", error)
            return self._refusal(HttpError(500, error.told))
        except sqlite3.OperationalError as error:
            if "locked" not in str(error) and "busy" not in str(error):
                raise
            return self._refusal(
                HttpError(503, "The database is busy.", headers={"Retry-After": "1"})
            )

    def remove_member(self, organization: int, email: str) -> bool:
        """Remove a person from an organization; tell whether there was one.

        The vendor publishes no API for this, though it revokes the person's licenses.
        """
        with self._store.write() as connection:
            write = Write(connection, Principal.synthetic_owner(), self._clock())
            return remove_member(write, organization, email).status == "removed"

    def _run(
        self,
        route: Route,
        parameters: Mapping[str, str],
        request: Request,
        principal: Principal | None,
    ) -> Response:
        caller = principal or self._authenticate(request)
        if request.complaint is not None:
            raise HttpError(400, request.complaint)
        key = idempotency_key(request) if route.writes else None
        action = route.endpoint(request, parameters)
        self._end_idle_sessions()
        with self._transaction(route) as connection:
            write = Write(connection, caller, self._clock(), key)
            known = recall(write, request)
            if known is not None:
                return known
            answer = action(Call(write))
            response = respond(answer.status, answer.payload)
            remember(write, request, response)
            return response

    def _authenticate(self, request: Request) -> Principal:
        # Before anything else of the request is looked at, and before the lock is taken.
        with self._store.read() as connection:
            return authenticate(connection, request)

    def _transaction(self, route: Route) -> AbstractContextManager[sqlite3.Connection]:
        return self._store.write() if route.writes else self._store.read()

    def _end_idle_sessions(self) -> None:
        timeout, now = self._idle_timeout, self._clock()
        if timeout is None:
            return
        with self._store.read() as connection:
            if not is_idling_due(connection, now, timeout):
                return  # Reads take no lock.
        try:
            with self._store.write() as connection:
                end_idle_sessions(Write(connection, Principal.synthetic_owner(), now), timeout)
        except sqlite3.OperationalError as error:
            if "readonly" not in str(error):
                raise
            # A file that nobody may write is read as it is.

    def _refusal(self, error: HttpError) -> Response:
        payload = error_payload(
            error.status,
            error.message,
            timestamp=instant_text(self._clock()),
            code=error.code,
        )
        return respond(error.status, payload, error.headers)
