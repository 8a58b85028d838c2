"""GitLab, as a job of GitLab CI sees it."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

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
from reconciler.cli.secrets import redacted_data
from reconciler.errors import ReconcilerError, RefusedError, UsageError

if TYPE_CHECKING:
    import requests

TOKEN = "RECONCILER_GITLAB_TOKEN"  # noqa: S105 - the name of a variable, not a token
"""The variable that holds a token with the scope `api`; a job's own token may not comment."""

_ARTIFACT = "reconciler-out/plan.json"
_SECONDS = 60
_PAGE = 100


class GitLab:
    """A project on GitLab; everything about the run comes from the job's environment."""

    def __init__(self, environ: Mapping[str, str]) -> None:
        """Raise `UsageError` where this is no job of GitLab CI, or the token is missing."""
        import requests

        project, api = environ.get("CI_PROJECT_ID", ""), environ.get("CI_API_V4_URL", "")
        if not project.isdigit() or not api:
            raise UsageError(
                "CI_PROJECT_ID and CI_API_V4_URL do not name a project",
                hint="this command is for a job of GitLab CI",
            )
        token = environ.get(TOKEN, "").strip()
        if not token:
            raise UsageError(
                f"{TOKEN} is not set",
                hint="make a project access token with the scope `api` and the role Developer, and "
                "keep it as a masked CI/CD variable",
            )
        self._session: requests.Session = requests.Session()
        self._session.headers["PRIVATE-TOKEN"] = token
        self._api = api.rstrip("/")
        self._project = f"projects/{project}"
        self._request = environ.get("CI_MERGE_REQUEST_IID", "")
        # GitLab takes a million in a note.
        self.longest = 900_000
        # Set where the pipeline is for the merged result, whose commit is GitLab's own.
        self._head = environ.get("CI_MERGE_REQUEST_SOURCE_BRANCH_SHA") or None
        self.by_hand = (
            "run a pipeline on the default branch, with LICENSES_EXPECT set to its changes digest"
        )
        self.commit = environ.get("CI_COMMIT_SHA") or None
        self.branch = environ.get("CI_COMMIT_BRANCH") or None
        self.run = environ.get("CI_JOB_ID") or None
        self.run_url = environ.get("CI_JOB_URL") or None
        self.author = str(self._ask("GET", "user")["username"])

    def current_request(self) -> int | None:
        """Return the number of the job's merge request."""
        return int(self._request) if self._request.isdigit() else None

    def current_head(self) -> str | None:
        """Return the commit of the merge request's branch that the job is for."""
        return (self._head or self.commit) if self._request.isdigit() else None

    def request(self, request: int) -> RequestState:
        """Return a merge request as it is at this moment."""
        row = self._ask("GET", f"{self._project}/merge_requests/{request}")
        return RequestState(row.get("state") == "opened", commit_of(row.get("sha")))

    def main_branch(self) -> MainBranch:
        """Return the project's default branch, and the commit at its head."""
        name = str(self._ask("GET", self._project)["default_branch"])
        row = self._ask("GET", f"{self._project}/repository/branches/{quote(name, safe='')}")
        return MainBranch(name, str(row["commit"]["id"]))

    def merged_request(self) -> MergedRequest | None:
        """Return the merge request into this branch whose merge made the commit of this job.

        Raises `RefusedError` where there are several.
        """
        if self.commit is None:
            return None
        path = f"{self._project}/repository/commits/{self.commit}/merge_requests"
        made = ("merge_commit_sha", "squash_commit_sha", "sha")
        found = [
            row
            for row in self._pages(path)
            if row.get("state") == "merged" and row.get("target_branch") == self.branch
            if self.commit in {row.get(key) for key in made}
        ]
        if len(found) > 1:
            raise RefusedError(
                f"the merge requests {', '.join(str(row['iid']) for row in found)} were merged by "
                f"one commit, {self.commit}",
                hint=f"look at the fresh plan in this job; where it is right, {self.by_hand}",
            )
        for row in found:
            head = commit_of(row.get("sha"))
            return MergedRequest(int(row["iid"]), head, moment_of(row.get("merged_at")))
        return None

    def comments(self, request: int) -> tuple[Post, ...]:
        """Return the notes on the merge request."""
        path = f"{self._project}/merge_requests/{request}/notes?sort=asc&order_by=created_at"
        return tuple(_note(row) for row in self._pages(path))

    def put_comment(self, request: int, body: str, comment: int | None) -> str | None:
        """Write or edit a note on the merge request."""
        path = f"{self._project}/merge_requests/{request}/notes"
        if comment is None:
            self._ask("POST", path, {"body": body})
        else:
            self._ask("PUT", f"{path}/{comment}", {"body": body})
        return None

    def last_edit(self, request: int, comment: Post) -> LastEdit:
        """Return when a note was written last; GitLab's REST API does not tell by whom."""
        if comment.written is None:
            raise RefusedError(
                f"GitLab does not say when the note on merge request {request} was written",
                hint=f"look at the fresh plan in this job; where it is right, {self.by_hand}",
            )
        return LastEdit(None, comment.written)

    def open_issues(self) -> tuple[Post, ...]:
        """Return the open issues of the token's owner."""
        path = (
            f"{self._project}/issues?state=opened&scope=all&order_by=created_at&sort=asc"
            f"&author_username={self.author}"
        )
        return tuple(
            Post(row["iid"], self.author, row.get("description") or "", row.get("web_url"))
            for row in self._pages(path)
            if (row.get("author") or {}).get("username") == self.author
        )

    def put_issue(self, title: str, body: str, issue: int | None) -> str | None:
        """Open or edit an issue."""
        fields = {"title": title, "description": body}
        path = f"{self._project}/issues"
        if issue is None:
            row = self._ask("POST", path, fields)
        else:
            row = self._ask("PUT", f"{path}/{issue}", fields)
        url = row.get("web_url")
        return str(url) if url else None

    def close_issue(self, issue: int, body: str) -> None:
        """Comment on an issue and close it."""
        path = f"{self._project}/issues/{issue}"
        self._ask("POST", f"{path}/notes", {"body": body})
        self._ask("PUT", path, {"state_event": "close"})

    def plan_of_run(self, run: str) -> Document | None:
        """Return the plan among the artifacts of a job, while those are kept."""
        try:
            document = self._ask("GET", f"{self._project}/jobs/{run}/artifacts/{_ARTIFACT}")
        except ReconcilerError:
            return None
        return document if isinstance(document, dict) else None

    def _pages(self, path: str) -> Iterator[Mapping[str, Any]]:
        page = 1
        while True:
            mark = "&" if "?" in path else "?"
            rows = self._ask("GET", f"{path}{mark}per_page={_PAGE}&page={page}")
            yield from rows
            if len(rows) < _PAGE:
                return
            page += 1

    def _ask(self, method: str, path: str, fields: Mapping[str, Any] | None = None) -> Any:
        import requests

        try:
            answer = self._session.request(
                method,
                f"{self._api}/{path}",
                json=redacted_data(fields, os.environ),
                timeout=_SECONDS,
                # The token must not follow an answer to another place.
                allow_redirects=False,
            )
            if answer.status_code >= 300:
                raise ReconcilerError(
                    f"GitLab answers {answer.status_code} to {method} {path.partition('?')[0]}",
                    hint=f"check the scope (`api`) and the role of the token in {TOKEN}",
                )
            return answer.json()
        except (requests.RequestException, ValueError) as error:
            raise ReconcilerError(f"GitLab cannot be asked: {type(error).__name__}") from error


def _note(row: Mapping[str, Any]) -> Post:
    author = str((row.get("author") or {}).get("username"))
    times = [row.get("created_at"), row.get("updated_at")]
    written = max(map(moment_of, times)) if all(times) else None
    return Post(row["id"], author, row.get("body") or "", written=written)
