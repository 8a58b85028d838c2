"""A project with its licenses in git, on a stand-in for GitHub, over a real licensing server."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path
from typing import Any

import requests

from reconciler.cli import demo_files
from reconciler.cli.starter import starter_files, write_starter
from tests.workflows.gh import moment
from tests.workflows.runner import REPOSITORY, Job, Runner, Trigger

KEY = "key-of-the-owner-0123456789"
MACHINES = (demo_files.OLD_RUNNER, demo_files.STEADY_RUNNER)
AS_IT_IS = demo_files.USERS
TRANSFER = tuple(
    demo_files.transfer("bob@example.com", "carol@example.com")
    if email == demo_files.TRANSFERRED
    else email
    for email in AS_IT_IS
)
LEAVER_GONE = tuple(email for email in AS_IT_IS if email != demo_files.LEAVER)


def git(folder: Path, *arguments: str) -> str:
    name = ("-c", "user.name=Ada", "-c", "user.email=ada@example.com", "-c", "commit.gpgsign=false")
    done = subprocess.run(
        ["git", *name, *arguments], cwd=folder, check=True, capture_output=True, text=True
    )
    return done.stdout.strip()


@dataclass(slots=True)
class Project:
    """The repository, its pull requests and what runs for them."""

    folder: Path
    url: str
    workflows: Path
    prefix: str = "licenses-"
    inputs: dict[str, str] = field(default_factory=dict)
    runner: Runner = field(init=False)

    def __post_init__(self) -> None:
        hub = self.folder / "hub"
        self.runner = Runner(
            hub, self.origin, {"RECONCILER_API_URL": self.url}, {"RECONCILER_API_KEY": KEY}
        )
        self._save({"pulls": {}, "comments": {}, "issues": {}, "next": 100, "clock": 0})
        write_starter(self.origin, starter_files("github", package="x", organization=101))
        (self.origin / "orgs" / "example.yaml").unlink()
        self._write(AS_IT_IS)
        git(self.origin, "init", "--quiet", "--initial-branch", "main")
        git(self.origin, "config", "uploadpack.allowAnySHA1InWant", "true")
        self._commit("as it is")

    @property
    def origin(self) -> Path:
        return self.folder / "origin"

    @property
    def hub(self) -> dict[str, Any]:
        return dict(json.loads((self.folder / "hub" / "hub.json").read_text()))

    def comments(self, request: int) -> list[str]:
        rows = self.hub["comments"].values()
        return [row["body"] for row in rows if row["issue"] == request]

    def issues(self) -> list[dict[str, Any]]:
        return list(self.hub["issues"].values())

    def change_hub(self, **parts: Any) -> None:
        self._save({**self.hub, **parts})

    # What people do.

    def open_request(
        self, users: Iterable[str], *, fork: bool = False, by: str = "ada", base: str = "main"
    ) -> int:
        """Open a pull request that wants these users."""
        state = self.hub
        number = state["next"] = state["next"] + 1
        git(self.origin, "switch", "--quiet", "--create", f"change-{number}", "main")
        self._write(users)
        state["pulls"][str(number)] = {
            "state": "open",
            "base": {"ref": base},
            "user": {"login": by},
            "head": {
                "sha": self._commit("a change"),
                "repo": {"full_name": "mallory/licenses" if fork else REPOSITORY},
            },
            "merged_at": None,
            "merge_commit_sha": None,
        }
        git(self.origin, "switch", "--quiet", "main")
        self._save(state)
        return int(number)

    def edit(self, request: int, by: str, body: str | None = None) -> None:
        """Edit the comment with the plan otherwise; "" is an account that is gone since."""
        state = self.hub
        row = next(row for row in state["comments"].values() if row["issue"] == request)
        row |= {"editor": by, "edited_at": self._now(state), "body": body or row["body"]}
        self._save(state)

    def close(self, request: int, *, again_open: bool = False) -> None:
        """Close a pull request without a merge, or open it again."""
        state = self.hub
        state["pulls"][str(request)]["state"] = "open" if again_open else "closed"
        self._save(state)

    def push(self, request: int, users: Iterable[str] | str) -> None:
        """Push one more commit to a pull request: other users, or any text as the file."""
        state = self.hub
        assert state["pulls"][str(request)]["merged_at"] is None, "a merged one keeps its head"
        git(self.origin, "switch", "--quiet", f"change-{request}")
        self._write(users)
        state["pulls"][str(request)]["head"]["sha"] = self._commit("one more change")
        git(self.origin, "switch", "--quiet", "main")
        self._save(state)

    def merge(self, request: int, *, how: str = "merge") -> None:
        """Merge a pull request with a merge commit, or by squash or rebase."""
        branch, message = f"change-{request}", f"Merge {request}"
        match how:
            case "merge":
                git(self.origin, "merge", "--quiet", "--no-ff", "-m", message, branch)
            case "squash":
                git(self.origin, "merge", "--quiet", "--squash", branch)
                git(self.origin, "commit", "--quiet", "--message", message)
            case _:
                commits = git(self.origin, "rev-list", "--reverse", f"main..{branch}").split()
                # GitHub's rebase makes new commits always.
                git(self.origin, "cherry-pick", "--no-ff", *commits)
                git(self.origin, "commit", "--quiet", "--amend", "--message", message)
        state = self.hub
        state["pulls"][str(request)] |= {
            "state": "closed",
            "merged_at": self._now(state),
            "merge_commit_sha": git(self.origin, "rev-parse", "HEAD"),
        }
        self._save(state)

    def commit_directly(self, users: Iterable[str]) -> None:
        self._write(users)
        self._commit("without a pull request")

    # What runs then.

    def run_plan(self, request: int, **changed: Any) -> dict[str, Job]:
        """Run the plan of a pull request, or again that of an older event where some changed."""
        pull = {"number": request, **self.hub["pulls"][str(request)]}
        git(self.origin, "switch", "--quiet", "--detach", "main")
        git(self.origin, "merge", "--quiet", "--no-ff", "-m", "merged", f"change-{request}")
        sha = git(self.origin, "rev-parse", "HEAD")
        git(self.origin, "switch", "--quiet", "main")
        event = {"action": "synchronize", "pull_request": {**pull, **changed}}
        return self._run(
            "plan", Trigger("pull_request", sha, f"{request}/merge", event, self.inputs)
        )

    @property
    def head(self) -> str:
        return git(self.origin, "rev-parse", "refs/heads/main")

    def run_apply(
        self, expect: str = "", *, branch: str = "main", sha: str = "", ref_type: str = "branch"
    ) -> dict[str, Job]:
        """Run the apply of a branch's newest commit, or again that of an older one."""
        name = "workflow_dispatch" if expect else "push"
        sha = sha or git(self.origin, "rev-parse", f"refs/heads/{branch}")
        event = {"repository": {"default_branch": "main"}}
        inputs = {**self.inputs, "expect": expect}
        return self._run("apply", Trigger(name, sha, branch, event, inputs, ref_type))

    def run_drift(self, branch: str = "") -> Job:
        sha = git(self.origin, "rev-parse", branch or "main")
        if branch:
            event: dict[str, Any] = {"repository": {"default_branch": "main"}}
            trigger = Trigger("workflow_dispatch", sha, branch, event, self.inputs)
        else:
            # The event of a schedule says nothing of the repository.
            event = {"schedule": "17 5 * * *"}
            trigger = Trigger("schedule", sha, "main", event, self.inputs)
        return self._run("drift", trigger)["drift"]

    # What happens in the licensing system meanwhile.

    def licensed(self) -> set[str]:
        body = {
            "type": "UserOrganizationFeature",
            "conditions": [{"key": "Organization.id", "operator": "=", "value": "101"}],
        }
        rows = self._ask("search", body)["content"]
        return {row["userEmail"].partition("@")[0] for row in rows if row["feature"] == "KSE"}

    def revoke(self, *names: str) -> None:
        emails = [f"{name}@example.com" for name in names]
        self._ask("organizations/101/licensed-users/remove", {"feature": "KSE", "emails": emails})

    def grant(self, *names: str) -> None:
        emails = [f"{name}@example.com" for name in names]
        self._ask("organizations/101/licensed-users", {"feature": "KSE", "emails": emails})

    @staticmethod
    def _now(state: dict[str, Any]) -> str:
        state["clock"] += 1
        return moment(state["clock"])

    def _ask(self, path: str, body: dict[str, Any]) -> dict[str, Any]:
        answer = requests.post(f"{self.url}/api/v1/{path}", json=body, auth=("", KEY), timeout=10)
        assert answer.status_code == 200, answer.text
        return dict(answer.json())

    def _run(self, name: str, trigger: Trigger) -> dict[str, Job]:
        return self.runner.run(self.workflows / f"{self.prefix}{name}.yml", trigger)

    def _write(self, users: Iterable[str] | str) -> None:
        text = users if isinstance(users, str) else demo_files.organization(tuple(users), MACHINES)
        (self.origin / "orgs" / "demo.yaml").write_text(text)

    def _commit(self, message: str) -> str:
        git(self.origin, "add", "--all")
        git(self.origin, "commit", "--quiet", "--message", message)
        return git(self.origin, "rev-parse", "HEAD")

    def _save(self, state: dict[str, Any]) -> None:
        (self.folder / "hub" / "hub.json").write_text(json.dumps(state))


def snapshot() -> dict[str, Any]:
    return demo_files.snapshot(date.today())  # noqa: DTZ011 - the day of this machine's server
