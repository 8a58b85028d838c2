"""A transfer that cannot be finished over a network that fails in every way: the seat goes back."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import yaml

from reconciler.server.asked import Asked
from reconciler.server.messages import Request, Response, respond_bytes
from tests.acceptance.conftest import Cli
from tests.acceptance.crooked import Go, altered, crooked, error

FILE = """\
version: 1
organization: {id: 101, name: Acme}
products:
  kse:
    users: [{email: bob@x.io, replaces: carol@x.io}]
"""
SNAPSHOT = """\
format: license-snapshot/1
taken_at: 2026-11-24T09:00:00Z
organizations:
  - id: 101
    name: Acme
    members: [{email: ada@x.io, role: owner}, {email: bob@x.io}, {email: Carol@X.io}]
    subscriptions: [{product: kse, quota: 1}]
    licensed_users: [{product: kse, email: carol@x.io}]
    machines: []
    offline_licenses: []
    sessions: []
"""


def garbled(go: Go) -> Response:
    return respond_bytes(200, b"<html>Be right back</html>")


def torn(go: Go) -> Response:
    return altered(go(), lambda page: {**page, "content": page.get("content", [])[:-1]})


WAYS: tuple[Callable[[Go], Response], ...] = (
    garbled,
    lambda go: error(401),
    lambda go: error(403),
    torn,
)


def test_the_seat_goes_back_through_a_garbled_page_a_401_and_a_403(
    cli: Cli, tmp_path: Path
) -> None:
    (tmp_path / "acme.yaml").write_text(FILE)
    ways, grants = list(WAYS), []

    def hand(request: Request, asked: Asked, go: Go) -> Response:
        if asked.operation == "grant_users":
            grants.append(json.loads(request.body or b"")["emails"])
            return error(422, "not this one") if len(grants) == 1 else go()
        licensed = asked.entity == "UserOrganizationFeature"
        return ways.pop(0)(go) if grants and ways and licensed else go()

    with crooked(yaml.safe_load(SNAPSHOT), hand) as server:
        cli.env = server.env()
        done = cli("apply", "acme.yaml", "--yes", "--format", "json", "--journal", "j.jsonl")
        assert done.code == 5
        ((change,),) = _changes(done.out)
        assert change["given_back"] is True
        assert change["message"].endswith("; the seat was given back to Carol@X.io")
        assert ways == []
        assert grants == [["bob@x.io"], ["Carol@X.io"]]
        verbs = [(row["action"], row["subject"]) for row in server.history()]
    assert verbs[-1][1].lower() == "carol@x.io"


def _changes(text: str) -> Any:
    return [row["changes"] for row in json.loads(text)["organizations"]]
