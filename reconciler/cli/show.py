"""`show`: the License Management page."""

from __future__ import annotations

import click

from reconciler.cli import options
from reconciler.cli.exits import Exit
from reconciler.cli.output import check_target, write_data
from reconciler.cli.rendering import look_of


@click.command("show")
@options.api
@options.state
@options.organizations
@options.formats("text", "json", "markdown", "html")
@options.output
def command(
    api: str | None,
    state: str | None,
    organizations: tuple[int, ...],
    format_name: str,
    output: str,
) -> Exit:
    """The License Management page: quotas, seats and the four lists.

    Shows all organizations whose licenses the key's owner may read, or those given by --org.
    """
    from reconciler.cli.clock import today
    from reconciler.cli.looking import looked
    from reconciler.reports.license_page import page_of
    from reconciler.reports.page_formats import FORMATS

    check_target(output)
    with looked(api=api, state=state, organizations=organizations) as look:
        page = page_of(look.reading.states, today(look.settings.timezone))
        write_data(FORMATS[format_name](page, look_of(output)), output)
        return Exit.FAILURE if look.reading.failures else Exit.DONE
