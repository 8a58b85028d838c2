"""A snapshot file into the embedded server's database."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from reconciler.backends.snapshot import SnapshotBackend
from reconciler.cli.notes import note
from reconciler.cli.progress import working
from reconciler.config.document import Document, collector_off, load_validated
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
    """Open a database, made where it is missing, and close it in the end."""
    store = Store.open(Path(db), create=True)
    try:
        yield store
    finally:
        store.close()


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
