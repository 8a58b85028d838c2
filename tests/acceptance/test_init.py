"""`init`: a workspace that is ready to run."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from tests.acceptance.conftest import KEY, Cli, Result, Serve, environment
from tests.workflows.project import git

COMMON = {".gitignore", "README.md", "groups/teams.yaml", "orgs/example.yaml", "reconciler.yaml"}
COMMIT = "0123456789abcdef0123456789abcdef01234567"
DIGEST = "5e884898da28047151d0e56f8dc6292773603d0d6aabbdd62a11ef721d1542d8"
GIT = f"git+https://github.com/acme/reconciler@{COMMIT}"
WHEEL = f"https://files.example/license_reconciler-0.1.0-py3-none-any.whl#sha256={DIGEST}"
FROM = ("--package", GIT)
BY_CI = {
    "github": {
        ".github/dependabot.yml",
        ".github/licenses/requirements.txt",
        *(f".github/workflows/licenses-{name}.yml" for name in ("apply", "drift", "plan")),
    },
    "gitlab": {".gitlab-ci.yml", ".gitlab/licenses/requirements.txt"},
    "none": set(),
}


def files_of(folder: Path) -> set[str]:
    found = (path for path in folder.rglob("*") if path.is_file())
    return {path.relative_to(folder).as_posix() for path in found}


@pytest.mark.parametrize("ci", BY_CI)
def test_what_it_writes_is_valid_at_once(cli: Cli, ci: str) -> None:
    told = cli.ok("init", "--ci", ci, *FROM)
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


@pytest.mark.parametrize("package", [GIT, WHEEL, "license-reconciler==0.1.0"])
def test_the_pipelines_install_what_is_named(cli: Cli, package: str) -> None:
    for ci in ("github", "gitlab"):
        cli.ok("init", ci, "--ci", ci, "--package", package)
    for path in (cli.folder / "github" / ".github" / "workflows").iterdir():
        assert f'PACKAGE: "{package}"\n' in path.read_text()
    assert f'LICENSES_PACKAGE: "{package}"\n' in (cli.folder / "gitlab/.gitlab-ci.yml").read_text()


@pytest.mark.parametrize(
    "package",
    [
        "license-reconciler",
        "license-reconciler>=0.1",
        "git+https://github.com/acme/reconciler",
        "git+https://github.com/acme/reconciler@main",
        f"git+https://ada:secret@github.com/acme/reconciler@{COMMIT}",
        f"git+http://github.com/acme/reconciler@{COMMIT}",
        WHEEL.partition("#")[0],
        f"http://files.example/a.whl#sha256={DIGEST}",
        "file:///tmp/a.whl",
        f'{GIT}"\n  X: "y',
        f"{GIT} --index-url https://example.com",
        "",
    ],
)
def test_what_may_change_under_its_name_is_no_package(cli: Cli, package: str) -> None:
    result = cli("init", "--package", package)
    assert result.code == 64
    assert "@COMMIT" in result.err
    assert files_of(cli.folder) == set()


@pytest.mark.parametrize(
    "address",
    [
        f"git+https://ada:hunter2hunter2@github.com/acme/reconciler@{COMMIT}",
        f"git+https://hunter2hunter2@github.com/acme/reconciler@{COMMIT}",
        f"https://ada:hunter2hunter2@files.example/a.whl#sha256={DIGEST}",
    ],
)
def test_a_password_in_an_address_is_told_as_such_and_shown_nowhere(cli: Cli, address: str) -> None:
    result = cli("init", "--package", address)
    assert result.code == 64
    assert "holds a user or a password" in result.err
    assert "hunter2" not in result.err + result.out
    assert files_of(cli.folder) == set()


@pytest.mark.parametrize("ci", ["github", "gitlab"])
def test_a_name_that_is_not_this_projects_is_a_warning(cli: Cli, ci: str) -> None:
    told = cli("init", "a", "--ci", ci, "--package", "reconciler==0.1.0")
    assert told.code == 0
    assert "warning: the pipelines install reconciler, and this program's name is license-" in (
        told.err
    )
    for own in ("license-reconciler==0.1.0", "License_Reconciler==0.1.0", GIT):
        assert cli("init", own, "--ci", ci, "--package", own).err == ""
    assert cli("init", "b", "--ci", "none", "--package", "reconciler==0.1.0").err == ""


def test_where_nobody_says_what_to_install_no_pipeline_is_written(cli: Cli) -> None:
    for ci in ("github", "gitlab"):
        result = installed_without_an_address(cli, "init", "--ci", ci)
        assert result.code == 64
        assert "hint: name it with --package: git+https://" in result.err
        assert files_of(cli.folder) == {"installed"}
    assert installed_without_an_address(cli, "init", "mine", "--ci", "none").code == 0
    assert "pip install" not in (cli.folder / "mine" / "README.md").read_text()


def installed_without_an_address(cli: Cli, *arguments: str) -> Result:
    """Run the command as if it came from an index, which leaves no address behind."""
    (cli.folder / "installed").touch()
    code = (
        "import sys\nfrom reconciler.cli import package\n"
        "package.installed_package = lambda: None\n"
        "from reconciler.cli.edge import main\nsys.exit(main(sys.argv[1:]))"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, *arguments],
        cwd=cli.folder, env=environment(), capture_output=True, text=True, check=False,
    )  # fmt: skip
    return Result(done.returncode, done.stdout, done.stderr)


def test_the_lock_beside_the_pipelines_is_the_one_they_install_and_dependabot_renews(
    cli: Cli,
) -> None:
    cli.ok("init", *FROM)
    lock = (cli.folder / ".github/licenses/requirements.txt").read_text()
    assert "--hash=sha256:" in lock
    for path in (cli.folder / ".github" / "workflows").iterdir():
        text = yaml.safe_load(path.read_text())
        assert (cli.folder / text["env"]["REQUIREMENTS"]).read_text() == lock
    bot = yaml.safe_load((cli.folder / ".github/dependabot.yml").read_text())
    (row,) = (row for row in bot["updates"] if row["package-ecosystem"] == "pip")
    assert (cli.folder / row["directory"].lstrip("/") / "requirements.txt").read_text() == lock
    cli.ok("init", "lab", "--ci", "gitlab", *FROM)
    job = yaml.safe_load((cli.folder / "lab/.gitlab-ci.yml").read_text())
    named = job["variables"]["LICENSES_REQUIREMENTS"]
    assert (cli.folder / "lab" / named).read_text() == lock


def test_the_workflows_start_on_the_branch_that_is_named(cli: Cli) -> None:
    cli.ok("init", "--branch", "release/1.x", *FROM)
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
    cli.ok("init", "licenses", *FROM)
    assert branch_of(cli.folder / "licenses") == "trunk"


def test_the_workflows_start_on_the_default_branch_of_the_origin(cli: Cli) -> None:
    origin, clone = cli.folder / "origin", cli.folder / "clone"
    origin.mkdir()
    git(origin, "init", "--quiet", "--initial-branch", "release/2.x")
    git(origin, "commit", "--quiet", "--allow-empty", "--message", "first")
    git(cli.folder, "clone", "--quiet", str(origin), str(clone))
    git(clone, "switch", "--quiet", "--create", "licenses")
    cli.ok("init", "clone", *FROM)
    assert branch_of(clone) == "release/2.x"


def test_without_an_origin_it_is_the_only_branch_and_main_where_there_are_several(cli: Cli) -> None:
    git(cli.folder, "init", "--quiet", "--initial-branch", "master")
    git(cli.folder, "commit", "--quiet", "--allow-empty", "--message", "first")
    cli.ok("init", "one", *FROM)
    assert branch_of(cli.folder / "one") == "master"
    git(cli.folder, "update-ref", "refs/remotes/upstream/other", "HEAD")
    cli.ok("init", "several", *FROM)
    assert branch_of(cli.folder / "several") == "main"


@pytest.mark.parametrize("name", ["", "**", "-x", "a b", '"', "!main"])
def test_a_pattern_is_no_branch(cli: Cli, name: str) -> None:
    assert cli("init", f"--branch={name}", *FROM).code == 64
    assert files_of(cli.folder) == set()


def test_nothing_is_overwritten_and_nothing_else_is_written(cli: Cli) -> None:
    (cli.folder / "orgs").mkdir()
    (cli.folder / "orgs" / "example.yaml").write_text("mine")
    (cli.folder / "reconciler.yaml").symlink_to("nowhere")
    result = cli("init", *FROM)
    assert result.code == 4
    assert "nothing was written: orgs/example.yaml, reconciler.yaml exist(s) already" in result.err
    assert files_of(cli.folder) == {"orgs/example.yaml"}
    assert (cli.folder / "orgs" / "example.yaml").read_text() == "mine"


@pytest.mark.parametrize("name", ["README.md", ".github/dependabot.yml"])
def test_what_a_repository_has_for_more_than_licenses_is_kept(cli: Cli, name: str) -> None:
    (cli.folder / ".github").mkdir()
    (cli.folder / name).write_text("ours\n")
    assert name not in cli.ok("init", *FROM)
    assert (cli.folder / name).read_text() == "ours\n"


@pytest.mark.parametrize(
    ("ci", "told"),
    [
        ("github", "Dismiss stale pull request approvals when new commits are pushed"),
        ("gitlab", "Remove all approvals when commits are added to the source branch"),
    ],
)
def test_its_readme_asks_that_no_approval_outlives_its_plan(cli: Cli, ci: str, told: str) -> None:
    cli.ok("init", "--ci", ci, *FROM)
    assert told in " ".join((cli.folder / "README.md").read_text(encoding="utf-8").split())


def test_a_gitignore_that_is_a_pipe_is_refused_at_once(cli: Cli) -> None:
    os.mkfifo(cli.folder / ".gitignore")
    result = cli("init", *FROM)
    assert result.code == 3, result
    assert ".gitignore:1:1: the file is a pipe or a device" in result.err
    assert [path.name for path in cli.folder.iterdir()] == [".gitignore"]


def test_a_gitignore_gets_what_it_lacks(cli: Cli) -> None:
    (cli.folder / ".gitignore").write_text("*.db\n/dist")
    cli.ok("init", *FROM)
    lines = (cli.folder / ".gitignore").read_text().splitlines()
    assert lines[:2] == ["*.db", "/dist"]
    assert lines.count("*.db") == 1
    assert "plan.json" in lines


def test_a_folder_that_cannot_be_made_is_told(cli: Cli) -> None:
    (cli.folder / "file").write_text("")
    result = cli("init", "file/below", *FROM)
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
    cli.ok("init", *FROM)
    assert "no change" in cli.ok("plan")
