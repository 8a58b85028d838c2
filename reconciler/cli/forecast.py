"""`forecast`: seats over time."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from typing import Any

import click

from reconciler.cli import options
from reconciler.cli.exits import Exit, gravest
from reconciler.cli.output import check_target, write_data
from reconciler.cli.rendering import look_of
from reconciler.model.calendar import days_on


@click.command("forecast")
@options.paths
@options.api
@options.state
@options.organizations
@click.option(
    "--as-of", callback=options.day, metavar="DATE", help="The first day; today by default."
)
@click.option(
    "--until", callback=options.day, metavar="DATE", help="The last day; a year on by default."
)
@options.formats("text", "json")
@options.output
@click.option("--detailed-exitcode", is_flag=True, help="Exit with 2 where seats will be missing.")
def command(format_name: str, output: str, detailed_exitcode: bool, **rest: Any) -> Exit:
    """Seats over time, and the first day one is missing.

    For each pool, the days on which a number changes by `from` and `until`, by the end of an
    offline license or of a subscription: seats wanted, bought, and pinned by offline licenses.
    Nobody is taken to join or leave on the way. PATH… as for `plan`.

    \b
    Examples:
      reconciler forecast
      reconciler forecast orgs/acme.yaml --until 2027-12-31
      reconciler forecast --state snapshot.yaml --format json --detailed-exitcode
    """
    from reconciler.reports.forecast_formats import FORMATS

    check_target(output)
    found = _look_ahead(_Asked(**rest))
    write_data(FORMATS[format_name](found.page, look_of(output)), output)
    exits = [Exit.FAILURE] if found.failed else []
    return gravest([*exits, Exit.PENDING] if found.short and detailed_exitcode else exits)


@dataclass(frozen=True, slots=True)
class _Asked:
    paths: tuple[str, ...]
    api: str | None
    state: str | None
    organizations: tuple[int, ...]
    as_of: date | None
    until: date | None

    def days(self, today: date) -> tuple[date, date]:
        """Return the first and the last day; wrong usage where they are the wrong way round."""
        first = self.as_of or today
        last = self.until or _a_year_on(first)
        if last < first:
            message = f"{last} is before {first}, the first day"
            raise click.BadParameter(message, param_hint="--until")
        return first, last


@dataclass(frozen=True, slots=True)
class _Found:
    page: dict[str, Any]
    failed: bool
    short: bool


def _look_ahead(asked: _Asked) -> _Found:
    from reconciler.cli.clock import today
    from reconciler.cli.notes import note
    from reconciler.cli.opening import open_source
    from reconciler.cli.planning import select
    from reconciler.cli.progress import working
    from reconciler.cli.reading import day_read, read_organizations
    from reconciler.config.document import collector_off
    from reconciler.config.load import load_workspace
    from reconciler.planning.forecast import forecast
    from reconciler.reports.forecast_page import page_of

    with working("loading the files"):
        workspace = load_workspace(asked.paths)
    for problem in workspace.warnings:
        note(f"warning: {problem}")
    settings = workspace.settings
    first, last = asked.days(today(settings.timezone))
    declared = select(workspace.desired.organizations, asked.organizations, None)
    chosen = {row.id: row for row in declared}
    with (
        collector_off(),
        open_source(api=asked.api, state=asked.state, settings=settings) as backend,
    ):
        parallel = 1 if asked.state else settings.api.max_parallel
        reading = read_organizations(backend, chosen, max_parallel=parallel)
        reading.tell_failures()
        read_on = day_read(backend, settings.timezone)
        with working("looking ahead"):
            forecasts = [
                forecast(chosen[state.id], state, first, last, read_on=read_on)
                for state in reading.states
            ]
        page = page_of(forecasts, first=first, last=last, target=backend.target)
    short = any(pool.first_short_day for row in forecasts for pool in row.pools)
    return _Found(page, failed=bool(reading.failures), short=short)


def _a_year_on(day: date) -> date:
    try:
        return day.replace(year=day.year + 1)
    except ValueError:
        # The 29th of February, or the calendar's last year.
        return days_on(day, 365)
