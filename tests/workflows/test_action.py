"""The action and the pre-commit hook: their very lines executed."""

from __future__ import annotations

import os
import shlex
import shutil
import subprocess
from pathlib import Path

import pytest
import yaml

from tests.workflows.project import Project

ROOT = Path(__file__).parents[2]


def environment(project: Project, **more: str) -> dict[str, str]:
    tools = project.runner.folder / "bin"
    kept = {key: value for key, value in os.environ.items() if key.startswith("COV")}
    return {
        **kept,
        "PATH": f"{tools}{os.pathsep}{os.environ['PATH']}",
        "STAND_IN_PIP": str(project.runner.folder / "pip"),
        **more,
    }


def scripts() -> list[str]:
    steps = yaml.safe_load((ROOT / "action.yml").read_text(encoding="utf-8"))["runs"]["steps"]
    return [step["run"] for step in steps if "run" in step]


@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        ("validate --format github", 0),
        ("validate missing.yaml", 3),
        ("validate\nmissing.yaml\n", 3),
        ("  validate\n--format   github\n\n", 0),
    ],
)
def test_the_action_installs_itself_and_runs(project: Project, arguments: str, code: int) -> None:
    install, run = scripts()
    env = environment(project, GITHUB_ACTION_PATH="/the/action", ARGUMENTS=arguments)
    subprocess.run(["bash", "-e", "-c", install], env=env, check=True)
    assert project.runner.installed == [
        "--quiet --require-hashes --only-binary :all: "
        "-r /the/action/reconciler/starter/requirements.txt",
        "--quiet --no-deps --no-build-isolation /the/action",
    ]
    done = subprocess.run(
        ["bash", "-e", "-c", run], cwd=project.origin, env=env, check=False, capture_output=True
    )
    assert done.returncode == code, done


def test_an_argument_of_the_action_is_no_script(project: Project) -> None:
    _, run = scripts()
    env = environment(project, ARGUMENTS="validate ; touch forged $(touch forged) `touch forged`")
    subprocess.run(
        ["bash", "-e", "-c", run], cwd=project.origin, env=env, check=False, capture_output=True
    )
    assert not (project.origin / "forged").exists()


def test_the_pre_commit_hook_checks_the_workspace(project: Project) -> None:
    (hook,) = yaml.safe_load((ROOT / ".pre-commit-hooks.yaml").read_text(encoding="utf-8"))
    assert hook["pass_filenames"] is False
    command = shlex.split(hook["entry"])
    tool = shutil.which(command[0], path=environment(project)["PATH"])
    assert tool

    def run() -> int:
        return subprocess.run(
            [tool, *command[1:]],
            cwd=project.origin,
            env=environment(project),
            check=False,
            capture_output=True,
        ).returncode

    assert run() == 0
    (project.origin / "orgs" / "demo.yaml").write_text("version: 1\n")
    assert run() == 3
