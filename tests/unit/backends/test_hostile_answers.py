"""Whatever bytes a server answers: a read fails with one line, a write is unclear, soon."""

from __future__ import annotations

import gzip
import json
import resource
import ssl
import time
import zlib
from pathlib import Path

import pytest
import trustme

from reconciler.backends.answers import fetch
from reconciler.backends.http import HttpTransport
from reconciler.backends.protocol import GrantUsers
from reconciler.backends.routes import read_routes
from reconciler.backends.transport import Call
from reconciler.backends.writes import run
from reconciler.errors import (
    ApiError,
    MalformedAnswerError,
    UnclearOutcomeError,
    UnreachableError,
)
from tests.unit.backends.loopback import Reply, api, reply
from tests.unit.backends.raw import raw_server
from tests.unit.backends.test_http_transport import READ, WRITE, the_error, transport_to

OK = b"HTTP/1.1 200 OK\r\n"
BOMB = gzip.compress(bytes(300 * 1024 * 1024), 9)
TWO_LAYERS = gzip.compress(gzip.compress(bytes(50 * 1024 * 1024)))


def packed(status: bytes, body: bytes, *headers: bytes, coding: bytes = b"gzip") -> bytes:
    head = [b"HTTP/1.1 " + status, b"Content-Encoding: " + coding, *headers]
    head.append(b"Content-Length: %d" % len(body))
    return b"\r\n".join(head) + b"\r\n\r\n" + body


HOSTILE = {
    "a chunk of a negative size": OK + b"Transfer-Encoding: chunked\r\n\r\n-5\r\n{}\r\n0\r\n\r\n",
    "a chunk of no size": OK + b"Transfer-Encoding: chunked\r\n\r\nzz\r\n{}\r\n0\r\n\r\n",
    "a chunk of a huge size": OK + b"Transfer-Encoding: chunked\r\n\r\n" + b"f" * 400 + b"\r\n{}",
    "a chunk without an end": OK + b"Transfer-Encoding: chunked\r\n\r\n5\r\n{}",
    "a redirect to no address": b"HTTP/1.1 302 Found\r\nLocation: http://[::bad\r\n\r\n",
    "a redirect to bytes": b"HTTP/1.1 302 Found\r\nLocation: \xff\xfe\x00\r\n\r\n",
    "a redirect to a bomb": packed(b"302 Found", BOMB, b"Location: /elsewhere"),
    "a redirect without an end": b"HTTP/1.1 303 See Other\r\nLocation: /\r\n\r\n" + bytes(10**6),
    "a redirect to nowhere": b"HTTP/1.1 307 Temporary Redirect\r\nContent-Length: 0\r\n\r\n",
    "too long a length": OK + b"Content-Length: 999999999999999999999\r\n\r\n{}",
    "a negative length": OK + b"Content-Length: -5\r\n\r\n{",
    "two lengths": OK + b"Content-Length: 2\r\nContent-Length: 3\r\n\r\n{}",
    "a length in words": OK + b"Content-Length: two\r\n\r\n{",
    "a charset that is none": OK + b"Content-Type: application/json; charset=\xff\r\n\r\n{",
    "a NUL in a header": OK + b"X: a\x00b\r\nContent-Length: 1\r\n\r\n{",
    "a header without a colon": OK + b"what is this\r\nContent-Length: 1\r\n\r\n{",
    "too long a header": OK + b"X: " + b"x" * 70_000 + b"\r\n\r\n{}",
    "too many headers": OK + b"X: y\r\n" * 200 + b"\r\n{}",
    "a status that is no number": b"HTTP/1.1 abc OK\r\n\r\n{}",
    "a status of four digits": b"HTTP/1.1 2000 OK\r\n\r\n{}",
    "a status below all": b"HTTP/1.1 99 OK\r\n\r\n{}",
    "a status above all": b"HTTP/1.1 999 OK\r\n\r\n{}",
    "a version that is none": b"HTTP/9.9 200 OK\r\n\r\n{}",
    "no status line": b'{"results": []}',
    "bytes": bytes(range(256)),
    "nothing": b"",
    "an early hint": b"HTTP/1.1 103 Early Hints\r\nLink: </x>\r\n\r\n",
    "a switch of protocols": b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: h2c\r\n\r\n",
    "continues without an end": b"HTTP/1.1 100 Continue\r\n\r\n" * 1000,
    "no content": b"HTTP/1.1 204 No Content\r\n\r\n",
    "a part": b"HTTP/1.1 206 Partial Content\r\nContent-Length: 2\r\n\r\n{}",
    "not modified": b"HTTP/1.1 304 Not Modified\r\n\r\n",
    "a page that says no": b"HTTP/1.1 403 Forbidden\r\nContent-Length: 6\r\n\r\n<html>",
    "a page of a missing path": b"HTTP/1.1 404 Not Found\r\nContent-Length: 6\r\n\r\n<html>",
    "a teapot": b"HTTP/1.1 418 I'm a teapot\r\nContent-Length: 0\r\n\r\n",
    "a bomb": packed(b"200 OK", BOMB),
    "a bomb in a refusal": packed(b"403 Forbidden", BOMB),
    "layers of gzip": packed(b"200 OK", TWO_LAYERS, coding=b"gzip, gzip"),
    "layers in two headers": packed(b"200 OK", TWO_LAYERS, b"Content-Encoding: gzip"),
    "twenty layers": packed(b"200 OK", b"{}", coding=b", ".join([b"gzip"] * 20)),
    "more after a gzip": packed(b"200 OK", gzip.compress(b"{") + b"}" * 1000),
    "no gzip": packed(b"200 OK", b"{}"),
    "half of a gzip": packed(b"200 OK", gzip.compress(b"{}" * 50)[:20]),
    "a coding not asked for": packed(b"200 OK", zlib.compress(b"{}"), coding=b"deflate"),
    "a coding that is none": packed(b"200 OK", b"{}", coding=b"\xff\xfe"),
}


GRANT = GrantUsers(101, "kse", ("ada@x.io",))


def written(transport: HttpTransport) -> object:
    return run(transport, GRANT, routes=read_routes({}), idempotency_key="k")


@pytest.mark.parametrize("name", HOSTILE)
def test_bytes_of_all_kinds_fail_a_read_in_one_line_and_soon(name: str) -> None:
    begin = time.monotonic()
    with raw_server(HOSTILE[name]) as server, transport_to(server.url) as transport:
        error = the_error(transport, READ)
    assert isinstance(error, ApiError)
    assert time.monotonic() - begin < 20


@pytest.mark.parametrize("name", HOSTILE)
def test_bytes_of_all_kinds_leave_a_write_unclear_and_sent_once(name: str) -> None:
    with raw_server(HOSTILE[name]) as server, transport_to(server.url) as transport:
        with pytest.raises(UnclearOutcomeError, match="not known whether the change was made"):
            written(transport)
        assert len(server.requests) == 1


@pytest.mark.parametrize("name", ["a redirect to a bomb", "a bomb in a refusal", "layers of gzip"])
def test_a_bomb_is_not_unpacked(name: str) -> None:
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    with raw_server(HOSTILE[name]) as server, transport_to(server.url) as transport:
        begin = time.process_time()
        the_error(transport, WRITE)
        assert time.process_time() - begin < 3
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 250 * 1024


def test_an_answer_to_a_redirected_request_is_not_taken_for_the_next_ones() -> None:
    """After what is left unread of an answer, the connection is not used again."""
    hidden = b'HTTP/1.1 200 OK\r\nContent-Length: 11\r\n\r\n{"stale":1}'
    answers = iter([Reply(103, hidden), reply({"ok": 1})])
    with api(lambda _: next(answers)) as server, transport_to(server.url) as transport:
        with pytest.raises(UnclearOutcomeError):
            fetch(transport, WRITE)
        assert fetch(transport, READ)[0] == {"ok": 1}


def test_any_error_of_the_transport_is_a_broken_answer(monkeypatch: pytest.MonkeyPatch) -> None:
    for kind in (ValueError, UnicodeError, RecursionError, OverflowError, zlib.error, KeyError):

        def fail(*_: object, kind: type[Exception] = kind, **__: object) -> None:
            raise kind("out of a library")

        monkeypatch.setattr("requests.Session.send", fail)
        with transport_to("http://127.0.0.1:9") as transport:
            assert isinstance(the_error(transport, WRITE), UnclearOutcomeError)
            assert isinstance(the_error(transport, READ), UnreachableError)


@pytest.mark.parametrize(
    ("body", "said"),
    [
        (b"[" * 100_000 + b"]" * 100_000, "nested too deep"),
        (b'{"a": ' * 100_000 + b"1" + b"}" * 100_000, "nested too deep"),
        (b'{"a": NaN}', "NaN"),
        (b'{"a": -Infinity}', "Infinity"),
        (b'{"a": 1, "a": 2}', "'a' twice"),
        (b"[" + b"{}," * 3_000_000 + b"{}]", "2,000,000 values"),
        (b"9" * 100_000, "JSON is due"),
        ('{"a": "é"}'.encode("utf-16"), "JSON is due"),
        (b'{"a": "\xff"}', "JSON is due"),
        (b'{"\\u001b[31m": 1, "\\u001b[31m": 1}', "twice"),
    ],
    ids=lambda value: value[:20] if isinstance(value, bytes) else value,
)
def test_json_that_could_be_read_in_two_ways_or_fills_the_memory_is_none(
    body: bytes, said: str
) -> None:
    with api(lambda _: Reply(200, body)) as server, transport_to(server.url) as transport:
        error = the_error(transport, READ)
    assert isinstance(error, MalformedAnswerError)
    assert said in error.message
    assert error.message.isprintable()


def test_an_answer_that_is_packed_once_is_unpacked() -> None:
    body = gzip.compress(json.dumps({"ok": "é" * 100_000}).encode())
    packed_reply = Reply(200, body, {"Content-Encoding": "gzip"})
    with api(lambda _: packed_reply) as server, transport_to(server.url) as transport:
        assert fetch(transport, READ)[0] == {"ok": "é" * 100_000}
    assert server.received[0].headers["accept-encoding"] == "gzip"


@pytest.mark.parametrize("call", [READ, WRITE], ids=["read", "write"])
def test_https_on_a_port_of_plain_http_says_so_at_once(
    call: Call, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("HTTPS_PROXY", "https_proxy", "ALL_PROXY", "all_proxy"):
        monkeypatch.delenv(name, raising=False)
    # One refuses what is no request, the other waits for its end.
    with api(lambda _: reply({})) as prompt, raw_server(OK + b"\r\n") as patient:
        for url in (prompt.url, patient.url):
            with transport_to(url.replace("http:", "https:"), timeout=30) as transport:
                begin = time.monotonic()
                error = the_error(transport, call)
                assert time.monotonic() - begin < 6
            assert isinstance(error, UnreachableError)
            assert "speaks plain HTTP" in error.message
            assert "http://" in str(error.hint)
    assert all("authorization" not in received.headers for received in prompt.received)
    assert not any(b"uthorization" in request for request in patient.requests)


def test_http_on_a_port_of_tls_says_so_at_once(tmp_path: Path) -> None:
    alert = b"\x15\x03\x03\x00\x02\x02\x46"
    with raw_server(alert) as server, transport_to(server.url) as transport:
        error = the_error(transport, READ)
        assert len(server.requests) == 1
    assert "speaks TLS" in error.message
    assert "https://" in str(error.hint)


def test_a_tls_handshake_that_takes_its_time_is_waited_for(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr("reconciler.backends.prompt._USUAL_HANDSHAKE", 0.001)
    for name in ("HTTPS_PROXY", "https_proxy", "ALL_PROXY", "all_proxy", "CURL_CA_BUNDLE"):
        monkeypatch.delenv(name, raising=False)
    authority = trustme.CA()
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("127.0.0.1").configure_cert(context)
    authority.cert_pem.write_to_path(tmp_path / "ca.pem")
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(tmp_path / "ca.pem"))
    with (
        api(lambda _: reply({"ok": 1}), tls=context) as server,
        transport_to(server.url, timeout=20) as transport,
    ):
        assert isinstance(transport, HttpTransport)
        assert fetch(transport, READ)[0] == {"ok": 1}
