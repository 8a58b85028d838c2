"""The digest that was reviewed: what the comment on the merged pull request says."""

from __future__ import annotations

import re
from dataclasses import dataclass

from reconciler.cli.forges.comments import find_all
from reconciler.cli.forges.markers import read_marker
from reconciler.cli.forges.protocol import Document, Forge
from reconciler.errors import RefusedError, UsageError

_DIGEST = re.compile(r"sha256:[0-9a-f]{64}")


@dataclass(frozen=True, slots=True)
class Reviewed:
    """A digest that somebody reviewed, where, and the run that made its plan."""

    digest: str
    request: int | None = None
    run: str | None = None


def reviewed_by_hand(digest: str) -> Reviewed:
    """Return a digest that a person gave; raises `UsageError` where it is none."""
    digest = digest.strip()
    if not _DIGEST.fullmatch(digest):
        raise UsageError(
            f"{digest!r} is no changes digest", hint="it is `sha256:` and 64 hexadecimal digits"
        )
    return Reviewed(digest)


def reviewed_by_merge(forge: Forge, name: str) -> Reviewed:
    """Return the digest in the comment on the pull request that made this run's commit.

    Raises `RefusedError` where there is no such pull request, comment or digest, or more than one,
    where somebody else than its author edited the comment, where it was written after the merge,
    and where its plan was made for another commit than the one that was merged.
    """
    hint = f"look at the fresh plan in this run; where it is right, {forge.by_hand}"
    merged = forge.merged_request()
    if merged is None:
        raise RefusedError(
            f"no merged pull request made the commit {forge.commit}, so nobody reviewed its plan",
            hint=hint,
        )
    request = merged.number
    found = find_all(forge.comments(request), name, forge.author)
    marker = read_marker(found[0].body) if found else None
    if marker is None or marker.digest is None:
        raise RefusedError(
            f"pull request {request} has no plan in a comment of {forge.author}: it came from a "
            "fork, or its last plan failed",
            hint=hint,
        )
    if len(found) > 1:
        raise RefusedError(
            f"pull request {request} has {len(found)} comments with a plan, and only one can have "
            "been reviewed",
            hint=hint,
        )
    edit = forge.last_edit(request, found[0])
    the_comment = f"the comment with the plan on pull request {request}"
    if edit.by is not None and _plain(edit.by) != _plain(forge.author):
        raise RefusedError(f"{the_comment} was edited by {edit.by}", hint=hint)
    if edit.at >= merged.at:
        raise RefusedError(
            f"{the_comment} was written at {edit.at.isoformat()}, and merged was it at "
            f"{merged.at.isoformat()}: whoever merged it has not seen that plan",
            hint=hint,
        )
    if marker.head != merged.head:
        raise RefusedError(
            f"the plan on pull request {request} was made for "
            f"{marker.head or 'nobody knows which commit'}, and merged was {merged.head}",
            hint=hint,
        )
    return Reviewed(marker.digest, request, marker.run)


def nothing_to_review(fresh: Document) -> Reviewed | None:
    """Return the digest of a fresh plan that changes nothing; None for any other plan.

    It needs no review, and with its digest nothing but such a plan can be applied.
    """
    if fresh.get("unread") or any(row["changes"] for row in fresh["organizations"]):
        return None
    return Reviewed(str(fresh["changes_digest"]))


def check_newest(forge: Forge) -> None:
    """Raise `RefusedError` unless this run is for the newest commit of the default branch.

    A run that waited, or that somebody starts again, is for files that may have been taken back.
    """
    main = forge.main_branch()
    if forge.branch != main.name:
        where = f"the branch {forge.branch}" if forge.branch else "no branch"
        raise RefusedError(
            f"this run is of {where}, and only {main.name} is what was agreed",
            hint=f"start it on the branch {main.name}",
        )
    if forge.commit != main.commit:
        raise RefusedError(
            f"{main.name} has moved on: this run is for {forge.commit}, and the newest commit is "
            f"{main.commit}",
            hint=f"the run for that commit applies what is wanted now; where it stops, "
            f"{forge.by_hand}",
        )


def _plain(login: str) -> str:
    # The two APIs of GitHub spell the name of a bot with and without this ending.
    return login.removesuffix("[bot]")
