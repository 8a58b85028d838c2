"""Options that several commands share, each written once."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date
from typing import Any, TypeVar

import click

F = TypeVar("F", bound=Callable[..., Any])


def day(ctx: click.Context, param: click.Parameter, value: str | None) -> date | None:
    """Turn `YYYY-MM-DD` into a date; anything else is wrong usage."""
    if value is None:
        return None
    try:
        if len(value) != len("2026-11-24"):
            raise ValueError
        return date.fromisoformat(value)
    except ValueError:
        message = f"{value!r} is no date; write it as 2026-11-24"
        raise click.BadParameter(message, ctx, param) from None


def shard(ctx: click.Context, param: click.Parameter, value: str | None) -> tuple[int, int] | None:
    """Turn `I/N`, with I from 1 to N, into two numbers; anything else is wrong usage."""
    if value is None:
        return None
    index, slash, count = value.partition("/")
    numbers = index.isascii() and index.isdigit() and count.isascii() and count.isdigit()
    if not (slash and numbers) or not 1 <= int(index) <= int(count):
        message = f"{value!r} is no shard; write it as 1/4 up to 4/4"
        raise click.BadParameter(message, ctx, param)
    return int(index), int(count)


def paths(function: F) -> F:
    """Add `PATH…`: organization files, folders and workspace files."""
    return click.argument("paths", nargs=-1, metavar="[PATH]...")(function)


def api(function: F) -> F:
    """Add `--api URL`."""
    return click.option(
        "--api",
        metavar="URL",
        help="The licensing system: https://…, http://127.0.0.1:PORT or sqlite:///FILE.db; "
        "else RECONCILER_API_URL, else the workspace's api.url.",
    )(function)


def writing(function: F) -> F:
    """Add `--writes` and `--route`, repeatable."""
    writes = click.option(
        "--writes",
        type=click.Choice(("api", "checklist")),
        help="Whether changes go to the API or are made by a person; else RECONCILER_API_WRITES, "
        "else the workspace's api.writes (not in CI), else what the host takes.",
    )
    route = click.option(
        "--route",
        "routes",
        multiple=True,
        metavar="NAME=ROUTE",
        help='The route of a write, as in grant_users="POST /seats/{organization}"; else those of '
        "RECONCILER_API_ROUTES, else the workspace's api.routes (not in CI).",
    )
    return writes(route(function))


def state(function: F) -> F:
    """Add `--state FILE`."""
    return click.option(
        "--state", metavar="FILE", help="Read the state from a snapshot file, not from an API."
    )(function)


def organizations(function: F) -> F:
    """Add `--org ID`, repeatable."""
    return click.option(
        "--org",
        "organizations",
        type=click.IntRange(min=1),
        multiple=True,
        metavar="ID",
        help="Only this organization; may be given several times.",
    )(function)


def output(function: F) -> F:
    """Add `--output FILE`."""
    return click.option(
        "--output", metavar="FILE", default="-", help="Write to this file; - is standard output."
    )(function)


def formats(*names: str, told: str = "How to write it.") -> Callable[[F], F]:
    """Add `--format` with these names, the first being the default."""
    return click.option(
        "--format",
        "format_name",
        type=click.Choice(names),
        default=names[0],
        show_default=True,
        help=told,
    )


def planning(function: F) -> F:
    """Add the options that decide what a plan holds, shared by `plan` and `apply`."""
    decorators: list[Callable[[F], F]] = [
        organizations,
        click.option(
            "--shard",
            callback=shard,
            metavar="I/N",
            help="Only the I-th of N shares of the organizations; an organization's share "
            "depends on its ID alone.",
        ),
        click.option(
            "--as-of",
            callback=day,
            metavar="DATE",
            help="Plan for this day instead of today; such a plan cannot be applied.",
        ),
        click.option(
            "--allow-removals",
            type=click.IntRange(min=0),
            metavar="N",
            help="Allow this plan to take something from up to N users and machines, all "
            "organizations together; a ceiling in place of max_removals.",
        ),
        click.option(
            "--allow-irrevocable",
            is_flag=True,
            help="Allow offline licenses, which cannot be taken back, where the policy does too.",
        ),
        click.option(
            "--base",
            metavar="REV",
            help="A git revision, or a folder with older files: tell what this change causes from "
            "what was drifting before; only the former ends with 4.",
        ),
        click.option("--out", metavar="FILE", help="Save the plan as JSON."),
    ]
    for decorator in reversed(decorators):
        function = decorator(function)
    return function
