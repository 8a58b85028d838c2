"""The year ahead of a plan, from the very state that it was made from."""

from __future__ import annotations

from typing import Any

from reconciler.cli.planning import Planned
from reconciler.cli.reading import day_read
from reconciler.model.calendar import days_on
from reconciler.model.plan_document import to_document
from reconciler.planning.forecast import forecast
from reconciler.reports.forecast_page import page_of

_AHEAD = 365


def document_with_forecast(result: Planned) -> dict[str, Any]:
    """Return the plan's document with the year ahead, so that every page comes from one file."""
    return to_document(result.plan, _foreseen(result))


def _foreseen(result: Planned) -> dict[str, Any]:
    """Return the forecast's document for the plan's organizations, a year from the plan's day."""
    declared = {row.id: row for row in result.workspace.desired.organizations}
    planned = {row.id for row in result.plan.organizations}
    first = result.plan.as_of
    last = days_on(first, _AHEAD)
    read_on = day_read(result.backend, result.workspace.settings.timezone)
    rows = [
        forecast(declared[state.id], state, first, last, read_on=read_on)
        for state in sorted(result.states, key=lambda state: state.id)
        if state.id in planned
    ]
    return page_of(rows, first=first, last=last, target=result.plan.target)
