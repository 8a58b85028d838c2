"""Every kind of backend over one and the same snapshot, for the contract suite."""

from __future__ import annotations

import copy
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from types import MappingProxyType
from typing import Any

from reconciler.backends import open_backend
from reconciler.backends.keys import KeyRing
from reconciler.backends.protocol import Backend
from reconciler.backends.snapshot import SnapshotBackend
from reconciler.model.settings import ApiSettings, Settings, WriteMode
from reconciler.server.keys import set_owner_key
from reconciler.server.load import load_snapshot
from reconciler.server.messages import Handler, Request, Response
from reconciler.server.serve import start
from reconciler.server.service import LicensingService
from reconciler.server.store import Store

KEY = "sk-contract-0123456789"

LAPTOP, RUNNER, SPARE, PHONE = (digit * 32 for digit in "5d1c")

SNAPSHOT: Mapping[str, Any] = {
    "format": "license-snapshot/1",
    "taken_at": "2026-11-24T09:00:00Z",
    "organizations": [
        {
            "id": 101,
            "name": "Acme QA",
            "members": [
                {"email": "zoë@example.com", "role": "user", "status": "active"},
                {"email": "Ada@Example.com", "role": "owner", "status": "active"},
                {"email": "bob@example.com", "role": "user", "status": "active"},
                {"email": "carol@example.com", "role": "billing_manager", "status": "active"},
                {"email": "dan@example.com", "role": "admin", "status": "active"},
                {"email": "eve@example.com", "role": "user", "status": "pending"},
            ],
            "subscriptions": [
                {
                    "product": "kse",
                    "quota": 5,
                    "used": 3,
                    "machine_quota": 6,
                    "expires": "2097-06-30",
                    "offline_allowed": True,
                },
                {
                    "product": "kre-node-locked",
                    "quota": 2,
                    "used": 1,
                    "machine_quota": 3,
                    "expires": "2097-06-30",
                    "offline_allowed": True,
                },
                {"product": "kre-floating", "quota": 2, "used": 1, "offline_allowed": True},
                {"product": "testops", "quota": 1, "used": 2, "expires": "2097-01-31"},
            ],
            "licensed_users": [
                {"product": "testops", "email": "bob@example.com"},
                {"product": "testops", "email": "Ada@Example.com"},
                {"product": "kse", "email": "zoë@example.com"},
                {"product": "kse", "email": "Ada@Example.com"},
                {"product": "kre-floating", "email": "bob@example.com"},
            ],
            "machines": [
                {
                    "product": "kse",
                    "id": LAPTOP,
                    "email": "Ada@Example.com",
                    "name": "laptop",
                    "last_seen": "2026-11-20T08:00:00Z",
                },
                {"product": "kre-node-locked", "id": RUNNER, "name": "ci-runner-1"},
                {"product": "kre-floating", "id": RUNNER, "email": "bob@example.com"},
            ],
            "offline_licenses": [
                {
                    "product": "kse",
                    "machine": LAPTOP,
                    "expires": "2097-01-31",
                    "email": "Ada@Example.com",
                }
            ],
            "sessions": [
                {
                    "product": "kre-floating",
                    "machine": RUNNER,
                    "email": "bob@example.com",
                    "started_at": "2026-11-24T08:00:00Z",
                    "id": "session-1",
                }
            ],
        },
        {
            "id": 7,
            "name": "Small One",
            "members": [{"email": "ada@example.com", "role": "owner", "status": "active"}],
            "subscriptions": [{"product": "kse", "quota": 1, "used": 0, "expires": "2097-06-30"}],
            "licensed_users": [],
            "machines": [],
            "offline_licenses": [],
            "sessions": [],
        },
    ],
}


@dataclass(frozen=True)
class System:
    """One backend under test, and whether it takes writes."""

    kind: str
    backend: Backend
    writes: bool


def snapshot() -> dict[str, Any]:
    return copy.deepcopy(dict(SNAPSHOT))


def _store(path: Path | str) -> Store:
    store = Store.open(path, create=True)
    load_snapshot(store, snapshot())
    set_owner_key(store, KEY)
    return store


@contextmanager
def _opened(
    url: str, settings: ApiSettings | None = None, timezone: str = "UTC"
) -> Iterator[Backend]:
    keys = KeyRing.from_environment({"RECONCILER_API_KEY": KEY}, Settings(), url, explicit=True)
    backend = open_backend(
        url, keys=keys, settings=settings or ApiSettings(timeout=10), timezone=timezone
    )
    try:
        yield backend
    finally:
        backend.close()


@contextmanager
def from_snapshot(folder: Path, timezone: str) -> Iterator[System]:
    backend = SnapshotBackend(snapshot(), target="snapshot:state.yaml", timezone=timezone)
    yield System("snapshot", backend, writes=False)


@contextmanager
def in_process(folder: Path, timezone: str) -> Iterator[System]:
    file = folder / "licensing.db"
    _store(file).close()
    with _opened(f"sqlite:///{file}", timezone=timezone) as backend:
        yield System("in process", backend, writes=True)


@contextmanager
def over_http(folder: Path, timezone: str) -> Iterator[System]:
    with (
        _store(folder / "licensing.db") as store,
        start(LicensingService(store), "127.0.0.1", 0) as server,
        _opened(server.url, timezone=timezone) as backend,
    ):
        yield System("over http", backend, writes=True)


class Rerouted:
    """A foreign server: other write routes, and no header that tells whose it is."""

    def __init__(self, handler: Handler) -> None:
        self._handler = handler

    def handle(self, request: Request, principal: Any = None) -> Response:
        response = self._handler.handle(self._translated(request), principal)
        headers = {
            name: value
            for name, value in response.headers.items()
            if name.lower() != "x-licensing-server"
        }
        return replace(response, headers=headers)

    def _translated(self, request: Request) -> Request:
        match request.path.split("/")[1:]:
            case ["v9", organization, action] if request.method == "PUT":
                path = f"/api/v1/organizations/{organization}/{action.replace('-from', '/')}"
                return replace(request, method="POST", path=path)
            case ["v9", organization, feature, "machine", machine]:
                query = {
                    "machineKey": machine,
                    "package": feature,
                    "organizationId": organization,
                }
                return replace(request, method="DELETE", path="/api/v1/machine", query=query)
            case ["v9", "sessions"]:
                path = "/api/v1/license-keys/release"
                return replace(request, method="POST", path=path)
            case ["api", "v1", *_] if request.method == "GET" or request.path.endswith("search"):
                return request
        return replace(request, path="/nowhere")


ROUTES = {
    "grant_users": "PUT /v9/{organization}/licensed-users",
    "remove_users": "PUT /v9/{organization}/licensed-users-fromremove",
    "grant_machines": "PUT /v9/{organization}/machines",
    "issue_offline": "PUT /v9/{organization}/offline-licenses",
    "remove_machine": "POST /v9/{organization}/{feature}/machine/{machine}",
    "end_session": (
        "DELETE /v9/sessions?machineKey={machine}&sessionId={session}"
        "&package={feature}&organizationId={organization}"
    ),
}


@contextmanager
def rerouted(folder: Path, timezone: str) -> Iterator[System]:
    settings = ApiSettings(timeout=10, writes=WriteMode.API, routes=MappingProxyType(ROUTES))
    with (
        _store(folder / "licensing.db") as store,
        start(Rerouted(LicensingService(store)), "127.0.0.1", 0) as server,
        _opened(server.url, settings, timezone) as backend,
    ):
        yield System("rerouted", backend, writes=True)


SYSTEMS = {
    "snapshot": from_snapshot,
    "in process": in_process,
    "over http": over_http,
    "rerouted": rerouted,
}
