"""`apply`: plan, show, ask and write; or carry out a saved plan as it is."""

from __future__ import annotations

from typing import Any

import click

from reconciler.cli import options
from reconciler.cli.exits import Exit
from reconciler.cli.output import check_targets
from reconciler.errors import UsageError


def _reviewed(ctx: click.Context, param: click.Parameter, value: str | None) -> str | None:
    """Refuse at once what names no review: it must never count as if nobody had asked for one."""
    if value is None:
        return None
    from reconciler.cli.expecting import expected

    return expected(value)


@click.command("apply")
@options.paths
@options.api
@options.planning
@options.writing
@click.option(
    "--expect",
    metavar="PLAN.json|sha256:…",
    callback=_reviewed,
    help="Apply only if the changes digest is that of this reviewed plan.",
)
@click.option("--yes", is_flag=True, help="Do not ask.")
@click.option(
    "--via",
    type=click.Choice(("api", "checklist")),
    help="Write through the API, or print the steps for a person; by default what the host takes.",
)
@click.option(
    "--journal",
    metavar="FILE",
    help="Write every call and its outcome into this journal; `reconciler audit` reads it.",
)
@click.option(
    "--parallel",
    type=click.IntRange(1, 64),
    metavar="N",
    help="Organizations at once; by default the workspace's max_parallel.",
)
@click.option(
    "--max-rate",
    type=click.FloatRange(min=0, min_open=True),
    metavar="N",
    help="At most N turns a second in all; a turn is one write or the reading of an organization.",
)
@click.option("--quiet", "-q", is_flag=True, help="Show no progress.")
@options.formats(
    "text",
    "json",
    "markdown",
    "html",
    told="How to write the account (text or json), or the steps of a checklist.",
)
@options.output
def command(
    *,
    paths: tuple[str, ...],
    api: str | None,
    expect: str | None,
    yes: bool,
    via: str | None,
    out: str | None,
    format_name: str,
    output: str,
    journal: str | None,
    parallel: int | None,
    max_rate: float | None,
    quiet: bool,
    writes: str | None,
    routes: tuple[str, ...],
    **rest: Any,
) -> Exit:
    """Plan, show, ask and apply; or apply a saved plan.

    PATH… is any mix of organization files, folders and workspace files, none meaning
    reconciler.yaml here; or one saved plan, which is applied as it is. Applying the same plan
    again goes on where it stopped.
    """
    from reconciler.cli.carrying_out import (
        CarryOptions,
        apply_files,
        apply_saved,
        check_account_format,
    )
    from reconciler.cli.plan_files import is_plan_file
    from reconciler.cli.planning import PlanOptions
    from reconciler.cli.write_settings import WriteOptions

    check_targets(out=out, output=output, journal=journal)
    if expect is not None and not expect.strip():
        # An empty variable in a pipeline must never come to mean that anything may be applied.
        raise UsageError(
            "--expect is empty", hint="give the reviewed plan's file, or its sha256:… digest"
        )
    if via == "api":
        check_account_format(format_name)
    carry = CarryOptions(
        expect, yes, via, out, format_name, output, journal, parallel, max_rate, quiet
    )
    if not any(is_plan_file(path) for path in paths):
        return apply_files(
            PlanOptions(
                paths=paths, api=api, parallel=parallel, writes=writes, routes=routes, **rest
            ),
            carry,
        )
    if len(paths) > 1:
        raise UsageError("a saved plan is applied alone", hint="name the plan and nothing else")
    given = sorted(f"--{name.replace('_', '-')}" for name, value in rest.items() if value)
    given = [name.replace("--organizations", "--org") for name in given]
    if out:
        given.append("--out")
    if given:
        raise UsageError(
            f"a saved plan is applied as it is; {', '.join(given)} cannot change it",
            hint="plan again with these options",
        )
    return apply_saved(paths[0], api, WriteOptions(writes, routes), carry)
