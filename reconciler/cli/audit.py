"""`audit`: verify a journal, and say who got and lost what."""

from __future__ import annotations

import click

from reconciler.cli import options
from reconciler.cli.output import check_target, write_data


@click.command("audit")
@click.argument("journal", metavar="JOURNAL")
@options.formats("text", "csv", "json")
@options.output
def command(*, journal: str, format_name: str, output: str) -> None:
    """Verify a journal; who got and lost what, when, by which plan.

    JOURNAL is what `apply --journal` wrote, and its chain is verified first. A line that was
    changed, added or taken out is an error that names it. Lines that are missing at the end show
    in nothing but the digest of the last line: keep it elsewhere where that matters.
    """
    from reconciler.applying.audit import audited
    from reconciler.cli.rendering import look_of
    from reconciler.config.links import check_link
    from reconciler.reports.audit_formats import FORMATS

    check_target(output)
    check_link(journal)
    with audited(journal) as account:
        write_data(FORMATS[format_name](account, look_of(output)), output)
