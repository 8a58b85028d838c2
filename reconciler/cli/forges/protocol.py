"""The one interface to a place that hosts git, pull requests and issues."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Protocol

Document = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Post:
    """A comment or an issue; `number` is what it is edited by, `author` who first wrote it."""

    number: int
    author: str
    body: str
    url: str | None = None


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

    def main_branch(self) -> MainBranch:
        """Return the default branch as it is at this moment."""

    def merged_request(self) -> int | None:
        """Return the pull request into the branch of this run whose merge made its commit."""

    def comments(self, request: int) -> tuple[Post, ...]:
        """Return every comment on a pull request, oldest first."""

    def put_comment(self, request: int, body: str, comment: int | None) -> str | None:
        """Write a comment, or edit the one that is given, and return its address."""

    def edited_by(self, request: int, comment: Post) -> str | None:
        """Return who edited a comment last, as words where unknown; None where nobody did."""

    def open_issues(self) -> tuple[Post, ...]:
        """Return every open issue that `author` opened, oldest first."""

    def put_issue(self, title: str, body: str, issue: int | None) -> str | None:
        """Open an issue, or edit the one that is given, and return its address."""

    def close_issue(self, issue: int, body: str) -> None:
        """Say why an issue is closed, and close it."""

    def plan_of_run(self, run: str) -> Document | None:
        """Return the plan that another run kept as an artifact; None where it is not there."""
