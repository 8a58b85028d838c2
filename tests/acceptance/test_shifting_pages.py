"""Somebody takes one license and gives another while a list of several pages is read."""

from __future__ import annotations

import json
from collections.abc import Callable

import requests

from tests.acceptance.conftest import KEY, Cli
from tests.acceptance.relay import Passing, Script, relay

WANTED = """\
version: 1
organization: {id: 101, name: Acme QA}
products:
  kse:
    users: [carol@acme.example, eve@acme.example, frank@acme.example]
policy: {protected: []}
"""


def outsider(url: str, what: str, email: str) -> None:
    """Grant or remove by somebody else, past the relay."""
    path = "licensed-users" + ("/remove" if what == "remove" else "")
    answer = requests.post(
        f"{url}/api/v1/organizations/101/{path}",
        json={"feature": "KSE", "emails": [email]},
        auth=("", KEY),
        timeout=30,
    )
    assert answer.status_code == 200


def pages_of_two(before_second: Callable[[], None]) -> Script:
    """Let the server give two rows a page, and something happen before a second page is read."""

    def script(passing: Passing) -> bytes | None:
        search = passing.search
        if search is None or search["type"] != "UserOrganizationFeature":
            return None
        search["pagination"]["size"] = 2
        if search["pagination"]["page"] == 1 and b'"value": "101"' in passing.body:
            before_second()
        passing.body = json.dumps(search).encode()
        return None

    return script


def holders(cli: Cli) -> list[str]:
    page = json.loads(cli.ok("show", "--org", "101", "--format", "json"))
    (kse,) = [row for row in page["organizations"][0]["products"] if row["product"] == "kse"]
    users: list[str] = kse["licensed_users"]
    return users


def test_a_removal_that_is_due_is_not_called_done_already(served: Cli) -> None:
    (served.folder / "orgs" / "acme.yaml").write_text(WANTED)
    server = served.env["RECONCILER_API_URL"]
    moves: list[tuple[str, str]] = []

    def move() -> None:
        while moves:
            outsider(server, *moves.pop(0))

    with relay(server, pages_of_two(move)) as url:
        served.ok("plan", "--org", "101", "--api", url, "--out", "plan.json")
        # Ada was on the first page, and Dan is the first one of the second page.
        moves += [("remove", "ada@acme.example"), ("grant", "bob@acme.example")]
        result = served("apply", "plan.json", "--yes", "--api", url)
    assert result.code == 0, result.out + result.err
    assert not moves
    assert holders(served) == ["bob@acme.example", "carol@acme.example", "eve@acme.example",
                               "frank@acme.example"]  # fmt: skip


def test_a_list_that_never_holds_still_ends_the_reading_of_its_organization_alone(
    served: Cli,
) -> None:
    server = served.env["RECONCILER_API_URL"]
    turns = [("ada@acme.example", "bob@acme.example"), ("bob@acme.example", "ada@acme.example")]

    def move() -> None:
        leaves, comes = turns[0]
        outsider(server, "remove", leaves)
        outsider(server, "grant", comes)
        turns.reverse()

    with relay(server, pages_of_two(move)) as url:
        result = served("plan", "--api", url)
    assert result.code == 1
    errors = [line for line in result.err.splitlines() if line.startswith("error: ")]
    assert len(errors) == 1
    assert "the list of UserOrganizationFeature of organization 101" in errors[0]
    assert "changed while the list was read" in errors[0]
    assert "run it again" in result.err
    assert "Cedar Payments" in result.out
