"""`snapshot`: the state of organizations, as one file."""

from __future__ import annotations

from typing import Any

import click

from reconciler.cli import options
from reconciler.cli.exits import Exit
from reconciler.cli.output import check_target, write_data


@click.command("snapshot")
@options.api
@options.organizations
@options.output
def command(api: str | None, organizations: tuple[int, ...], output: str) -> Exit:
    """Write the state of organizations as one file.

    The file is JSON where its name ends in .json, else YAML. Without --org it holds all
    organizations whose licenses the key's owner may read.
    """
    from reconciler.backends.snapshot import to_snapshot
    from reconciler.cli.clock import now
    from reconciler.cli.looking import looked

    check_target(output)
    with looked(api=api, organizations=organizations) as look:
        document = to_snapshot(look.reading.states, now())
        write_data(_text(document, as_json=output.endswith(".json")), output)
        return Exit.FAILURE if look.reading.failures else Exit.DONE


def _text(document: dict[str, Any], *, as_json: bool) -> str:
    if as_json:
        from reconciler.reports.json_text import json_text

        return json_text(document)
    from reconciler.reports.yaml_text import yaml_text

    return yaml_text(document)
