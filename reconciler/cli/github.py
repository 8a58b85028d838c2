"""`github`: what the steps of the GitHub workflows call."""

from __future__ import annotations

from collections.abc import Mapping

import click

from reconciler.cli.forges.commands import forge_commands
from reconciler.cli.forges.protocol import Forge


@click.group("github", no_args_is_help=False)
def command() -> None:
    """What the GitHub workflows call: comments, drift issue.

    These run in a step of GitHub Actions, and ask GitHub through the runner's own `gh`, which
    takes its token from GH_TOKEN. Only what github-actions[bot] wrote is read back or edited.
    """


def _opened(environ: Mapping[str, str]) -> Forge:
    from reconciler.cli.forges.github import GitHub

    return GitHub(environ)


forge_commands(command, _opened)
