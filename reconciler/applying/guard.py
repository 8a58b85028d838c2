"""What makes a saved plan refusable before anything is read or written."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, datetime
from typing import Any

from reconciler.errors import PlanFileError, RefusedError
from reconciler.model.plan import Action, Plan
from reconciler.model.settings import Writing

_FORMAT = "license-plan"
_VERSION = 1
_AGAIN = "plan again"


def check_format(document: Mapping[str, Any]) -> None:
    """Raise unless the document says that it is a plan of a format that this version knows.

    A newer format is a `RefusedError`, anything that is no plan a `PlanFileError`.
    """
    name, _, version = str(document.get("format")).partition("/")
    if name != _FORMAT or not (version.isascii() and version.isdigit()):
        raise PlanFileError(
            f"this is no saved plan: its `format` is not `{_FORMAT}/{_VERSION}`",
            hint="`reconciler plan --out FILE` writes one",
        )
    if int(version) > _VERSION:
        raise RefusedError(
            f"the plan has the format {_FORMAT}/{version}, and this version of reconciler knows "
            f"{_FORMAT}/{_VERSION}",
            hint="apply it with the version that made it",
        )


def check_digest(recorded: str, computed: str) -> None:
    """Raise `RefusedError` where the plan's content is not what its digest was made of."""
    if recorded != computed:
        raise RefusedError(
            f"the plan was edited after it was made: its digest is {computed}, not {recorded}",
            hint=f"change the files, not the plan, and {_AGAIN}",
        )


def check_plan(
    plan: Plan,
    *,
    target: str,
    now: datetime,
    today: date,
    writing: Writing = Writing(),  # noqa: B008 - a frozen value
) -> None:
    """Raise `RefusedError` where this plan may not be applied to this target at this time.

    `writing` is how the target is written to now. A plan stays valid until its `valid_until`, over
    midnight too. A plan without any change is not refused: there is nothing to do. `now` is aware
    of its time zone; `today` is the day in the workspace's.
    """
    if not plan.live:
        raise RefusedError(
            "the plan was made from a snapshot or for another day, so it can only be read",
            hint="plan against the licensing API, without --state and --as-of",
        )
    if plan.target != target:
        raise RefusedError(
            f"the plan was made for {plan.target}, not for {target}",
            hint=f"name that API, or {_AGAIN} for this one",
        )
    if plan.writing != writing:
        raise RefusedError(
            f"the plan was made to be written by {_how(plan.writing)}, not by {_how(writing)}",
            hint=f"set `writes` and the routes as they were, or {_AGAIN} and have it reviewed",
        )
    if plan.as_of > today:
        raise RefusedError(
            f"the plan was made for {plan.as_of}, and today is {today}",
            hint=f"apply it on that day, or {_AGAIN}",
        )
    if now >= plan.valid_until:
        raise RefusedError(
            f"the plan was valid until {plan.valid_until.isoformat()}: it is too old, or a date "
            "in the files has come since",
            hint=_AGAIN,
        )
    changes = (change for row in plan.organizations for change in row.changes)
    offline = any(change.action is Action.ISSUE_OFFLINE for change in changes)
    if offline and not plan.allowed.irrevocable:
        raise RefusedError(
            "the plan issues offline licenses, which cannot be taken back, and nobody allowed it",
            hint=f"{_AGAIN} with --allow-irrevocable",
        )


def _how(writing: Writing) -> str:
    mode = [] if writing.mode is None else [f"writes {writing.mode.value}"]
    routes = [f"{name} {text}" for name, text in writing.routes.items()]
    return ", ".join([*mode, *routes]) or "the host's defaults"


def check_expected(changes_digest: str, expected: str) -> None:
    """Raise `RefusedError` where a fresh plan's changes are not those that were reviewed.

    `expected` is the changes digest of the reviewed plan, with or without `sha256:`.
    """
    if changes_digest.removeprefix("sha256:") != expected.strip().removeprefix("sha256:"):
        raise RefusedError(
            f"the changes are not those that were expected: {changes_digest}, not {expected}",
            hint=f"{_AGAIN}, and have the new plan reviewed",
        )
