"""`init`: the files of a workspace, ready to run."""

from __future__ import annotations

import re
from pathlib import Path

import click

from reconciler.cli.exits import Exit


def _branch(ctx: click.Context, param: click.Parameter, value: str) -> str:
    # What a pattern of `branches:` would read as more than a name is refused.
    if not re.fullmatch(r"[A-Za-z0-9_][A-Za-z0-9_./-]*", value):
        raise click.BadParameter(f"{value!r} is no branch's name", ctx, param)
    return value


@click.command("init")
@click.argument("folder", default=".", metavar="[FOLDER]")
@click.option(
    "--ci",
    type=click.Choice(("github", "gitlab", "none")),
    default="github",
    show_default=True,
    help="Whose pipelines to write too.",
)
@click.option(
    "--org",
    "organization",
    type=click.IntRange(min=1),
    default=101,
    show_default=True,
    metavar="ID",
    help="The organization that the example file names.",
)
@click.option(
    "--branch",
    callback=_branch,
    default="main",
    show_default=True,
    metavar="NAME",
    help="The default branch of the repository, for GitHub's workflows.",
)
def command(folder: str, ci: str, organization: int, branch: str) -> Exit:
    """Write the files of a workspace, with its CI workflows.

    `reconciler validate` passes right after. Where any of the files exists already, nothing is
    written and the exit is 4; but a README.md that is there is kept, and .gitignore is added to.
    """
    from reconciler import __version__
    from reconciler.cli.starter import starter_files, write_starter

    package = f"license-reconciler=={__version__}"
    files = starter_files(ci, package=package, organization=organization, branch=branch)
    for path in write_starter(Path(folder), files):
        click.echo(path)
    return Exit.DONE
