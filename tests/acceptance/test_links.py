"""Links lead nowhere out of the checkout, and what cannot be looked at is no valid workspace."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.acceptance.conftest import COMMAND, Cli, environment
from tests.acceptance.test_base import git

SECRET = "topsecretpassword"
OUT = "leads out of the git checkout"
WORKSPACE = "version: 1\norganizations: ['orgs/*.yaml']\n"
ORGANIZATION = "version: 1\norganization: {id: 101}\nproducts: {kse: {users: [ada@example.com]}}\n"
STATE = (
    "format: license-snapshot/1\norganizations:\n- id: 101\n  licensed_users: []\n"
    "  members: [{email: ada@example.com}]\n"
    "  subscriptions: [{product: kse, quota: 5, used: 0}]\n"
)


def write(folder: Path, name: str, text: str) -> Path:
    path = folder / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    return path


@pytest.fixture(params=["checkout", "folder"])
def team(request: pytest.FixtureRequest, tmp_path: Path) -> Cli:
    """A workspace with one organization, in a git checkout and in none."""
    folder = tmp_path / "team"
    write(folder, "reconciler.yaml", WORKSPACE)
    write(folder, "orgs/acme.yaml", ORGANIZATION)
    write(tmp_path, "secret", f"{SECRET}\n")
    if request.param == "checkout":
        git(folder, "init", "--quiet")
    return Cli(folder)


def link_file(team: Cli) -> None:
    (team.folder / "orgs/z.yaml").symlink_to("../../secret")


def link_by_another_link(team: Cli) -> None:
    (team.folder / "orgs/z.yaml").symlink_to("../hop")
    (team.folder / "hop").symlink_to(team.folder.parent / "secret")


def link_to_a_device(team: Cli) -> None:
    (team.folder / "orgs/z.yaml").symlink_to("/dev/zero")


def link_to_the_input(team: Cli) -> None:
    (team.folder / "orgs/z.yaml").symlink_to("/dev/stdin")


def link_folder(team: Cli) -> None:
    write(team.folder.parent / "elsewhere", "z.yaml", f"{SECRET}\n")
    (team.folder / "orgs/acme.yaml").unlink()
    (team.folder / "orgs").rmdir()
    (team.folder / "orgs").symlink_to("../elsewhere")


def link_into_gits_own_folder(team: Cli) -> None:
    write(team.folder, ".git/secret", SECRET)
    write(team.folder, ".git/HEAD", "ref: refs/heads/main\n")
    (team.folder / "orgs/z.yaml").symlink_to("../.git/secret")


LINKS = [
    link_file, link_by_another_link, link_to_a_device, link_to_the_input, link_folder,
    link_into_gits_own_folder,
]  # fmt: skip


@pytest.mark.parametrize("make", LINKS)
def test_a_link_that_leads_out_is_refused_unread_by_every_command(
    team: Cli, make: Callable[[Cli], None]
) -> None:
    make(team)
    state = ("--state", "../snapshot.yaml")
    write(team.folder.parent, "snapshot.yaml", "format: license-snapshot/1\norganizations: []\n")
    commands = [
        ("validate",), ("validate", "orgs"), ("validate", "orgs/z.yaml"), ("plan", *state),
        ("apply", *state, "--yes"), ("why", "ada@example.com", *state), ("forecast", *state),
    ]  # fmt: skip
    for command in commands:
        result = team(*command, stdin=SECRET)
        if command[0] == "apply" and result.code == 64:
            continue  # Against a file nothing is applied.
        assert result.code == 3, (command, result)
        assert OUT in result.out + result.err, (command, result)
        assert "orgs" in result.out + result.err
        assert SECRET[:6] not in result.out + result.err


def test_the_workspace_file_itself_may_not_lead_out(team: Cli) -> None:
    moved = write(team.folder.parent, "other/reconciler.yaml", f"{SECRET}: 1\n")
    (team.folder / "reconciler.yaml").unlink()
    (team.folder / "reconciler.yaml").symlink_to(moved)
    for command in (("validate",), ("validate", "reconciler.yaml"), ("validate", "orgs/acme.yaml")):
        result = team(*command)
        assert result.code == 3
        assert OUT in result.out + result.err
        assert SECRET[:6] not in result.out + result.err


def test_an_older_tree_is_held_to_the_same(team: Cli) -> None:
    older = team.folder / "older"
    write(older, "orgs/acme.yaml", ORGANIZATION)
    (older / "orgs/z.yaml").symlink_to("../../../secret")
    write(older, "reconciler.yaml", WORKSPACE)
    state = write(team.folder.parent, "s.yaml", "format: license-snapshot/1\norganizations: []\n")
    result = team("plan", "--state", str(state), "--base", "older")
    assert result.code == 3
    assert OUT in result.err
    assert SECRET[:6] not in result.err


def test_a_snapshot_that_is_a_link_out_of_the_checkout_is_refused(team: Cli) -> None:
    git(team.folder, "init", "--quiet")
    (team.folder / "snapshot.yaml").symlink_to("../secret")
    result = team("plan", "--state", "snapshot.yaml")
    assert result.code == 3
    assert OUT in result.err
    assert SECRET[:6] not in result.err


@pytest.mark.parametrize(
    "arguments",
    [
        ("report", "LINK"),
        ("apply", "--expect", "LINK", "--yes"),
        ("audit", "LINK"),
        ("serve", "--db", "x.db", "--keys", "LINK"),
        ("serve", "--db", "x.db", "--faults", "LINK"),
        ("load", "LINK", "--db", "x.db"),
    ],
    ids=" ".join,
)
def test_whatever_file_is_named_may_be_no_link_out_of_the_checkout(
    team: Cli, arguments: tuple[str, ...]
) -> None:
    git(team.folder, "init", "--quiet")
    (team.folder / "link.json").symlink_to("../secret")
    if "--expect" in arguments:
        write(team.folder, "state.yaml", STATE)
        assert team("load", "state.yaml", "--db", "x.db").code == 0
    words = ["link.json" if word == "LINK" else word for word in arguments]
    result = team(*words, RECONCILER_API_URL="sqlite:///x.db")
    assert result.code == 3, result
    assert OUT in result.err
    assert SECRET[:6] not in result.err


def test_no_output_follows_a_link_out_of_the_checkout(team: Cli) -> None:
    git(team.folder, "init", "--quiet")
    write(team.folder, "state.yaml", STATE)
    (team.folder / "link.json").symlink_to("../secret")
    for option in ("--out", "--output"):
        result = team("plan", "--state", "state.yaml", option, "link.json")
        assert result.code == 3, result
        assert OUT in result.err
    assert (team.folder.parent / "secret").read_text() == f"{SECRET}\n"
    (team.folder / "link.json").unlink()
    (team.folder / "link.json").symlink_to("inside.json")
    assert team("plan", "--state", "state.yaml", "--out", "link.json").code == 0
    assert (team.folder / "inside.json").is_file()


def test_no_journal_is_written_through_a_link_out_of_the_checkout(team: Cli) -> None:
    git(team.folder, "init", "--quiet")
    write(team.folder, "state.yaml", STATE)
    assert team("load", "state.yaml", "--db", "x.db").code == 0
    (team.folder / "j.jsonl").symlink_to("../new")
    result = team("apply", "--api", "sqlite:///x.db", "--yes", "--journal", "j.jsonl")
    assert result.code == 3, result
    assert OUT in result.err
    assert not (team.folder.parent / "new").exists()


def test_links_that_stay_inside_and_files_that_are_typed_are_read(team: Cli) -> None:
    (team.folder / "orgs/acme.yaml").rename(team.folder / "acme.yaml")
    (team.folder / "orgs/acme.yaml").symlink_to("../acme.yaml")
    assert team("validate").code == 0
    other = write(team.folder.parent, "elsewhere/b.yaml", ORGANIZATION.replace("101", "102"))
    assert team("validate", str(other), "orgs/acme.yaml").code == 0
    # The checkout itself may be reached through a link.
    (team.folder.parent / "way").symlink_to("team")
    assert Cli(team.folder.parent)("validate", "way/reconciler.yaml").code == 0


def test_what_the_caller_hands_over_open_is_read(team: Cli) -> None:
    result = team("validate", "/dev/stdin", stdin=ORGANIZATION)
    assert result.code == 0, result
    done = subprocess.run(
        ["bash", "-c", f'exec "$@" <(printf "%s" "{ORGANIZATION}")', "-", *COMMAND, "validate"],
        cwd=team.folder, env=environment(), capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done


def test_links_to_folders_are_not_followed_and_told(team: Cli) -> None:
    write(team.folder, "more/b.yaml", ORGANIZATION.replace("101", "102"))
    write(team.folder, "reconciler.yaml", "version: 1\norganizations: ['orgs/**/*.yaml']\n")
    (team.folder / "orgs/more").symlink_to("../more")
    result = team("validate")
    assert result.code == 0
    assert "orgs/more:1:1: a link to a folder is not followed" in result.out + result.err


@pytest.mark.parametrize("pattern", ["orgs/*.yaml", "**/*.yaml", "*/*/*.yaml", None])
def test_a_folder_that_cannot_be_read_is_no_valid_workspace(team: Cli, pattern: str | None) -> None:
    name = f"orgs{'/inner' if pattern != 'orgs/*.yaml' else ''}"
    write(team.folder, f"{name}/b.yaml", ORGANIZATION.replace("101", "102"))
    text = "" if pattern is None else f"organizations: ['{pattern}', 'orgs/*.yaml']\n"
    write(team.folder, "reconciler.yaml", f"version: 1\n{text}")
    (team.folder / name).chmod(0)
    # Root reads everything, but for where it has given that right away.
    without = ("setpriv", "--bounding-set=-dac_override,-dac_read_search")
    done = subprocess.run(
        [*(without if os.geteuid() == 0 else ()), *COMMAND, "validate"],
        cwd=team.folder, env=environment(), capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip
    (team.folder / name).chmod(0o755)
    assert done.returncode == 3, done
    assert f"{name}:1:1: the folder cannot be read: Permission denied" in done.stdout + done.stderr


@pytest.mark.parametrize("name", ["a" * 5_000, f"x/{'a' * 300}", "loop", "loop/x.yaml"])
def test_a_name_that_is_too_long_or_a_loop_of_links_is_one_line(team: Cli, name: str) -> None:
    (team.folder / "loop").symlink_to("loop")
    result = team("validate", name)
    assert result.code == 3
    assert (result.out + result.err).startswith(f"{name}:1:1: the file cannot be read: ")
    assert (result.out + result.err).count("\n") == 2


@pytest.mark.parametrize(
    "patterns",
    ["'orgs/*/*/*/*/*/*/*/*/*/*/*/*/*.yaml'", f"'{'**/' * 24}*.yaml'", f"'{'*/**/' * 12}*.yaml'"],
)
def test_links_in_circles_and_repeated_patterns_cost_nothing(team: Cli, patterns: str) -> None:
    for number in range(8):
        (team.folder / f"orgs/here{number}").symlink_to(".")
        write(team.folder, f"deep/{'/'.join('abcdefgh'[: number + 1])}/b.txt", "")
    write(team.folder, "reconciler.yaml", f"version: 1\norganizations: [{patterns}, orgs/*.yaml]\n")
    done = subprocess.run(
        [*COMMAND, "validate"], cwd=team.folder, env=environment(), capture_output=True, text=True,
        timeout=20, check=False,
    )  # fmt: skip
    assert done.returncode in {0, 3}


def test_a_tree_without_end_is_refused_by_the_name_of_the_pattern(team: Cli) -> None:
    write(team.folder, f"{'d/' * 60}x.yaml", ORGANIZATION)
    write(team.folder, "reconciler.yaml", "version: 1\norganizations: ['**/*.yaml']\n")
    result = team("validate")
    assert result.code == 3
    expected = "reconciler.yaml:2:17: folders are nested deeper than 50 levels: let the pattern"
    assert expected in result.out + result.err
    assert "'**/*.yaml'" in result.out + result.err
