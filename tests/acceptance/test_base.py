"""`plan --base`: what a change causes, told from what was drifting before it."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

from tests.acceptance.conftest import Cli

GIT = (
    "git",
    "-c",
    "user.name=Ada",
    "-c",
    "user.email=ada@acme.example",
    "-c",
    "commit.gpgsign=false",
)


def git(folder: Path, *arguments: str) -> str:
    done = subprocess.run(
        [*GIT, *arguments], cwd=folder, check=True, capture_output=True, text=True
    )
    return done.stdout.strip()


def committed(examples: Cli) -> str:
    git(examples.folder, "init", "--quiet", "--initial-branch", "main")
    git(examples.folder, "add", "--all")
    git(examples.folder, "commit", "--quiet", "--message", "as it was")
    return git(examples.folder, "rev-parse", "HEAD")


def edit(examples: Cli, old: str, new: str) -> None:
    file = examples.folder / "orgs" / "acme.yaml"
    text = file.read_text()
    assert old in text
    file.write_text(text.replace(old, new, 1))


def planned(examples: Cli, *arguments: str) -> tuple[int, dict]:
    result = examples(
        "plan", "--state", "snapshot.yaml", "--org", "101", "--format", "json", *arguments
    )
    return result.code, json.loads(result.out)


def causes(document: dict) -> dict[str, str]:
    rows = document["organizations"][0]["changes"]
    return {f"{row['product']} {row['subject']['id']}": row["cause"] for row in rows}


def test_changes_of_this_revision_are_told_from_drift(examples: Cli) -> None:
    committed(examples)
    edit(examples, "      - dan@acme.example\n      - eve@acme.example", "      - eve@acme.example")
    code, document = planned(examples, "--base", "main")
    assert code == 0
    found = causes(document)
    assert found["kse gina@acme.example"] == "change"  # dan's seat is hers
    assert found["kse bob@acme.example"] == "drift"


def test_without_a_base_all_of_it_is_this_change(examples: Cli) -> None:
    assert set(causes(planned(examples)[1]).values()) == {"change"}


def test_only_a_refusal_that_this_change_causes_ends_with_4(examples: Cli) -> None:
    edit(examples, "- ada@acme.example", "- ada@acme.example\n      - stranger@acme.example")
    committed(examples)
    assert planned(examples)[0] == 4
    code, document = planned(examples, "--base", "HEAD")
    assert code == 0
    assert {r["cause"] for r in document["organizations"][0]["refusals"]} == {"drift"}
    edit(examples, "- ada@acme.example", "- ada@acme.example\n      - other@acme.example")
    code, document = planned(examples, "--base", "HEAD")
    assert code == 4
    refusals = document["organizations"][0]["refusals"]
    found = {r["withheld"][0]["subject"]["id"]: r["cause"] for r in refusals}
    assert found["other@acme.example"] == "change"


def test_the_plan_names_its_revision_and_whether_the_files_differ_from_it(examples: Cli) -> None:
    revision = committed(examples)
    config = planned(examples)[1]["config"]
    assert (config["revision"], config["dirty"]) == (revision, False)
    edit(examples, "- ada@acme.example", "- ADA@acme.example")
    config = planned(examples)[1]["config"]
    assert (config["revision"], config["dirty"]) == (revision, True)


def test_a_folder_serves_as_a_base_as_well(examples: Cli, tmp_path: Path) -> None:
    older = tmp_path / "older"
    subprocess.run(["cp", "-r", str(examples.folder), str(older)], check=True)
    edit(examples, "      - dan@acme.example\n      - eve@acme.example", "      - eve@acme.example")
    assert causes(planned(examples, "--base", str(older))[1])["kse gina@acme.example"] == "change"


def test_a_base_that_does_not_exist_or_does_not_validate_is_told(examples: Cli) -> None:
    committed(examples)
    missing = examples("plan", "--state", "snapshot.yaml", "--base", "no-such-revision")
    assert missing.code == 1
    assert "no-such-revision" in missing.err
    edit(examples, "version: 1", "version: 7")
    git(examples.folder, "commit", "--quiet", "--all", "--message", "broken")
    edit(examples, "version: 7", "version: 1")
    broken = examples("plan", "--state", "snapshot.yaml", "--base", "main")
    assert broken.code == 3
    assert "orgs/acme.yaml:" in broken.err
    assert "base" in broken.err
