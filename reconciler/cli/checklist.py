"""`apply --via checklist`: the steps as a file, or one after the other with a person."""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any

import click

from reconciler.applying.checklist import checklist_of
from reconciler.applying.checklist_formats import FORMATS
from reconciler.applying.left import Left, left_of
from reconciler.applying.result import (
    ApplyResult,
    ChangeStatus,
    OrganizationResult,
    refusals_of,
)
from reconciler.backends.protocol import Backend
from reconciler.cli import accounting
from reconciler.cli.exits import Exit, gravest
from reconciler.cli.notes import note
from reconciler.cli.output import STANDARD_OUTPUT, write_data
from reconciler.cli.reading import read_organizations
from reconciler.cli.recording import recorded
from reconciler.cli.secrets import redacted
from reconciler.model.plan import OrganizationPlan, Plan

_DEFAULT = "text"
"""What `apply --format` is where nobody chose: on a terminal a dialogue, elsewhere Markdown."""


@dataclass(frozen=True, slots=True)
class ByHand:
    """What is done by hand, where, and how it is told."""

    plan: Plan
    document: Mapping[str, Any]
    backend: Backend
    day: date
    format_name: str = _DEFAULT
    output: str = STANDARD_OUTPUT
    yes: bool = False
    max_parallel: int = 8
    journal: str | None = None
    told: frozenset[int] = frozenset()
    """The organizations of which was told before that they could not be read."""


def by_checklist(task: ByHand) -> Exit:
    """Have a person make the changes; nothing is written here.

    On a terminal each step is shown, waited for and verified. Elsewhere, with `--yes`, and where a
    format or a file is asked for, all steps are written at once.
    """
    return _guide(task) if _with_a_person(task) else _write(task)


def _with_a_person(task: ByHand) -> bool:
    asked = task.yes or task.output != STANDARD_OUTPUT or task.format_name != _DEFAULT
    terminals = (sys.stdin, sys.stdout, sys.stderr)
    return not asked and all(stream.isatty() for stream in terminals)


def _write(task: ByHand) -> Exit:
    if task.journal is not None:
        # Nobody must believe that a trail is kept of what is done with these steps.
        note(
            f"note: nothing is written into {task.journal}: only a step that is verified at a "
            "terminal is"
        )
    left = _left(task)
    checklist = checklist_of(task.plan, plan_digest=task.document["digest"], left=left)
    name = "markdown" if task.format_name == _DEFAULT else task.format_name
    write_data(FORMATS[name](checklist), task.output)
    rows = (_not_done(row, left.get(row.id, Left())) for row in task.plan.organizations)
    failed = {number for number, row in left.items() if row.error is not None}
    accounting.tell_organizations(ApplyResult.of(task.plan, rows), known=task.told | failed)
    found = [Exit.FAILURE] if task.plan.unread else []
    found += [Exit.FAILURE for row in left.values() if row.error is not None]
    found += [Exit.REFUSED for row in left.values() if row.stale]
    found += [Exit.REFUSED for row in task.plan.organizations if row.refusals]
    found += [Exit.PENDING for row in left.values() if row.changes]
    return gravest(found)


def _not_done(plan: OrganizationPlan, left: Left) -> OrganizationResult:
    """Return why nothing of an organization's plan is among the steps, as far as there is a why."""
    return OrganizationResult(
        plan.id, plan.name, stale=left.stale, error=left.error, refusals=refusals_of(plan)
    )


def _left(task: ByHand) -> dict[int, Left]:
    """Read the organizations that have changes, and return what is left of each."""
    plans = [row for row in task.plan.organizations if row.changes]
    if not plans:
        return {}
    reading = read_organizations(
        task.backend, [row.id for row in plans], max_parallel=task.max_parallel, each=True
    )
    reading.tell_failures()
    states = {state.id: state for state in reading.states}
    errors = {failure.organization: failure.error.message for failure in reading.failures}

    def left(plan: OrganizationPlan) -> Left:
        if plan.id in errors:
            return Left(error=errors[plan.id])
        return left_of(plan, states[plan.id], task.day)

    return {plan.id: left(plan) for plan in plans}


def _guide(task: ByHand) -> Exit:
    from reconciler.applying.guided import walk
    from reconciler.cli.applied import document_of
    from reconciler.cli.checklist_dialogue import Terminal
    from reconciler.cli.rendering import look_of
    from reconciler.reports import applied

    target = task.backend.target
    with recorded(
        task.journal,
        target=target,
        via="checklist",
        writing=task.plan.writing,
        plan=task.document,
    ) as record:
        person = Terminal()
        if any(row.changes for row in task.plan.organizations):
            _tell_taken(task.document)
            person.welcome(target)
        result = walk(task.plan, task.backend, person, today=task.day, record=record)
        text_of = applied.FORMATS[_DEFAULT]
        text = text_of(document_of(result, task.document), look_of(STANDARD_OUTPUT))
        told = accounting.tell(text, STANDARD_OUTPUT, writes=result.writes)
        accounting.tell_organizations(result, known=task.told)
        code = _guided_exit(result, failed=not told)
        accounting.close(record, code, writes=result.writes, interrupted=result.interrupted)
    if code in {Exit.PENDING, Exit.PARTIAL}:
        note("hint: the same command again goes on with what is left")
    return code


def _tell_taken(document: Mapping[str, Any]) -> None:
    """Say before the first step what all of them take away, in the words of the plan."""
    from reconciler.cli.rendering import look_of
    from reconciler.reports.text import taken_text

    text = taken_text([document], look_of(STANDARD_OUTPUT))
    if text:
        click.echo(redacted(text, os.environ), err=True)


def _guided_exit(result: ApplyResult, *, failed: bool) -> Exit:
    """Return the code: what was seen to be done counts as written, what was left out as pending."""
    rows = result.organizations
    broken = failed or any(row.broken for row in rows)
    if broken or any(row.refused for row in rows):
        if result.writes:
            return Exit.PARTIAL
        return Exit.FAILURE if broken else Exit.REFUSED
    left = any(row.with_status(ChangeStatus.NOT_ATTEMPTED) for row in rows)
    return Exit.PENDING if left else Exit.DONE
