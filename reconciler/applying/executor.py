"""Carrying out a plan: organizations side by side, each in order, none stopped by another."""

from __future__ import annotations

import threading
import uuid
from collections.abc import Callable
from datetime import date

from reconciler.applying.batching import LARGEST
from reconciler.applying.crew import Crew
from reconciler.applying.events import Event
from reconciler.applying.operations import effects_of, write_for
from reconciler.applying.organization import OrganizationRun
from reconciler.applying.pacing import Pace
from reconciler.applying.patience import Patience
from reconciler.applying.record import Record, Unrecorded
from reconciler.applying.result import ApplyResult
from reconciler.applying.sending import Circumstances
from reconciler.applying.settling import settle_others
from reconciler.applying.stopping import Stop
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
    record: Record | None = None,
    parallel: int = 1,
    rate: float | None = None,
    batch: int = LARGEST,
    stop: Stop | None = None,
    patience: Patience | None = None,
) -> ApplyResult:
    """Do what is left of the plan and return what was really done.

    Applying a plan again is resuming it: each organization is read afresh, and what is there
    already is skipped. `today` is the day on which licenses have ended or not (the plan's own day
    where it is not given), `run` is a token that no other apply of this plan had. `record` hears
    of each call before it is made. Up to `parallel` organizations go on at once, with `rate`
    turns a second (a write, or the reading of an organization) in all. A call carries at most
    `batch` subjects. `on_event` is called by one thread at a time.

    Raises `RefusedError` before the first write where the backend lacks one that the plan needs,
    and `ApiError` where it cannot tell what it offers. A `stop` that is requested lets each call
    in flight come to its end; a KeyboardInterrupt leaves them to themselves. Either is part of
    the result, and so is an error that is a bug: what was written is told whatever breaks.
    """
    check_writes(plan, backend)
    shared = Circumstances(
        backend=backend,
        plan_digest=plan_digest,
        run=run or uuid.uuid4().hex,
        today=today or plan.as_of,
        report=_one_at_a_time(on_event),
        record=record or Unrecorded(),
        stop=stop or Stop(),
        pace=Pace(rate),
        patience=patience or Patience(),
        batch=batch,
    )
    runs = [OrganizationRun(row, shared) for row in plan.organizations]
    settle_others(shared, (run.plan.id for run in runs if run.due))
    crew = Crew(shared)
    interrupted = crew.carry_out(runs, parallel)
    rows = (row.result(interrupted=row in interrupted) for row in runs)
    return ApplyResult.of(plan, rows, bug=crew.bug)


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


def _one_at_a_time(listener: Callable[[Event], None] | None) -> Callable[[Event], None]:
    lock = threading.Lock()

    def report(event: Event) -> None:
        if listener is not None:
            with lock:
                listener(event)

    return report
