"""`serve`: the embedded licensing server, over HTTP."""

from __future__ import annotations

import os
from collections.abc import Sequence
from datetime import date
from typing import TYPE_CHECKING

import click

from reconciler.cli import options
from reconciler.cli.notes import note

if TYPE_CHECKING:
    from reconciler.server.faults import Faults
    from reconciler.server.keys import MemberKey
    from reconciler.server.messages import Handler
    from reconciler.server.store import Store

_OWN_KEY = "RECONCILER_API_KEY"


@click.command("serve")
@click.option("--db", required=True, metavar="FILE", help="The database; made where it is missing.")
@click.option("--load", "snapshot", metavar="SNAPSHOT", help="Fill the empty database first.")
@click.option(
    "--port",
    type=click.IntRange(0, 65535),
    default=8080,
    show_default=True,
    help="The port; 0 takes a free one.",
)
@click.option("--host", default="127.0.0.1", show_default=True, help="The address to listen on.")
@click.option("--today", callback=options.day, metavar="DATE", help="Serve as if it were this day.")
@click.option(
    "--idle-timeout",
    type=click.IntRange(0, 1_000_000),
    default=120,
    show_default=True,
    metavar="MINUTES",
    help="End studio sessions without a sign of life for longer; 0 ends none.",
)
@click.option("--keys", "key_file", metavar="FILE", help="Further keys, each of a member.")
@click.option("--faults", "fault_file", metavar="FILE", help="Misbehave as this file says.")
def command(
    *,
    db: str,
    snapshot: str | None,
    port: int,
    host: str,
    today: date | None,
    idle_timeout: int,
    key_file: str | None,
    fault_file: str | None,
) -> None:
    """Run the embedded licensing server.

    Prints its URL on standard output when it is ready. The key of its owner is
    RECONCILER_API_KEY; without it the one that the database has stays, and where it has none, one
    is made and printed on standard error.
    """
    from reconciler.cli.filling import fill, opened_store, read_snapshot
    from reconciler.server.clock import fixed_day, system_clock
    from reconciler.server.idling import set_idle_minutes, timeout_of
    from reconciler.server.serve import THREADS, THREADS_THAT_WAIT, run
    from reconciler.server.service import LicensingService

    # All files are read first, and the database is changed once the port is taken: a start that
    # fails leaves the keys of a server that runs on the same database as they are.
    faults = _faults(fault_file) if fault_file else None
    members = _member_keys(key_file) if key_file else None
    document = read_snapshot(snapshot) if snapshot else None
    with opened_store(db) as store:

        def prepare() -> None:
            if document is not None:
                fill(store, document)
            set_idle_minutes(store, idle_timeout)
            _set_keys(store, members, db)

        clock = fixed_day(today) if today else system_clock
        idle = timeout_of(idle_timeout)
        service: Handler = LicensingService(store, clock, idle_timeout=idle)
        threads = THREADS
        if faults is not None:
            from reconciler.server.faulty import FaultyService

            service, threads = FaultyService(service, faults), THREADS_THAT_WAIT
        run(service, host, port, ready=_announce, threads=threads, prepare=prepare)


def _faults(file: str) -> Faults:
    from reconciler.config.document import load_validated
    from reconciler.server.faults import read_faults

    return read_faults(load_validated(file, "faults").data)


def _member_keys(file: str) -> tuple[MemberKey, ...]:
    from reconciler.config.document import load_secret
    from reconciler.server.keys import member_keys

    document = load_secret(file)
    return member_keys(document.data, document.source)


def _set_keys(store: Store, members: Sequence[MemberKey] | None, db: str) -> None:
    from reconciler.server.keys import set_keys

    given = os.environ.get(_OWN_KEY, "").strip() or None
    made = set_keys(store, owner=given, members=members)
    if made:
        # The one place where a key is shown: it was made here, and nobody could use it else.
        click.echo(f"{_OWN_KEY}={made}", err=True)
    elif given is None:
        note(
            f"note: the key that {db}'s owner has already stays valid; set {_OWN_KEY} to replace it"
        )


def _announce(url: str) -> None:
    click.echo(url)
