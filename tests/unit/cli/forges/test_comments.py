"""When a plan becomes a comment, and for which commit it is said to be."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import pytest

from reconciler.cli.forges.comments import put_comment, put_plan
from reconciler.cli.forges.markers import Marker, marked, read_marker
from reconciler.cli.forges.protocol import Post, RequestState
from reconciler.errors import RefusedError

HEAD, MERGE, OTHER = 40 * "a", 40 * "b", 40 * "c"
DIGEST = "sha256:" + 64 * "1"


@dataclass
class Desk:
    """A forge with one pull request, 5, and the run of that one."""

    current: int | None = 5
    is_open: bool = True
    head: str = HEAD
    commit: str | None = MERGE
    author: str = "bot"
    run: str | None = "7"
    posts: dict[int, str] = field(default_factory=dict)

    def current_request(self) -> int | None:
        return self.current

    def current_head(self) -> str | None:
        return HEAD if self.current else None

    def request(self, request: int) -> RequestState:
        return RequestState(self.is_open, self.head)

    def comments(self, request: int) -> tuple[Post, ...]:
        return tuple(Post(number, "bot", body) for number, body in self.posts.items())

    def put_comment(self, request: int, body: str, comment: int | None) -> None:
        self.posts[comment or len(self.posts) + 1] = body


def plan(revision: str | None, *, dirty: bool = False) -> dict[str, Any]:
    return {"config": {"revision": revision, "dirty": dirty}, "changes_digest": DIGEST}


def put(desk: Desk, document: dict[str, Any] | None) -> Marker | None:
    put_plan(desk, 5, "plan", document, "text")  # type: ignore[arg-type]
    (body,) = desk.posts.values()
    return read_marker(body)


@pytest.mark.parametrize("revision", [MERGE, HEAD, None])
def test_the_plan_of_a_run_is_for_the_commit_of_its_pull_request(revision: str | None) -> None:
    assert put(Desk(), plan(revision)) == Marker("plan", DIGEST, "7", HEAD)


def test_outside_of_its_run_a_plan_is_for_the_commit_that_it_was_made_from() -> None:
    assert put(Desk(current=None), plan(HEAD)) == Marker("plan", DIGEST, "7", HEAD)


@pytest.mark.parametrize(
    ("desk", "document", "said"),
    [
        (Desk(), plan(OTHER), f"made from the commit {OTHER}, and this run is for {MERGE}"),
        (Desk(), plan(MERGE, dirty=True), "files that are in no commit"),
        (Desk(is_open=False), plan(MERGE), "is not open any more"),
        (Desk(is_open=False), None, "is not open any more"),
        (Desk(head=OTHER), plan(MERGE), f"this plan is for {HEAD}, and its newest commit is"),
        (Desk(head=OTHER), None, "has moved on"),
        (Desk(current=None), plan(None), "nothing says for which commit"),
        (Desk(current=None), plan(MERGE), "has moved on"),
        (Desk(current=4), plan(MERGE), "has moved on"),
        (Desk(current=4, head=OTHER), plan(HEAD), "has moved on"),
    ],
)
def test_any_other_plan_is_not_written(
    desk: Desk, document: dict[str, Any] | None, said: str
) -> None:
    desk.posts[1] = before = marked(Marker("plan", DIGEST, "6", HEAD), "text")
    with pytest.raises(RefusedError, match=said):
        put(desk, document)
    assert desk.posts == {1: before}


def test_no_plan_takes_the_digest_away() -> None:
    desk = Desk(posts={1: marked(Marker("plan", DIGEST, "6", HEAD), "text")})
    assert put(desk, None) == Marker("plan", None, "7", HEAD)


def test_what_is_written_after_the_merge_holds_no_digest() -> None:
    desk = Desk(is_open=False)
    text = f"<!-- reconciler: changes={DIGEST} -->\n<!-- reconciler-ci: plan -->\ntext"
    put_comment(desk, 5, "plan.applied", text)  # type: ignore[arg-type]
    assert read_marker(desk.posts[1]) == Marker("plan.applied", None, "7")
