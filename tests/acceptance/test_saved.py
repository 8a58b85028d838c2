"""What is saved is the same, whichever command saves it, and steers no log that shows it."""

from __future__ import annotations

import json

import yaml

from reconciler.model.plan_document import changes_digest, document_digest, from_document
from tests.acceptance.conftest import Cli
from tests.unit.reports.runner import commands

NAME = "##[error]Acme ::error::x"
SNAPSHOT = {
    "format": "license-snapshot/1",
    "taken_at": "2026-11-24T09:00:00Z",
    "organizations": [
        {
            "id": 101,
            "name": NAME,
            "members": [{"email": "##[error]ada@example.com"}],
            "subscriptions": [{"product": "kse", "quota": 5, "expires": "2027-06-30"}],
            "licensed_users": [{"product": "kse", "email": "##[error]ada@example.com"}],
            "machines": [],
            "offline_licenses": [],
            "sessions": [],
        }
    ],
}


def test_apply_saves_the_plan_as_plan_does_with_the_year_ahead(embedded: Cli) -> None:
    embedded("plan", "--out", "planned.json")
    embedded("apply", "--yes", "--out", "applied.json")
    planned, applied = (
        json.loads((embedded.folder / name).read_text())
        for name in ("planned.json", "applied.json")
    )
    assert planned["forecast"]["organizations"]
    assert applied["forecast"] == planned["forecast"]
    assert applied.keys() == planned.keys()
    page = embedded.ok("report", "applied.json", "--format", "html")
    assert "Seats ahead" in page


def test_a_plan_that_holds_an_organization_twice_is_neither_shown_nor_applied(
    embedded: Cli,
) -> None:
    embedded("plan", "--out", "plan.json")
    document = json.loads((embedded.folder / "plan.json").read_text())
    rows = document["organizations"]
    document["organizations"] = [*rows, rows[0]]
    # Digests that fit: it is no plan of ours all the same.
    document["changes_digest"] = changes_digest(from_document(document))
    document["digest"] = document_digest(document)
    text = json.dumps(document, indent=1)
    (embedded.folder / "twice.json").write_text(text)
    line = max(n for n, row in enumerate(text.splitlines(), 1) if row.startswith('   "id": '))
    told = f"twice.json:{line}:10: is not a valid plan: at organizations/{len(rows)}/id: "
    for command in (("report", "twice.json"), ("apply", "twice.json", "--yes")):
        result = embedded(*command)
        assert (result.code, result.out) == (3, "")
        assert told in result.err
    # Nothing was written: the plan as it was made still is the plan of now.
    embedded.ok("apply", "plan.json", "--yes", "--expect", "plan.json")


def test_no_name_in_a_snapshot_or_an_import_speaks_to_a_runner(cli: Cli) -> None:
    (cli.folder / "state.json").write_text(json.dumps(SNAPSHOT))
    cli.ok("load", "state.json", "--db", "licenses.db")
    api = ("--api", "sqlite:///licenses.db")
    taken = cli.ok("snapshot", *api)
    cli.ok("snapshot", *api, "--output", "taken.json")
    imported = cli.ok("import", *api, "--org", "101")
    texts = (taken, (cli.folder / "taken.json").read_text(), imported)
    assert [commands(text) for text in texts] == [[], [], []]
    assert yaml.safe_load(taken)["organizations"][0]["name"] == NAME
    assert json.loads(texts[1])["organizations"][0]["name"] == NAME
    assert yaml.safe_load(imported)["organization"]["name"] == NAME
