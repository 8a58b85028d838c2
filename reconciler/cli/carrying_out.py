"""Carrying out a plan, fresh or saved, by API or by checklist."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

import click

from reconciler.applying import guard
from reconciler.applying.checklist import render as render_checklist
from reconciler.applying.events import Event, EventKind
from reconciler.applying.executor import execute
from reconciler.applying.result import ApplyResult
from reconciler.backends.protocol import Backend
from reconciler.cli.applied import document_of
from reconciler.cli.clock import now, today
from reconciler.cli.exits import Exit, gravest
from reconciler.cli.notes import note
from reconciler.cli.opening import open_source
from reconciler.cli.output import STANDARD_OUTPUT, write_data
from reconciler.cli.plan_files import check_shape, load_plan, read_document
from reconciler.cli.planning import PlanOptions, planned
from reconciler.cli.progress import Progress
from reconciler.cli.rendering import look_of
from reconciler.config.load import load_settings
from reconciler.errors import ReconcilerError, RefusedError, UsageError
from reconciler.model.plan import Plan
from reconciler.model.plan_document import document_digest, from_document, to_document
from reconciler.reports import applied, plan_json, text
from reconciler.reports.spans import Look


@dataclass(frozen=True, slots=True)
class CarryOptions:
    """The part of `apply`'s command line that does not plan."""

    expect: str | None = None
    yes: bool = False
    via: str | None = None
    out: str | None = None
    format_name: str = "text"
    output: str = STANDARD_OUTPUT


@dataclass(frozen=True, slots=True)
class _Run:
    """What is carried out, where, and with which options; `unread` organizations have no plan."""

    plan: Plan
    document: Mapping[str, Any]
    backend: Backend
    day: date
    options: CarryOptions
    unread: bool = False


def apply_files(planning: PlanOptions, options: CarryOptions) -> Exit:
    """Plan the files afresh, show the plan, ask, and carry it out."""
    with planned(planning) as result:
        document = to_document(result.plan)
        if options.out:
            write_data(plan_json.render(document), options.out)
        day = today(result.workspace.settings.timezone)
        run = _Run(result.plan, document, result.backend, day, options, bool(result.failures))
        return _carry_out(run)


def apply_saved(path: str, api: str | None, options: CarryOptions) -> Exit:
    """Carry out a saved plan as it is, once it is known to be whole, valid and for this target."""
    document = read_document(path)
    guard.check_format(document)
    check_shape(path, document)
    guard.check_digest(document["digest"], document_digest(document))
    plan = from_document(document)
    settings = load_settings(())
    with open_source(api=api, state=None, settings=settings) as backend:
        return _carry_out(_Run(plan, document, backend, today(settings.timezone), options))


def _carry_out(run: _Run) -> Exit:
    guard.check_plan(run.plan, target=run.backend.target, now=now(), today=run.day)
    if run.options.expect:
        guard.check_expected(run.document["changes_digest"], _expected(run.options.expect))
    if _by_checklist(run):
        return _print_checklist(run)
    changes = sum(len(row.changes) for row in run.plan.organizations)
    _show(run)
    if changes and not run.options.yes:
        _ask(changes)
    result = _execute(run, changes)
    told = _tell(run, result)
    return _exit_code(result, failed=run.unread or not told)


def _expected(value: str) -> str:
    if value.startswith("sha256:"):
        return value
    if not Path(value).exists():
        raise UsageError(
            f"--expect {value}: there is no such file, and it is no digest",
            hint="give a saved plan, or `sha256:` and the changes digest",
        )
    digest: str = load_plan(value)["changes_digest"]
    return digest


def _by_checklist(run: _Run) -> bool:
    if run.options.via:
        return run.options.via == "checklist"
    if run.backend.capabilities().writes:
        return False
    note(f"note: {run.backend.target} takes no writes from here; these are the steps by hand")
    return True


def _print_checklist(run: _Run) -> Exit:
    write_data(render_checklist(dict(run.document)), run.options.output)
    found = [Exit.FAILURE] if run.unread else []
    found += [Exit.REFUSED for row in run.plan.organizations if row.refusals]
    found += [Exit.PENDING for row in run.plan.organizations if row.changes]
    return gravest(found)


def _show(run: _Run) -> None:
    if run.options.format_name == "text":
        look = look_of(STANDARD_OUTPUT)
        write_data(text.render_all([run.document], look), STANDARD_OUTPUT)
    elif not run.options.yes:
        # Standard output is for the account; a person is still asked about what they have seen.
        click.echo(text.render_all([run.document], Look()), err=True, nl=False)


def _ask(changes: int) -> None:
    if not (sys.stdin.isatty() and sys.stderr.isatty()):
        raise UsageError(
            "nobody is here to be asked, so nothing was written",
            hint="look at the plan, then run it with --yes",
        )
    if not click.confirm(f"Apply {changes} change(s)?", err=True):
        raise RefusedError("not applied, as you said; nothing was written")


def _execute(run: _Run, changes: int) -> ApplyResult:
    progress = Progress("applying changes", changes)

    def hear(event: Event) -> None:
        if event.kind is EventKind.CHANGE_ENDED:
            progress.advance()

    try:
        return execute(
            run.plan,
            run.backend,
            plan_digest=run.document["digest"],
            on_event=hear,
            today=run.day,
        )
    finally:
        progress.finish()


def _tell(run: _Run, result: ApplyResult) -> bool:
    """Write the account, and return whether that worked: the changes are made by now."""
    target = run.options.output
    text_of = applied.FORMATS[run.options.format_name]
    try:
        write_data(text_of(document_of(result, run.document), look_of(target)), target)
    except (OSError, ReconcilerError) as error:
        note(f"error: the account of {result.writes} write(s) could not be written: {error}")
        return False
    return True


def _exit_code(result: ApplyResult, *, failed: bool) -> Exit:
    code = Exit(result.exit_code)
    if code is Exit.PARTIAL:
        note("hint: applying the same plan again goes on where it stopped")
    if not failed:
        return code
    return Exit.PARTIAL if result.writes or result.unclear else Exit.FAILURE
