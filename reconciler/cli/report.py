"""`report`: saved plans, rendered."""

from __future__ import annotations

import click

from reconciler.cli import options
from reconciler.cli.output import check_target, write_data
from reconciler.cli.rendering import PLAN_FORMATS, look_of


@click.command("report")
@click.argument("plans", nargs=-1, required=True, metavar="PLAN.json...")
@options.formats(*PLAN_FORMATS)
@options.output
def command(plans: tuple[str, ...], format_name: str, output: str) -> None:
    """Render one or several saved plans.

    In JSON, one plan is its own document and several are a list. In a GitHub Actions step, its
    outputs are filled too, and with --format github its summary.
    """
    from reconciler.cli.plan_files import load_plan
    from reconciler.cli.step_files import write_outputs, write_summary
    from reconciler.reports.formats import RENDERERS

    check_target(output)
    documents = [load_plan(path) for path in plans]
    look = look_of(output)
    write_data(RENDERERS[format_name](documents, look), output)
    if format_name == "github":
        write_summary(documents, look)
    write_outputs(documents)
