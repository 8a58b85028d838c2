"""`gitlab`: what the jobs of the GitLab template call."""

from __future__ import annotations

from collections.abc import Mapping

import click

from reconciler.cli.forges.commands import forge_commands
from reconciler.cli.forges.protocol import Forge


@click.group("gitlab", no_args_is_help=False)
def command() -> None:
    """What the GitLab jobs call: notes, drift issue.

    These run in a job of GitLab CI, and take a token with the scope `api` from
    RECONCILER_GITLAB_TOKEN. Only what that token's owner wrote is read back or edited.
    """


def _opened(environ: Mapping[str, str]) -> Forge:
    from reconciler.cli.forges.gitlab import GitLab

    return GitLab(environ)


forge_commands(command, _opened)
