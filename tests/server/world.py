"""A licensing server for one test: a database, a clock that is moved by hand, and real HTTP."""

from __future__ import annotations

import contextlib
import sqlite3
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from reconciler.server.keys import MemberKey, set_member_keys, set_owner_key
from reconciler.server.load import load_snapshot
from reconciler.server.serve import start
from reconciler.server.service import LicensingService
from reconciler.server.store import Store
from tests.openapi_check import CheckedSession

NOON = datetime(2026, 11, 24, 12, tzinfo=UTC)
OWNER_KEY = "owner-key-of-the-tests-0123456789"
ORGANIZATION = 101

MEMBERS = (
    {"email": "Ada@example.com", "role": "owner"},
    {"email": "ben@example.com", "role": "admin"},
    {"email": "cleo@example.com", "role": "user"},
    {"email": "dan@example.com", "role": "user"},
    {"email": "eve@example.com", "role": "billing_manager"},
    {"email": "pending@example.com", "role": "user", "status": "pending"},
)


def snapshot(*subscriptions: dict[str, Any], **lists: Any) -> dict[str, Any]:
    """One organization with the usual members; `lists` add to it or replace."""
    return {
        "format": "license-snapshot/1",
        "taken_at": "2026-11-24T09:00:00Z",
        "organizations": [
            {
                "id": ORGANIZATION,
                "name": "Acme QA",
                "members": list(MEMBERS),
                "subscriptions": list(subscriptions),
                **lists,
            }
        ],
    }


def subscription(product: str, quota: int, **more: Any) -> dict[str, Any]:
    return {
        "product": product,
        "quota": quota,
        "expires": "2027-06-30",
        "offline_allowed": True,
        **more,
    }


def users(product: str, *emails: str) -> list[dict[str, Any]]:
    return [{"product": product, "email": email} for email in emails]


def machines(product: str, *ids: str) -> list[dict[str, Any]]:
    return [{"product": product, "id": machine} for machine in ids]


class MovedClock:
    """A clock that goes only when it is told to."""

    def __init__(self, now: datetime = NOON) -> None:
        self.now = now

    def __call__(self) -> datetime:
        return self.now

    def move(self, **by: float) -> None:
        self.now += timedelta(**by)


@dataclass
class World:
    """A running server and what the test may look at behind its back."""

    store: Store
    clock: MovedClock
    service: LicensingService
    url: str
    _sessions: contextlib.ExitStack = field(default_factory=contextlib.ExitStack)

    def client(self, key: str | None = OWNER_KEY) -> CheckedSession:
        return self._sessions.enter_context(CheckedSession(self.url, key))

    def client_of(self, email: str) -> CheckedSession:
        return self.client(member_key(email))

    def history(self, *actions: str) -> list[sqlite3.Row]:
        with self.store.read() as connection:
            rows = connection.execute("SELECT * FROM history ORDER BY id").fetchall()
        return [row for row in rows if not actions or row["action"] in actions]


def member_key(email: str) -> str:
    return f"key-of-{email}"


@contextlib.contextmanager
def running(
    document: dict[str, Any],
    *,
    path: Path | str = ":memory:",
    idle_timeout: timedelta | None = None,
    members: Iterable[str] = tuple(str(member["email"]) for member in MEMBERS),
) -> Iterator[World]:
    with contextlib.ExitStack() as stack:
        store = stack.enter_context(Store.open(path, create=True))
        load_snapshot(store, document)
        set_owner_key(store, OWNER_KEY)
        set_member_keys(store, [MemberKey(email, member_key(email)) for email in members])
        clock = MovedClock()
        service = LicensingService(store, clock, idle_timeout=idle_timeout)
        server = stack.enter_context(start(service, "127.0.0.1", 0))
        world = World(store, clock, service, server.url)
        stack.enter_context(world._sessions)
        yield world


class Admin:
    """The wire contract in short words, for an organization's owner."""

    def __init__(self, client: CheckedSession, organization: int = ORGANIZATION) -> None:
        self.client = client
        self.organization = organization
        self.base = f"/api/v1/organizations/{organization}"

    def grant(self, feature: str, *emails: str, key: str | None = None) -> Any:
        return self._post("licensed-users", {"feature": feature, "emails": list(emails)}, key)

    def remove(self, feature: str, *emails: str, key: str | None = None) -> Any:
        body = {"feature": feature, "emails": list(emails)}
        return self._post("licensed-users/remove", body, key)

    def register(self, feature: str, *ids: str) -> Any:
        return self._post("machines", {"feature": feature, "machineIds": list(ids)})

    def issue(self, feature: str, machine: str, expires: str = "2027-03-31T23:59:59Z") -> Any:
        body = {"feature": feature, "machineId": machine, "expirationDate": expires}
        return self._post("offline-licenses", body)

    def remove_machine(self, feature: str, machine: str) -> Any:
        return self.client.delete(
            "/api/v1/machine", params=self._query(feature, machineKey=machine)
        )

    def activate(self, feature: str, machine: str, email: str, **more: str) -> Any:
        return self.client.post(
            "/api/v1/license-keys/activate",
            params=self._query(feature, machineKey=machine, email=email, **more),
        )

    def release(self, feature: str, machine: str, session: str) -> Any:
        return self.client.post(
            "/api/v1/license-keys/release",
            params=self._query(feature, machineKey=machine, sessionId=session),
        )

    def remove_member(self, email: str) -> Any:
        return self.client.delete(f"{self.base}/members/{email}")

    def rows(self, entity: str) -> list[dict[str, Any]]:
        return list(self.search(entity).json()["content"])

    def search(self, entity: str, *conditions: tuple[str, str, Any], **pagination: Any) -> Any:
        body = {
            "type": entity,
            "conditions": [
                {"key": key, "operator": operator, "value": value}
                for key, operator, value in (
                    ("Organization.id", "=", str(self.organization)),
                    *conditions,
                )
            ],
            "functions": [],
            "groupBys": [],
            "pagination": {"page": 0, "size": 1000, "sorts": ["id,asc"], **pagination},
        }
        return self.client.post("/api/v1/search", json=body)

    def resource(self) -> dict[str, Any]:
        (found,) = [
            row
            for row in self.client.get("/api/v1/users/me").json()["organizations"]
            if row["id"] == self.organization
        ]
        return dict(found)

    def _post(self, name: str, body: dict[str, Any], key: str | None = None) -> Any:
        headers = {"Idempotency-Key": key} if key else {}
        return self.client.post(f"{self.base}/{name}", json=body, headers=headers)

    def _query(self, feature: str, **more: str) -> dict[str, str]:
        return {"package": feature, "organizationId": str(self.organization), **more}
