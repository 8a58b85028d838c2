"""Slow, half-sent and silent connections: nobody is kept from being answered by them."""

from __future__ import annotations

import contextlib
import socket
import threading
import time
from collections.abc import Iterator

import pytest

from reconciler.server import connections
from tests.server.world import World, running, snapshot

HEADERS = b"POST /api/v1/search HTTP/1.1\r\nHost: x\r\n"
HALVES = {
    "nothing at all": b"",
    "half a request line": b"POST /api",
    "half of the headers": HEADERS,
    "half of a body": HEADERS + b"Content-Length: 100\r\n\r\n{",
    "half of a chunk": HEADERS + b"Transfer-Encoding: chunked\r\n\r\n64\r\n{",
    "a body that is asked for": HEADERS + b"Expect: 100-continue\r\nContent-Length: 9\r\n\r\n",
}


@contextlib.contextmanager
def held(world: World, count: int, sent: bytes) -> Iterator[list[socket.socket]]:
    """Open so many connections that send so much and then nothing."""
    host, port = world.url.removeprefix("http://").split(":")
    with contextlib.ExitStack() as stack:
        opened = []
        for _ in range(count):
            connection = socket.create_connection((host, int(port)), timeout=10)
            opened.append(stack.enter_context(connection))
            connection.sendall(sent)
        yield opened


def answered_within(world: World, seconds: float) -> bool:
    begun = time.monotonic()
    answer = world.client().get("/api/v1/users/me")
    return answer.status_code == 200 and time.monotonic() - begun < seconds


@pytest.mark.parametrize("sent", HALVES.values(), ids=HALVES)
def test_connections_that_are_half_sent_keep_nobody_from_being_answered(sent: bytes) -> None:
    with running(snapshot()) as world, held(world, 150, sent):
        assert answered_within(world, 2)


@pytest.mark.parametrize("sent", [b"", HALVES["half of a body"]])
def test_more_connections_than_there_are_places_make_room(
    sent: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(connections, "MOST_CONNECTIONS", 20)
    with running(snapshot()) as world:
        steady = world.client()
        assert steady.get("/api/v1/users/me").status_code == 200
        with held(world, 60, sent) as opened:
            assert answered_within(world, 2)
            # Those that came first are gone; who was answered before is kept.
            assert is_cut(opened[0])
            assert not is_cut(opened[-1])
            assert steady.get("/api/v1/users/me").status_code == 200


def is_cut(connection: socket.socket) -> bool:
    connection.settimeout(0.2)
    try:
        return connection.recv(1) == b""
    except TimeoutError:
        return False
    except OSError:
        return True


def test_a_request_that_trickles_in_is_cut_however_busy_it_looks(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(connections, "REQUEST_SECONDS", 1.0)
    with running(snapshot()) as world, held(world, 1, HEADERS) as (slow,):
        begun = time.monotonic()
        with contextlib.suppress(OSError):
            while time.monotonic() - begun < 10:
                slow.sendall(b"A: b\r\n")
                time.sleep(0.1)
        assert time.monotonic() - begun < 5


@pytest.mark.parametrize("sent", [b"", b"GET /api/v1/users/me HTTP/1.1\r\n\r\n"])
def test_a_connection_without_a_request_is_cut_after_a_while(
    sent: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(connections, "IDLE_SECONDS", 1.0)
    with running(snapshot()) as world, held(world, 1, sent) as (idle,):
        received = b""
        while data := idle.recv(65536):
            received += data
        assert received.startswith(b"HTTP/1.1 401" if sent else b"")


def test_an_answer_that_is_not_taken_ends_with_its_connection(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(connections, "IDLE_SECONDS", 1.0)
    many = [{"id": number, "name": "x" * 500} for number in range(20_000)]
    with running({**snapshot(), "organizations": many}) as world:
        before = threading.active_count()
        host, port = world.url.removeprefix("http://").split(":")
        with socket.socket() as deaf:
            deaf.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
            deaf.connect((host, int(port)))
            auth = world.client().get("/api/v1/search/info").request.headers["Authorization"]
            line = f"GET /api/v1/users/me HTTP/1.1\r\nAuthorization: {auth}\r\n\r\n"
            deaf.sendall(line.encode())
            deaf.settimeout(20)
            time.sleep(4)
            received = 0
            with contextlib.suppress(ConnectionError):
                while data := deaf.recv(65536):
                    received += len(data)
        assert received < 20_000_000
        assert threading.active_count() <= before
        assert world.client().get("/api/v1/search/info").status_code == 200


def test_a_request_that_takes_its_time_and_ends_in_time_is_answered() -> None:
    body = b'{"type": "Machine"}'
    with running(snapshot()) as world:
        auth = world.client().get("/api/v1/users/me").request.headers["Authorization"]
        head = HEADERS + f"Authorization: {auth}\r\nContent-Length: {len(body)}\r\n\r\n".encode()
        with held(world, 1, head) as (slow,):
            for part in (body[:5], body[5:9], body[9:]):
                time.sleep(0.7)
                slow.sendall(part)
            assert slow.recv(100).startswith(b"HTTP/1.1 200")
