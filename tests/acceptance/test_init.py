"""`init`: a workspace that is ready to run."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
import yaml

from reconciler import __version__
from tests.acceptance.conftest import KEY, Cli, Serve
from tests.workflows.project import git

COMMON = {".gitignore", "README.md", "groups/teams.yaml", "orgs/example.yaml", "reconciler.yaml"}
BY_CI = {
    "github": {
        ".github/dependabot.yml",
        *(f".github/workflows/licenses-{name}.yml" for name in ("apply", "drift", "plan")),
    },
    "gitlab": {".gitlab-ci.yml"},
    "none": set(),
}


def files_of(folder: Path) -> set[str]:
    found = (path for path in folder.rglob("*") if path.is_file())
    return {path.relative_to(folder).as_posix() for path in found}


@pytest.mark.parametrize("ci", BY_CI)
def test_what_it_writes_is_valid_at_once(cli: Cli, ci: str) -> None:
    told = cli.ok("init", "--ci", ci)
    assert files_of(cli.folder) == COMMON | BY_CI[ci]
    assert set(told.split()) == COMMON | BY_CI[ci]
    assert "3 files with 1 organization: valid" in cli.ok("validate")
    for name in files_of(cli.folder):
        assert "__" not in (cli.folder / name).read_text(encoding="utf-8")


def test_it_makes_the_folder_that_is_named(cli: Cli) -> None:
    cli.ok("init", "a/licenses", "--ci", "none", "--org", "4711")
    assert files_of(cli.folder / "a" / "licenses") == COMMON
    example = (cli.folder / "a/licenses/orgs/example.yaml").read_text(encoding="utf-8")
    assert "organization: {id: 4711, name: Example}" in example
    cli.ok("validate", "a/licenses")


def test_the_workflows_install_this_very_version(cli: Cli) -> None:
    cli.ok("init")
    for path in (cli.folder / ".github" / "workflows").iterdir():
        assert f'PACKAGE: "license-reconciler=={__version__}"\n' in path.read_text()


def test_the_workflows_start_on_the_branch_that_is_named(cli: Cli) -> None:
    cli.ok("init", "--branch", "release/1.x")
    for name in ("plan", "apply"):
        text = (cli.folder / f".github/workflows/licenses-{name}.yml").read_text()
        event = yaml.safe_load(text)[True]["pull_request" if name == "plan" else "push"]
        assert event == {"branches": ["release/1.x"]}


def branch_of(folder: Path) -> str:
    text = (folder / ".github/workflows/licenses-plan.yml").read_text(encoding="utf-8")
    (branch,) = yaml.safe_load(text)[True]["pull_request"]["branches"]
    return str(branch)


def test_the_workflows_start_on_the_branch_that_the_repository_begins_with(cli: Cli) -> None:
    git(cli.folder, "init", "--quiet", "--initial-branch", "trunk")
    cli.ok("init", "licenses")
    assert branch_of(cli.folder / "licenses") == "trunk"


def test_the_workflows_start_on_the_default_branch_of_the_origin(cli: Cli) -> None:
    origin, clone = cli.folder / "origin", cli.folder / "clone"
    origin.mkdir()
    git(origin, "init", "--quiet", "--initial-branch", "release/2.x")
    git(origin, "commit", "--quiet", "--allow-empty", "--message", "first")
    git(cli.folder, "clone", "--quiet", str(origin), str(clone))
    git(clone, "switch", "--quiet", "--create", "licenses")
    cli.ok("init", "clone")
    assert branch_of(clone) == "release/2.x"


def test_without_an_origin_it_is_the_only_branch_and_main_where_there_are_several(cli: Cli) -> None:
    git(cli.folder, "init", "--quiet", "--initial-branch", "master")
    git(cli.folder, "commit", "--quiet", "--allow-empty", "--message", "first")
    cli.ok("init", "one")
    assert branch_of(cli.folder / "one") == "master"
    git(cli.folder, "update-ref", "refs/remotes/upstream/other", "HEAD")
    cli.ok("init", "several")
    assert branch_of(cli.folder / "several") == "main"


@pytest.mark.parametrize("name", ["", "**", "-x", "a b", '"', "!main"])
def test_a_pattern_is_no_branch(cli: Cli, name: str) -> None:
    assert cli("init", f"--branch={name}").code == 64
    assert files_of(cli.folder) == set()


def test_nothing_is_overwritten_and_nothing_else_is_written(cli: Cli) -> None:
    (cli.folder / "orgs").mkdir()
    (cli.folder / "orgs" / "example.yaml").write_text("mine")
    (cli.folder / "reconciler.yaml").symlink_to("nowhere")
    result = cli("init")
    assert result.code == 4
    assert "nothing was written: orgs/example.yaml, reconciler.yaml exist(s) already" in result.err
    assert files_of(cli.folder) == {"orgs/example.yaml"}
    assert (cli.folder / "orgs" / "example.yaml").read_text() == "mine"


@pytest.mark.parametrize("name", ["README.md", ".github/dependabot.yml"])
def test_what_a_repository_has_for_more_than_licenses_is_kept(cli: Cli, name: str) -> None:
    (cli.folder / ".github").mkdir()
    (cli.folder / name).write_text("ours\n")
    assert name not in cli.ok("init")
    assert (cli.folder / name).read_text() == "ours\n"


def test_a_gitignore_gets_what_it_lacks(cli: Cli) -> None:
    (cli.folder / ".gitignore").write_text("*.db\n/dist")
    cli.ok("init")
    lines = (cli.folder / ".gitignore").read_text().splitlines()
    assert lines[:2] == ["*.db", "/dist"]
    assert lines.count("*.db") == 1
    assert "plan.json" in lines


def test_a_folder_that_cannot_be_made_is_told(cli: Cli) -> None:
    (cli.folder / "file").write_text("")
    result = cli("init", "file/below")
    assert result.code == 1
    assert "cannot be written" in result.err


def test_the_readme_it_writes_can_be_followed(served: Cli) -> None:
    served.ok("init", "mine", "--ci", "none")
    readme = (served.folder / "mine" / "README.md").read_text(encoding="utf-8")
    (block,) = re.findall(r"```sh\n(.*?)```", readme, flags=re.DOTALL)
    lines = [line.partition("#")[0].split() for line in block.splitlines()]
    steps = [words[1:] for words in lines if words and words[0] == "reconciler"]
    assert [step[0] for step in steps] == ["validate", "doctor", "import", "plan"]
    mine = Cli(served.folder / "mine", served.env)
    for step in steps:
        if step[0] == "plan":
            (mine.folder / "orgs" / "example.yaml").unlink()
        assert mine(*step).code == 0, step
    assert "no change" in mine.ok("plan")


def test_the_example_manages_nothing(cli: Cli, serve: Serve, examples: Cli) -> None:
    server = serve(
        examples.folder, "--db", "s.db", "--load", "snapshot.yaml", RECONCILER_API_KEY=KEY
    )
    cli.env = {"RECONCILER_API_URL": server.url, "RECONCILER_API_KEY": KEY}
    cli.ok("init")
    assert "no change" in cli.ok("plan")
