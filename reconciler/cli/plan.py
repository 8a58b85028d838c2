"""`plan`: what would change."""

from __future__ import annotations

from typing import Any

import click

from reconciler.cli import options
from reconciler.cli.exits import Exit
from reconciler.cli.output import check_targets, write_data
from reconciler.cli.rendering import PLAN_FORMATS, look_of


@click.command("plan")
@options.paths
@options.api
@options.state
@options.planning
@options.formats(*PLAN_FORMATS)
@options.output
@click.option("--detailed-exitcode", is_flag=True, help="Exit with 2 where changes are pending.")
def command(
    format_name: str, output: str, out: str | None, detailed_exitcode: bool, **rest: Any
) -> Exit:
    """Show what would change, within quota; changes nothing.

    PATH… is any mix of organization files, folders and workspace files; none means
    reconciler.yaml here.
    """
    from reconciler.cli.planning import PlanOptions, planned
    from reconciler.cli.step_files import write_outputs, write_summary
    from reconciler.model.plan_document import to_document
    from reconciler.reports.formats import RENDERERS
    from reconciler.reports.plan_json import render

    check_targets(out=out, output=output)
    with planned(PlanOptions(**rest)) as result:
        document = to_document(result.plan)
        if out:
            write_data(render(document), out)
        shown = document
        if format_name == "html":
            from reconciler.cli.foresight import foreseen

            shown = document | {"forecast": foreseen(result)}
        look = look_of(output)
        write_data(RENDERERS[format_name]([shown], look), output)
        write_summary([document], look)
        write_outputs([document])
        return result.exit_code(detailed=detailed_exitcode)
