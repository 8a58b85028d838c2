"""Connections that wait for their client, and what is answered before a request is one.

The web server reads requests without a thread for each, so that slow clients keep nobody from
being answered, as long as their connections end at some time and never fill the places.
"""

from __future__ import annotations

import socket
import time
from contextlib import suppress
from typing import Any

from waitress.channel import HTTPChannel  # type: ignore[import-untyped]
from waitress.server import TcpWSGIServer  # type: ignore[import-untyped]
from waitress.task import ErrorTask  # type: ignore[import-untyped]

from reconciler.server.clock import instant_text, system_clock
from reconciler.server.messages import MAX_BODY, error_payload, respond

REQUEST_SECONDS = 20.0
"""How long a request may take to arrive, from its first byte to its last."""

IDLE_SECONDS = 120.0
"""How long a connection may stay without a request, or an answer be taken."""

LINGER_SECONDS = 2.0
"""How long what comes after a refusal is read and thrown away."""

MOST_CONNECTIONS = 400

# In own words: the web server's repeat the line that is wrong, which may be the one with the key.
_WORDS = {
    400: "The request is not HTTP.",
    413: "The body is too large.",
    431: "The headers are too large.",
    500: "The server failed; its log says why.",
    501: "The body is in a transfer encoding that is not taken; only chunked is.",
}


class _Refusal(ErrorTask):  # type: ignore[misc]
    """The answer to what is no request, or failed to be answered, in the shape of all errors."""

    def execute(self) -> None:
        error = self.request.error
        now = instant_text(system_clock())
        answer = respond(error.code, error_payload(error.code, _WORDS[error.code], timestamp=now))
        self.status = f"{error.code} {error.reason}"
        self.response_headers.extend(answer.headers.items())
        self.set_close_on_finish()
        self.content_length = len(answer.body)
        self.write(answer.body)


class _Connection(HTTPChannel):  # type: ignore[misc]
    """A connection that knows since when it waits for its client."""

    error_task_class = _Refusal

    def __init__(self, *arguments: Any, **options: Any) -> None:
        self.answered = self.refused = self.lingers = False
        self.since = time.monotonic()
        super().__init__(*arguments, **options)

    @property
    def waits(self) -> bool:
        """Whether it is the client's turn."""
        return not (self.requests or self.will_close)

    @property
    def overdue(self) -> bool:
        """Whether the client took too long."""
        allowed = IDLE_SECONDS if self.request is None else REQUEST_SECONDS
        if self.lingers:
            allowed = LINGER_SECONDS
        return self.waits and time.monotonic() - self.since > allowed

    def received(self, data: bytes) -> Any:
        if self.lingers:
            return False
        if self.request is None:
            self.since = time.monotonic()
        return super().received(data)

    def service(self) -> None:
        self.refused = bool(self.requests and self.requests[0].error)
        super().service()
        self.answered = True
        self.since = time.monotonic()

    def handle_close(self) -> None:
        if self.refused and not self.lingers:
            # Its client still sends what was refused, and would see a reset and no answer.
            self.lingers, self.will_close, self.since = True, False, time.monotonic()
            with suppress(OSError):
                self.socket.shutdown(socket.SHUT_WR)
                return
        super().handle_close()

    def cut(self) -> None:
        """End the connection, also where the client takes no byte of what is due."""
        self.will_close = True
        with suppress(OSError):  # The client was faster.
            self.socket.shutdown(socket.SHUT_RDWR)


class Listener(TcpWSGIServer):  # type: ignore[misc]
    """The web server on one socket."""

    channel_class = _Connection

    def __init__(self, application: Any, listening: socket.socket, *, threads: int) -> None:
        self._most = _most_connections()
        super().__init__(
            application,
            _sock=listening,
            bind_socket=False,
            sockinfo=(listening.family, listening.type, listening.proto, listening.getsockname()),
            threads=threads,
            ident="reconciler",
            # The service itself refuses what is too large; this only bounds the disk.
            max_request_body_size=8 * MAX_BODY,
            clear_untrusted_proxy_headers=True,
            # Places are made, and never waited for.
            connection_limit=2**31 - 1,
            cleanup_interval=1,
        )

    def maintenance(self, now: float) -> None:
        """Cut the connections whose clients took too long; called about once a second."""
        for connection in list(self.active_channels.values()):
            if connection.overdue:
                connection.cut()

    def handle_accept(self) -> None:
        """Take a new connection, in the place of another one where there is no place left."""
        if len(self.active_channels) >= self._most:
            self._make_room()
        super().handle_accept()

    def _make_room(self) -> None:
        """Cut the connection that waits longest, of those that never had an answer first."""
        waiting = [row for row in list(self.active_channels.values()) if row.waits]
        if waiting:
            min(waiting, key=lambda row: (row.answered, row.since)).cut()


def _most_connections() -> int:
    """Return how many connections are kept, which leaves files to the database."""
    try:
        from resource import RLIMIT_NOFILE, getrlimit
    except ImportError:  # pragma: no cover - only on Windows
        return MOST_CONNECTIONS
    soft, _ = getrlimit(RLIMIT_NOFILE)
    return MOST_CONNECTIONS if soft < 0 else min(MOST_CONNECTIONS, max(16, soft // 2))
