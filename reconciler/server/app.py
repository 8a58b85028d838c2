"""The service as a WSGI application; all that is decided here is how bytes are carried."""

from __future__ import annotations

import socket
from collections.abc import Mapping
from contextlib import suppress
from typing import Any
from urllib.parse import parse_qsl

from flask import Flask, request
from flask import Response as FlaskResponse
from werkzeug.exceptions import InternalServerError

from reconciler.server.clock import instant_text, system_clock
from reconciler.server.messages import (
    MAX_BODY,
    ConnectionDropped,
    Handler,
    Request,
    Response,
    error_payload,
    respond,
)

_MOST_FIELDS = 50


def create_app(service: Handler) -> Flask:
    """Return the application that hands every request to the service."""
    app = Flask(__name__, static_folder=None)

    @app.before_request
    def answer() -> FlaskResponse:
        # Before Flask's own routing, which would answer unknown paths in HTML.
        return _carry(service.handle(_request()))

    @app.errorhandler(ConnectionDropped)
    def dropped(_: ConnectionDropped) -> FlaskResponse:
        _cut(request.environ)
        return FlaskResponse()  # Nobody gets it.

    @app.errorhandler(InternalServerError)
    def failed(_: InternalServerError) -> FlaskResponse:
        return _carry(_error(500, "The server failed; its log says why."))

    return app


def _request() -> Request:
    path, misspelled = _decoded(request.environ["PATH_INFO"])
    query, complaint = _query(request.environ["QUERY_STRING"])
    return Request(
        # Of a HEAD's answer the body is left out where it is sent.
        method="GET" if request.method == "HEAD" else request.method,
        path=path,
        query=query,
        headers=dict(request.headers),
        # One byte more than is allowed tells the service that there is more.
        body=request.stream.read(MAX_BODY + 1),
        complaint="The path is not UTF-8." if misspelled else complaint,
    )


def _decoded(text: str) -> tuple[str, bool]:
    """Return what a WSGI server hands over as Latin-1, and whether it is not UTF-8."""
    data = text.encode("latin-1")
    try:
        return data.decode(), False
    except UnicodeDecodeError:
        return data.decode(errors="replace"), True


def _query(text: str) -> tuple[dict[str, str], str | None]:
    """Return the query, and what is wrong with it."""
    try:
        raw = text.encode("latin-1").decode()
        pairs = parse_qsl(raw, keep_blank_values=True, errors="strict", max_num_fields=_MOST_FIELDS)
    except ValueError:
        return {}, f"The query is not UTF-8, or of more than {_MOST_FIELDS} fields."
    query = dict(pairs)
    if len(query) == len(pairs):
        return query, None
    names = [name for name, _ in pairs]
    repeated = next(name for name in names if names.count(name) > 1)
    return query, f"The query gives `{repeated}` twice."


def _carry(response: Response) -> FlaskResponse:
    carried = FlaskResponse(response.body, response.status)
    # Last, so that a length that is told wins over the body's own.
    carried.headers.update(response.headers)
    return carried


def _cut(environ: Mapping[str, Any]) -> None:
    """End the connection that a request came by, now and for both sides."""
    channel = environ["waitress.client_disconnected"].__self__
    channel.connected = False  # Whatever is written from here on goes nowhere.
    with suppress(OSError):  # The client was faster.
        channel.socket.shutdown(socket.SHUT_RDWR)


def _error(status: int, message: str) -> Response:
    timestamp = instant_text(system_clock())
    return respond(status, error_payload(status, message, timestamp=timestamp))
