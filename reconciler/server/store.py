"""The SQLite file that holds the state of the licensing system."""

from __future__ import annotations

import queue
import secrets
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from types import TracebackType

from reconciler.errors import ReconcilerError
from reconciler.server.emails import account_key
from reconciler.server.tables import APPLICATION_ID, DDL, FORMAT

MEMORY = ":memory:"
"""The path of a store that lives in memory and goes with its process."""

BUSY_SECONDS = 30.0
"""How long a transaction waits for another process's write."""


class StoreError(ReconcilerError):
    """The database cannot be opened, or is not one of ours."""


class LostDatabaseError(StoreError):
    """The database's file was deleted or replaced while it was open."""

    told = "The server's database was deleted or replaced; nothing is read or changed."


class Store:
    """One licensing database; safe to use from several threads and processes at once.

    A transaction lends a connection out; transactions are never nested in one thread. Whoever
    opened the store closes it.
    """

    def __init__(self, connect: Callable[[], sqlite3.Connection], file: Path | None) -> None:
        """Prefer `Store.open`. Without a file there is exactly one connection, lent in turn."""
        self._connect = connect
        self._file = file
        self._identity = None if file is None else _identity(file)
        self._idle: queue.LifoQueue[sqlite3.Connection] = queue.LifoQueue()
        self._idle.put(connect())

    @classmethod
    def open(cls, path: Path | str, *, create: bool) -> Store:
        """Open a database file, or `:memory:`; with `create` a missing one is made.

        Raises StoreError where the file is missing, cannot be opened, or is something else.
        """
        if str(path) == MEMORY:
            store = cls(lambda: _connect(f"file:{MEMORY}"), None)
            with store.write() as connection:
                _create_tables(connection)
            return store
        file = Path(path).absolute()
        _check_file(file, create=create)
        store = cls(lambda: _connect_file(file), file)
        try:
            _check_format(store, file, create=create)
        except BaseException:
            store.close()
            raise
        return store

    def __enter__(self) -> Store:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    @contextmanager
    def read(self) -> Iterator[sqlite3.Connection]:
        """Lend a connection on which all reads see the same moment."""
        with self._lend() as connection, _transaction(connection, "BEGIN"):
            yield connection

    @contextmanager
    def write(self) -> Iterator[sqlite3.Connection]:
        """Lend a connection whose writes are all kept or, on an exception, all undone.

        The write lock is taken at the start, so that what is read here still holds at the end.
        """
        with self._lend() as connection, _transaction(connection, "BEGIN IMMEDIATE"):
            yield connection
            self._check_still_there()  # Else the write would be kept where nobody finds it.

    def close(self) -> None:
        """Close the connections; the store is not used afterwards."""
        with suppress(queue.Empty):
            while True:
                self._idle.get_nowait().close()

    @contextmanager
    def _lend(self) -> Iterator[sqlite3.Connection]:
        connection = self._take()
        try:
            yield connection
        finally:
            self._idle.put(connection)

    def _take(self) -> sqlite3.Connection:
        if self._file is None:
            return self._idle.get()
        self._check_still_there()
        try:
            return self._idle.get_nowait()
        except queue.Empty:
            return self._connect()

    def _check_still_there(self) -> None:
        """Raise LostDatabaseError where the path names another file than was opened, or none."""
        if self._file is not None and _identity(self._file) != self._identity:
            raise LostDatabaseError(
                f"The database {self._file} cannot be opened any more: its file was deleted or "
                "replaced.",
                hint="Put the file back, or start again.",
            )


def _identity(file: Path) -> tuple[int, int] | None:
    try:
        found = file.stat()
    except OSError:
        return None
    return found.st_dev, found.st_ino


@contextmanager
def _transaction(connection: sqlite3.Connection, begin: str) -> Iterator[None]:
    connection.execute(begin)
    try:
        yield
        connection.execute("COMMIT")
    finally:
        if connection.in_transaction:
            connection.execute("ROLLBACK")


def _connect(uri: str) -> sqlite3.Connection:
    connection = sqlite3.connect(
        uri, uri=True, timeout=BUSY_SECONDS, isolation_level=None, check_same_thread=False
    )
    connection.row_factory = sqlite3.Row
    connection.execute("PRAGMA foreign_keys = ON")
    connection.create_function("account_key", 1, _account_key, deterministic=True)
    return connection


def _account_key(email: str | None) -> str | None:
    return None if email is None else account_key(email)


def _connect_file(file: Path) -> sqlite3.Connection:
    try:
        # The file is there: `rw` keeps a file that was deleted meanwhile from being made anew.
        return _connect(f"{file.as_uri()}?mode=rw")
    except sqlite3.Error as error:
        raise StoreError(f"The database {file} cannot be opened: {error}.") from error


def _check_file(file: Path, *, create: bool) -> None:
    if file.is_dir():
        raise StoreError(f"The database {file} is a folder, not a file.")
    if file.exists():
        return
    if not create:
        raise StoreError(
            f"There is no database {file}.",
            hint=f"Make one: reconciler load SNAPSHOT --db {file.name}",
        )
    try:
        # It will hold hashes of keys, which are nobody else's business.
        file.touch(mode=0o600)
    except OSError as error:
        raise StoreError(f"The database {file} cannot be made: {error.strerror}.") from error


def _check_format(store: Store, file: Path, *, create: bool) -> None:
    try:
        with store.read() as connection:
            made_by = _pragma(connection, "application_id")
            tables = connection.execute("SELECT COUNT(*) FROM sqlite_master").fetchone()[0]
        if not tables:
            if not create:
                raise StoreError(
                    f"The database {file} is empty.",
                    hint=f"Fill it: reconciler load SNAPSHOT --db {file.name}",
                )
            _create_file_tables(store)
            made_by = APPLICATION_ID
        if made_by != APPLICATION_ID:
            raise StoreError(f"{file} is a database, but not a licensing server's.")
        with store.read() as connection:
            found = connection.execute("SELECT value FROM meta WHERE key = 'format'").fetchone()
    except sqlite3.Error as error:
        raise StoreError(f"The database {file} cannot be used: {error}.") from error
    if found is None or found["value"] != str(FORMAT):
        version = found["value"] if found else "unknown"
        raise StoreError(
            f"The database {file} has format {version}; this reconciler reads format {FORMAT}.",
            hint="Load the snapshot into a new database with this version.",
        )


def _create_file_tables(store: Store) -> None:
    with store._lend() as connection, suppress(sqlite3.OperationalError):
        # Another process that is making the same file may hold it; then that one has set the mode.
        connection.execute("PRAGMA journal_mode = WAL")
    with store.write() as connection:
        if _pragma(connection, "application_id") != APPLICATION_ID:
            _create_tables(connection)


def _create_tables(connection: sqlite3.Connection) -> None:
    for statement in DDL.split(";\n"):
        connection.execute(statement)
    connection.execute(f"PRAGMA application_id = {APPLICATION_ID}")
    connection.executemany(
        "INSERT INTO meta VALUES (?, ?)",
        [("format", str(FORMAT)), ("salt", secrets.token_hex(16))],
    )


def _pragma(connection: sqlite3.Connection, name: str) -> int:
    return int(connection.execute(f"PRAGMA {name}").fetchone()[0])
