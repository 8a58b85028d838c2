"""`import`: an organization's current state as a file."""

from __future__ import annotations

from pathlib import Path

import click

from reconciler.cli import options
from reconciler.cli.output import STANDARD_OUTPUT, check_target, write_data


@click.command("import")
@options.api
@options.state
@click.option(
    "--org",
    "organization",
    type=click.IntRange(min=1),
    required=True,
    metavar="ID",
    help="The organization to write down.",
)
@options.output
@click.option("--replace", is_flag=True, help="Replace the output file where it exists already.")
def command(
    api: str | None, state: str | None, organization: int, output: str, replace: bool
) -> None:
    """Write an organization's current state as a file.

    Planning that file right after changes nothing.
    """
    from reconciler.cli.looking import looked
    from reconciler.editing.organization_file import SCHEMA_FILE, render_organization
    from reconciler.errors import RefusedError

    check_target(output)
    if output != STANDARD_OUTPUT and Path(output).exists() and not replace:
        raise RefusedError(
            f"{output}: exists already, and may hold what somebody wrote by hand",
            hint="name another file, or give --replace",
        )
    beside = output != STANDARD_OUTPUT and (Path(output).parent / SCHEMA_FILE).is_file()
    with looked(api=api, state=state, organizations=(organization,)) as look:
        text = render_organization(
            look.reading.states[0],
            header=_header(look.backend.target, schema_beside=beside),
            schema_beside=beside,
        )
        write_data(text, output)


def _header(target: str, *, schema_beside: bool) -> str:
    from reconciler.editing.organization_file import SCHEMA_FILE

    lines = [f"Imported from {target}"]
    if not schema_beside:
        lines += [
            f"For completion in an editor: reconciler schema organization > {SCHEMA_FILE}",
            f"and, as the first line here: yaml-language-server: $schema={SCHEMA_FILE}",
        ]
    return "\n".join(lines)
