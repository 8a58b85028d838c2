"""`validate`: are the files right, without asking any API."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from reconciler.cli import options
from reconciler.cli.exits import Exit
from reconciler.cli.output import check_target, write_data
from reconciler.cli.rendering import look_of

if TYPE_CHECKING:
    from reconciler.errors import ConfigurationError
    from reconciler.reports.problems import Findings


@click.command("validate")
@options.paths
@options.formats("text", "json", "github", "sarif", "junit")
@options.output
def command(paths: tuple[str, ...], format_name: str, output: str) -> Exit:
    """Check files against the schemas and each other; no API.

    PATH… is any mix of organization files, folders and workspace files; none means
    reconciler.yaml here. Every problem of every file is shown; exits with 3 where there is one. In
    a GitHub Actions step, its summary and its outputs are filled too.
    """
    from reconciler.cli.progress import working
    from reconciler.cli.step_files import write_findings, write_validity
    from reconciler.config.load import load_workspace
    from reconciler.errors import ConfigurationError
    from reconciler.reports.problems import FORMATS, Findings

    check_target(output)
    try:
        with working("loading the files"):
            workspace = load_workspace(paths)
    except ConfigurationError as error:
        findings = findings_of(error)
    else:
        findings = Findings(
            files=workspace.files,
            warnings=workspace.warnings,
            organizations=len(workspace.desired.organizations),
        )
    write_data(FORMATS[format_name](findings, look_of(output)), output)
    write_findings(findings)
    write_validity(findings)
    return Exit.INVALID if findings.problems else Exit.DONE


def findings_of(error: ConfigurationError) -> Findings:
    """Return what is wrong with files that could not be used."""
    from reconciler.reports.problems import Findings

    return Findings(files=error.files, problems=error.problems)
