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


FLOATING = """\
version: 1
organization: {id: 101, name: Acme}
policy: {allow_irrevocable: true, max_removals: {count: 9}}
products:
  kse: {users: [ada@x.io]}
  kse-floating: {users: [bob@x.io]}
  kre-floating: {machines: [{id: %s, offline_until: 2097-01-31}]}
""" % ("b" * 32)


def without_floating_fields(request: Request, asked: Asked, go: Go) -> Response:
    """Be a host of the published fields: none of them is of a floating product."""

    def bare(row: Any) -> Any:
        return {name: value for name, value in row.items() if "Unlimited" not in name}

    if asked.operation == "users_me":
        return altered(go(), lambda me: {**me, "organizations": [*map(bare, me["organizations"])]})
    if asked.entity == "Organization":
        return altered(go(), lambda page: {**page, "content": [*map(bare, page["content"])]})
    return go()


def test_where_floating_quotas_have_no_fields_apply_does_what_the_plan_says(
    cli: Cli, tmp_path: Path
) -> None:
    (tmp_path / "acme.yaml").write_text(FLOATING)
    snapshot = yaml.safe_load(SNAPSHOT)
    (acme,) = snapshot["organizations"]
    acme["subscriptions"].append({"product": "kre-floating", "quota": 2, "offline_allowed": True})
    acme["machines"] = [{"product": "kre-floating", "id": "b" * 32}]
    with crooked(snapshot, without_floating_fields) as server:
        cli.env = server.env()
        asked = ("acme.yaml", "--allow-irrevocable", "--format", "json")
        (planned,) = json.loads(cli("plan", *asked).out)["organizations"]
        # Users of a floating product take no seat; its offline licenses do, of a number unknown.
        (refusal,) = planned["refusals"]
        assert (refusal["code"], refusal["product"]) == ("unreadable", "kre-floating")
        assert refusal["details"] == {"missing": ["quota"]}
        assert [(c["action"], c["product"]) for c in planned["changes"]] == [
            ("reassign", "kse-floating"),
            ("remove", "kse"),
        ]

        done = cli("apply", *asked, "--yes")
        assert done.code == 5, done.err
        (row,) = json.loads(done.out)["organizations"]
        assert (row["stale"], row["status"]) == ([], "refused")
        assert [change["status"] for change in row["changes"]] == ["done", "done"]

        again = cli("apply", *asked, "--yes")
        (row,) = json.loads(again.out)["organizations"]
        assert (again.code, row["stale"], row["changes"]) == (4, [], [])
