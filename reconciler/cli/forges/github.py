"""GitHub, as a step of GitHub Actions sees it."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from tempfile import TemporaryDirectory
from time import sleep
from typing import Any
from urllib.parse import quote

from reconciler.cli.forges import gh
from reconciler.cli.forges.protocol import (
    Document,
    LastEdit,
    MainBranch,
    MergedRequest,
    Post,
    RequestState,
    commit_of,
    moment_of,
)
from reconciler.cli.plan_files import read_document
from reconciler.errors import ConfigurationError, ReconcilerError, RefusedError, UsageError
from reconciler.file_text import MAX_FILE_SIZE, read_bytes
from reconciler.reports.spans import LIMIT
from reconciler.strict_json import read_json

AUTHOR = "github-actions[bot]"
"""Who the token of a workflow writes as."""

ARTIFACT = "reconciler-plan"
"""The name under which the workflow of a pull request keeps its plan."""

# Right after a merge, GitHub may not know yet which pull request a commit belongs to.
_WAITS = (1, 2, 4)
_EDITOR = (
    "query($id: ID!) { node(id: $id) { ... on IssueComment { editor { login } lastEditedAt } } }"
)
_EDITED = {"editor", "lastEditedAt"}
_BRANCH = "refs/heads/"


class GitHub:
    """A repository on GitHub; everything about the run comes from the runner's environment."""

    def __init__(self, environ: Mapping[str, str], *, author: str = AUTHOR) -> None:
        """Raise `UsageError` where this is no step of GitHub Actions."""
        self._repository = environ.get("GITHUB_REPOSITORY", "")
        if not re.fullmatch(r"[\w.-]+/[\w.-]+", self._repository):
            raise UsageError(
                "GITHUB_REPOSITORY does not name a repository",
                hint="this command is for a step of GitHub Actions",
            )
        self.author = author
        self.longest = LIMIT
        self.by_hand = "run the workflow that applies by hand, with its changes digest"
        self.commit = environ.get("GITHUB_SHA") or None
        ref = environ.get("GITHUB_REF", "")
        self.branch = ref.removeprefix(_BRANCH) if ref.startswith(_BRANCH) else None
        self.run = environ.get("GITHUB_RUN_ID") or None
        server = environ.get("GITHUB_SERVER_URL") or "https://github.com"
        self.run_url = f"{server}/{self._repository}/actions/runs/{self.run}" if self.run else None
        self._event = environ.get("GITHUB_EVENT_PATH")
        self._nodes: dict[int, str] = {}

    def current_request(self) -> int | None:
        """Return the number of the pull request in the run's event."""
        number = self._pull_request().get("number")
        return number if isinstance(number, int) else None

    def current_head(self) -> str | None:
        """Return the head commit of the pull request in the run's event.

        The commit that is checked out is another one: GitHub's merge of that one with the base.
        """
        row = self._pull_request()
        return commit_of((row.get("head") or {}).get("sha")) if row else None

    def request(self, request: int) -> RequestState:
        """Return a pull request as it is at this moment."""
        row = gh.api("GET", self._path(f"pulls/{request}"))
        is_open = row.get("state") == "open" and not row.get("merged_at")
        return RequestState(is_open, commit_of((row.get("head") or {}).get("sha")))

    def main_branch(self) -> MainBranch:
        """Return the repository's default branch, and the commit at its head."""
        name = str(gh.api("GET", f"repos/{self._repository}")["default_branch"])
        row = gh.api("GET", self._path(f"git/ref/heads/{quote(name)}"))
        return MainBranch(name, str(row["object"]["sha"]))

    def merged_request(self) -> MergedRequest | None:
        """Return the pull request into this branch whose merge commit is the commit of this run.

        The merge commit of GitHub's API is also what a squash or a rebase left at the top. Raises
        `RefusedError` where there are several: with one, others of the same commits count as
        merged too, and nobody can tell which of their plans was reviewed.
        """
        if self.commit is None:
            return None
        for wait in (*_WAITS, None):
            rows = gh.api("GET", self._path(f"commits/{self.commit}/pulls"), pages=True)
            made = [row for row in rows if self._made(row)]
            if len(made) > 1:
                numbers = ", ".join(str(row["number"]) for row in made)
                raise RefusedError(
                    f"the pull requests {numbers} were merged by one commit, {self.commit}",
                    hint=f"look at the fresh plan in this run; where it is right, {self.by_hand}",
                )
            for row in made:
                head = commit_of((row.get("head") or {}).get("sha"))
                return MergedRequest(int(row["number"]), head, moment_of(row["merged_at"]))
            if wait is not None:
                sleep(wait)
        return None

    def comments(self, request: int) -> tuple[Post, ...]:
        """Return the comments in the pull request's conversation."""
        path = self._path(f"issues/{request}/comments?per_page=100")
        rows = gh.api("GET", path, pages=True)
        self._nodes |= {row["id"]: str(row.get("node_id") or "") for row in rows}
        return tuple(_comment(row) for row in rows)

    def put_comment(self, request: int, body: str, comment: int | None) -> str | None:
        """Write or edit a comment in the pull request's conversation."""
        if comment is None:
            row = gh.api("POST", self._path(f"issues/{request}/comments"), {"body": body})
        else:
            row = gh.api("PATCH", self._path(f"issues/comments/{comment}"), {"body": body})
        return _address(row)

    def last_edit(self, request: int, comment: Post) -> LastEdit:
        """Return the last edit: who may write to the repository may edit any comment."""
        node = gh.graphql(_EDITOR, id=self._nodes[comment.number]).get("node")
        if comment.written is None or not isinstance(node, dict) or _EDITED - node.keys():
            raise RefusedError(
                f"GitHub does not say whether the comment with the plan on pull request {request} "
                "was edited",
                hint=f"look at the fresh plan in this run; where it is right, {self.by_hand}",
            )
        editor, edited = node["editor"], node["lastEditedAt"]
        at = comment.written if edited is None else max(comment.written, moment_of(edited))
        if editor:
            return LastEdit(str(editor.get("login") or "somebody"), at)
        # The account may be gone since, and with it the name.
        return LastEdit("somebody whose account is gone" if edited else None, at)

    def open_issues(self) -> tuple[Post, ...]:
        """Return the open issues of this author, without pull requests."""
        path = self._path("issues?state=open&sort=created&direction=asc&per_page=100")
        return tuple(
            Post(row["number"], _login(row), row.get("body") or "", row.get("html_url"))
            for row in gh.api("GET", path, pages=True)
            if "pull_request" not in row and _login(row) == self.author
        )

    def put_issue(self, title: str, body: str, issue: int | None) -> str | None:
        """Open or edit an issue."""
        fields = {"title": title, "body": body}
        if issue is None:
            return _address(gh.api("POST", self._path("issues"), fields))
        return _address(gh.api("PATCH", self._path(f"issues/{issue}"), fields))

    def close_issue(self, issue: int, body: str) -> None:
        """Comment on an issue and close it as completed."""
        gh.api("POST", self._path(f"issues/{issue}/comments"), {"body": body})
        fields = {"state": "closed", "state_reason": "completed"}
        gh.api("PATCH", self._path(f"issues/{issue}"), fields)

    def plan_of_run(self, run: str) -> Document | None:
        """Return the plan among the artifacts of a run, while those are kept."""
        with TemporaryDirectory() as folder:
            command = ["run", "download", run, "--name", ARTIFACT, "--dir", folder]
            try:
                gh.run([*command, "--repo", self._repository])
                document: Document = read_document(str(Path(folder) / "plan.json")).data
            except ReconcilerError:
                return None
        return document

    def _made(self, row: Mapping[str, Any]) -> bool:
        made = row.get("merged_at") and row.get("merge_commit_sha") == self.commit
        return bool(made) and (row.get("base") or {}).get("ref") == self.branch

    def _pull_request(self) -> Mapping[str, Any]:
        """Return the pull request in the run's event, empty where it is about none."""
        if not self._event:
            return {}
        try:
            # Not as a file of ours: runners on Windows end its lines with CR LF.
            content = read_bytes(Path(self._event), self._event, MAX_FILE_SIZE)
            event = read_json(content.decode("utf-8"))
        except ConfigurationError as error:
            why = error.problems[0].message
            raise ReconcilerError(f"GITHUB_EVENT_PATH cannot be read: {why}") from error
        except ValueError as error:
            raise ReconcilerError(f"GITHUB_EVENT_PATH cannot be read: {error}") from error
        if not isinstance(event, dict):
            raise ReconcilerError("GITHUB_EVENT_PATH cannot be read: it holds no mapping")
        found: Mapping[str, Any] = event.get("pull_request") or {}
        return found

    def _path(self, rest: str) -> str:
        return f"repos/{self._repository}/{rest}"


def _comment(row: Mapping[str, Any]) -> Post:
    times = [row.get("created_at"), row.get("updated_at")]
    written = max(map(moment_of, times)) if all(times) else None
    return Post(row["id"], _login(row), row.get("body") or "", row.get("html_url"), written)


def _login(row: Mapping[str, Any]) -> str:
    return str((row.get("user") or {}).get("login") or "")


def _address(row: Mapping[str, Any]) -> str | None:
    url = row.get("html_url")
    return str(url) if url else None
