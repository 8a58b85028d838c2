"""`init`: the files of a workspace, ready to run."""

from __future__ import annotations

import re
from pathlib import Path

import click

from reconciler.cli.exits import Exit
from reconciler.errors import UsageError

# What a pattern of `branches:` would read as more than a name is none.
_NAME = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_./-]*")


def _branch(ctx: click.Context, param: click.Parameter, value: str | None) -> str | None:
    if value is not None and not _NAME.fullmatch(value):
        raise click.BadParameter(f"{value!r} is no branch's name", ctx, param)
    return value


def _package(ctx: click.Context, param: click.Parameter, value: str | None) -> str | None:
    from reconciler.cli.package import FORMS, is_pinned, names_a_user

    if value is None or is_pinned(value):
        return value
    if names_a_user(value):  # Never told again: a password may stand there.
        said = "the address holds a user or a password, and would stand in the pipelines"
        raise click.BadParameter(f"{said}: it is {FORMS}", ctx, param)
    raise click.BadParameter(f"{value!r} is none that stays the same: it is {FORMS}", ctx, param)


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
    metavar="NAME",
    help="The default branch, for GitHub's workflows; by default what git says, else main.",
)
@click.option(
    "--package",
    callback=_package,
    metavar="ADDRESS",
    help="What the pipelines install: git+https://…@COMMIT, https://….whl#sha256=… or "
    "NAME==VERSION; by default the address that this very program was installed from.",
)
def command(
    folder: str, ci: str, organization: int, branch: str | None, package: str | None
) -> Exit:
    """Write the files of a workspace, with its CI workflows.

    `reconciler validate` passes right after. Where any of the files exists already, nothing is
    written and the exit is 4; but a README.md or .github/dependabot.yml that is there is kept, and
    .gitignore is added to.

    The pipelines install what a lock beside them names, by its hashes, and this program from an
    address that is pinned. Where it is not known from where this one came, --package must say it.
    """
    from reconciler.cli.notes import note
    from reconciler.cli.package import DISTRIBUTION, FORMS, foreign_name, installed_package
    from reconciler.cli.starter import starter_files, write_starter

    place = Path(folder)
    package = package or installed_package()
    if package is None and ci != "none":
        raise UsageError(
            "nothing was written: the pipelines need an address to install reconciler from, and "
            "this program came from a file, an index or a checkout without an https origin",
            hint=f"name it with --package: {FORMS}; or write none with --ci none",
        )
    branch = branch or _default_branch(place)
    files = starter_files(ci, package=package, organization=organization, branch=branch)
    for path in write_starter(place, files):
        click.echo(path)
    if package is not None and ci != "none" and (name := foreign_name(package)):
        note(
            f"warning: the pipelines install {name}, and this program's name is {DISTRIBUTION}: "
            "whatever your index has under that name runs where the key is"
        )
    return Exit.DONE


def _default_branch(folder: Path) -> str:
    """Return the default branch of the repository that a folder, perhaps a new one, lies in."""
    from reconciler.config.git import repository_of
    from reconciler.errors import ReconcilerError

    there = next(parent for parent in (folder, *folder.absolute().parents) if parent.is_dir())
    try:
        found = repository_of(there).default_branch()
    except ReconcilerError:  # No repository, or no git, which `init` does not need.
        found = None
    return found if found and _NAME.fullmatch(found) else "main"
