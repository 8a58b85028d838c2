"""The table of commands; each one's module is imported only when it is called."""

from __future__ import annotations

import difflib
from collections.abc import Mapping
from dataclasses import dataclass
from importlib import import_module
from types import MappingProxyType

import click

from reconciler import __version__
from reconciler.cli.exits import Exit


@dataclass(frozen=True, slots=True)
class Row:
    """One command: the module that holds it as `command`, and its line in the overview."""

    module: str
    summary: str


SECTIONS: Mapping[str, Mapping[str, Row]] = MappingProxyType(
    {
        "Daily": {
            "init": Row("init", "Write the files of a workspace, with its CI workflows."),
            "validate": Row("validate", "Check files against the schemas and each other; no API."),
            "plan": Row("plan", "Show what would change, within quota; changes nothing."),
            "apply": Row("apply", "Plan, show, ask and apply; or apply a saved plan."),
            "report": Row("report", "Render one or several saved plans."),
        },
        "Looking": {
            "show": Row("show", "The License Management page: quotas, seats and the four lists."),
            "why": Row("why", "Why a user or a machine has or lacks a license."),
            "forecast": Row("forecast", "Seats over time, and the first day one is missing."),
            "audit": Row("audit", "Verify a journal; who got and lost what, when, by which plan."),
            "sessions": Row("sessions", "The active sessions, and ending some of them."),
        },
        "Editing": {
            "import": Row("import_", "Write an organization's current state as a file."),
        },
        "Operating": {
            "serve": Row("serve", "Run the embedded licensing server."),
            "load": Row("load", "Fill the embedded server's database from a snapshot."),
            "snapshot": Row("snapshot", "Write the state of organizations as one file."),
            "doctor": Row("doctor", "Check connection, credentials, role, lists and writes."),
            "schema": Row("schema", "Print a JSON Schema, for editors and other tools."),
            "github": Row("github", "What the GitHub workflows call: comments, drift issue."),
            "gitlab": Row("gitlab", "What the GitLab jobs call: notes, drift issue."),
            "demo": Row("demo", "The whole story on the embedded server, in seconds."),
        },
    }
)
"""The commands by section, in the order in which `--help` shows them."""

COMMANDS: Mapping[str, Row] = MappingProxyType(
    {name: row for rows in SECTIONS.values() for name, row in rows.items()}
)
"""Every command by its name."""


class LazyGroup(click.Group):
    """A group over `COMMANDS` that imports the one command that is asked for."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Return the names in the order of the overview."""
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Return the command of this name, or None."""
        row = COMMANDS.get(cmd_name)
        if row is None:
            return None
        command = import_module(f"reconciler.cli.{row.module}").command
        return _with_debug(command) if isinstance(command, click.Command) else None

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """Return the command that is asked for; an unknown one is an error with a suggestion."""
        name = args[0]
        if name not in COMMANDS and not name.startswith("-"):
            near = difflib.get_close_matches(name, COMMANDS, n=1)
            advice = f"; did you mean `{near[0]}`?" if near else ""
            raise click.UsageError(f"there is no command `{name}`{advice}", ctx)
        return super().resolve_command(ctx, args)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the sections, from the table alone."""
        for title, rows in SECTIONS.items():
            with formatter.section(title):
                formatter.write_dl([(name, row.summary) for name, row in rows.items()])


def _debug() -> click.Option:
    # The edge looks for it itself, as an error may come before any option is read.
    return click.Option(
        ["--debug"], is_flag=True, expose_value=False, help="Show the traceback of an error."
    )


def _with_debug(command: click.Command) -> click.Command:
    """Return a command that takes --debug, as do those below it."""
    if all("--debug" not in param.opts for param in command.params):
        command.params.append(_debug())
        if isinstance(command, click.Group):
            for below in command.commands.values():
                _with_debug(below)
    return command


@click.group(
    cls=LazyGroup,
    params=[_debug()],
    invoke_without_command=True,
    context_settings={"help_option_names": ["-h", "--help"]},
)
@click.version_option(__version__, message="reconciler %(version)s")
@click.pass_context
def commands(ctx: click.Context) -> None:
    """License-as-code for Katalon organizations.

    Declare who is licensed in YAML, see the difference to the licensing system, apply it
    without ever granting into a full pool.
    """
    if ctx.invoked_subcommand is None:
        click.echo(ctx.get_help(), err=True)
        ctx.exit(Exit.USAGE)
