"""Carrying out a plan, fresh or saved, by API or by checklist."""

from __future__ import annotations

import math
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from typing import TYPE_CHECKING, Any

import click

from reconciler.applying import guard
from reconciler.applying.executor import check_writes, execute
from reconciler.applying.result import (
    ApplyResult,
    OrganizationResult,
    not_attempted,
    not_read,
)
from reconciler.applying.stopping import Stop
from reconciler.backends.protocol import Backend
from reconciler.cli import accounting
from reconciler.cli.applied import document_of
from reconciler.cli.apply_progress import apply_progress
from reconciler.cli.checklist import ByHand, by_checklist
from reconciler.cli.clock import now, today
from reconciler.cli.exits import Exit
from reconciler.cli.expecting import UnexpectedChangesError, check_expected
from reconciler.cli.foresight import document_with_forecast
from reconciler.cli.interrupting import ending_like_ctrl_c, heard_while_asking, stopping_in_order
from reconciler.cli.notes import note
from reconciler.cli.opening import open_source
from reconciler.cli.output import STANDARD_OUTPUT, write_data
from reconciler.cli.plan_files import check_shape, read_document
from reconciler.cli.planning import PlanOptions, planned, with_parallel
from reconciler.cli.recording import recorded
from reconciler.cli.rendering import look_of
from reconciler.cli.write_settings import WriteOptions
from reconciler.config.load import load_settings
from reconciler.errors import (
    ApiError,
    BrokenOffError,
    ReconcilerError,
    RefusedError,
    UsageError,
)
from reconciler.model.plan import Plan, Unread
from reconciler.model.plan_document import (
    changes_digest,
    document_digest,
    from_document,
    to_document,
)
from reconciler.reports import applied, plan_json, text
from reconciler.reports.spans import Look

if TYPE_CHECKING:
    from reconciler.applying.journal import Journal


_SLOWEST = 0.001
"""Turns a second; slower than that, an apply comes to no end."""


@dataclass(frozen=True, slots=True)
class CarryOptions:
    """The part of `apply`'s command line that does not plan."""

    expect: str | None = None
    yes: bool = False
    via: str | None = None
    out: str | None = None
    format_name: str = "text"
    output: str = STANDARD_OUTPUT
    journal: str | None = None
    parallel: int | None = None
    rate: float | None = None
    quiet: bool = False


@dataclass(frozen=True, slots=True)
class _Run:
    """What is carried out, where, and with which options."""

    plan: Plan
    document: Mapping[str, Any]
    backend: Backend
    day: date
    options: CarryOptions
    parallel: int
    fresh: bool = True

    @property
    def told(self) -> frozenset[int]:
        """The organizations of which was told while planning that they could not be read."""
        return frozenset(row.id for row in self.plan.unread) if self.fresh else frozenset()


@ending_like_ctrl_c()
def apply_files(planning: PlanOptions, options: CarryOptions) -> Exit:
    """Plan the files afresh, show the plan, ask, and carry it out."""
    _check_rate(options.rate)
    with planned(planning, not_read=lambda *told: _tell_not_read(options, *told)) as result:
        document = document_with_forecast(result) if options.out else to_document(result.plan)
        if options.out:
            write_data(plan_json.render(document), options.out)
        settings = result.workspace.settings
        run = _Run(
            result.plan,
            document,
            result.backend,
            today(settings.timezone),
            options,
            settings.api.max_parallel,
        )
        return _carry_out(run)


@ending_like_ctrl_c()
def apply_saved(path: str, api: str | None, writing: WriteOptions, options: CarryOptions) -> Exit:
    """Carry out a saved plan as it is, once it is known to be whole, valid and for this target."""
    _check_rate(options.rate)
    read = read_document(path)
    document = read.data
    guard.check_format(document)
    check_shape(read)
    guard.check_digest(document["digest"], document_digest(document))
    plan = from_document(document)
    guard.check_digest(document["changes_digest"], changes_digest(plan))
    settings = with_parallel(load_settings(()), options.parallel)
    with open_source(api=api, state=None, settings=settings, writing=writing) as backend:
        day = today(settings.timezone)
        run = _Run(plan, document, backend, day, options, settings.api.max_parallel, fresh=False)
        return _carry_out(run)


def _carry_out(run: _Run) -> Exit:
    try:
        _check_plan(run)
        if run.options.expect is not None:
            check_expected(run.document, run.options.expect)
    except RefusedError as refusal:
        _tell_refused(run, refusal)
        raise
    except ApiError as error:
        if run.options.via != "checklist":
            _tell_account(run.options, not_read(run.plan, error.message), run.document)
        raise
    if _by_checklist(run):
        return _print_checklist(run)
    check_account_format(run.options.format_name)
    changes = sum(len(row.changes) for row in run.plan.organizations)
    _show(run)
    if changes and not run.options.yes:
        _remind(run)
        try:
            _ask(changes)
        except ReconcilerError as answer:
            if _wants_account(run.options):
                _tell_account_of(run, answer)
            raise
    try:
        # An answer may take its time.
        _check_plan(run)
        if changes:
            check_writes(run.plan, run.backend)
    except RefusedError as refusal:
        _tell_account_of(run, refusal)
        raise
    target, path = run.backend.target, run.options.journal
    stop = Stop()
    # First the signals: a journal that has begun gets its end.
    with (
        stopping_in_order(stop),
        recorded(
            path, target=target, via="api", writing=run.plan.writing, plan=run.document
        ) as record,
    ):
        result = _execute(run, changes, record, stop)
        told = _tell(run, result)
        code = _exit_code(result, failed=not told)
        accounting.close(record, code, writes=result.writes, interrupted=result.interrupted)
    if result.bug is not None:
        raise BrokenOffError(result.bug) if code is Exit.PARTIAL else result.bug
    return code


def _check_plan(run: _Run) -> None:
    guard.check_plan(
        run.plan,
        target=run.backend.target,
        writing=run.backend.capabilities().writing,
        now=now(),
        today=run.day,
    )


def check_account_format(name: str) -> None:
    """Refuse a format in which only a checklist can be written, before anything is."""
    if name not in applied.FORMATS:
        raise UsageError(
            f"--format {name} is for a checklist; this is told as {' or '.join(applied.FORMATS)}",
            hint="add `--via checklist`, or choose another format",
        )


def _check_rate(rate: float | None) -> None:
    if rate is not None and (math.isnan(rate) or rate < _SLOWEST):
        raise UsageError(
            f"--max-rate {rate:g} makes no sense",
            hint=f"at least {_SLOWEST:g}, which is one turn in {1 / _SLOWEST:.0f} seconds",
        )


def _by_checklist(run: _Run) -> bool:
    if run.options.via:
        return run.options.via == "checklist"
    if run.backend.capabilities().writes:
        return False
    note(f"note: {run.backend.target} takes no writes from here; these are the steps by hand")
    return True


def _print_checklist(run: _Run) -> Exit:
    options = run.options
    return by_checklist(
        ByHand(
            plan=run.plan,
            document=run.document,
            backend=run.backend,
            day=run.day,
            format_name=options.format_name,
            output=options.output,
            yes=options.yes,
            max_parallel=run.parallel,
            journal=options.journal,
            told=run.told,
        )
    )


def _tell_refused(run: _Run, refusal: RefusedError) -> None:
    """Show the plan that is refused, and write the account of it: nothing was attempted."""
    _show(run, always=True)
    if isinstance(refusal, UnexpectedChangesError):
        for line in refusal.differences:
            note(line)
    if _wants_account(run.options):
        _tell_account_of(run, refusal)


def _wants_account(options: CarryOptions) -> bool:
    """Tell whether the account is for somebody who does not read what the terminal shows."""
    return options.format_name != "text" or options.output != STANDARD_OUTPUT


def _tell_account_of(run: _Run, refusal: ReconcilerError) -> None:
    """Write the account of a plan that is refused: nothing was attempted."""
    result = not_attempted(run.plan, refusal.message)
    _tell_account(run.options, result, run.document, refused=refusal.message)


def _tell_not_read(options: CarryOptions, target: str, unread: tuple[Unread, ...]) -> None:
    """Write the account of files for which there is no plan: no organization could be read."""
    result = ApplyResult(tuple(map(OrganizationResult.of_unread, unread)))
    no_plan = {"target": target, "digest": None, "changes_digest": None}
    if options.via != "checklist":
        _tell_account(options, result, no_plan)


def _tell_account(
    options: CarryOptions, result: ApplyResult, plan: Mapping[str, Any], **more: str
) -> None:
    """Write an account to which nothing was written, in a format in which there is one."""
    if options.format_name in applied.FORMATS:
        text_of = applied.FORMATS[options.format_name]
        text = text_of(document_of(result, plan) | more, look_of(options.output))
        write_data(text, options.output)


def _show(run: _Run, *, always: bool = False) -> None:
    if run.options.format_name == "text":
        look = look_of(STANDARD_OUTPUT)
        write_data(text.render_all([run.document], look), STANDARD_OUTPUT)
    elif always or not run.options.yes:
        # Standard output is for the account; a person is still asked about what they have seen.
        click.echo(text.render_all([run.document], Look()), err=True, nl=False)


def _remind(run: _Run) -> None:
    """Say what is taken away just above the question, unless it stands there already."""
    if run.options.format_name != "text" or look_of(STANDARD_OUTPUT).width is None:
        click.echo(text.taken_text([run.document], Look()), err=True, nl=False)


def _ask(changes: int) -> None:
    if not (sys.stdin.isatty() and sys.stderr.isatty()):
        raise UsageError(
            "nobody is here to be asked, so nothing was written",
            hint="look at the plan, then run it with --yes",
        )
    with heard_while_asking():
        confirmed = click.confirm(f"Apply {changes} change(s)?", err=True)
    if not confirmed:
        raise RefusedError("not applied, as you said; nothing was written")


def _execute(run: _Run, changes: int, record: Journal | None, stop: Stop) -> ApplyResult:
    organizations = sum(bool(row.changes) for row in run.plan.organizations)
    with apply_progress(organizations, changes, quiet=run.options.quiet) as progress:
        return execute(
            run.plan,
            run.backend,
            plan_digest=run.document["digest"],
            on_event=progress.hear,
            today=run.day,
            record=record,
            parallel=run.parallel,
            rate=run.options.rate,
            stop=stop,
        )


def _tell(run: _Run, result: ApplyResult) -> bool:
    target = run.options.output
    text_of = applied.FORMATS[run.options.format_name]
    text = text_of(document_of(result, run.document), look_of(target))
    told = accounting.tell(text, target, writes=result.writes)
    accounting.tell_organizations(result, known=run.told)
    return told


def _exit_code(result: ApplyResult, *, failed: bool) -> Exit:
    code = Exit(result.exit_code)
    if any(row.broken for row in result.organizations):
        if code is Exit.PARTIAL:
            note("hint: applying the same plan again goes on where it stopped")
    elif code is Exit.PARTIAL:
        note("hint: what was refused stays undone until a new plan allows it")
    if not failed:
        return code
    return Exit.PARTIAL if result.writes or result.unclear else Exit.FAILURE
