"""Files of a pull request choose no command that runs, and nothing outside of the checkout."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

import pytest

from tests.acceptance.conftest import EXAMPLES, KEY, Cli
from tests.acceptance.test_base import git
from tests.acceptance.test_init import FROM

PLAN = ("plan", "--state", "snapshot.yaml", "--org", "101", "--format", "json")


@pytest.fixture
def canary(tmp_path: Path) -> Path:
    """Where any command of the attacker writes the key: it must not be there in the end."""
    return tmp_path / "canary"


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """A checkout whose workspace lies in the folder `team`."""
    top = tmp_path / "checkout"
    shutil.copytree(EXAMPLES, top / "team", ignore=shutil.ignore_patterns("*.db*"))
    git(top, "init", "--quiet", "--initial-branch", "main")
    commit_all(top)
    return top


def commit_all(top: Path) -> None:
    git(top, "add", "--all", "--force")
    git(top, "commit", "--quiet", "--message", "change")


def in_folder(folder: Path) -> Cli:
    return Cli(folder, {"RECONCILER_API_KEY": KEY})


def theft(canary: Path) -> str:
    # The key is in the environment of whoever calls git, and so in that of its parent.
    return f"tr '\\0' '\\n' </proc/$PPID/environ >>{canary}; env >>{canary}; cat"


def bare_repository(folder: Path, canary: Path) -> None:
    """Make a folder look like a repository, with a filter that steals."""
    aside = folder.parent / "aside.git"
    git(folder, "init", "--quiet", "--bare", str(aside))
    settings = {"core.bare": "false", "core.worktree": str(folder), "filter.x.clean": "cat"}
    for name, value in settings.items():
        git(folder, f"--git-dir={aside}", "config", name, value)
    (folder / ".gitattributes").write_text("* filter=x\n")
    git(folder, f"--git-dir={aside}", "add", ".")
    git(folder, f"--git-dir={aside}", "commit", "--quiet", "--message", "theirs")
    git(folder, f"--git-dir={aside}", "config", "filter.x.clean", theft(canary))
    git(folder, f"--git-dir={aside}", "config", "core.fsmonitor", theft(canary))
    for name in ("HEAD", "config", "index", "objects", "refs"):
        shutil.move(aside / name, folder / name)
    shutil.rmtree(aside)
    # What is older than the index is looked at again, through the filter.
    for path in folder.rglob("*.yaml"):
        os.utime(path, (1, 1))


@pytest.mark.parametrize("inside", ["team", "team/orgs"])
def test_a_folder_that_looks_like_a_repository_is_a_folder(
    checkout: Path, canary: Path, inside: str
) -> None:
    bare_repository(checkout / inside, canary)
    commit_all(checkout)
    team = in_folder(checkout / "team")
    for more in ([], ["--base", "HEAD^1"], ["--base", "../team"], ["orgs", "--base", "HEAD^1"]):
        result = team(*PLAN, *more)
        assert result.code == 0, result
    state = ("--state", str(checkout / "team/snapshot.yaml"), "--org", "101")
    file = str(checkout / "team/orgs/acme.yaml")
    for folder in (checkout, checkout / inside):
        for base in ("HEAD^1", str(checkout / "team")):
            result = in_folder(folder)("plan", *state, file, "--base", base)
            assert result.code == 0, result
    assert in_folder(checkout / inside)("init", "new", *FROM).code == 0
    assert not canary.exists()


def test_a_repository_that_an_archive_brought_runs_nothing_either(
    checkout: Path, canary: Path
) -> None:
    # Git checks no entry named `.git` out; what is unpacked may hold one.
    bare_repository(checkout / "team", canary)
    hidden = checkout / "team/.git"
    hidden.mkdir()
    for name in ("HEAD", "config", "index", "objects", "refs"):
        shutil.move(checkout / "team" / name, hidden / name)
    team = in_folder(checkout / "team")
    assert team(*PLAN, "--base", "HEAD").code == 0
    hidden.rename(checkout / "team/theirs")
    hidden.write_text("gitdir: theirs\n")
    assert team(*PLAN, "--base", "HEAD").code == 0
    assert not canary.exists()


def test_the_checkout_names_the_revision_and_not_the_folder_in_it(
    checkout: Path, canary: Path
) -> None:
    bare_repository(checkout / "team", canary)
    commit_all(checkout)
    result = in_folder(checkout / "team")(*PLAN, "--base", "HEAD^1")
    assert result.code == 0, result
    assert f'"revision": "{git(checkout, "rev-parse", "HEAD")}"' in result.out
    assert '"dirty": false' in result.out


def test_nothing_that_the_repositorys_own_configuration_names_runs(
    checkout: Path, canary: Path
) -> None:
    (checkout / ".gitattributes").write_text("* filter=x diff=x\n")
    commit_all(checkout)
    command = theft(canary)
    for name in (
        "filter.x.clean", "filter.x.smudge", "filter.x.process", "core.fsmonitor", "core.pager",
        "pager.rev-parse", "pager.ls-tree", "diff.external", "diff.x.textconv", "diff.x.command",
        "core.sshCommand", "core.askPass", "credential.helper", "alias.rev-parse", "core.editor",
    ):  # fmt: skip
        git(checkout, "config", name, command if "alias" not in name else f"!{command}")
    hooks = checkout / "hooks"
    hooks.mkdir()
    for name in ("post-index-change", "reference-transaction", "post-checkout", "pre-auto-gc"):
        (hooks / name).write_text(f"#!/bin/sh\n{command}\n")
        (hooks / name).chmod(0o755)
        shutil.copy(hooks / name, checkout / ".git/hooks" / name)
    git(checkout, "config", "core.hooksPath", str(hooks))
    for path in checkout.rglob("*.yaml"):
        os.utime(path, (1, 1))
    canary.unlink(missing_ok=True)
    team = in_folder(checkout / "team")
    assert team(*PLAN, "--base", "HEAD^1").code == 0
    assert team("init", "../new", *FROM).code == 0
    assert not canary.exists()


def test_nothing_that_the_environment_tells_git_runs(checkout: Path, canary: Path) -> None:
    evil = checkout / "evil"
    evil.write_text(f"#!/bin/sh\n{theft(canary)}\n")
    evil.chmod(0o755)
    (checkout / ".gitattributes").write_text("* filter=x\n")
    commit_all(checkout)
    os.utime(checkout / "team/orgs/acme.yaml", (1, 1))
    team = in_folder(checkout / "team")
    pairs = {"filter.x.clean": str(evil), "core.fsmonitor": str(evil), "core.pager": str(evil)}
    injected = {"GIT_CONFIG_COUNT": str(len(pairs))}
    for index, (name, value) in enumerate(pairs.items()):
        injected |= {f"GIT_CONFIG_KEY_{index}": name, f"GIT_CONFIG_VALUE_{index}": value}
    settings = checkout.parent / "settings"
    settings.write_text(f'[core]\nfsmonitor = {evil}\n[filter "x"]\nclean = {evil}\n')
    tools = checkout.parent / "exec-path"
    tools.mkdir()
    shutil.copy(evil, tools / "git-rev-parse")
    variables = [
        injected,
        {"GIT_CONFIG_GLOBAL": str(settings)},
        {"GIT_CONFIG_SYSTEM": str(settings)},
        {"GIT_CONFIG_PARAMETERS": f"'core.fsmonitor'='{evil}'"},
        {"GIT_EXTERNAL_DIFF": str(evil), "GIT_SSH": str(evil), "GIT_ASKPASS": str(evil)},
        {"GIT_EXEC_PATH": str(tools), "GIT_PAGER": str(evil), "PAGER": str(evil)},
        {"GIT_DIR": str(checkout.parent / "nowhere")},
        {"GIT_TRACE": str(canary), "GIT_TRACE2_EVENT": str(canary)},
    ]
    for more in variables:
        result = team(*PLAN, "--base", "HEAD^1", **more)
        assert result.code == 0, (more, result)
        assert not canary.exists(), more


@pytest.mark.parametrize("path", [".", "", "bin", "{here}", "{here}/bin", "{top}/tools"])
def test_no_program_of_the_checkout_stands_in_for_git(
    checkout: Path, canary: Path, path: str
) -> None:
    here = checkout / "team"
    for folder in (here, here / "bin", checkout / "tools"):
        folder.mkdir(exist_ok=True)
        (folder / "git").write_text(f"#!/bin/sh\n{theft(canary)}\n")
        (folder / "git").chmod(0o755)
    commit_all(checkout)
    entry = path.format(here=here, top=checkout)
    result = in_folder(here)(*PLAN, "--base", "HEAD^1", PATH=f"{entry}:{os.environ['PATH']}")
    assert result.code == 0, result
    assert not canary.exists()


def test_no_program_of_the_checkout_stands_in_for_gh(checkout: Path, canary: Path) -> None:
    here = checkout / "team"
    (here / "gh").write_text(f"#!/bin/sh\n{theft(canary)}\n")
    (here / "gh").chmod(0o755)
    event = checkout.parent / "event.json"
    event.write_text("{}")
    result = in_folder(here)(
        "github", "newest",
        PATH=f".::{here}:/nowhere", GITHUB_REPOSITORY="a/b", GITHUB_EVENT_NAME="push",
        GITHUB_REF="refs/heads/main", GITHUB_SHA="0" * 40, GITHUB_EVENT_PATH=str(event),
    )  # fmt: skip
    assert result.code == 1
    assert "`gh` is not installed here" in result.err
    assert not canary.exists()


def test_what_a_partial_clone_lacks_is_not_fetched(checkout: Path, canary: Path) -> None:
    (checkout / "team/orgs/acme.yaml").write_text(
        (checkout / "team/orgs/acme.yaml").read_text() + "# changed\n"
    )
    commit_all(checkout)
    git(checkout, "config", "uploadpack.allowFilter", "true")
    clone = checkout.parent / "clone"
    git(checkout.parent, "clone", "--quiet", "--filter=blob:none", checkout.as_uri(), str(clone))
    evil = checkout.parent / "upload-pack"
    evil.write_text(f"#!/bin/sh\n{theft(canary)}\n")
    evil.chmod(0o755)
    git(clone, "config", "remote.origin.uploadpack", str(evil))
    result = in_folder(clone / "team")(*PLAN, "--base", "HEAD^1")
    assert result.code == 1, result
    assert "clone without --filter" in result.err
    assert not canary.exists()


def test_a_checkout_of_another_owner_needs_no_setting(checkout: Path) -> None:
    if os.geteuid() != 0:
        pytest.skip("only root can give files away")
    subprocess.run(["chown", "-R", "12345:12345", str(checkout)], check=True)
    result = in_folder(checkout / "team")(*PLAN, "--base", "HEAD", HOME="/nonexistent")
    assert result.code == 0, result
    assert '"revision": null' not in result.out


def test_a_worktree_and_a_submodule_name_their_own_revision(checkout: Path) -> None:
    beside = checkout.parent / "beside"
    git(checkout, "worktree", "add", "--quiet", "--detach", str(beside))
    outer = checkout.parent / "outer"
    outer.mkdir()
    git(outer, "init", "--quiet", "--initial-branch", "main")
    allowed = ("-c", "protocol.file.allow=always")
    git(outer, *allowed, "submodule", "--quiet", "add", str(checkout), "inner")
    for top in (beside, outer / "inner"):
        result = in_folder(top / "team")(*PLAN, "--base", "HEAD")
        assert result.code == 0, result
        assert f'"revision": "{git(checkout, "rev-parse", "HEAD")}"' in result.out
