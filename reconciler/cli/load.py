"""`load`: a snapshot into the embedded server's database."""

from __future__ import annotations

import click

from reconciler.cli.notes import note


@click.command("load")
@click.argument("snapshot", metavar="SNAPSHOT")
@click.option("--db", required=True, metavar="FILE", help="The database; made where it is missing.")
@click.option("--replace", is_flag=True, help="Replace what the database holds.")
def command(snapshot: str, db: str, replace: bool) -> None:
    """Fill the embedded server's database from a snapshot."""
    from reconciler.cli.filling import fill, opened_store, read_snapshot

    # First, so that a snapshot that is wrong leaves no database behind.
    document = read_snapshot(snapshot)
    with opened_store(db) as store:
        fill(store, document, replace=replace)
        note(f"{db}: filled; use it with --api sqlite:///{db}, or `reconciler serve --db {db}`")
