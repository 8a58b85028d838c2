"""The service as a WSGI application; all that is decided here is how bytes are carried."""

from __future__ import annotations

import socket
from collections.abc import Mapping
from contextlib import suppress
from typing import Any

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


def create_app(service: Handler) -> Flask:
    """Return the application that hands every request to the service."""
    app = Flask(__name__, static_folder=None)

    @app.before_request
    def answer() -> FlaskResponse:
        # Before Flask's own routing, which would answer unknown paths in HTML.
        repeated = [name for name, values in request.args.lists() if len(values) > 1]
        if repeated:
            return _carry(_error(400, f"The query gives `{repeated[0]}` twice."))
        return _carry(
            service.handle(
                Request(
                    method=request.method,
                    path=request.path,
                    query=request.args.to_dict(),
                    headers=dict(request.headers),
                    # One byte more than is allowed tells the service that there is more.
                    body=request.stream.read(MAX_BODY + 1),
                )
            )
        )

    @app.errorhandler(ConnectionDropped)
    def dropped(_: ConnectionDropped) -> FlaskResponse:
        _cut(request.environ)
        return FlaskResponse()  # Nobody gets it.

    @app.errorhandler(InternalServerError)
    def failed(_: InternalServerError) -> FlaskResponse:
        return _carry(_error(500, "The server failed; its log says why."))

    return app


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
