"""`demo`: the whole story on the embedded server."""

from __future__ import annotations

import json
import tempfile
from pathlib import Path

import click

from reconciler.cli import demo_files as files
from reconciler.cli.clock import now
from reconciler.cli.demo_stage import Stage, staged
from reconciler.errors import ReconcilerError

_KSE, _RUNNERS = "KSE", "ENGINE"
_FILE = "orgs/demo.yaml"
_BEFORE = (files.OLD_RUNNER, files.STEADY_RUNNER)
_AFTER_TRANSFER = ("ada@example.com", files.NEWCOMER, "dan@example.com", "eve@example.com")
_AFTER_LEAVER = tuple(email for email in _AFTER_TRANSFER if email != files.LEAVER)
_PENDING, _REFUSED = 2, 4


@click.command("demo")
def command() -> None:
    """The whole story on the embedded server, in seconds.

    Runs the real commands in a temporary folder, which stays, and reads the server back after
    each step; exits with 1 unless every step had its effect.
    """
    folder = Path(tempfile.mkdtemp(prefix="reconciler-demo-"))
    (folder / "orgs").mkdir()
    (folder / "reconciler.yaml").write_text(files.WORKSPACE, encoding="utf-8")
    snapshot = json.dumps(files.snapshot(now().date()), indent=1)
    (folder / "snapshot.json").write_text(snapshot, encoding="utf-8")
    click.echo(f"Everything happens in {folder}\n")
    with staged(folder) as stage:
        for title, step in _STORY:
            click.echo(click.style(f"\n── {title}", fg="cyan"))
            step(stage)
    click.echo(f"\nEvery step had its effect on the server. The files are in {folder}")


def _check(what: str, *, found: object, wanted: object) -> None:
    if found != wanted:
        raise ReconcilerError(f"the demo failed: {what}: found {found}, wanted {wanted}")
    click.echo(click.style(f"✓ read back from the server: {what}", fg="green"))


def _start(stage: Stage) -> None:
    stage.run("doctor")
    stage.run("import", "--org", str(files.ORGANIZATION), "--output", _FILE)
    stage.run("plan", "--detailed-exitcode")
    _check("4 of 4 KSE seats are taken", found=stage.holders(_KSE), wanted=set(files.USERS))


def _full_quota(stage: Stage) -> None:
    stage.write(_FILE, files.organization((*files.USERS, files.NEWCOMER), _BEFORE))
    stage.run("plan", ends_with=_REFUSED)
    _check("nobody gained a fifth seat", found=stage.holders(_KSE), wanted=set(files.USERS))


def _transfer(stage: Stage) -> None:
    users = tuple(
        files.transfer(files.NEWCOMER, email) if email == files.TRANSFERRED else email
        for email in files.USERS
    )
    stage.write(_FILE, files.organization(users, _BEFORE))
    stage.run("validate")
    stage.run("plan", "--out", "plan.json", "--detailed-exitcode", ends_with=_PENDING)
    stage.run("apply", "plan.json", "--yes")
    _check("carol's seat is bob's", found=stage.holders(_KSE), wanted=set(_AFTER_TRANSFER))


def _leaver(stage: Stage) -> None:
    stage.write(_FILE, files.organization(_AFTER_LEAVER, _BEFORE))
    stage.run("apply", "--yes")
    _check("dan's seat is free", found=stage.holders(_KSE), wanted=set(_AFTER_LEAVER))


def _machine_move(stage: Stage) -> None:
    machines = (files.moved(files.NEW_RUNNER, files.OLD_RUNNER), files.STEADY_RUNNER)
    stage.write(_FILE, files.organization(_AFTER_LEAVER, machines))
    stage.run("apply", "--yes")
    stage.run("plan", "--detailed-exitcode")
    _check(
        "the license moved to the new machine",
        found=stage.machines(_RUNNERS),
        wanted={files.NEW_RUNNER, files.STEADY_RUNNER},
    )


def _mass_removal(stage: Stage) -> None:
    machines = (files.NEW_RUNNER, files.STEADY_RUNNER)
    stage.write(_FILE, files.organization((), machines))
    stage.run("apply", "--yes", ends_with=_REFUSED)
    _check("everybody keeps the seat", found=stage.holders(_KSE), wanted=set(_AFTER_LEAVER))
    stage.write(_FILE, files.organization(_AFTER_LEAVER, machines))
    stage.run("show")


_STORY = (
    ("Start from what is there: import, and planning it changes nothing", _start),
    ("Full quota: one more user than there are seats is refused", _full_quota),
    ("A transfer: bob takes over carol's seat", _transfer),
    ("A leaver: dan's line is deleted", _leaver),
    ("New hardware: a node-locked license moves to another machine", _machine_move),
    ("A mistake: an empty list would take everybody's license, and is refused", _mass_removal),
)
