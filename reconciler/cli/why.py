"""`why`: why a user or a machine has or lacks a license."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import click

from reconciler.cli import options
from reconciler.cli.exits import Exit
from reconciler.cli.output import check_target, write_data
from reconciler.cli.rendering import look_of

if TYPE_CHECKING:
    from reconciler.cli.planning import Planned
    from reconciler.planning.explanation import Explanation


@click.command("why")
@click.argument("subject")
@options.paths
@options.api
@options.state
@options.organizations
@click.option(
    "--as-of", callback=options.day, metavar="DATE", help="Explain this day instead of today."
)
@options.formats("text", "json")
@options.output
def command(subject: str, format_name: str, output: str, **rest: Any) -> Exit:
    """Why a user or a machine has or lacks a license.

    SUBJECT is an email, a machine ID, or a machine's name. The page tells which entries of the
    files want it, and on which days; what the licensing system holds; and what the next plan
    would do. Exits with 1 where neither the files nor the licensing system know SUBJECT.

    \b
    Examples:
      reconciler why ada@example.com
      reconciler why ci-runner-1 --org 202
      reconciler why ada@example.com --as-of 2027-03-01 --state snapshot.yaml
    """
    from reconciler.cli.planning import PlanOptions, planned
    from reconciler.reports.why_formats import FORMATS
    from reconciler.reports.why_page import page_of

    check_target(output)
    with planned(PlanOptions(**rest)) as result:
        page = page_of(subject, tuple(_explanations(subject, result)), result.plan)
        write_data(FORMATS[format_name](page, look_of(output)), output)
        return Exit.FAILURE if result.plan.unread else Exit.DONE


def _explanations(text: str, result: Planned) -> Iterator[Explanation]:
    """Yield what is known of the subjects that a text may mean, by organization.

    Raises `ReconcilerError` where nobody is meant.
    """
    from reconciler.errors import ReconcilerError
    from reconciler.planning.explanation import explain
    from reconciler.planning.subjects import names_of, near_matches

    declared = {row.id: row for row in result.workspace.desired.organizations}
    states = {row.id: row for row in result.states}
    names = {
        plan.id: names_of(declared[plan.id], states[plan.id]) for plan in result.plan.organizations
    }
    if not any(known.meant(text) for known in names.values()):
        near = near_matches(text, names.values())
        raise ReconcilerError(
            f"neither the files nor the licensing system know {text}"
            + (", as far as it could be read" if result.plan.unread else ""),
            hint=f"did you mean {' or '.join(near)}?" if near else None,
        )
    for plan in result.plan.organizations:
        for subject in names[plan.id].meant(text):
            yield explain(subject, declared[plan.id], states[plan.id], plan, result.plan.as_of)
