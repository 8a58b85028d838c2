"""Requests that want to break the server: each is answered as the specification says, by no 5xx."""

from __future__ import annotations

import json
import socket
from pathlib import Path
from typing import Any

import pytest

from reconciler.server.messages import MAX_BODY, Request
from reconciler.server.parsing import MAX_BATCH
from reconciler.server.service import LicensingService, Principal
from tests.openapi_check import contract
from tests.server.world import (
    NOON,
    OWNER_KEY,
    Admin,
    World,
    machines,
    running,
    snapshot,
    subscription,
)

SEARCH = "/api/v1/search"
GRANT = "/api/v1/organizations/101/licensed-users"
REMOVE = "/api/v1/machine?machineKey={}&package=KSE&organizationId=101"


def spelled(body: Any) -> bytes:
    """JSON in which a lone surrogate is an escape, as a client would have to send it."""
    return json.dumps(body).encode()


def post(world: World, path: str, body: bytes, **headers: str) -> Any:
    return world.client().post(
        path, data=body, headers={"Content-Type": "application/json", **headers}
    )


def condition(value: Any, key: str = "machineName", **more: Any) -> dict[str, Any]:
    return {
        "type": "Machine",
        "conditions": [{"key": key, "operator": "=", "value": value}],
        **more,
    }


@pytest.mark.parametrize(
    ("path", "body"),
    [
        (SEARCH, spelled(condition("\ud800"))),
        (SEARCH, spelled(condition("x", key="\udfff"))),
        (SEARCH, spelled(condition("x", **{"\ud800": 1}))),
        (SEARCH, spelled({"type": "\ud800"})),
        (SEARCH, spelled({"type": "Machine", "timeZone": "\udc00"})),
        (SEARCH, spelled({"type": "Machine", "pagination": {"sorts": ["\ud800,asc"]}})),
        (SEARCH, spelled({"type": "Machine", "pagination": {"sorts": [{"name": "\ud800"}]}})),
        (SEARCH, spelled({"type": "Machine", "functions": [["\ud800"]]})),
        (GRANT, spelled({"feature": "KSE", "emails": ["\ud800"]})),
        (GRANT, spelled({"feature": "\ud800", "emails": ["a"]})),
        (GRANT, spelled({"feature": "KSE", "emails": ["a"], "\ud800": 1})),
    ],
)
def test_half_a_character_is_refused_wherever_it_stands(path: str, body: bytes) -> None:
    with running(snapshot(subscription("kse", 5))) as world:
        answer = post(world, path, body)
        assert answer.status_code == 400
        assert "Unicode" in answer.json()["message"]


def test_a_whole_character_is_taken_however_it_is_spelled() -> None:
    document = snapshot(machines=[{"product": "kse", "id": "m1", "name": "\U0001f600"}])
    with running(document) as world:
        found = post(world, SEARCH, spelled(condition("\U0001f600"))).json()
        assert found["numberOfElements"] == 1


@pytest.mark.parametrize(
    "body",
    [
        condition("x", conditions=[{"key": "id", "operator": "=", "value": 1}] * 1000),
        condition("x", pagination={"sorts": ["id,asc"] * 2000}),
        condition("x", pagination={"sorts": ["machineId,asc", "id"] * 1000}),
        condition("1," * 100_000, key="id"),
        condition(10**25, key="id"),
        condition(2**63, key="Organization.id"),
        condition("x", pagination={"page": 2**64}),
        condition("x", pagination={"size": 2**64}),
        condition("x", pagination={"page": 1e300}),
    ],
)
def test_too_much_of_a_search_is_refused(body: Any) -> None:
    with running(snapshot()) as world:
        assert post(world, SEARCH, spelled(body)).status_code == 400


@pytest.mark.parametrize(
    "body",
    [
        condition("x", pagination={"page": 10**9, "size": 1000}),
        condition("x", pagination={"sorts": ["machineId,desc", "id,asc"] * 50}),
        condition("x", conditions=[{"key": "id", "operator": "!=", "value": 1}] * 100),
        condition(2**63 - 1, key="id"),
    ],
)
def test_as_much_as_is_allowed_of_a_search_is_carried_out(body: Any) -> None:
    with running(snapshot()) as world:
        assert post(world, SEARCH, spelled(body)).status_code == 200


@pytest.mark.parametrize(
    "text",
    [
        '{"type": "Machine", "pagination": {"page": NaN}}',
        '{"type": "Machine", "pagination": {"page": Infinity}}',
        '{"type": "Machine", "pagination": {"page": 1e999}}',
        '{"type": "Machine", "pagination": {"page": ' + "9" * 5000 + "}}",
        '{"type": "Machine", "conditions": ' + "[" * 5000 + "]" * 5000 + "}",
        '{"type": ' + '{"a":' * 5000 + "1" + "}" * 5000 + "}",
        '\ufeff{"type": "Machine"}',
    ],
)
def test_json_that_python_alone_would_take_is_refused_in_plain_words(text: str) -> None:
    with running(snapshot()) as world:
        for answer in (
            post(world, SEARCH, text.encode()),
            world.client().get(SEARCH, params={"q": text}),
        ):
            assert answer.status_code == 400
            message = answer.json()["message"]
            assert message.startswith("The JSON cannot be read: ")
            assert "sys." not in message


@pytest.mark.parametrize(
    ("headers", "encoding"),
    [
        ({"Content-Type": "application/json; charset=utf-16"}, "utf-16"),
        ({"Content-Type": "text/json"}, "utf-8"),
        ({"Content-Type": "application/x-www-form-urlencoded"}, "utf-8"),
        ({"Content-Type": "application/json", "Content-Encoding": "gzip"}, "utf-8"),
        ({"Content-Type": "\u00e4; charset=\u00df".encode("latin-1")}, "utf-8"),
    ],
)
def test_a_body_in_another_form_is_refused_for_its_form(headers: Any, encoding: str) -> None:
    with running(snapshot()) as world:
        answer = world.client().post(
            SEARCH, data='{"type": "Machine"}'.encode(encoding), headers=headers
        )
    assert answer.status_code == 415


def test_json_is_utf_8_and_nothing_that_is_guessed() -> None:
    with running(snapshot()) as world:
        answer = post(world, SEARCH, '{"type": "Machine"}'.encode("utf-16"))
    assert answer.status_code == 400


def test_a_message_does_not_grow_with_what_was_sent() -> None:
    with running(snapshot()) as world:
        answer = post(world, SEARCH, spelled({"type": "x" * (MAX_BODY - 100)}))
    assert answer.status_code == 400
    assert len(answer.content) < 10_000


@pytest.mark.parametrize("method", ["GET", "POST", "DELETE", "PUT"])
@pytest.mark.parametrize(
    "path",
    [
        "/%00",
        "/%ff%fe",
        "/api/v1/%2e%2e/v1/users/me",
        "/api/v1/users/me%00",
        "/api/v1/organizations/%00/members/%00",
        "/api/v1/organizations/101/members/%2e%2e",
        "/api/v1/organizations/101/members/a%0ab",
        "/api/v1/organizations/101/members/%c2%85",
        "/api/v1/organizations/101/members/%ff",
        "/api/v1/organizations/%d9%a1/licensed-users",
        "/api/v1/users/me?%ff=1",
        "/api/v1/users/me?a=%ed%a0%80",
        "/api/v1/users/me?" + "a=1&" * 200,
        "/api/v1/users/me?" + "&".join(f"a{n}=1" for n in range(200)),
        "/api/v1/search?q=%00",
        "/api/v1/search?q={}&q={}",
        "//api/v1/users/me",
        "/api/v1/users/me;a=b?;",
    ],
)
def test_an_odd_path_is_answered_in_json_and_by_no_failure(method: str, path: str) -> None:
    with running(snapshot()) as world:
        status, headers, body = raw(world, f"{method} {path} HTTP/1.1".encode())
    assert status < 500
    assert headers["x-licensing-server"] == "reconciler"
    assert json.loads(body)


@pytest.mark.parametrize("machine", ["%ff", "%ed%a0%80", "m%0a", "%c2%9b", "%e2%80%a8"])
def test_a_machine_that_no_text_names_is_never_removed(machine: str) -> None:
    document = snapshot(machines=machines("kse", "m1", "\ufffd", "\ufffd\ufffd\ufffd"))
    with running(document) as world:
        answer = world.client().delete(REMOVE.format(machine))
        assert answer.status_code == 400
        assert len(Admin(world.client()).rows("Machine")) == 3


@pytest.mark.parametrize(
    ("method", "path", "body"),
    [
        ("GET", "/api/v1/users/me?a=1&a=2", None),
        ("GET", "/api/v1/users/me?a=%ff", None),
        ("GET", "/api/v1/users/me?surprise=1", None),
        ("GET", "/api/v1/search", None),
        ("POST", SEARCH, b"{"),
        ("POST", GRANT, b"[]"),
        ("POST", GRANT, b" " * (MAX_BODY + 1)),
        ("DELETE", "/api/v1/machine?machineKey=", None),
        ("DELETE", "/api/v1/organizations/101/members/%00", None),
        ("POST", "/api/v1/organizations/acme/machines", b"{}"),
    ],
)
def test_who_has_no_key_is_told_that_and_nothing_else(
    method: str, path: str, body: bytes | None
) -> None:
    with running(snapshot()) as world:
        for key in (None, "wrong"):
            answer = world.client(key).request(
                method, path, data=body, headers={"Idempotency-Key": "k" * 300}
            )
            assert answer.status_code == 401


def test_a_head_is_answered_as_a_get_is_without_its_body() -> None:
    with running(snapshot()) as world:
        client = world.client()
        for path in ("/api/v1/users/me", "/api/v1/search/info"):
            got = client.get(path)
            status, headers, body = raw(world, f"HEAD {path} HTTP/1.1".encode())
            assert (status, body) == (200, b"")
            assert headers["content-length"] == str(len(got.content))
        assert raw(world, b"HEAD /api/v1/nothing HTTP/1.1")[0] == 404
        assert raw(world, b"HEAD /api/v1/users/me HTTP/1.1", key=None)[0] == 401
        assert raw(world, f"HEAD {GRANT} HTTP/1.1".encode())[0] == 405


@pytest.mark.parametrize(
    ("path", "name", "names"),
    [
        (GRANT, "emails", "u{}@example.com"),
        (f"{GRANT}/remove", "emails", "u{}@example.com"),
        ("/api/v1/organizations/101/machines", "machineIds", "m{}"),
    ],
)
def test_a_batch_is_taken_up_to_its_limit_and_a_larger_one_before_the_lock_is(
    path: str, name: str, names: str, tmp_path: Path
) -> None:
    def body(count: int) -> bytes:
        return spelled({"feature": "ENGINE", name: [names.format(n) for n in range(count)]})

    document = snapshot(subscription("kre-node-locked", MAX_BATCH))
    with running(document, path=tmp_path / "s.db") as world:
        with world.store.write():
            # Somebody writes, and still it is refused at once.
            answer = post(world, path, body(MAX_BATCH + 1))
        assert answer.status_code == 400
        assert f"{MAX_BATCH} at most" in answer.json()["message"]
        assert world.history() == []
        assert post(world, path, body(MAX_BATCH)).status_code in {200, 409}


@pytest.mark.parametrize("body", [b"{", b"[]", b'{"feature": "KSE"}', b" " * (MAX_BODY + 1)])
def test_what_is_no_request_never_waits_for_the_lock(body: bytes, tmp_path: Path) -> None:
    with running(snapshot(), path=tmp_path / "s.db") as world, world.store.write():
        assert post(world, GRANT, body).status_code in {400, 413}
        assert world.client("wrong").post(GRANT, data=b"{}").status_code == 401


def test_a_key_stands_for_a_body_however_it_is_spaced_and_ordered() -> None:
    with running(snapshot(subscription("kse", 5))) as world:
        bodies = [
            b'{"feature":"KSE","emails":["dan@example.com"]}',
            b'{ "emails" : [ "d\\u0061n@example.com" ],\n "feature": "KSE" }',
        ]
        answers = [post(world, GRANT, body, **{"Idempotency-Key": "k1"}) for body in bodies]
        assert [answer.status_code for answer in answers] == [200, 200]
        assert answers[1].headers["Idempotency-Replayed"] == "true"
        other = b'{"feature":"KSE","emails":["Dan@example.com"]}'
        assert post(world, GRANT, other, **{"Idempotency-Key": "k1"}).status_code == 422
        assert len(world.history()) == 1


@pytest.mark.parametrize("name", ["machineName", "sessionId", "email"])
@pytest.mark.parametrize("value", ["", "%0a", "%c2%85", "x" * 513])
def test_an_activation_names_nothing_that_the_specification_does_not_allow(
    name: str, value: str
) -> None:
    query = {
        "machineKey": "m1",
        "package": "KSE",
        "organizationId": "101",
        "email": "dan%40example.com",
        name: value,
    }
    with running(snapshot(subscription("kse", 5))) as world:
        text = "&".join(f"{key}={item}" for key, item in query.items())
        answer = world.client().post(f"/api/v1/license-keys/activate?{text}")
    assert answer.status_code == 400


@pytest.mark.parametrize("path", ["activate", "release"])
def test_the_studios_version_may_be_anything(path: str) -> None:
    query = "machineKey=m1&package=KSE&organizationId=101&ksVersion=%0a"
    more = "&email=dan%40example.com" if path == "activate" else "&sessionId=s1"
    with running(snapshot(subscription("kse", 5))) as world:
        answer = world.client().post(f"/api/v1/license-keys/{path}?{query}{more}")
    assert answer.status_code != 400


@pytest.mark.parametrize("happens", ["deleted", "replaced"])
def test_a_database_that_is_gone_is_a_failure_and_no_success(happens: str, tmp_path: Path) -> None:
    path = tmp_path / "s.db"
    with running(snapshot(subscription("kse", 5)), path=path) as world:
        admin = Admin(world.client())
        assert admin.grant("KSE", "dan@example.com").status_code == 200
        kept = path.rename(tmp_path / "kept.db")
        if happens == "replaced":
            path.write_bytes(kept.read_bytes())
        answers = [
            admin.grant("KSE", "cleo@example.com"),
            admin.search("Machine"),
            admin.client.get("/api/v1/users/me"),
        ]
        assert [answer.status_code for answer in answers] == [500, 500, 500]
        assert "deleted or replaced" in answers[0].json()["message"]
        assert str(tmp_path) not in answers[0].text
        # As long as it is so, and no longer.
        kept.rename(path)
        assert admin.grant("KSE", "cleo@example.com").status_code == 200


def test_a_write_whose_database_goes_while_it_is_carried_out_is_not_answered_as_done(
    tmp_path: Path,
) -> None:
    path = tmp_path / "s.db"
    with running(snapshot(subscription("kse", 5)), path=path) as world:
        beside = LicensingService(world.store, Vanishing(world, path))
        body = b'{"feature": "KSE", "emails": ["dan@example.com"]}'
        answer = beside.handle(Request("POST", GRANT, body=body), Principal.synthetic_owner())
        assert answer.status == 500
        assert not path.exists()


class Vanishing:
    """A clock that takes the database away once it is looked at within a transaction."""

    def __init__(self, world: World, path: Path) -> None:
        self._world = world
        self._path = path

    def __call__(self) -> Any:
        if self._world.store._idle.empty():
            self._path.unlink(missing_ok=True)
        return NOON


@pytest.mark.parametrize(
    ("sent", "status"),
    [
        (b"\x00\x01nonsense\r\n\r\n", 400),
        (b"get / HTTP/1.1\r\n\r\n", 400),
        (b"GET / HTTP/1.1\r\nA b: c\r\n\r\n", 400),
        (b"GET / HTTP/1.1\r\nContent-Length: x\r\n\r\n", 400),
        (b"GET / HTTP/1.1\r\nAuthorization: Basic c2VjcmV0\nx\r\n\r\n", 400),
        (b"POST / HTTP/1.1\r\nTransfer-Encoding: gzip\r\n\r\n", 501),
        (b"POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n", 400),
        (b"POST / HTTP/1.1\r\nContent-Length: 99999999999\r\n\r\n", 413),
        (b"GET /" + b"a" * 300_000 + b" HTTP/1.1\r\n\r\n", 431),
    ],
)
def test_what_is_no_request_at_all_is_answered_in_the_shape_of_all_errors(
    sent: bytes, status: int
) -> None:
    with running(snapshot()) as world:
        found, headers, body = exchange(world, sent)
    assert found == status
    contract().check("GET", "/", status, headers, body)
    assert b"c2VjcmV0" not in body


def raw(
    world: World, line: bytes, key: str | None = OWNER_KEY
) -> tuple[int, dict[str, str], bytes]:
    """Send a request line as it is, without any client in between that would mend it."""
    import base64

    authorization = b""
    if key is not None:
        text = base64.b64encode(f":{key}".encode())
        authorization = b"Authorization: Basic " + text + b"\r\n"
    return exchange(world, line + b"\r\nConnection: close\r\n" + authorization + b"\r\n")


def exchange(world: World, sent: bytes) -> tuple[int, dict[str, str], bytes]:
    host, port = world.url.removeprefix("http://").split(":")
    received = b""
    with socket.create_connection((host, int(port)), timeout=10) as connection:
        connection.sendall(sent)
        while data := connection.recv(65536):
            received += data
    head, _, body = received.partition(b"\r\n\r\n")
    first, *lines = head.decode("latin-1").split("\r\n")
    headers = dict(line.split(": ", 1) for line in lines)
    return int(first.split()[1]), {name.lower(): value for name, value in headers.items()}, body
