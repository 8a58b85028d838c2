"""`sessions`: the active sessions; and `sessions end`, which ends some of them."""

from __future__ import annotations

import click

from reconciler.cli import options
from reconciler.cli.exits import Exit
from reconciler.cli.output import check_target, write_data
from reconciler.cli.rendering import look_of
from reconciler.errors import UsageError
from reconciler.products import PRODUCTS

_product = click.option(
    "--product",
    type=click.Choice(tuple(PRODUCTS)),
    metavar="PRODUCT",
    help=f"Only this product: {', '.join(PRODUCTS)}.",
)


@click.group("sessions", invoke_without_command=True, subcommand_metavar="[end ...]")
@options.api
@options.state
@options.organizations
@_product
@options.formats("text", "json")
@options.output
@click.pass_context
def command(
    ctx: click.Context,
    *,
    api: str | None,
    state: str | None,
    organizations: tuple[int, ...],
    product: str | None,
    format_name: str,
    output: str,
) -> Exit | None:
    """The active sessions, and ending some of them.

    Shows them the oldest first, of all organizations whose licenses the key's owner may
    read, or of those given by --org. `reconciler sessions end --help` tells how to end some.
    """
    if ctx.invoked_subcommand is not None:
        _refuse_lost_options(ctx)
        return None
    from reconciler.cli.clock import now
    from reconciler.cli.looking import looked
    from reconciler.reports.sessions_formats import FORMATS
    from reconciler.reports.sessions_page import sessions_page

    check_target(output)
    with looked(api=api, state=state, organizations=organizations) as look:
        page = sessions_page(look.reading.states, now(), product)
        write_data(FORMATS[format_name](page, look_of(output)), output)
        return Exit.FAILURE if look.reading.failures or page["unknown"] else Exit.DONE


@command.command("end", short_help="End sessions, which is how a KRE license moves.")
@options.api
@options.writing
@click.option(
    "--org",
    "organization",
    type=click.IntRange(min=1),
    metavar="ID",
    required=True,
    help="The organization.",
)
@click.option("--machine", metavar="ID", help="The sessions on this machine.")
@click.option("--user", metavar="EMAIL", help="The sessions of this user.")
@click.option("--session", metavar="ID", help="The session of this ID.")
@_product
@click.option("--yes", is_flag=True, help="Do not ask.")
@click.option("--journal", metavar="FILE", help="Write down what is done in this file.")
def end(
    *,
    api: str | None,
    organization: int,
    machine: str | None,
    user: str | None,
    session: str | None,
    product: str | None,
    yes: bool,
    journal: str | None,
    writes: str | None,
    routes: tuple[str, ...],
) -> Exit:
    """End active sessions, which is how a KRE license moves to another machine.

    The user's work there stops. For floating products the seat is free at once, for whoever comes
    first; for the others the user or the machine keeps the license.

    \b
    Examples:
      reconciler sessions end --org 303 --machine b2f5ff47436671b6e533d8dc3614845d
      reconciler sessions end --org 101 --user carol@example.com --product kse --yes
    """
    from reconciler.cli.sessions_end import Chosen, end_chosen
    from reconciler.cli.write_settings import WriteOptions

    if sum(value is not None for value in (machine, user, session)) != 1:
        raise UsageError(
            "name what to end by one of --machine, --user and --session",
            hint="`reconciler sessions` lists the active sessions",
        )
    return end_chosen(
        Chosen(organization, machine=machine, user=user, session=session, product=product),
        api=api,
        writing=WriteOptions(writes, routes),
        yes=yes,
        journal=journal,
    )


def _refuse_lost_options(ctx: click.Context) -> None:
    """Refuse options before the subcommand, which would have no effect on it."""
    source = click.core.ParameterSource.DEFAULT
    given = [
        f"--{'org' if name == 'organizations' else name.removesuffix('_name')}"
        for name in ctx.params
        if ctx.get_parameter_source(name) is not source
    ]
    if given:
        raise UsageError(
            f"{', '.join(sorted(given))} before `{ctx.invoked_subcommand}` has no effect",
            hint=f"write it behind: `reconciler sessions {ctx.invoked_subcommand} …`",
        )
