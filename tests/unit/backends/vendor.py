"""A licensing system whose answers a test can bend: its rows, its entities and its pages."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from reconciler.backends.transport import Answer, Call
from tests.unit.backends.loopback import Received, Reply, reply

Rows = list[dict[str, Any]]

ENTITIES = (
    "UserOrganizationFeature",
    "Machine",
    "LicenseKey",
    "KsSession",
    "UserOrganization",
    "UserInvitation",
)


def organization(identity: int = 101, **fields: Any) -> dict[str, Any]:
    return {"id": identity, "name": "Acme", "role": "OWNER", "quotaKSE": 5} | fields


def user(email: str, feature: str | None = "KSE", **fields: Any) -> dict[str, Any]:
    return {"userEmail": email, "feature": feature, "organizationId": 101} | fields


@dataclass
class Vendor:
    organizations: Rows = field(default_factory=lambda: [organization()])
    rows: dict[str, Rows] = field(default_factory=dict)
    info: dict[str, Any] = field(
        default_factory=lambda: {
            name: {"filterConfig": {"Organization.id": "number"}} for name in ENTITIES
        }
    )
    headers: dict[str, str] = field(default_factory=dict)
    bend: Callable[[dict[str, Any]], dict[str, Any]] = lambda page: page
    write: Reply = field(default_factory=lambda: Reply(500))

    def __call__(self, received: Received) -> Reply:
        if received.path == "/api/v1/users/me":
            return reply({"id": 1, "organizations": self.organizations}, **self.headers)
        if received.path == "/api/v1/search/info":
            return reply(self.info, **self.headers)
        if received.path == "/api/v1/search":
            return reply(self.bend(self.page(received.json)), **self.headers)
        return self.write

    def page(self, request: dict[str, Any]) -> dict[str, Any]:
        rows = [
            {"id": number} | row for number, row in enumerate(self.rows.get(request["type"], []))
        ]
        number, size = request["pagination"]["page"], request["pagination"]["size"]
        content = rows[number * size : (number + 1) * size]
        return {
            "content": content,
            "totalElements": len(rows),
            "totalPages": -(-len(rows) // size),
            "number": number,
            "size": size,
            "numberOfElements": len(content),
            "first": number == 0,
            "last": (number + 1) * size >= len(rows),
            "empty": not content,
        }


@dataclass
class DirectTransport:
    """A transport that asks a script in this process."""

    script: Callable[[Received], Reply]
    address: str = "https://licensing.test"
    key_name: str | None = "RECONCILER_API_KEY"
    calls: list[Call] = field(default_factory=list)

    def request(self, call: Call) -> Answer:
        self.calls.append(call)
        body = json.dumps(call.json).encode()
        answer = self.script(Received(call.method, call.path, dict(call.query), {}, body, 0))
        headers = {name.lower(): value for name, value in answer.headers.items()}
        return Answer(answer.status, headers, answer.body)

    def redact(self, text: str) -> str:
        return text

    def close(self) -> None:
        pass

    def for_organization(self, organization: int) -> DirectTransport:
        return self

    def all(self) -> tuple[DirectTransport, ...]:
        return (self,)
