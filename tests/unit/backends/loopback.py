"""A real HTTP server on this machine that answers what a test tells it to."""

from __future__ import annotations

import base64
import json
import socket
import ssl
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qsl, urlsplit


@dataclass(frozen=True)
class Received:
    method: str
    path: str
    query: dict[str, str]
    headers: Mapping[str, str]
    body: bytes
    client_port: int

    @property
    def json(self) -> Any:
        return json.loads(self.body)

    @property
    def key(self) -> str:
        encoded = self.headers["authorization"].removeprefix("Basic ")
        user, _, key = base64.b64decode(encoded).decode().partition(":")
        assert user == ""
        return key


@dataclass(frozen=True)
class Reply:
    status: int = 200
    body: bytes = b"{}"
    headers: Mapping[str, str] = field(default_factory=dict)
    delay: float = 0
    drop: bool = False
    cut: int = 0
    trickle: float = 0


def reply(data: Any, status: int = 200, **headers: str) -> Reply:
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return Reply(status, json.dumps(data).encode(), named)


Script = Callable[[Received], Reply]


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    script: Script
    received: list[Received]

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Say nothing: clients here break off on purpose."""


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: _Server

    def handle_any(self) -> None:
        parts = urlsplit(self.path)
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        headers = {name.lower(): value for name, value in self.headers.items()}
        received = Received(
            self.command,
            parts.path,
            dict(parse_qsl(parts.query)),
            headers,
            body,
            self.client_address[1],
        )
        self.server.received.append(received)
        answer = self.server.script(received)
        time.sleep(answer.delay)
        if answer.drop:
            self.connection.shutdown(socket.SHUT_RDWR)
            self.close_connection = True
            return
        self.send_response(answer.status)
        for name, value in answer.headers.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(answer.body) + answer.cut))
        self.end_headers()
        pieces = (bytes([byte]) for byte in answer.body) if answer.trickle else [answer.body]
        for piece in pieces:
            time.sleep(answer.trickle)
            self.wfile.write(piece)
        self.close_connection = self.close_connection or bool(answer.cut)

    do_GET = do_POST = do_DELETE = do_PUT = do_PATCH = do_CONNECT = handle_any  # noqa: N815

    def log_message(self, *arguments: Any) -> None:
        """Say nothing."""


@dataclass(frozen=True)
class Api:
    url: str
    received: list[Received]


@contextmanager
def api(script: Script, tls: ssl.SSLContext | None = None) -> Iterator[Api]:
    with _Server(("127.0.0.1", 0), _Handler) as server:
        server.script = script
        server.received = []
        if tls is not None:
            server.socket = tls.wrap_socket(server.socket, server_side=True)
        thread = threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True)
        thread.start()
        scheme = "http" if tls is None else "https"
        try:
            yield Api(f"{scheme}://127.0.0.1:{server.server_port}", server.received)
        finally:
            server.shutdown()
            thread.join()


def unused_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
