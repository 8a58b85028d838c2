"""`report`: saved plans, rendered."""

from __future__ import annotations

import click

from reconciler.cli import options
from reconciler.cli.output import check_target, write_data
from reconciler.cli.rendering import look_of


@click.command("report")
@click.argument("plans", nargs=-1, required=True, metavar="PLAN.json...")
@options.formats("text", "json")
@options.output
def command(plans: tuple[str, ...], format_name: str, output: str) -> None:
    """Render one or several saved plans.

    In JSON, one plan is its own document and several are a list.
    """
    from reconciler.cli.plan_files import load_plan
    from reconciler.reports.formats import RENDERERS

    check_target(output)
    documents = [load_plan(path) for path in plans]
    write_data(RENDERERS[format_name](documents, look_of(output)), output)
