"""One comment a purpose on a pull request: written once, edited from then on."""

from __future__ import annotations

from collections.abc import Iterable

from reconciler.cli.forges.markers import Marker, marked, read_marker
from reconciler.cli.forges.protocol import Document, Forge, Post
from reconciler.errors import RefusedError


def put_comment(forge: Forge, request: int, name: str, text: str) -> str | None:
    """Write the comment of this name, or edit it where it is there already.

    It is no review: it holds no digest, and may come after the merge.
    """
    return _put(forge, request, Marker(name, None, forge.run), text)


def put_plan(forge: Forge, request: int, name: str, plan: Document | None, text: str) -> str | None:
    """Write the comment by which a plan is reviewed; None is no plan, which takes the digest away.

    Raises `RefusedError` unless the pull request is open and at the commit that the plan is for:
    whoever merged it has not seen what is written later.
    """
    head = forge.current_head() if request == forge.current_request() else None
    if plan is not None:
        head = _head_of(plan, forge, head)
    state = forge.request(request)
    if not state.open:
        raise RefusedError(
            f"pull request {request} is not open any more, so its plan is not written",
            hint="what was merged is applied by the plan that stood there; see docs/ci.md for "
            "applying another one by hand",
        )
    if head is not None and head != state.head:
        raise RefusedError(
            f"pull request {request} has moved on: this plan is for {head}, and its newest commit "
            f"is {state.head}",
            hint="the run for that commit writes its plan",
        )
    digest = None if plan is None else str(plan["changes_digest"])
    return _put(forge, request, Marker(name, digest, forge.run, head), text)


def find(posts: Iterable[Post], name: str, author: str) -> Post | None:
    """Return the first post of this name that this author wrote."""
    return next(iter(find_all(posts, name, author)), None)


def find_all(posts: Iterable[Post], name: str, author: str) -> tuple[Post, ...]:
    """Return every post of this name that this author wrote, in their order."""
    return tuple(post for post in posts if post.author == author and _is_named(post, name))


def _is_named(post: Post, name: str) -> bool:
    marker = read_marker(post.body)
    return marker is not None and marker.name == name


def _put(forge: Forge, request: int, marker: Marker, text: str) -> str | None:
    found = find(forge.comments(request), marker.name, forge.author)
    body = marked(marker, text)
    return forge.put_comment(request, body, None if found is None else found.number)


def _head_of(plan: Document, forge: Forge, head: str | None) -> str:
    """Return the commit of the pull request's branch that a plan was made for.

    The run says it where it is about that pull request, since what is checked out may be a merge of
    that commit with the base; else the plan itself must have been made from it.
    """
    config = plan["config"]
    revision = config.get("revision")
    if config.get("dirty"):
        raise RefusedError(
            "the plan was made from files that are in no commit, so nobody can review them",
            hint="commit every file that the workspace names, and plan again",
        )
    if head is None and revision is None:
        raise RefusedError(
            "nothing says for which commit the plan was made",
            hint="plan in a checkout of the pull request, with git installed",
        )
    if head is not None and revision not in {None, forge.commit, head}:
        raise RefusedError(
            f"the plan was made from the commit {revision}, and this run is for {forge.commit}",
            hint="plan in the checkout of this run",
        )
    return head or str(revision)
