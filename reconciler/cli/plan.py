"""`plan`: what would change."""

from __future__ import annotations

from typing import Any

import click

from reconciler.cli import options
from reconciler.cli.exits import Exit
from reconciler.cli.output import check_targets, write_data
from reconciler.cli.rendering import PLAN_FORMATS, look_of
from reconciler.errors import ConfigurationError

_WITH_FORECAST = frozenset({"html", "json"})


@click.command("plan")
@options.paths
@options.api
@options.state
@options.planning
@options.writing
@options.formats(*PLAN_FORMATS)
@options.output
@click.option("--detailed-exitcode", is_flag=True, help="Exit with 2 where changes are pending.")
def command(format_name: str, output: str, out: str | None, **rest: Any) -> Exit:
    """Show what would change, within quota; changes nothing.

    PATH… is any mix of organization files, folders and workspace files; none means
    reconciler.yaml here.
    """
    check_targets(out=out, output=output)
    try:
        return _plan(format_name, output, out, **rest)
    except ConfigurationError as error:
        _tell_invalid(error, format_name, output)
        raise


def _plan(
    format_name: str, output: str, out: str | None, *, detailed_exitcode: bool, **rest: Any
) -> Exit:
    from reconciler.cli.planning import PlanOptions, planned
    from reconciler.cli.step_files import write_outputs, write_summary
    from reconciler.model.plan_document import to_document
    from reconciler.reports.formats import RENDERERS
    from reconciler.reports.plan_json import render

    with planned(PlanOptions(**rest)) as result:
        if out or format_name in _WITH_FORECAST:
            from reconciler.cli.foresight import document_with_forecast

            document = document_with_forecast(result)
        else:
            document = to_document(result.plan)
        if out:
            write_data(render(document), out)
        look = look_of(output)
        write_data(RENDERERS[format_name]([document], look), output)
        write_summary([document], look)
        write_outputs([document])
        return result.exit_code(detailed=detailed_exitcode)


def _tell_invalid(error: ConfigurationError, format_name: str, output: str) -> None:
    """Tell what is wrong with the files to what reads a format of findings, and to the step.

    Standard error has it in words as well, as for every format.
    """
    from reconciler.cli.step_files import write_findings, write_invalid_plan
    from reconciler.cli.validate import findings_of
    from reconciler.reports.problems import FINDING_FORMATS, FORMATS

    findings = findings_of(error)
    if format_name in FINDING_FORMATS:
        write_data(FORMATS[format_name](findings, look_of(output)), output)
    write_findings(findings)
    write_invalid_plan(findings)
