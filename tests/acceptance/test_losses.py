"""What a plan takes away, and what would mislead a reviewer, by the real command line."""

from __future__ import annotations

import json
import re
import unicodedata
from pathlib import Path

import pytest
import yaml

from tests.acceptance.conftest import Cli
from tests.acceptance.test_output import on_terminal
from tests.acceptance.test_reports import outputs

STATE = ("--state", "state.json")
HIDDEN = re.compile("[\x7f-\x9f\u202a-\u202e\u200b-\u200f\u2066-\u2069\u3164\U000e0000-\U000e007f]")


def world(folder: Path, holders: list[str], wanted: list[str], **more: object) -> None:
    """One organization: who holds a license of kse, and who is wanted to."""
    everybody = list(dict.fromkeys([*holders, *wanted]))
    organization = {
        "id": 101,
        "name": "Acme QA",
        "members": [{"email": email, "role": "user", "status": "active"} for email in everybody],
        "subscriptions": [{"product": "kse", "quota": len(everybody), "machine_quota": 9}],
        "licensed_users": [{"product": "kse", "email": email} for email in holders],
        "machines": [],
        "offline_licenses": [],
        "sessions": [],
        **more,
    }
    state = {
        "format": "license-snapshot/1",
        "taken_at": "2026-11-24T09:00:00Z",
        "organizations": [organization],
    }
    (folder / "state.json").write_text(json.dumps(state))
    users = "".join(f"      - {json.dumps(email)}\n" for email in wanted)
    text = f"version: 1\norganization: {{id: 101}}\nproducts:\n  kse:\n    users:\n{users}"
    (folder / "acme.yaml").write_text(text, encoding="utf-8")


def people(word: str, number: int) -> list[str]:
    return [f"{word}-{row}@example.com" for row in range(number)]


@pytest.mark.parametrize("number", [30, 1_200])
def test_one_removal_among_many_grants_is_seen_in_every_report(number: int, cli: Cli) -> None:
    stay = people("stay", 2)
    world(cli.folder, [*stay, "eve@example.com"], [*stay, *people("new", number)])
    # One seat is given on: the removal is a pair, and still somebody who loses.
    cli.env["GITHUB_OUTPUT"] = str(cli.folder / "outputs")
    cli.env["GITHUB_STEP_SUMMARY"] = str(cli.folder / "summary.md")
    cli.ok("plan", "acme.yaml", *STATE, "--out", "plan.json")
    summary = json.loads((cli.folder / "plan.json").read_text())["summary"]
    assert (summary["remove"], summary["reassign"]) == (0, 1)
    assert (summary["losing"], summary["losing_last"]) == (1, 1)
    told = outputs(cli.folder / "outputs")
    assert (told["losing"], told["losing_last"]) == ("1", "1")
    for text in (
        cli.ok("report", "plan.json", "--format", "markdown"),
        (cli.folder / "summary.md").read_text(),
    ):
        head = re.sub(r"<details>.*?</details>", "", text, flags=re.DOTALL)[:1_200]
        assert "1 person loses a license, their last; " in head
        assert "`eve@example.com`" in head
    text = cli.ok("report", "plan.json")
    assert "eve@example.com" in text[:300]
    notices = [
        row
        for row in cli.ok("report", "plan.json", "--format", "github").splitlines()
        if row.startswith(("::notice", "::warning"))
    ]
    assert "eve@example.com" in next(row for row in notices if row.startswith("::notice"))


@pytest.mark.parametrize("more", [(), ("--format", "json", "--output", "account.json")])
def test_what_is_taken_away_stands_just_above_the_question(more: tuple[str, ...], cli: Cli) -> None:
    stay = people("stay", 2)
    world(cli.folder, [*stay, "eve@example.com"], [*stay, *people("new", 100)])
    cli.ok("load", "state.json", "--db", "e.db")
    api = ("--api", "sqlite:///e.db")
    found, shown = on_terminal(cli, "apply", "acme.yaml", *api, *more, typed="n\n")
    assert found == 4
    plain = re.sub(r"\x1b\[[0-9;]*m", "", shown)
    above = plain[: plain.index("Apply 100 change(s)?")].rstrip().splitlines()[-6:]
    assert any(row.startswith("Takes away: 1 person loses a license, their last") for row in above)
    assert any("eve@example.com -> " in row for row in above)


def test_a_name_in_a_file_never_stands_for_another_organization(cli: Cli) -> None:
    world(cli.folder, ["ada@example.com"], ["bob@example.com"])
    file = cli.folder / "acme.yaml"
    file.write_text(file.read_text().replace("{id: 101}", "{id: 101, name: Acme QA sandbox}"))
    cli.ok("plan", "acme.yaml", *STATE, "--out", "plan.json")
    (organization,) = json.loads((cli.folder / "plan.json").read_text())["organizations"]
    assert organization["name"] == "Acme QA"
    (warning,) = [row for row in organization["warnings"] if row["code"] == "organization_name"]
    assert warning["source"] == {"file": "acme.yaml", "line": 2, "column": 31}
    for name in ("text", "markdown", "html", "github"):
        shown = cli.ok("report", "plan.json", "--format", name)
        titles = re.findall(r"Acme QA[^(\n]*\(101\)", shown)
        assert set(titles) == {"Acme QA (101)"}
    assert "sandbox" not in cli.ok("why", "ada@example.com", "acme.yaml", *STATE).split("\n")[0]
    forecast = json.loads(cli.ok("forecast", "acme.yaml", *STATE, "--format", "json"))
    assert forecast["organizations"][0]["name"] == "Acme QA"


def test_no_data_that_is_written_hides_a_character_and_all_of_it_is_read_again(cli: Cli) -> None:
    name = "Acme \u202eAQ\u202c\u200b\x9b\U000e0041\u3164"
    machine = {"product": "kse", "id": "a" * 32, "name": f"x{name}", "email": "ada@example.com"}
    world(cli.folder, ["ada@example.com"], ["ada@example.com"], name=name, machines=[machine])
    cli.ok("load", "state.json", "--db", "e.db")
    api = ("--api", "sqlite:///e.db")
    (kept,) = json.loads(cli.ok("show", *api, "--format", "json"))["organizations"]
    assert "\u202eAQ" in kept["name"]
    cli.ok("snapshot", *api, "--output", "s.json")
    cli.ok("snapshot", *api, "--output", "s.yaml")
    cli.ok("plan", "acme.yaml", *STATE, "--out", "plan.json")
    cli.ok("import", "--org", "101", *api, "--output", "imported.yaml")
    for file in ("s.json", "s.yaml", "plan.json", "imported.yaml"):
        text = (cli.folder / file).read_text(encoding="utf-8")
        assert HIDDEN.search(text) is None, file
        data = json.loads(text) if file.endswith(".json") else yaml.safe_load(text)
        found = data if "organization" in data else data["organizations"][0]
        found = found.get("organization", found)
        assert found["name"] == (name if file == "plan.json" else kept["name"]), file
    for arguments in (
        ("show", *api, "--format", "json"),
        ("why", "ada@example.com", "acme.yaml", *STATE, "--format", "json"),
        ("plan", "acme.yaml", *STATE, "--format", "sarif"),
        ("plan", "acme.yaml", *STATE, "--format", "junit"),
        ("forecast", "acme.yaml", *STATE, "--format", "json"),
    ):
        text = cli.ok(*arguments)
        assert HIDDEN.search(text) is None, arguments
        assert not any(unicodedata.category(one) == "Cf" for one in text)


def test_letters_that_look_alike_are_told_by_validate_and_in_the_plan(cli: Cli) -> None:
    world(cli.folder, [], ["\u0430dmin@example.com", "иван@example.com"])
    words = "\u0430 (U+0430 CYRILLIC SMALL LETTER A) and d (U+0064 LATIN SMALL LETTER D)"
    (line,) = [row for row in cli.ok("validate", "acme.yaml").splitlines() if "mixes" in row]
    assert line.startswith("acme.yaml:6:9: ")
    assert words in line
    shown = cli.ok("plan", "acme.yaml", *STATE)
    assert shown.count("warning: look alike: kse: \u0430dmin@example.com") == 1
    assert words in shown


def test_a_machine_id_that_hides_a_character_is_refused_like_an_email(cli: Cli) -> None:
    world(cli.folder, [], [])
    file = cli.folder / "acme.yaml"
    machines = f'{file.read_text()}    machines: ["{"a" * 31}\\u200b"]\n'
    file.write_text(machines.replace("users:\n", "users: []\n"))
    result = cli("validate", "acme.yaml")
    assert result.code == 3
    assert "the invisible character U+200B is in it" in result.err + result.out
