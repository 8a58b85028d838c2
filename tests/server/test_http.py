"""How requests are carried: keys, bodies, paths, and errors in one shape."""

from __future__ import annotations

import base64
import json
import socket
import sqlite3
from typing import Any

import pytest
from flask import Flask

from reconciler.server.app import create_app
from reconciler.server.messages import MAX_BODY, Request, Response
from reconciler.server.service import Principal
from tests.openapi_check import contract
from tests.server.world import (
    OWNER_KEY,
    Admin,
    machines,
    member_key,
    running,
    snapshot,
    subscription,
)

GRANT = "/api/v1/organizations/101/licensed-users"


def basic(text: str) -> str:
    return "Basic " + base64.b64encode(text.encode()).decode()


@pytest.mark.parametrize(
    "header",
    [
        None,
        "",
        "Basic",
        "Basic !!!",
        "Basic " + base64.b64encode(b"\xff:\xff").decode(),
        basic(OWNER_KEY),
        basic(":"),
        basic(f"ada:{OWNER_KEY}"),
        basic(":wrong"),
        f"Bearer {OWNER_KEY}",
    ],
)
def test_anything_but_the_key_as_password_is_refused_without_repeating_it(
    header: str | None,
) -> None:
    with running(snapshot()) as world:
        client = world.client(key=None)
        headers = {} if header is None else {"Authorization": header}
        answer = client.get("/api/v1/users/me", headers=headers)
    assert answer.status_code == 401
    assert OWNER_KEY not in answer.text
    assert "wrong" not in answer.text


def test_the_scheme_of_the_key_is_taken_in_any_case() -> None:
    with running(snapshot()) as world:
        client = world.client(key=None)
        headers = {"authorization": basic(f":{OWNER_KEY}").replace("Basic", "bASIC")}
        assert client.get("/api/v1/users/me", headers=headers).status_code == 200


@pytest.mark.parametrize(
    "path", ["/", "/api/v1", "/api/v1/users/me/", "/api//v1/users/me", "/api/v1/organizations/1"]
)
def test_an_unknown_path_is_a_json_404(path: str) -> None:
    with running(snapshot()) as world:
        answer = world.client().get(path)
    assert answer.status_code == 404
    assert answer.json()["error"] == "Not Found"


@pytest.mark.parametrize("method", ["PUT", "PATCH", "DELETE", "OPTIONS", "TRACE"])
def test_a_method_that_a_path_does_not_take_is_a_json_405_that_says_which(method: str) -> None:
    with running(snapshot()) as world:
        answer = world.client().request(method, "/api/v1/search")
    assert answer.status_code == 405
    assert answer.headers["Allow"] == "GET, POST"


@pytest.mark.parametrize("organization", ["acme", "-1", "1.0", "9" * 19, "\u0661"])
def test_an_organization_that_is_no_number_is_not_found(organization: str) -> None:
    with running(snapshot()) as world:
        answer = world.client().post(
            f"/api/v1/organizations/{organization}/licensed-users",
            json={"feature": "KSE", "emails": ["dan@example.com"]},
        )
    assert answer.status_code == 404


@pytest.mark.parametrize(
    ("body", "complaint"),
    [
        (b"", "cannot be read"),
        (b"{", "cannot be read"),
        (b"\xff\xfe", "cannot be read"),
        (b"[" * 100_000, "cannot be read"),
        (b'{"feature": NaN, "emails": ["a"]}', "NaN is no number"),
        (b'{"feature": "KSE", "feature": "ENGINE", "emails": ["a"]}', "repeated"),
        (b"[]", "must be an object"),
        (b"{}", "`feature` is missing"),
        (b'{"feature": "KSE"}', "`emails` is missing"),
        (b'{"feature": "KSE", "emails": ["a"], "force": true}', "`force` is not known"),
        (b'{"feature": "kse", "emails": ["a"]}', "must be one of KSE"),
        (b'{"feature": ["KSE"], "emails": ["a"]}', "must be one of KSE"),
        (b'{"feature": "KSE", "emails": "a"}', "`emails` must be a list"),
        (b'{"feature": "KSE", "emails": []}', "at least one"),
        (b'{"feature": "KSE", "emails": [1]}', "printable"),
        (b'{"feature": "KSE", "emails": [""]}', "printable"),
        (b'{"feature": "KSE", "emails": ["a\\u0000b"]}', "printable"),
        (b'{"feature": "KSE", "emails": ["\\ud800"]}', "Unicode"),
        (b'{"feature": "KSE", "emails": ["' + b"a" * 513 + b'"]}', "512"),
    ],
)
def test_a_body_that_is_not_what_the_route_takes_is_refused_with_the_reason(
    body: bytes, complaint: str
) -> None:
    with running(snapshot(subscription("kse", 5))) as world:
        answer = world.client().post(GRANT, data=body, headers={"Content-Type": "application/json"})
        assert answer.status_code == 400
        assert complaint in answer.json()["message"]
        assert world.history() == []


def test_an_unknown_product_has_its_own_code() -> None:
    with running(snapshot()) as world:
        admin = Admin(world.client())
        assert admin.grant("STUDIO", "dan@example.com").json()["code"] == "unknown_feature"
        assert admin.remove_machine("STUDIO", "m1").json()["code"] == "unknown_feature"


@pytest.mark.parametrize("content_type", ["application/json", "application/json; charset=utf-8"])
def test_json_is_taken_with_and_without_its_character_set(content_type: str) -> None:
    body = json.dumps({"feature": "KSE", "emails": ["dan@example.com"]})
    with running(snapshot(subscription("kse", 5))) as world:
        answer = world.client().post(GRANT, data=body, headers={"Content-Type": content_type})
    assert answer.status_code == 200


def test_a_body_is_taken_up_to_its_limit() -> None:
    body = json.dumps({"feature": "KSE", "emails": ["dan@example.com"]}).encode()
    headers = {"Content-Type": "application/json"}
    with running(snapshot(subscription("kse", 5))) as world:
        client = world.client()
        assert client.post(GRANT, data=body.ljust(MAX_BODY), headers=headers).status_code == 200
        answer = client.post(GRANT, data=body.ljust(MAX_BODY + 1), headers=headers)
        assert answer.status_code == 413


@pytest.mark.parametrize(
    ("query", "complaint"),
    [
        ("machineKey=m1&package=KSE", "`organizationId` is missing"),
        ("machineKey=m1&package=KSE&organizationId=101&force=1", "`force` is not known"),
        ("machineKey=m1&package=KSE&organizationId=Acme", "no organization ID"),
        ("machineKey=&package=KSE&organizationId=101", "`machineKey` must be a text"),
        ("machineKey=m1&machineKey=m2&package=KSE&organizationId=101", "`machineKey` twice"),
    ],
)
def test_a_query_that_is_not_what_the_route_takes_is_refused_with_the_reason(
    query: str, complaint: str
) -> None:
    with running(snapshot(machines=machines("kse", "m1"))) as world:
        answer = world.client().delete(f"/api/v1/machine?{query}")
        assert answer.status_code == 400
        assert complaint in answer.json()["message"]
        assert len(Admin(world.client()).rows("Machine")) == 1


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("DELETE", "/api/v1/machine?machineKey=m1&package=KSE&organizationId=101"),
        ("DELETE", "/api/v1/organizations/101/members/dan@example.com"),
    ],
)
def test_a_route_without_body_refuses_one(method: str, path: str) -> None:
    with running(snapshot(machines=machines("kse", "m1"))) as world:
        answer = world.client().request(method, path, json={"force": True})
    assert answer.status_code == 400


@pytest.mark.parametrize(
    "date",
    ["2027-03-31", "2027-03-31T23:59:59", "2027-02-30T00:00:00Z", "soon", 1, None,
     "0001-01-01T00:00:00+14:00"],
)  # fmt: skip
def test_an_expiration_that_is_no_date_time_with_offset_is_malformed(date: Any) -> None:
    with running(snapshot(subscription("kse", 5))) as world:
        answer = world.client().post(
            "/api/v1/organizations/101/offline-licenses",
            json={"feature": "KSE", "machineId": "m1", "expirationDate": date},
        )
        assert answer.status_code == 400
        assert "`expirationDate`" in answer.json()["message"]


def test_an_email_in_a_path_is_decoded_once() -> None:
    document = snapshot(members=[{"email": "a%2b+ß@example.com"}])
    with running(document) as world:
        admin = Admin(world.client())
        answer = admin.remove_member("a%252b%2B%C3%9F@example.com")
    assert answer.json() == {"email": "a%2b+ß@example.com", "status": "removed"}


def test_release_takes_the_studio_version_and_does_not_mind_it() -> None:
    document = snapshot(
        subscription("kse", 5), sessions=[{"product": "kse", "machine": "m1", "id": "s1"}]
    )
    with running(document) as world:
        answer = world.client().post(
            "/api/v1/license-keys/release?machineKey=m1&sessionId=s1&package=KSE"
            "&organizationId=101&ksVersion=9.0.0"
        )
    assert answer.json() == {"sessionId": "s1", "status": "ended"}


def test_a_member_activates_for_nobody_else() -> None:
    document = snapshot(
        subscription("kre-node-locked", 5),
    )
    with running(document) as world:
        admin = Admin(world.client_of("cleo@example.com"))
        assert admin.activate("ENGINE", "m1", "dan@example.com").status_code == 403
        assert admin.activate("ENGINE", "m1", "Cleo@example.com").status_code == 200


def test_a_session_id_of_another_user_on_the_machine_is_refused() -> None:
    document = snapshot(
        subscription("kre-floating", 5),
        licensed_users=[
            {"product": "kre-floating", "email": email}
            for email in ("dan@example.com", "cleo@example.com")
        ],
    )
    with running(document) as world:
        admin = Admin(world.client())
        first = admin.activate("UNLIMITED_ENGINE", "m1", "dan@example.com", sessionId="s")
        second = admin.activate("UNLIMITED_ENGINE", "m1", "cleo@example.com", sessionId="s")
        third = admin.activate("UNLIMITED_ENGINE", "m2", "cleo@example.com", sessionId="s")
    assert [first.status_code, second.status_code, third.status_code] == [200, 409, 200]
    assert second.json()["code"] == "session_taken"


def test_a_failure_of_the_server_is_a_json_500_that_tells_nothing_of_it() -> None:
    class Broken:
        def handle(self, request: Request, principal: Principal | None = None) -> Response:
            raise RuntimeError("a secret detail")

    app: Flask = create_app(Broken())
    with app.test_client() as client:
        answer = client.get("/api/v1/users/me")
    contract().check(
        "GET", "/api/v1/users/me", answer.status_code, dict(answer.headers), answer.data
    )
    assert answer.status_code == 500
    assert b"secret" not in answer.data


def test_a_database_that_is_damaged_is_a_500_and_not_a_busy_one() -> None:
    with running(snapshot()) as world:
        with world.store.write() as connection:
            connection.execute("DROP TABLE machines")
        answer = Admin(world.client()).search("Machine")
        assert answer.status_code == 500
        with pytest.raises(sqlite3.OperationalError, match="no such table"):
            world.service.handle(
                Request("POST", "/api/v1/search", body=b'{"type": "Machine"}'),
                Principal.synthetic_owner(),
            )


def test_keys_appear_in_no_answer_and_in_no_database_row() -> None:
    with running(snapshot(subscription("kse", 5))) as world:
        Admin(world.client()).grant("KSE", "dan@example.com")
        with world.store.read() as connection:
            dump = "\n".join(connection.iterdump())
    assert "dan@example.com" in dump
    assert OWNER_KEY not in dump
    assert member_key("Ada@example.com") not in dump


def test_bytes_that_are_no_http_do_not_stop_the_server() -> None:
    with running(snapshot()) as world:
        host, port = world.url.removeprefix("http://").split(":")
        with socket.create_connection((host, int(port)), timeout=5) as raw:
            raw.sendall(b"\x00\x01nonsense\r\n\r\n")
            assert b"400" in raw.recv(1000)
        assert world.client().get("/api/v1/users/me").status_code == 200
