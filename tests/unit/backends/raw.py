"""A server on this machine that answers every request with bytes that a test chose."""

from __future__ import annotations

import contextlib
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field


@dataclass
class Raw:
    url: str
    requests: list[bytes] = field(default_factory=list)


@contextmanager
def raw_server(answer: bytes) -> Iterator[Raw]:
    """Answer each connection's first request, and close the connection."""
    with socket.create_server(("127.0.0.1", 0)) as listening:
        raw = Raw(f"http://127.0.0.1:{listening.getsockname()[1]}")
        threading.Thread(target=_serve, args=(listening, answer, raw), daemon=True).start()
        yield raw
        listening.shutdown(socket.SHUT_RDWR)


def _serve(listening: socket.socket, answer: bytes, raw: Raw) -> None:
    while True:
        try:
            connection, _ = listening.accept()
        except OSError:
            return
        with connection, contextlib.suppress(OSError):
            connection.settimeout(5)
            raw.requests.append(_request(connection))
            connection.sendall(answer)


def _request(connection: socket.socket) -> bytes:
    data = b""
    while b"\r\n\r\n" not in data:
        received = connection.recv(65536)
        if not received:
            raise ConnectionAbortedError
        data += received
    head, _, body = data.partition(b"\r\n\r\n")
    length = next(
        (
            int(line.partition(b":")[2])
            for line in head.split(b"\r\n")
            if line.lower().startswith(b"content-length:")
        ),
        0,
    )
    while len(body) < length:
        body += connection.recv(65536)
    return data
