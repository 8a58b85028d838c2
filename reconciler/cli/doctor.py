"""`doctor`: whether everything that plan and apply need is there."""

from __future__ import annotations

import os

import click

from reconciler.cli import options
from reconciler.cli.exits import Exit
from reconciler.cli.output import STANDARD_OUTPUT, write_data
from reconciler.cli.rendering import look_of


@click.command("doctor")
@options.api
@options.organizations
@options.writing
def command(
    api: str | None, organizations: tuple[int, ...], writes: str | None, routes: tuple[str, ...]
) -> Exit:
    """Check connection, credentials, role, lists and writes.

    Exits with 1 where something that plan and apply need is missing.
    """
    from reconciler.cli.checks import Check, Grade
    from reconciler.cli.diagnosis import diagnose
    from reconciler.cli.opening import choose_address
    from reconciler.cli.write_settings import WriteOptions
    from reconciler.config.load import load_settings
    from reconciler.reports.spans import Line, Span, line, text_of

    styles = {Grade.GOOD: "green", Grade.LIMITED: "yellow", Grade.FAILED: "bold red"}

    def rows(check: Check) -> list[Line]:
        grade = Span(f"{check.grade.value:<8}", styles[check.grade])
        found = [line(grade, f"{check.subject}: {check.message}")]
        if check.hint:
            found.append(line(" " * 8, Span(f"hint: {check.hint}", "dim")))
        return found

    settings = load_settings(())
    address = choose_address(api, os.environ, settings)
    checks = [Check("address", Grade.GOOD, f"{address.url} ({address.origin})")]
    checks += diagnose(api, settings, organizations, WriteOptions(writes, routes))
    text = text_of((row for check in checks for row in rows(check)), look_of(STANDARD_OUTPUT))
    write_data(text, STANDARD_OUTPUT)
    return Exit.FAILURE if any(check.grade is Grade.FAILED for check in checks) else Exit.DONE
