"""A snapshot file into the embedded server's database."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from reconciler.cli.progress import working
from reconciler.config.document import load_validated
from reconciler.server.load import load_snapshot
from reconciler.server.store import Store


@contextmanager
def opened_store(db: str, snapshot: str | None, *, replace: bool = False) -> Iterator[Store]:
    """Open a database, filled from a snapshot where one is named, and close it in the end.

    The snapshot is read first, so that one that is wrong leaves no database behind.
    """
    with working("loading the snapshot"):
        data = load_validated(snapshot, "snapshot").data if snapshot else None
    store = Store.open(Path(db), create=True)
    try:
        if data is not None:
            with working("filling the database"):
                load_snapshot(store, data, replace=replace, name=snapshot or "")
        yield store
    finally:
        store.close()
