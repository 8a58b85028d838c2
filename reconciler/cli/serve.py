"""`serve`: the embedded licensing server, over HTTP."""

from __future__ import annotations

import os
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING

import click

from reconciler.cli import options

if TYPE_CHECKING:
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
@click.option("--keys", "key_file", metavar="FILE", help="Further keys, each of a member.")
def command(
    *,
    db: str,
    snapshot: str | None,
    port: int,
    host: str,
    today: date | None,
    key_file: str | None,
) -> None:
    """Run the embedded licensing server.

    Prints its URL on standard output when it is ready. The key of its owner is
    RECONCILER_API_KEY; without it one is made and printed on standard error.
    """
    from reconciler.cli.filling import opened_store
    from reconciler.server.clock import fixed_day, system_clock
    from reconciler.server.serve import run
    from reconciler.server.service import LicensingService

    with opened_store(db, snapshot) as store:
        _set_keys(store, key_file)
        service = LicensingService(store, fixed_day(today) if today else system_clock)
        run(service, host, port, ready=_announce)


def _set_keys(store: Store, key_file: str | None) -> None:
    from reconciler.server.keys import new_key, read_key_file, set_member_keys, set_owner_key

    key = os.environ.get(_OWN_KEY, "").strip()
    if not key:
        key = new_key()
        # The one place where a key is shown: it was made here, and nobody could use it else.
        click.echo(f"{_OWN_KEY}={key}", err=True)
    set_owner_key(store, key)
    if key_file:
        set_member_keys(store, read_key_file(Path(key_file)))


def _announce(url: str) -> None:
    click.echo(url)
