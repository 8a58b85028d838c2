"""The commands that a workflow's steps call, the same for every forge."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING

import click

from reconciler.cli.exits import Exit
from reconciler.cli.forges.outputs import append_summary, set_outputs
from reconciler.cli.forges.protocol import Forge
from reconciler.cli.notes import note
from reconciler.cli.output import write_data
from reconciler.cli.plan_files import load_plan
from reconciler.errors import ReconcilerError, RefusedError, UsageError

if TYPE_CHECKING:
    from reconciler.cli.forges.reviewed import Reviewed

Opener = Callable[[Mapping[str, str]], Forge]


def _name(ctx: click.Context, param: click.Parameter, value: str) -> str:
    from reconciler.cli.forges.markers import NAME

    if not NAME.fullmatch(value):
        raise click.BadParameter("lower-case letters, digits and - only", ctx, param)
    return value


_NAME = click.option(
    "--name",
    default="plan",
    show_default=True,
    callback=_name,
    help="What it is called, to tell several workspaces of one repository apart.",
)
_REQUEST = click.option(
    "--request",
    type=click.IntRange(min=1),
    metavar="N",
    help="The pull or merge request; by default the one of this run.",
)
_TOLD = click.option(
    "--request",
    default="",
    metavar="N",
    help="The pull or merge request to tell; empty where there is none.",
)


def forge_commands(group: click.Group, opened: Opener) -> None:
    """Add to a group the commands of a forge that `opened` makes from the environment."""
    for add in (_comment, _reviewed_digest, _newest, _compare, _outcome, _drift_issue):
        add(group, opened)


def _comment(group: click.Group, opened: Opener) -> None:
    @group.command("comment", short_help="Write a plan as the one comment of its request.")
    @click.argument("plan", metavar="PLAN.json")
    @_NAME
    @_REQUEST
    def command(plan: str, name: str, request: int | None) -> None:
        """Write a plan as a comment, or edit the comment that is there.

        Where there is no such file, the comment says that no plan could be made. Exits with 4
        unless the pull request is open, and at the commit that the plan was made for.
        """
        from reconciler.cli.forges.comments import put_plan
        from reconciler.cli.forges.texts import plan_text, unplanned_text

        forge = opened(os.environ)
        number = _number(forge, request)
        document = load_plan(plan) if Path(plan).exists() else None
        run, room = forge.run_url, forge.longest
        text = unplanned_text(run) if document is None else plan_text(document, run, room)
        url = put_plan(forge, number, name, document, text)
        note(f"the comment on {number} is written{f': {url}' if url else ''}")


def _reviewed_digest(group: click.Group, opened: Opener) -> None:
    @group.command("reviewed-digest", short_help="Print the changes digest that was reviewed.")
    @click.option(
        "--expect",
        default="",
        metavar="sha256:…",
        help="The digest that a person reviewed elsewhere; empty means: ask the pull request.",
    )
    @click.option(
        "--env",
        "target",
        metavar="FILE",
        help="Also write digest=, request= and run= to this file, for a shell to read.",
    )
    @click.option(
        "--fresh",
        metavar="PLAN.json",
        help="The plan of now: where it changes nothing, it needs no review.",
    )
    @_NAME
    def command(expect: str, target: str | None, fresh: str | None, name: str) -> None:
        """Print the changes digest that was reviewed on the pull request merged by this commit.

        Where GITHUB_OUTPUT is set, also fills the outputs digest, request and run.
        """
        from reconciler.cli.forges.reviewed import reviewed_by_hand

        if expect.strip():
            found = reviewed_by_hand(expect)
        else:
            found = _reviewed_by_merge(opened(os.environ), name, fresh)
        click.echo(found.digest)
        outputs = {
            "digest": found.digest,
            "request": "" if found.request is None else str(found.request),
            "run": found.run or "",
        }
        set_outputs(os.environ, outputs)
        if target:
            write_data("".join(f"{key}={value}\n" for key, value in outputs.items()), target)


def _reviewed_by_merge(forge: Forge, name: str, fresh: str | None) -> Reviewed:
    from reconciler.cli.forges.reviewed import nothing_to_review, reviewed_by_merge

    try:
        return reviewed_by_merge(forge, name)
    except RefusedError as refusal:
        found = nothing_to_review(load_plan(fresh)) if fresh and Path(fresh).exists() else None
        if found is None:
            raise
        note(refusal.message)
        note("the fresh plan changes nothing, so there is nothing to review")
        return found


def _newest(group: click.Group, opened: Opener) -> None:
    @group.command("newest", short_help="Stop a run that is not for the newest commit.")
    @_TOLD
    @_NAME
    def command(request: str, name: str) -> None:
        """Exit with 4 unless this run is for the newest commit of the default branch.

        A run that waited for approval, or is started again, must not bring back older files. Why
        it stopped goes to standard error, the step summary and a comment.
        """
        from reconciler.cli.forges.comments import put_comment
        from reconciler.cli.forges.reviewed import check_newest
        from reconciler.cli.forges.texts import outdated_text

        forge = opened(os.environ)
        try:
            check_newest(forge)
        except RefusedError as refusal:
            text = outdated_text(refusal, forge.run_url)
            append_summary(os.environ, text)
            if request.isdigit():
                # Not in the place of the account of an earlier run, which did apply it.
                put_comment(forge, int(request), f"{name}.outdated", text)
            raise
        note("this run is for the newest commit of the default branch")


def _compare(group: click.Group, opened: Opener) -> None:
    @group.command("compare", short_help="Compare a fresh plan with the reviewed one.")
    @click.argument("plan", metavar="PLAN.json")
    @click.option(
        "--expect", required=True, metavar="sha256:…", help="The digest that was reviewed."
    )
    @click.option("--run", default="", metavar="ID", help="The run that made the reviewed plan.")
    @_TOLD
    @_NAME
    def command(plan: str, expect: str, run: str, request: str, name: str) -> Exit:
        """Compare a fresh plan with the reviewed one; exit 4, saying what moved, if they differ.

        What moved goes to standard error, the step summary and a comment.
        """
        from reconciler.cli.forges.comments import put_comment
        from reconciler.cli.forges.moved import moved_lines
        from reconciler.cli.forges.reviewed import reviewed_by_hand
        from reconciler.cli.forges.texts import moved_text

        expected = reviewed_by_hand(expect).digest
        if not Path(plan).exists():
            raise ReconcilerError(
                f"{plan}: there is no fresh plan to compare with",
                hint="what the step that plans says is the reason",
            )
        fresh = load_plan(plan)
        digest = str(fresh["changes_digest"])
        if digest == expected:
            note("the fresh plan is the one that was reviewed")
            return Exit.DONE
        forge = opened(os.environ)
        reviewed = forge.plan_of_run(run) if run.isdigit() else None
        lines = moved_lines(reviewed, fresh, expected)
        text = moved_text(lines, digest, forge)
        append_summary(os.environ, text)
        for line in lines:
            note(line)
        if request.isdigit():
            put_comment(forge, int(request), f"{name}.applied", text)
        raise RefusedError(
            f"the plan is {digest}, and reviewed was {expected}",
            hint=f"look at the fresh plan; where it is right, {forge.by_hand}",
        )


def _outcome(group: click.Group, opened: Opener) -> None:
    @group.command("outcome", short_help="Tell the merged request what was really done.")
    @click.argument("account", metavar="ACCOUNT")
    @click.option(
        "--apply-exit",
        type=click.IntRange(0, 255),
        required=True,
        metavar="N",
        help="The exit code of the `apply` that wrote the account.",
    )
    @_TOLD
    @_NAME
    def command(account: str, apply_exit: int, request: str, name: str) -> int:
        """Tell a merged pull request what was really done, and exit as the apply did.

        Steps that are left to a person are no failure here: the drift check watches them.
        """
        from reconciler.cli.forges.comments import put_comment
        from reconciler.cli.forges.texts import is_checklist, outcome_text

        file = Path(account)
        said = file.read_text(encoding="utf-8", errors="replace") if file.exists() else None
        forge = opened(os.environ)
        steps = said is not None and is_checklist(said)
        refused = apply_exit == Exit.REFUSED and not steps
        set_outputs(os.environ, {"refused": "true" if refused else "false"})
        text = outcome_text(apply_exit, said, forge.run_url)
        append_summary(os.environ, text)
        if request.isdigit():
            put_comment(forge, int(request), f"{name}.applied", text)
        return Exit.DONE if apply_exit == Exit.PENDING else apply_exit


def _drift_issue(group: click.Group, opened: Opener) -> None:
    @group.command("drift-issue")
    @click.argument("plan", metavar="PLAN.json")
    @click.option(
        "--plan-exit",
        type=click.IntRange(0, 255),
        required=True,
        metavar="N",
        help="The exit code of the `plan` that made it.",
    )
    @click.option(
        "--name",
        default="drift",
        show_default=True,
        callback=_name,
        help="What the issue is called, one for each workspace of a repository.",
    )
    def command(plan: str, plan_exit: int, name: str) -> Exit:
        """Open, update or close the one issue that tells of drift.

        Exits with the code of the plan where that failed, else with 0: drift is told by the issue.
        """
        from reconciler.cli.forges.drift import Drift, tell_drift

        document = load_plan(plan) if Path(plan).exists() else None
        drift = Drift(document, plan_exit)
        note(tell_drift(opened(os.environ), name, drift))
        if drift.certain:
            return Exit.DONE
        return Exit.INVALID if plan_exit == Exit.INVALID else Exit.FAILURE


def _number(forge: Forge, request: int | None) -> int:
    number = request or forge.current_request()
    if number is None:
        raise UsageError(
            "this run is about no pull request", hint="name one with `--request NUMBER`"
        )
    return number
