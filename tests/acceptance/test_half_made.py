"""Disks that are full, names that are too long, links in a circle: nothing half-made, no bug."""

from __future__ import annotations

import resource
import subprocess
from pathlib import Path

import pytest

from tests.acceptance.conftest import COMMAND, Cli, Result, environment, without_progress

STATE = ("--state", "snapshot.yaml")
PACKAGE = ("--package", "license-reconciler==0.1.0")
TOO_LONG = "x" * 300


def on_a_full_disk(cli: Cli, room: int, *arguments: str) -> Result:
    """Run a command that can write no file of more than `room` bytes."""

    def limit() -> None:
        resource.setrlimit(resource.RLIMIT_FSIZE, (room, room))

    given = environment(**cli.env, PYTHONDONTWRITEBYTECODE="1")
    # What measures the coverage could not write its own file either, and would say so.
    alone = {name: value for name, value in given.items() if not name.startswith("COVERAGE")}
    done = subprocess.run(
        [*COMMAND, *arguments],
        cwd=cli.folder,
        env=alone,
        capture_output=True,
        text=True,
        check=False,
        preexec_fn=limit,
    )
    return Result(done.returncode, done.stdout, without_progress(done.stderr))


def everything(folder: Path) -> dict[str, bytes | None]:
    return {
        path.relative_to(folder).as_posix(): path.read_bytes() if path.is_file() else None
        for path in folder.rglob("*")
    }


@pytest.mark.parametrize("room", [0, 500, 3000, 20000])
@pytest.mark.parametrize("ci", ["github", "gitlab"])
def test_init_writes_all_of_its_files_or_none(cli: Cli, room: int, ci: str) -> None:
    (cli.folder / "orgs").mkdir()
    (cli.folder / ".gitignore").write_text("*.db\n")
    before = everything(cli.folder)
    for place in (".", "a/new/folder"):
        result = on_a_full_disk(cli, room, "init", place, "--ci", ci, *PACKAGE)
        assert result.code == 1
        assert "cannot be written: File too large" in result.err
        assert len(result.err.splitlines()) == 1
        assert everything(cli.folder) == before


@pytest.mark.parametrize("room", [0, 5000, 30000])
def test_a_load_that_fails_leaves_no_database(examples: Cli, room: int) -> None:
    before = everything(examples.folder)
    result = on_a_full_disk(examples, room, "load", "snapshot.yaml", "--db", "new.db")
    assert result.code == 1
    assert "bug" not in result.err
    assert everything(examples.folder) == before


def test_a_snapshot_that_is_refused_by_the_database_leaves_none(examples: Cli) -> None:
    (examples.folder / "bad.yaml").write_text("format: license-snapshot/1\n")
    before = everything(examples.folder)
    assert examples("load", "bad.yaml", "--db", "new.db").code == 3
    assert everything(examples.folder) == before


@pytest.mark.parametrize("room", [0, 5000])
def test_a_replacing_load_that_fails_keeps_the_old_database(embedded: Cli, room: int) -> None:
    shown = embedded.ok("show", "--format", "json")
    result = on_a_full_disk(embedded, room, "load", "snapshot.yaml", "--db", "e.db", "--replace")
    assert result.code == 1
    assert "bug" not in result.err
    assert embedded.ok("show", "--format", "json") == shown


@pytest.mark.parametrize("target", ["circle", TOO_LONG, f"orgs/{TOO_LONG}", f"{TOO_LONG}/x"])
def test_an_output_that_cannot_be_is_one_line_and_no_bug(examples: Cli, target: str) -> None:
    (examples.folder / "circle").symlink_to("other")
    (examples.folder / "other").symlink_to("circle")
    before = everything(examples.folder)
    for command in (
        ("plan", *STATE, "--out", target),
        ("show", *STATE, "--output", target),
        ("load", "snapshot.yaml", "--db", target),
        ("init", target, "--ci", "none"),
        ("apply", "--api", "sqlite:///none.db", "--yes", "--journal", target),
    ):
        result = examples(*command)
        assert result.code == 1, result
        assert "bug" not in result.err
        assert result.err.count("error: ") == 1
        assert everything(examples.folder) == before
        assert (examples.folder / "circle").is_symlink()


def test_an_output_that_is_a_link_is_followed(examples: Cli) -> None:
    (examples.folder / "kept").mkdir()
    for name in ("there.json", "missing.json"):
        (examples.folder / "kept" / "there.json").write_text("old")
        (examples.folder / f"to-{name}").symlink_to(f"kept/{name}")
        examples.ok("plan", *STATE, "--out", f"to-{name}")
        assert (examples.folder / f"to-{name}").is_symlink()
        assert "license-plan/1" in (examples.folder / "kept" / name).read_text()


def test_a_name_as_long_as_names_may_be_is_written(examples: Cli) -> None:
    name = "x" * 255
    examples.ok("show", *STATE, "--output", name)
    assert "Acme QA" in (examples.folder / name).read_text()


def test_dev_stdout_is_standard_output_wherever_that_leads(examples: Cli) -> None:
    with (examples.folder / "out").open("w") as file:
        file.write("before\n")
        file.flush()
        subprocess.run(
            [*COMMAND, "show", *STATE, "--output", "/dev/stdout"],
            cwd=examples.folder, env=environment(), stdout=file, check=True,
        )  # fmt: skip
    assert (examples.folder / "out").read_text().startswith("before\n")
