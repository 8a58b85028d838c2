"""A host that tells no quota: what apply would refuse, the plan refuses, and the rest goes on."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import yaml

from reconciler.server.asked import Asked
from reconciler.server.messages import Request, Response
from tests.acceptance.conftest import Cli
from tests.acceptance.crooked import Go, altered, crooked, error

FILE = """\
version: 1
organization: {id: 101, name: Acme}
products:
  kse:
    users: [ada@x.io]
  kse-floating:
    users: [ada@x.io, bob@x.io]
  testops:
    users: []
policy: {max_removals: {count: 9}}
"""
SNAPSHOT = """\
format: license-snapshot/1
taken_at: 2026-11-24T09:00:00Z
organizations:
  - id: 101
    name: Acme
    members: [{email: ada@x.io, role: owner}, {email: bob@x.io}, {email: carl@x.io}]
    subscriptions:
      - {product: kse, quota: 5}
      - {product: kse-floating, quota: 2}
      - {product: testops, quota: 5}
    licensed_users:
      - {product: kse, email: ada@x.io}
      - {product: kse, email: carl@x.io}
      - {product: kse-floating, email: ada@x.io}
      - {product: testops, email: carl@x.io}
    machines: []
    offline_licenses: []
    sessions: []
"""


def silent(request: Request, asked: Asked, go: Go) -> Response:
    """Describe no search, and tell of an organization no more than its name and the role."""
    if asked.operation == "search_info":
        return error(404)
    if asked.operation == "users_me":
        return altered(go(), _without_numbers)
    if asked.entity == "Organization":
        return error(400)
    return go()


def _without_numbers(me: Any) -> Any:
    kept = ("id", "name", "role")
    rows = [{name: row[name] for name in kept if name in row} for row in me["organizations"]]
    return {**me, "organizations": rows}


def test_a_grant_that_apply_would_call_stale_is_refused_and_the_other_pools_go_on(
    cli: Cli, tmp_path: Path
) -> None:
    (tmp_path / "acme.yaml").write_text(FILE)
    with crooked(yaml.safe_load(SNAPSHOT), silent) as server:
        cli.env = server.env()
        planned = cli("plan", "acme.yaml", "--allow-removals", "1", "--format", "json")
        assert planned.code == 4, planned.err
        (organization,) = json.loads(planned.out)["organizations"]
        (refusal,) = organization["refusals"]
        assert (refusal["code"], refusal["scope"]) == ("unreadable", "pool")
        assert refusal["product"] == "kse-floating"
        assert refusal["details"] == {"missing": ["subscriptions"]}
        assert [change["subject"]["id"] for change in refusal["withheld"]] == ["bob@x.io"]
        assert [(c["action"], c["product"]) for c in organization["changes"]] == [
            ("remove", "kse"),
            ("remove", "testops"),
        ]

        done = cli("apply", "acme.yaml", "--allow-removals", "1", "--yes", "--format", "json")
        assert done.code == 5, done.err
        (row,) = json.loads(done.out)["organizations"]
        assert row["stale"] == []
        assert [change["status"] for change in row["changes"]] == ["done", "done"]

        again = cli("apply", "acme.yaml", "--allow-removals", "1", "--yes", "--format", "json")
        assert (again.code, json.loads(again.out)["organizations"][0]["stale"]) == (4, [])
