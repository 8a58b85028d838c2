"""A snapshot file into the embedded server's database."""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from reconciler.backends.snapshot import SnapshotBackend
from reconciler.cli.notes import note
from reconciler.cli.progress import working
from reconciler.config.document import Document, collector_off, load_validated
from reconciler.errors import ReconcilerError
from reconciler.model.state import LISTS
from reconciler.server.load import load_snapshot
from reconciler.server.store import Store


def read_snapshot(path: str) -> Document:
    """Return a snapshot that every command takes; tell of the lists that it does not know.

    Raises `ConfigurationError` with every problem, each with its place.
    """
    with working("loading the snapshot"), collector_off():
        document = load_validated(path, "snapshot")
        # Its rules are those of --state: what one command refuses, the other does not fill in.
        SnapshotBackend(document.data, target=path, timezone="UTC", locate=document.source)
    _tell_absent(document, path)
    return document


@contextmanager
def opened_store(db: str) -> Iterator[Store]:
    """Open a database, made where it is missing, and close it in the end.

    One that was made here is taken away again where what it was made for fails before it holds
    anything. What SQLite cannot do is a `ReconcilerError`.
    """
    new = not os.path.lexists(db)
    holds_nothing = True
    try:
        store = Store.open(Path(db), create=True)
        try:
            yield store
        finally:
            holds_nothing = new and _holds_nothing(store)
            store.close()
    except BaseException as error:
        if new and holds_nothing:
            _take_away(db)
        if isinstance(error, sqlite3.Error):
            raise ReconcilerError(f"{db}: cannot be written: {error}") from error
        raise


def _holds_nothing(store: Store) -> bool:
    try:
        with store.read() as connection:
            found = connection.execute("SELECT EXISTS (SELECT 1 FROM organizations)").fetchone()
    except sqlite3.Error:
        return False
    return not found[0]


def _take_away(db: str) -> None:
    for name in (db, f"{db}-wal", f"{db}-shm", f"{db}-journal"):
        with suppress(OSError):
            Path(name).unlink()


def fill(store: Store, snapshot: Document, *, replace: bool = False) -> None:
    """Fill an empty database, or with `replace` any; what is wrong leaves it as it was."""
    with working("filling the database"):
        load_snapshot(
            store, snapshot.data, replace=replace, name=snapshot.name, locate=snapshot.source
        )


def _tell_absent(document: Document, path: str) -> None:
    """Say which lists a server cannot keep unknown, as `plan --state` does, and has empty."""
    for index, row in enumerate(document.data["organizations"]):
        absent = [name for name in LISTS if row.get(name) is None]
        if absent:
            place = document.source(("organizations", index))
            note(
                f"warning: {place}: organization {row['id']} does not say its {_listed(absent)}: "
                "unknown in the snapshot, and empty in the database"
            )


def _listed(names: list[str]) -> str:
    words = [name.replace("_", " ") for name in names]
    return words[0] if len(words) == 1 else f"{', '.join(words[:-1])} and {words[-1]}"
