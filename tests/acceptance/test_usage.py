"""Wrong usage ends with 64 and says what would be right."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from reconciler import __version__
from reconciler.cli.group import COMMANDS, commands
from tests.acceptance.conftest import Cli, environment


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ([], "Usage: reconciler"),
        (["plann"], "there is no command `plann`; did you mean `plan`?"),
        (["xyzzy"], "there is no command `xyzzy`"),
        (["--nope"], "--nope"),
        (["plan", "--nope"], "--nope"),
        (["plan", "--as-of", "2026-02-30"], "'2026-02-30' is no date; write it as 2026-11-24"),
        (["plan", "--as-of", "20261124"], "is no date"),
        (["plan", "--shard", "5/4"], "'5/4' is no shard; write it as 1/4 up to 4/4"),
        (["plan", "--shard", "one"], "is no shard"),
        (["plan", "--org", "acme"], "'acme' is not a valid integer"),
        (["plan", "--allow-removals", "-1"], "-1"),
        (["plan", "--format", "pdf"], "'pdf'"),
        (["report"], "PLAN.json"),
        (["schema", "nope"], "'nope'"),
        (["load", "snapshot.yaml"], "--db"),
        (["import"], "--org"),
        (["serve", "--db", "x.db", "--port", "99999"], "99999"),
        (["plan", "--org", "999", "--state", "snapshot.yaml"], "no file declares organization 999"),
        (["plan", "--api", "sqlite:///x.db", "--state", "snapshot.yaml"], "exclude each other"),
        (["plan"], "no licensing system is named"),
        (["plan", "--api", "ftp://example.com"], "ftp://example.com"),
        (["apply"], "no licensing system"),
        (["apply", "--expect", "nothing.json"], "there is no such file, and it is no digest"),
    ],
)
def test_wrong_usage_ends_with_64(examples: Cli, arguments: list[str], said: str) -> None:
    result = examples(*arguments)
    assert result.code == 64
    assert result.out == ""
    assert said in result.err


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_explains_itself(cli: Cli, name: str) -> None:
    result = cli(name, "--help")
    assert result.code == 0
    assert result.out.startswith(f"Usage: reconciler {name}")


def test_the_overview_names_every_command_in_its_section(cli: Cli) -> None:
    shown = cli.ok("--help")
    assert [row for row in ("Daily:", "Looking:", "Editing:", "Operating:") if row in shown] == [
        "Daily:",
        "Looking:",
        "Editing:",
        "Operating:",
    ]
    for name, row in COMMANDS.items():
        assert f"  {name}" in shown
        command = commands.get_command(None, name)  # type: ignore[arg-type]
        assert command is not None
        assert (command.help or "").splitlines()[0] == row.summary


def test_the_version_is_the_same_by_every_way(cli: Cli) -> None:
    assert cli.ok("--version") == f"reconciler {__version__}\n"
    assert cli.ok("--debug", "--version") == f"reconciler {__version__}\n"
    script = Path(sys.executable).with_name("reconciler")
    done = subprocess.run(
        [script, "--version"], env=environment(), capture_output=True, text=True, check=True
    )
    assert done.stdout == f"reconciler {__version__}\n"


def test_schemas_are_printed_and_written(cli: Cli) -> None:
    for name in ("organization", "workspace", "groups", "snapshot", "plan"):
        cli.ok("schema", name, "--output", f"{name}.json")
        assert (cli.folder / f"{name}.json").read_text() == cli.ok("schema", name)


@pytest.mark.parametrize("group", [(), ("github",), ("gitlab",), ("sessions",)])
def test_the_list_of_commands_says_of_each_a_whole_sentence(
    cli: Cli, group: tuple[str, ...]
) -> None:
    told = cli.ok(*group, "--help").partition("  -h, --help")[2].splitlines()[1:]
    rows = [row for row in told if row.startswith("  ")]
    assert rows
    assert [row for row in rows if not row.endswith(".") or row.endswith("...")] == []
