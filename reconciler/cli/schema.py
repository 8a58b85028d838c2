"""`schema`: the JSON Schemas of the files."""

from __future__ import annotations

import click

from reconciler.cli import options
from reconciler.cli.output import write_data

_NAMES = ("organization", "workspace", "groups", "snapshot", "plan", "faults")


@click.command("schema")
@click.argument("name", type=click.Choice(_NAMES))
@options.output
def command(name: str, output: str) -> None:
    """Print a JSON Schema, for editors and other tools."""
    from reconciler.schema import schema_text

    text = schema_text(name)
    write_data(text if text.endswith("\n") else text + "\n", output)
