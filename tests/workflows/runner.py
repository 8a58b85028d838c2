"""A runner for workflows: takes the very `run:` steps out of the YAML and executes them.

It honours needs, `if`, `env`, `continue-on-error`, permissions (which the token carries) and the
GITHUB_* files. Of actions it knows the three that are used here; any other is an error.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import stat
import subprocess
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

from tests.workflows.expressions import fill, holds

STAND_IN = Path(__file__).with_name("gh.py")
REPOSITORY = "acme/licenses"

_SCRIPTS = {
    # Its memory lies beside its folder: of the environment it sees what the real one needs.
    "gh": f'STAND_IN_HUB="${{0%/*}}/../hub.json" exec {sys.executable} "{STAND_IN}" "$@"',
    "reconciler": f'exec {sys.executable} -m reconciler "$@"',
    # The package is installed in the tests' own environment; pip is only looked at.
    "python": (
        'if [ "$1 $2 $3 $4" = "-I -m pip install" ]; then shift 4; echo "$@" >>"$STAND_IN_PIP"; '
        f'exit 0; fi; [ "$*" != "-I -m pip check" ] || exit 0; exec {sys.executable} "$@"'
    ),
}


@dataclass(slots=True)
class Step:
    name: str
    outcome: str
    conclusion: str
    log: str = ""
    outputs: dict[str, str] = field(default_factory=dict)


@dataclass(slots=True)
class Job:
    result: str
    steps: list[Step] = field(default_factory=list)
    outputs: dict[str, str] = field(default_factory=dict)
    summary: str = ""

    def step(self, name: str) -> Step:
        return next(step for step in self.steps if step.name == name)

    @property
    def log(self) -> str:
        return "\n".join(step.log for step in self.steps)


@dataclass(frozen=True, slots=True)
class Trigger:
    """What started a run: the event, and the commit that is checked out."""

    name: str
    sha: str
    ref_name: str
    event: Mapping[str, Any]
    inputs: Mapping[str, str] = field(default_factory=dict)
    ref_type: str = "branch"

    @property
    def ref(self) -> str:
        if self.name == "pull_request":
            return f"refs/pull/{self.ref_name}"
        return f"refs/{'tags' if self.ref_type == 'tag' else 'heads'}/{self.ref_name}"


@dataclass(slots=True)
class Runner:
    """Runs workflows of one repository; `folder` holds the memory, the artifacts and the runs."""

    folder: Path
    origin: Path
    variables: Mapping[str, str]
    secrets: Mapping[str, str]
    runs: int = 0
    lost_outputs: set[str] = field(default_factory=set)
    on_environment: Callable[[str], None] = lambda name: None

    def __post_init__(self) -> None:
        tools = self.folder / "bin"
        tools.mkdir(parents=True)
        for name, script in _SCRIPTS.items():
            path = tools / name
            path.write_text(f"#!/bin/sh\n{script}\n")
            path.chmod(path.stat().st_mode | stat.S_IXUSR)

    @property
    def installed(self) -> list[str]:
        return (self.folder / "pip").read_text().splitlines()

    def run(self, workflow: Path, trigger: Trigger) -> dict[str, Job]:
        """Run all jobs of a workflow, in the order of their needs, and return them by name."""
        self.runs += 1
        text = yaml.safe_load(workflow.read_text(encoding="utf-8"))
        assert text["permissions"] == {}, "a job gets what it asks for and nothing else"
        jobs: dict[str, Job] = {}
        waiting = dict(text["jobs"])
        while waiting:
            ready = (n for n, row in waiting.items() if set(_list(row.get("needs"))) <= set(jobs))
            name = next(ready)
            folder = self.folder / "runs" / str(self.runs) / name
            env, job = text.get("env"), waiting.pop(name)
            jobs[name] = _JobRun(self, env, folder, job, trigger, jobs).go()
        return jobs


def _list(value: Any) -> list[str]:
    return [value] if isinstance(value, str) else list(value or ())


def _outputs(lines: list[str]) -> dict[str, str]:
    """Read `name=value` and `name<<END`, lines, `END`."""
    outputs, rest = {}, list(lines)
    while rest:
        line = rest.pop(0)
        found = re.fullmatch(r"([\w-]+)(?:=(.*)|<<(\S+))", line)
        assert found, f"no output: {line!r}"
        name, value, end = found.groups()
        if end:
            place = rest.index(end)
            value, rest = "\n".join(rest[:place]), rest[place + 1 :]
        outputs[name] = value
    return outputs


class _JobRun:
    """One job: its workspace, its temporary folder, its steps."""

    def __init__(  # noqa: PLR0917
        self,
        runner: Runner,
        env: Mapping[str, Any] | None,
        folder: Path,
        job: Mapping[str, Any],
        trigger: Trigger,
        done: Mapping[str, Job],
    ) -> None:
        self.runner, self.env, self.folder = runner, env, folder
        self.job, self.trigger = job, trigger
        self.result = Job("success")
        self.temp, self.workspace = self.folder / "temp", self.folder / "work"
        self.temp.mkdir(parents=True)
        self.workspace.mkdir()
        self.failed = False
        needed = {one: done[one] for one in _list(job.get("needs"))}
        self.needs_met = all(one.result == "success" for one in needed.values())
        self.steps: dict[str, Any] = {}
        self.permissions = dict(job.get("permissions") or {})
        token = json.dumps(self.permissions)
        github = {
            "event_name": trigger.name,
            "event": trigger.event,
            "repository": REPOSITORY,
            "sha": trigger.sha,
            "ref": trigger.ref,
            "ref_name": trigger.ref_name,
            "ref_type": trigger.ref_type,
            "token": token,
        }
        # A pull request from a fork, and one of Dependabot, is run without secrets.
        request = trigger.event.get("pull_request", {})
        fork = request.get("head", {}).get("repo", {})
        foreign = fork.get("full_name", REPOSITORY) != REPOSITORY
        foreign = foreign or request.get("user", {}).get("login") == "dependabot[bot]"
        self.context: dict[str, Any] = {
            "github": github,
            "inputs": trigger.inputs,
            "vars": runner.variables,
            "secrets": {} if foreign else runner.secrets,
            "runner": {"temp": str(self.temp)},
            "steps": self.steps,
            "needs": {
                key: {"result": one.result, "outputs": one.outputs} for key, one in needed.items()
            },
            "env": {},
        }

    def go(self) -> Job:
        functions = self._functions(lambda: self.needs_met)
        if not holds(str(self.job.get("if", "success()")), self.context, functions):
            self.result.result = "skipped"
            return self.result
        if "environment" in self.job:
            self.runner.on_environment(self._filled(self.job["environment"], functions))
        functions = self._functions(lambda: not self.failed)
        for row in self.job["steps"]:
            self._step(row, functions)
        self.result.result = "failure" if self.failed else "success"
        self.result.outputs = {
            key: "" if key in self.runner.lost_outputs else self._filled(text, functions)
            for key, text in (self.job.get("outputs") or {}).items()
        }
        summary = self.folder / "summary"
        self.result.summary = summary.read_text() if summary.exists() else ""
        return self.result

    def _functions(self, well: Callable[[], bool]) -> dict[str, Callable[..., Any]]:
        return {
            "success": well,
            "failure": lambda: not well(),
            "always": lambda: True,
            "cancelled": lambda: False,
        }

    def _filled(self, value: Any, functions: Mapping[str, Callable[..., Any]]) -> str:
        return fill(str(value), self.context, functions)

    def _step(self, row: Mapping[str, Any], functions: Mapping[str, Callable[..., Any]]) -> None:
        step = Step(row.get("name", row.get("uses", "")), "skipped", "skipped")
        self.result.steps.append(step)
        self.context["env"] = {
            key: self._filled(value, functions)
            for part in (self.env, self.job.get("env"), row.get("env"))
            for key, value in (part or {}).items()
        }
        if holds(str(row.get("if", "success()")), self.context, functions):
            ok = self._uses(row, functions) if "uses" in row else self._bash(row["run"], step)
            step.outcome = "success" if ok else "failure"
            tolerated = ok or row.get("continue-on-error") is True
            step.conclusion = "success" if tolerated else "failure"
            self.failed = self.failed or not tolerated
        if "id" in row:
            self.steps[row["id"]] = {
                "outputs": step.outputs, "outcome": step.outcome, "conclusion": step.conclusion
            }  # fmt: skip

    def _bash(self, script: str, step: Step) -> bool:
        assert "${{" not in script, "values go into scripts by the environment"
        files = {
            name: self.folder / f"{name}-{len(self.result.steps)}" for name in ("output", "env")
        }
        for path in files.values():
            path.touch()
        path = self.folder / "step.sh"
        path.write_text(script)
        done = subprocess.run(
            ["bash", "-e", str(path)],
            cwd=self.workspace,
            env=self._environment(files),
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
            stdin=subprocess.DEVNULL,
        )
        step.log = done.stdout + done.stderr
        assert "Traceback" not in step.log, step.log
        step.outputs |= _outputs(files["output"].read_text().splitlines())
        assert files["env"].read_text() == ""
        return done.returncode == 0

    def _environment(self, files: Mapping[str, Path]) -> dict[str, str]:
        trigger = self.trigger
        event = self.folder / "event.json"
        event.write_text(json.dumps(trigger.event))
        kept = {
            name: value
            for name, value in os.environ.items()
            if name in {"LANG", "SYSTEMROOT"} or name.startswith("COV")
        }
        return {
            **kept,
            "PATH": f"{self.runner.folder / 'bin'}{os.pathsep}{os.environ['PATH']}",
            "HOME": str(self.folder),
            "CI": "true",
            "GITHUB_ACTIONS": "true",
            "GITHUB_EVENT_NAME": trigger.name,
            "GITHUB_EVENT_PATH": str(event),
            "GITHUB_OUTPUT": str(files["output"]),
            "GITHUB_ENV": str(files["env"]),
            "GITHUB_REF": trigger.ref,
            "GITHUB_REF_NAME": trigger.ref_name,
            "GITHUB_REF_TYPE": trigger.ref_type,
            "GITHUB_REPOSITORY": REPOSITORY,
            "GITHUB_RUN_ID": str(self.runner.runs),
            "GITHUB_SERVER_URL": "https://github.com",
            "GITHUB_SHA": trigger.sha,
            "GITHUB_STEP_SUMMARY": str(self.folder / "summary"),
            "GITHUB_WORKSPACE": str(self.workspace),
            "RUNNER_TEMP": str(self.temp),
            "STAND_IN_PIP": str(self.runner.folder / "pip"),
            **self.context["env"],
        }

    def _uses(self, row: Mapping[str, Any], functions: Mapping[str, Callable[..., Any]]) -> bool:
        settings = {k: self._filled(v, functions) for k, v in (row.get("with") or {}).items()}
        match row["uses"].partition("@")[0]:
            case "actions/checkout":
                self._check_out(settings)
            case "actions/setup-python":
                assert settings["python-version"]
            case "actions/upload-artifact":
                self._upload(settings)
            case name:
                raise AssertionError(f"the harness does not know the action {name}")
        return True

    def _check_out(self, settings: Mapping[str, str]) -> None:
        assert self.permissions.get("contents") == "read"
        assert settings["persist-credentials"].lower() == "false"
        depth = settings.get("fetch-depth", "1")
        git = ["git", "-C", str(self.workspace)]
        fetch = ["fetch", "--quiet", f"--depth={depth}", self.runner.origin.as_uri()]
        for arguments in (["init", "--quiet"], [*fetch, self.trigger.sha],
                          ["checkout", "--quiet", "--detach", "FETCH_HEAD"]):  # fmt: skip
            subprocess.run([*git, *arguments], check=True, capture_output=True)

    def _upload(self, settings: Mapping[str, str]) -> None:
        target = self.runner.folder / "artifacts" / str(self.runner.runs) / settings["name"]
        for line in settings["path"].split("\n"):
            source = Path(line.strip())
            if line.strip() and source.exists():
                target.mkdir(parents=True, exist_ok=True)
                shutil.copy(source, target)
