"""The one interface to a place that hosts git, pull requests and issues."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Protocol

from reconciler.errors import ReconcilerError

Document = Mapping[str, Any]

_COMMIT = re.compile(r"[0-9a-f]{40}|[0-9a-f]{64}")


@dataclass(frozen=True, slots=True)
class Post:
    """A comment or an issue; `number` is what it is edited by, `author` who first wrote it.

    `written` is when it was written last; None where the forge does not say.
    """

    number: int
    author: str
    body: str
    url: str | None = None
    written: datetime | None = None


@dataclass(frozen=True, slots=True)
class RequestState:
    """A pull request at this moment: whether it is open, and the newest commit of its branch."""

    open: bool
    head: str


@dataclass(frozen=True, slots=True)
class MergedRequest:
    """A pull request that was merged: the commit of its branch that was, and when."""

    number: int
    head: str
    at: datetime


@dataclass(frozen=True, slots=True)
class LastEdit:
    """When a comment was written last; `by` is who edited it, None where nobody did.

    `by` holds words where the editor is not known.
    """

    by: str | None
    at: datetime


@dataclass(frozen=True, slots=True)
class MainBranch:
    """The branch whose files count: its name, and the commit that it is at."""

    name: str
    commit: str


class Forge(Protocol):
    """A project on a forge, as a workflow's run sees it.

    `author` is who this workflow writes as: only what that one wrote is ever read back or edited.
    `by_hand` says how a person applies a plan that nobody reviewed here, as the end of a sentence.
    `commit` is what this run is for, and `branch` where it came from; None for a tag.
    `longest` is the most characters of a report in a comment or an issue.
    `run` names this run, to find its artifacts again, and `run_url` is where a person sees it.
    Every method raises `ReconcilerError` where the forge cannot be asked.
    """

    author: str
    by_hand: str
    longest: int
    run: str | None
    run_url: str | None
    commit: str | None
    branch: str | None

    def current_request(self) -> int | None:
        """Return the pull request that this run is about, if it is about one."""

    def current_head(self) -> str | None:
        """Return the commit of that pull request's branch that this run is for."""

    def request(self, request: int) -> RequestState:
        """Return a pull request as it is at this moment."""

    def main_branch(self) -> MainBranch:
        """Return the default branch as it is at this moment."""

    def merged_request(self) -> MergedRequest | None:
        """Return the pull request into the branch of this run whose merge made its commit.

        Raises `RefusedError` where there are several.
        """

    def comments(self, request: int) -> tuple[Post, ...]:
        """Return every comment on a pull request, oldest first."""

    def put_comment(self, request: int, body: str, comment: int | None) -> str | None:
        """Write a comment, or edit the one that is given, and return its address."""

    def last_edit(self, request: int, comment: Post) -> LastEdit:
        """Return when a comment was written last, and by whom where the forge tells that.

        Raises `RefusedError` where the forge does not say when.
        """

    def open_issues(self) -> tuple[Post, ...]:
        """Return every open issue that `author` opened, oldest first."""

    def put_issue(self, title: str, body: str, issue: int | None) -> str | None:
        """Open an issue, or edit the one that is given, and return its address."""

    def close_issue(self, issue: int, body: str) -> None:
        """Say why an issue is closed, and close it."""

    def plan_of_run(self, run: str) -> Document | None:
        """Return the plan that another run kept as an artifact; None where it is not there."""


def commit_of(told: object) -> str:
    """Return what a forge gives as a commit; raises `ReconcilerError` where it is none."""
    if isinstance(told, str) and _COMMIT.fullmatch(told):
        return told
    raise ReconcilerError("the forge does not say at which commit a pull request is")


def moment_of(told: object) -> datetime:
    """Return what a forge gives as a moment; raises `ReconcilerError` where it is none."""
    try:
        moment = datetime.fromisoformat(told if isinstance(told, str) else "")
    except ValueError:
        moment = None
    if moment is None or moment.tzinfo is None:
        raise ReconcilerError("the forge does not say when something happened")
    return moment
