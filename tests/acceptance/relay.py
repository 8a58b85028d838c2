"""A relay before a real server: it may answer anything before or after a request took effect."""

from __future__ import annotations

import http.client
import json
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import urlsplit


@dataclass
class Passing:
    """A request on its way; `forward` lets it take effect, once, and returns the answer's JSON."""

    method: str
    path: str
    body: bytes
    forward: Callable[[], Any]

    @property
    def writes(self) -> bool:
        return self.method == "DELETE" or "/organizations/" in self.path or "/release" in self.path

    @property
    def search(self) -> dict[str, Any] | None:
        found: dict[str, Any] = json.loads(self.body or b"{}")
        return found if self.path == "/api/v1/search" else None


Script = Callable[[Passing], bytes | None]
"""What a client gets in place of the answer, None where it gets that."""


def slow_searches(begun: threading.Event) -> Script:
    """Return a script that says when the first search has come, and holds each up for a while."""

    def script(passing: Passing) -> None:
        if passing.path == "/api/v1/search":
            begun.set()
            time.sleep(0.7)

    return script


@contextmanager
def relay(upstream: str, script: Script) -> Iterator[str]:
    """Run a relay to this server and return its URL."""

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def handle_any(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
            passed: list[tuple[int, list[tuple[str, str]], bytes]] = []

            def forward() -> Any:
                if not passed:
                    passed.append(self._forward(passing.body))
                return json.loads(passed[0][2])

            passing = Passing(self.command, self.path, body, forward)
            instead = script(passing)
            if instead is not None:
                self.wfile.write(instead)
                self.close_connection = True
                return
            forward()
            status, headers, answer = passed[0]
            self.send_response(status)
            for name, value in headers:
                if name.lower() not in {"content-length", "server", "date", "connection"}:
                    self.send_header(name, value)
            self.send_header("Content-Length", str(len(answer)))
            self.end_headers()
            self.wfile.write(answer)

        def _forward(self, body: bytes) -> tuple[int, list[tuple[str, str]], bytes]:
            connection = http.client.HTTPConnection(urlsplit(upstream).netloc, timeout=30)
            kept = {k: v for k, v in self.headers.items() if k.lower() != "content-length"}
            connection.request(self.command, self.path, body or None, kept)
            response = connection.getresponse()
            answer = response.read()
            connection.close()
            return response.status, response.getheaders(), answer

        do_GET = do_POST = do_DELETE = handle_any  # noqa: N815

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        server.server_close()
