"""Carrying out a plan: every organization in order, none of them stopped by another."""

from __future__ import annotations

import uuid
from collections.abc import Callable
from datetime import date

from reconciler.applying.events import Event, EventKind
from reconciler.applying.operations import effects_of, write_for
from reconciler.applying.organization import OrganizationRun
from reconciler.applying.result import ApplyResult, OrganizationResult
from reconciler.applying.sending import Sender
from reconciler.backends.protocol import Backend, Write
from reconciler.errors import RefusedError
from reconciler.model.plan import Plan

_CHECKLIST = "apply it with `--via checklist`"


def execute(
    plan: Plan,
    backend: Backend,
    *,
    plan_digest: str,
    on_event: Callable[[Event], None] | None = None,
    today: date | None = None,
    run: str | None = None,
) -> ApplyResult:
    """Do what is left of the plan and return what was really done.

    Applying a plan again is resuming it: each organization is read afresh, and what is there
    already is skipped. `today` is the day on which licenses have ended or not (the plan's own day
    where it is not given), `run` is a token that no other apply of this plan had.

    Raises `RefusedError` before the first write where the backend lacks one that the plan needs,
    and `ApiError` where it cannot tell what it offers. An interrupt is part of the result.
    """
    check_writes(plan, backend)
    results: list[OrganizationResult] = []
    report = on_event or _ignore
    token = run or uuid.uuid4().hex
    stopped = False
    for organization in plan.organizations:
        sender = Sender(backend, plan_digest, token, today or plan.as_of, report)
        carried = OrganizationRun(organization, sender)
        if not stopped:
            try:
                report(
                    Event(
                        EventKind.ORGANIZATION_STARTED,
                        organization.id,
                        name=organization.name,
                        changes=len(organization.changes),
                    )
                )
                carried.carry_out()
                report(
                    Event(
                        EventKind.ORGANIZATION_ENDED,
                        organization.id,
                        name=organization.name,
                        result=carried.result(),
                    )
                )
            except KeyboardInterrupt:
                stopped = True
        results.append(carried.result(interrupted=stopped))
    return ApplyResult(tuple(results))


def check_writes(plan: Plan, backend: Backend) -> None:
    """Raise `RefusedError` unless the backend offers every write that the plan needs."""
    capabilities = backend.capabilities()
    if not capabilities.live:
        raise RefusedError(
            f"{backend.target} is a snapshot: nothing can be applied to it",
            hint="plan and apply with `--api`",
        )
    needed: dict[Write, int] = {}
    for organization in plan.organizations:
        for change in organization.changes:
            for write in {write_for(effect) for effect in effects_of(change)}:
                needed[write] = needed.get(write, 0) + 1
    missing = sorted(write for write in needed if write not in capabilities.writes)
    if missing:
        listed = ", ".join(f"{write.value} ({needed[write]} changes)" for write in missing)
        raise RefusedError(
            f"{backend.target} does not offer what the plan needs: {listed}; nothing was written",
            hint=f"{_CHECKLIST}, or configure the writes in the workspace file (`api.writes: api`)",
        )


def _ignore(event: Event) -> None:
    """Hear an event and do nothing."""
