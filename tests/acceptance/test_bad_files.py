"""Files that are wrong: exit 3, one line a problem with its place, whatever command meets them."""

from __future__ import annotations

from pathlib import Path

import pytest

from reconciler.cli.edge import main
from tests.acceptance.conftest import Cli, without_progress

HERE = Path(__file__).parents[1] / "bad_input"
FILES = sorted(path for path in (HERE / "files").iterdir() if path.suffix != ".txt")
TREES = sorted((HERE / "trees").iterdir())
CASES = [(path.parent, path.name, path.with_suffix(".txt")) for path in FILES]
CASES += [(tree, ".", tree / "expected.txt") for tree in TREES]


@pytest.mark.parametrize(
    ("folder", "name", "expected"), CASES, ids=[f"{row[0].name}-{row[1]}" for row in CASES]
)
def test_validate_and_plan_show_every_problem_and_end_with_3(
    folder: Path,
    name: str,
    expected: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(folder)
    wanted = expected.read_text(encoding="utf-8").splitlines()
    assert main(["validate", name]) == 3
    shown = capsys.readouterr()
    assert shown.out.splitlines()[:-1] == wanted
    assert without_progress(shown.err) == ""
    assert main(["plan", name, "--api", "sqlite:///nothing.db"]) == 3
    shown = capsys.readouterr()
    assert shown.out == ""
    assert without_progress(shown.err).splitlines() == wanted


def test_there_is_a_case_for_every_kind_of_bad_input() -> None:
    assert len(CASES) > 60


def test_validate_says_what_was_checked(examples: Cli) -> None:
    checked = sum(path.name != "snapshot.yaml" for path in examples.folder.rglob("*.yaml"))
    for paths in ((), ("orgs",)):
        assert examples.ok("validate", *paths) == f"{checked} files with 3 organizations: valid\n"
    assert '"valid": true' in examples.ok("validate", "--format", "json")
    assert examples.ok("validate", "--format", "github") == ""


def test_a_warning_does_not_make_a_file_invalid(examples: Cli) -> None:
    file = examples.folder / "orgs" / "borealis.yaml"
    file.write_text(file.read_text().replace("4a8a08f09d37b73795649038408b5f33", "special-id"))
    result = examples("validate")
    assert result.code == 0
    assert "orgs/borealis.yaml:16:" in result.out
    planned = examples("plan", "--state", "snapshot.yaml")
    assert planned.code == 0
    assert "warning: orgs/borealis.yaml:16:" in planned.err


def test_no_workspace_here_says_what_to_name(cli: Cli) -> None:
    result = cli("validate")
    assert result.code == 3
    assert "reconciler.yaml" in result.out


def test_a_snapshot_that_is_wrong_ends_with_3(examples: Cli) -> None:
    snapshot = examples.folder / "snapshot.yaml"
    text = snapshot.read_text().replace("quota: 5", "quota: -5")
    snapshot.write_text(text)
    line = next(number for number, row in enumerate(text.splitlines(), 1) if "-5" in row)
    result = examples("plan", "--state", "snapshot.yaml")
    assert result.code == 3
    assert result.err.startswith(f"snapshot.yaml:{line}:")


def test_a_snapshot_without_an_organization_that_is_declared_ends_with_1(examples: Cli) -> None:
    (examples.folder / "orgs" / "other.yaml").write_text("version: 1\norganization: {id: 999}\n")
    result = examples("plan", "--state", "snapshot.yaml")
    assert result.code == 1
    assert "999" in result.err
    assert "Acme QA (101)" in result.out
