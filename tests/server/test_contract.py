"""The specification and the server say the same: every operation, every response of it."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator

from reconciler.server import store as store_module
from reconciler.server.entities import ENTITIES
from reconciler.server.messages import MAX_BODY
from reconciler.server.routes import ROUTES
from tests.openapi_check import Contract, ContractViolation, contract
from tests.server.world import OWNER_KEY, World, machines, member_key, running, snapshot, users
from tests.server.world import subscription as bought

SEARCH = {
    "type": "Machine",
    "conditions": [{"key": "Organization.id", "operator": "=", "value": "101"}],
}


@dataclass(frozen=True)
class Ask:
    """A request that the server answers with success."""

    method: str
    path: str
    params: Mapping[str, str] = field(default_factory=dict)
    json: Any = None
    key: str | None = OWNER_KEY
    headers: Mapping[str, str] = field(default_factory=dict)

    def send(self, world: World, body: bytes | None = None) -> Any:
        options: dict[str, Any] = {"params": self.params, "headers": dict(self.headers)}
        if body is not None:
            options["data"] = body
        elif self.json is not None:
            options["json"] = self.json
        return world.client(self.key).request(self.method, self.path, **options)


_ORGANIZATION = "/api/v1/organizations/101"
_QUERY = {"package": "KSE", "organizationId": "101", "machineKey": "m1"}

SUCCESSES: dict[str, Ask] = {
    "getMe": Ask("GET", "/api/v1/users/me"),
    "search": Ask("POST", "/api/v1/search", json=SEARCH),
    "searchByQuery": Ask("GET", "/api/v1/search", {"q": json.dumps(SEARCH)}),
    "describeSearch": Ask("GET", "/api/v1/search/info"),
    "grantUsers": Ask(
        "POST",
        f"{_ORGANIZATION}/licensed-users",
        json={"feature": "KSE", "emails": ["ben@example.com"]},
    ),
    "removeUsers": Ask(
        "POST",
        f"{_ORGANIZATION}/licensed-users/remove",
        json={"feature": "KSE", "emails": ["dan@example.com"]},
    ),
    "registerMachines": Ask(
        "POST", f"{_ORGANIZATION}/machines", json={"feature": "ENGINE", "machineIds": ["m9"]}
    ),
    "issueOffline": Ask(
        "POST",
        f"{_ORGANIZATION}/offline-licenses",
        json={"feature": "KSE", "machineId": "m1", "expirationDate": "2027-01-31T23:59:59Z"},
    ),
    "removeMember": Ask("DELETE", f"{_ORGANIZATION}/members/dan@example.com"),
    "removeMachine": Ask("DELETE", "/api/v1/machine", _QUERY),
    "endSession": Ask("POST", "/api/v1/license-keys/release", {**_QUERY, "sessionId": "s1"}),
    "activate": Ask(
        "POST", "/api/v1/license-keys/activate", {**_QUERY, "email": "dan@example.com"}
    ),
}

CONFLICTS: dict[str, Ask] = {
    "grantUsers": replace(
        SUCCESSES["grantUsers"], json={"feature": "KSE", "emails": ["nobody@example.com"]}
    ),
    "registerMachines": replace(
        SUCCESSES["registerMachines"], json={"feature": "KSE", "machineIds": ["m9"]}
    ),
    "issueOffline": replace(
        SUCCESSES["issueOffline"],
        json={"feature": "KSE", "machineId": "m1", "expirationDate": "2020-01-31T23:59:59Z"},
    ),
    "removeMachine": replace(SUCCESSES["removeMachine"], params={**_QUERY, "machineKey": "m2"}),
    "activate": replace(SUCCESSES["activate"], params={**_QUERY, "email": "nobody@example.com"}),
}


def _elsewhere(ask: Ask) -> Ask:
    """The same in an organization that is not there."""
    there = json.loads(json.dumps(ask.json).replace("101", "999"))
    params = {name: value.replace("101", "999") for name, value in ask.params.items()}
    return replace(ask, path=ask.path.replace("101", "999"), params=params, json=there)


def _with(ask: Ask, **headers: str) -> Ask:
    return replace(ask, headers={name.replace("_", "-"): value for name, value in headers.items()})


def _reuse_key(world: World, name: str) -> Any:
    other = "removeUsers" if name != "removeUsers" else "grantUsers"
    first = _with(SUCCESSES[other], Idempotency_Key="k1").send(world)
    assert first.status_code == 200
    return _with(SUCCESSES[name], Idempotency_Key="k1").send(world)


def _while_busy(world: World, name: str) -> Any:
    with world.store.write():
        return SUCCESSES[name].send(world)


FAILURES: dict[int, Callable[[World, str], Any]] = {
    400: lambda world, name: replace(SUCCESSES[name], params={"surprise": "1"}).send(world),
    401: lambda world, name: replace(SUCCESSES[name], key="not-a-key").send(world),
    403: lambda world, name: replace(
        SUCCESSES[name],
        key=member_key("eve@example.com"),
    ).send(world),
    404: lambda world, name: _elsewhere(SUCCESSES[name]).send(world),
    409: lambda world, name: CONFLICTS[name].send(world),
    413: lambda world, name: _with(SUCCESSES[name], Content_Type="application/json").send(
        world, b" " * (MAX_BODY + 1)
    ),
    415: lambda world, name: _with(SUCCESSES[name], Content_Type="text/plain").send(world, b"{}"),
    422: _reuse_key,
    503: _while_busy,
}


def _declared() -> list[tuple[str, int]]:
    return [
        (operation["operationId"], int(status))
        for _, _, operation in contract().operations()
        for status in operation["responses"]
    ]


def _document() -> dict[str, Any]:
    return snapshot(
        bought("kse", 9),
        bought("kre-node-locked", 9),
        licensed_users=users("kse", "dan@example.com"),
        machines=machines("kse", "m1", "m2"),
        offline_licenses=[{"product": "kse", "machine": "m2", "expires": "2027-01-31"}],
        sessions=[
            {"product": "kse", "machine": "m1", "email": "dan@example.com", "id": "s1"},
        ],
    )


@pytest.mark.parametrize(("name", "status"), _declared())
def test_every_response_of_the_specification_is_given(
    name: str, status: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(store_module, "BUSY_SECONDS", 0.05)
    with running(_document(), path=tmp_path / "state.db") as world:
        answer = SUCCESSES[name].send(world) if status < 300 else FAILURES[status](world, name)
        assert answer.status_code == status, answer.text


def test_the_server_has_the_operations_of_the_specification_and_no_others() -> None:
    written = {(method, template) for method, template, _ in contract().operations()}
    assert written == {(route.method, route.template) for route in ROUTES}


def test_every_operation_says_where_it_comes_from() -> None:
    origins = {
        operation["operationId"]: operation["x-origin"]
        for _, _, operation in contract().operations()
    }
    assert {name for name, origin in origins.items() if origin == "published"} == {
        "getMe",
        "search",
        "searchByQuery",
        "describeSearch",
    }
    assert {name for name, origin in origins.items() if origin == "observed"} == {
        "removeMachine",
        "endSession",
        "activate",
    }
    assert set(origins.values()) == {"published", "observed", "project"}


def test_the_specification_is_sound() -> None:
    schemas = contract().document["components"]["schemas"]
    for schema in schemas.values():
        Draft202012Validator.check_schema(schema)
    references = list(_references(contract().document))
    assert all(contract().resolve({"$ref": reference}) for reference in references)
    used = {reference.rpartition("/")[2] for reference in references}
    assert set(schemas) - used == set()


def _references(value: Any) -> Any:
    if isinstance(value, dict):
        if "$ref" in value:
            yield value["$ref"]
        for item in value.values():
            yield from _references(item)
    elif isinstance(value, list):
        for item in value:
            yield from _references(item)


def test_the_specification_names_the_entities_and_codes_that_the_server_has() -> None:
    schemas = contract().document["components"]["schemas"]
    assert schemas["EntityName"]["enum"] == list(ENTITIES)
    sources = Path(store_module.__file__).parent.glob("*.py")
    text = "".join(path.read_text(encoding="utf-8") for path in sources)
    assert all(f'"{code}"' in text for code in schemas["Code"]["enum"])


@pytest.mark.parametrize(
    ("change", "complaint"),
    [
        ({"status": 418}, "no such response"),
        ({"path": "/api/v1/elsewhere"}, "no such response"),
        ({"body": b'{"content": []}'}, "required"),
        (
            {"headers": {"Content-Type": "text/html", "X-Licensing-Server": "reconciler"}},
            "text/html",
        ),
        ({"headers": {"Content-Type": "application/json"}}, "X-Licensing-Server is missing"),
    ],
)
def test_a_response_that_the_specification_does_not_allow_is_caught(
    change: dict[str, Any], complaint: str
) -> None:
    page = {
        "content": [],
        "totalElements": 0,
        "totalPages": 0,
        "number": 0,
        "size": 30,
        "numberOfElements": 0,
        "first": True,
        "last": True,
        "empty": True,
    }
    response: dict[str, Any] = {
        "method": "POST",
        "path": "/api/v1/search",
        "status": 200,
        "headers": {"Content-Type": "application/json", "X-Licensing-Server": "reconciler"},
        "body": json.dumps(page).encode(),
    }
    checked = Contract(contract().document)
    checked.check(**response)
    with pytest.raises(ContractViolation, match=complaint):
        checked.check(**{**response, **change})
