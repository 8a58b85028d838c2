"""An API that repeats the key in all it says: no byte of any output, file or journal holds it."""

from __future__ import annotations

import base64
import html
import json
from collections.abc import Callable, Iterator
from datetime import datetime
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest
import yaml

from reconciler.server.asked import Asked
from reconciler.server.keys import set_owner_key
from reconciler.server.messages import Request, Response, respond
from tests.acceptance.conftest import Cli
from tests.acceptance.crooked import Crooked, Go, altered, crooked

KEY = "Kat-0wner_key/0123+&<abc>"
OTHER = "the-key-of-another-organization"
SENT = base64.b64encode(f":{KEY}".encode()).decode()
FORMS = {
    "plain": KEY,
    "as it is sent": SENT,
    "in a URL": quote(KEY, safe=""),
    "in HTML": html.escape(KEY),
    "in JSON": json.dumps(KEY).replace("/", "\\/")[1:-1],
    "in capitals": KEY.upper(),
    "of another organization": OTHER,
}
SNAPSHOT = """\
format: license-snapshot/1
taken_at: 2026-11-24T09:00:00Z
organizations:
  - id: 101
    name: Acme
    members: [{email: ada@x.io, role: owner}, {email: bob@x.io}, {email: carl@x.io}]
    subscriptions:
      - {product: kse, quota: 5, machine_quota: 9, offline_allowed: true}
      - {product: kre-floating, quota: 3}
    licensed_users:
      - {product: kse, email: ada@x.io}
      - {product: kse, email: carl@x.io}
    machines:
      - {product: kre-floating, id: 5d41402abc4b2a76b9719d911017c592, email: ada@x.io, name: laptop}
    offline_licenses: []
    sessions:
      - product: kre-floating
        machine: 5d41402abc4b2a76b9719d911017c592
        email: ada@x.io
        started_at: 2026-11-24T08:00:00Z
"""
FILE = """\
version: 1
organization: {id: 101, name: Acme}
products:
  kse:
    users: [ada@x.io, bob@x.io, eve@x.io]
  kre-floating:
    machines: []
policy: {max_removals: {count: 9}, unlisted_machines: remove, not_a_member: defer}
"""
ECHOED = frozenset({"name", "machineName", "message", "error_description", "code", "firstName"})


def echoing(text: str) -> Callable[[Any], Any]:
    """Put the text into every value that is told to people: names, messages, emails of carl."""

    def change(value: Any) -> Any:
        if isinstance(value, list):
            return [change(row) for row in value]
        if not isinstance(value, dict):
            return value
        found = {}
        for key, field in value.items():
            if key in ECHOED and isinstance(field, str):
                found[key] = f"{field} {text}"
            elif isinstance(field, str) and field.startswith("carl@"):
                found[key] = f"carl{text}@x.io"
            else:
                found[key] = change(field)
        return found

    return change


@pytest.fixture
def server(cli: Cli, tmp_path: Path) -> Iterator[Crooked]:
    text = ".".join(FORMS.values())
    echo = echoing(text)

    def hand(request: Request, asked: Asked, go: Go) -> Response:
        if asked.operation == "grant_users":
            payload = {"status": 422, "message": f"no {text}", "code": text}
            return respond(422, payload, {"Retry-After": "1", "X-Key": text})
        return altered(go(), echo)

    (tmp_path / "acme.yaml").write_text(FILE)
    with crooked(yaml.safe_load(SNAPSHOT), hand) as running:
        set_owner_key(running.store, KEY)
        cli.env = running.env(
            RECONCILER_API_KEY=KEY,
            RECONCILER_OTHER=OTHER,
            GITHUB_OUTPUT=str(tmp_path / "output.txt"),
            GITHUB_STEP_SUMMARY=str(tmp_path / "summary.md"),
        )
        yield running


COMMANDS = [
    "plan acme.yaml --out plan.json",
    *(
        f"plan acme.yaml --format {form} --output plan.{form}"
        for form in ("text", "json", "markdown", "html", "github", "sarif", "junit")
    ),
    *(f"report plan.json --format {form}" for form in ("text", "markdown", "html", "github")),
    *(f"show --format {form}" for form in ("text", "json", "markdown", "html")),
    *(
        f"apply acme.yaml --via checklist --yes --format {form} --output steps.{form}"
        for form in ("markdown", "html", "json")
    ),
    "why ada@x.io acme.yaml",
    "forecast acme.yaml",
    "sessions",
    "sessions --format json",
    "snapshot --output snapshot.yaml",
    "snapshot",
    "import --org 101 --output imported.yaml",
    "doctor",
    "apply acme.yaml --yes --journal journal.jsonl --format json --output account.json",
    "apply acme.yaml --yes --journal journal.jsonl",
    "apply plan.json --yes --journal journal.jsonl",
    "audit journal.jsonl",
    "audit journal.jsonl --format csv",
    "plan acme.yaml --state snapshot.yaml",
    "plan imported.yaml",
]


def instant(moment: datetime) -> str:
    return moment.isoformat().replace("+00:00", "Z")


def traces(text: str) -> list[str]:
    """Return which forms of a key are in a text."""
    whole = text.lower()
    # What is found whatever a report escapes: the middle of the key, and of what is sent.
    marks = {**FORMS, "its middle": "owner_key", "escaped": r"owner\_key", "sent": SENT[4:24]}
    return [name for name, form in marks.items() if form.lower() in whole]


def test_no_byte_of_any_output_holds_it(server: Crooked, cli: Cli, tmp_path: Path) -> None:
    codes = {}
    for command in COMMANDS:
        done = cli(*command.split())
        codes[command] = done.code
        assert traces(done.out + done.err) == [], command
    for file in tmp_path.iterdir():
        assert traces(file.read_text()) == [], file.name
    # They did what they are for: what was echoed is shown by the name of the variable.
    assert "[RECONCILER_" in (tmp_path / "plan.json").read_text()
    assert {code for command, code in codes.items() if command.startswith("apply plan")} <= {
        0,
        1,
        5,
    }
    assert codes["report plan.json --format text"] == 0
    assert codes["audit journal.jsonl"] == 0
    assert codes["plan acme.yaml --state snapshot.yaml"] == 0
    assert codes["plan imported.yaml"] == 0
    assert codes["doctor"] == 0


def test_what_a_database_or_a_snapshot_holds_of_it_is_not_told_either(
    cli: Cli, tmp_path: Path
) -> None:
    echo = echoing(".".join(FORMS.values()))
    (tmp_path / "acme.yaml").write_text(FILE)
    (tmp_path / "held.json").write_text(json.dumps(echo(yaml.safe_load(SNAPSHOT)), default=instant))
    cli.ok("load", "held.json", "--db", "e.db")
    cli.env = {"RECONCILER_API_KEY": KEY, "RECONCILER_OTHER": OTHER}
    for source in (["--api", "sqlite:///e.db"], ["--state", "held.json"]):
        made = cli("plan", "acme.yaml", *source, "--out", "plan.json")
        shown = cli("report", "plan.json")
        assert traces((tmp_path / "plan.json").read_text() + made.out + made.err) == []
        assert (made.code, shown.code, traces(shown.out)) == (0, 0, [])
    done = cli("apply", "acme.yaml", "--api", "sqlite:///e.db", "--yes", "--journal", "j.jsonl")
    assert traces((tmp_path / "j.jsonl").read_text() + done.out + done.err) == []
