"""Whether a fresh plan does what a reviewed one did, and what is different where it does not."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from reconciler.applying import guard
from reconciler.cli.plan_files import EditedPlanError, load_plan
from reconciler.errors import RefusedError, UsageError
from reconciler.reports.write_notes import write_differences

_MOST_TOLD = 20
_DIGEST = re.compile(r"sha256:[0-9a-f]{64}")

Document = Mapping[str, Any]


class UnexpectedChangesError(RefusedError):
    """The changes are not those that were reviewed; `differences` says what came and went."""

    def __init__(self, refusal: RefusedError, differences: tuple[str, ...]) -> None:
        super().__init__(refusal.message, hint=refusal.hint)
        self.differences = differences


def expected(value: str) -> str:
    """Return what `--expect` names: a whole changes digest, or a file that is there.

    Raises `UsageError` for anything else, the empty value above all: a pipeline whose digest got
    lost has no review.
    """
    digest = value.strip()
    if _DIGEST.fullmatch(digest):
        return digest
    if not digest:
        raise UsageError(
            "--expect is empty: it names no review, so nothing is applied",
            hint="give a saved plan, or `sha256:` and the changes digest",
        )
    if not _is_there(value):
        raise UsageError(
            f"--expect {value}: there is no such file, and it is no digest",
            hint="give a saved plan, or `sha256:` and 64 hexadecimal digits",
        )
    return value


def _is_there(path: str) -> bool:
    try:
        return Path(path).exists() and not Path(path).is_dir()
    except OSError:
        return False


def check_expected(fresh: Document, review: str) -> None:
    """Raise unless the fresh plan has the changes that `--expect` names by a plan or a digest.

    `UnexpectedChangesError` where they differ, `RefusedError` where the reviewed plan was edited,
    `UsageError` where there is none.
    """
    review = expected(review)
    reviewed = None if _DIGEST.fullmatch(review) else _reviewed(review)
    if reviewed is not None and reviewed["target"] != fresh["target"]:
        raise RefusedError(
            f"the reviewed plan was made for {reviewed['target']}, not for {fresh['target']}",
            hint="name that API, or plan again and have the new plan reviewed",
        )
    digest = review if reviewed is None else reviewed["changes_digest"]
    try:
        guard.check_expected(fresh["changes_digest"], digest)
    except RefusedError as refusal:
        differences = () if reviewed is None else tuple(_differences(reviewed, fresh))
        raise UnexpectedChangesError(refusal, differences) from refusal


def _reviewed(path: str) -> Document:
    try:
        return load_plan(path)
    except EditedPlanError as error:
        raise RefusedError(error.message, hint=error.hint) from error


def _differences(reviewed: Document, fresh: Document) -> Iterator[str]:
    """Yield a line for each change that only one of two plans has."""
    before, after = dict(_changes(reviewed)), dict(_changes(fresh))
    written = list(write_differences(reviewed, fresh))
    yield from written
    if before.keys() == after.keys() and not written:
        yield "the changes are the same in another order"
    yield from _told("not planned any more", [before[key] for key in before if key not in after])
    yield from _told("not in the reviewed plan", [after[key] for key in after if key not in before])


def _told(what: str, lines: list[str]) -> Iterator[str]:
    yield from (f"{what}: {line}" for line in lines[:_MOST_TOLD])
    if len(lines) > _MOST_TOLD:
        yield f"{what}: {len(lines) - _MOST_TOLD} more"


def _changes(document: Document) -> Iterator[tuple[tuple[Any, ...], str]]:
    for organization in document["organizations"]:
        for change in organization["changes"]:
            subject, holder = change["subject"]["id"], (change.get("from") or {}).get("id")
            action, product, expires = change["action"], change["product"], change.get("expires")
            who = f"{holder} -> {subject}" if holder else subject
            until = f" until {expires}" if expires else ""
            yield (
                (organization["id"], action, product, subject, holder, expires),
                f"organization {organization['id']}: "
                f"{action.replace('_', ' ')} {product} {who}{until}",
            )
