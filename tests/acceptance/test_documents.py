"""What README and docs say is what the commands do."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

import pytest
import yaml

from reconciler.cli.exits import Exit
from reconciler.cli.group import COMMANDS, commands
from reconciler.config.load import load_workspace
from tests.acceptance.conftest import ROOT, Cli

README = (ROOT / "README.md").read_text(encoding="utf-8")
COMMAND_DOCS = (ROOT / "docs" / "commands.md").read_text(encoding="utf-8")
DOCUMENTS = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", ROOT / "examples" / "README.md",
             *sorted((ROOT / "docs").glob("*.md"))]  # fmt: skip


def options_of(name: str) -> set[str]:
    command = commands.get_command(None, name)  # type: ignore[arg-type]
    assert command is not None
    return {option for row in command.params for option in row.opts if option.startswith("--")}


def test_the_readme_names_every_command_and_no_other() -> None:
    table = README.split("## Commands")[1].split("`reconciler COMMAND")[0]
    assert re.findall(r"`(\w+)`", table) == list(COMMANDS)


def test_the_readme_names_every_exit_code() -> None:
    rows = re.findall(r"^\| (\d+) \|", README, flags=re.MULTILINE)
    assert [int(row) for row in rows] == sorted(Exit)


def test_every_command_line_of_the_documents_is_one_that_exists() -> None:
    found = 0
    for path in DOCUMENTS:
        text = path.read_text(encoding="utf-8")
        lines = [
            line
            for block in re.findall(r"```(?:sh|text)\n(.*?)```", text, flags=re.DOTALL)
            for line in block.splitlines()
        ]
        lines += re.findall(r"`(reconciler [^`]*)`", text)
        for line in lines:
            for part in re.split(r"&&", line.partition("#")[0].removeprefix("$ ")):
                words = shlex.split(part)
                if not words or Path(words[0]).name != "reconciler" or len(words) < 2:
                    continue
                name = words[1]
                if name.startswith("-") or not name.islower():
                    continue
                assert name in COMMANDS, f"{path}: {line}"
                given = {word.partition("=")[0] for word in words if word.startswith("--")}
                assert given <= {*options_of(name), "--help"}, f"{path}: {line}"
                found += 1
    assert found > 20


@pytest.mark.parametrize("name", COMMANDS)
def test_every_option_stands_in_the_documentation(name: str) -> None:
    missing = {option for option in options_of(name) if f"`{option}" not in COMMAND_DOCS}
    inline = {option for option in missing if f"{option} " in COMMAND_DOCS}
    assert missing - inline == set()


def test_every_link_within_the_documents_leads_to_a_file() -> None:
    for path in [*DOCUMENTS, ROOT / "CHANGELOG.md"]:
        for target in re.findall(r"\]\(([^)#]+)\)", path.read_text(encoding="utf-8")):
            assert "://" in target or (path.parent / target).exists(), f"{path}: {target}"


@pytest.mark.parametrize("document", ["README.md", "docs/files.md"])
def test_every_organization_file_of_the_documents_is_valid(document: str, tmp_path: Path) -> None:
    text = (ROOT / document).read_text(encoding="utf-8")
    checked = 0
    for block in re.findall(r"```yaml\n(.*?)```", text, flags=re.DOTALL):
        data = yaml.safe_load(block)
        if "organization" in data:
            (tmp_path / "file.yaml").write_text(block, encoding="utf-8")
            load_workspace(["file.yaml"], cwd=tmp_path)
            checked += 1
    assert checked == 1


STATE = """\
format: license-snapshot/1
taken_at: 2026-11-24T09:00:00Z
organizations:
  - id: 101
    name: Acme QA
    members:
      - {email: ada@example.com, role: owner, status: active}
      - {email: bob@example.com, role: user, status: active}
      - {email: carol@example.com, role: user, status: active}
    subscriptions:
      - {product: kse, quota: 2, used: 2, expires: 2027-06-30, offline_allowed: true}
      - {product: kre-node-locked, quota: 1, used: 0, expires: 2027-06-30, offline_allowed: true}
    licensed_users:
      - {product: kse, email: ada@example.com}
      - {product: kse, email: carol@example.com}
    machines: []
    offline_licenses: []
    sessions: []
"""


def test_the_plan_in_the_readme_is_what_the_file_above_it_gives(cli: Cli) -> None:
    found = re.search(
        r"```yaml\n(.*?)```\n\n```text\n\$ reconciler plan\n(.*?)```", README, flags=re.DOTALL
    )
    assert found is not None
    file, shown = found.groups()
    (cli.folder / "orgs").mkdir()
    (cli.folder / "orgs" / "acme.yaml").write_text(file, encoding="utf-8")
    (cli.folder / "reconciler.yaml").write_text(
        "version: 1\npolicy: {unlicensed_members: ignore}\n"
    )
    (cli.folder / "state.yaml").write_text(STATE, encoding="utf-8")
    told = cli.ok("plan", "--state", "state.yaml", "--as-of", "2026-11-24")
    assert told.partition("\nas of ")[0] == shown.rstrip("\n")


def test_the_first_real_organization_goes_as_the_readme_tells_it(served: Cli) -> None:
    (served.folder / "reconciler.yaml").unlink()
    for path in (served.folder / "orgs").iterdir():
        path.unlink()
    served.ok("doctor")
    served.ok("import", "--org", "101", "--output", "orgs/acme.yaml")
    assert "no change" in served.ok("plan", "orgs")
    file = served.folder / "orgs" / "acme.yaml"
    file.write_text(file.read_text().replace("      - eve@acme.example\n", ""))
    served.ok("plan", "orgs", "--out", "plan.json")
    assert "1 done" in served.ok("apply", "plan.json", "--yes")
