"""Opening databases, and keeping transactions whole."""

from __future__ import annotations

import multiprocessing
import sqlite3
import stat
from pathlib import Path

import pytest

from reconciler.server.load import load_snapshot
from reconciler.server.store import Store, StoreError
from tests.server.world import snapshot


def add_organization(store: Store, number: int) -> None:
    with store.write() as connection:
        connection.execute("INSERT INTO organizations VALUES (?, NULL)", (number,))


def organizations(store: Store) -> list[int]:
    with store.read() as connection:
        return [row["id"] for row in connection.execute("SELECT id FROM organizations ORDER BY id")]


def test_what_is_written_is_there_when_the_file_is_opened_again(tmp_path: Path) -> None:
    path = tmp_path / "a ?#% folder" / "state.db"
    path.parent.mkdir()
    with Store.open(path, create=True) as store:
        load_snapshot(store, snapshot())
    with Store.open(path, create=False) as store:
        assert organizations(store) == [101]
    with Store.open(path, create=True) as store:
        assert organizations(store) == [101]


def test_a_new_database_is_its_owners_alone_and_keeps_a_write_ahead_log(tmp_path: Path) -> None:
    with Store.open(tmp_path / "state.db", create=True) as store, store.read() as connection:
        mode = connection.execute("PRAGMA journal_mode").fetchone()[0]
        keys = connection.execute("PRAGMA foreign_keys").fetchone()[0]
    assert (mode, keys) == ("wal", 1)
    assert stat.S_IMODE((tmp_path / "state.db").stat().st_mode) == 0o600


def test_a_missing_database_is_not_made_unless_asked(tmp_path: Path) -> None:
    with pytest.raises(StoreError, match="There is no database") as caught:
        Store.open(tmp_path / "state.db", create=False)
    assert caught.value.hint == "Make one: reconciler load SNAPSHOT --db state.db"
    assert list(tmp_path.iterdir()) == []


def test_an_empty_file_becomes_a_database_only_when_asked(tmp_path: Path) -> None:
    path = tmp_path / "state.db"
    path.touch()
    with pytest.raises(StoreError, match="is empty"):
        Store.open(path, create=False)
    with Store.open(path, create=True) as store:
        assert organizations(store) == []


def test_a_file_that_is_no_database_is_refused_and_kept(tmp_path: Path) -> None:
    path = tmp_path / "notes.txt"
    path.write_text("not a database, and long enough to be looked at " * 20, encoding="utf-8")
    before = path.read_bytes()
    with pytest.raises(StoreError, match="not a database"):
        Store.open(path, create=True)
    assert path.read_bytes() == before


def test_somebody_elses_database_is_refused_and_kept(tmp_path: Path) -> None:
    path = tmp_path / "other.db"
    connection = sqlite3.connect(path)
    connection.execute("CREATE TABLE theirs (id)")
    connection.close()
    with pytest.raises(StoreError, match="not a licensing server's"):
        Store.open(path, create=True)


def test_a_database_of_another_format_is_refused_by_its_number(tmp_path: Path) -> None:
    path = tmp_path / "state.db"
    with Store.open(path, create=True) as store, store.write() as connection:
        connection.execute("UPDATE meta SET value = '2' WHERE key = 'format'")
    with pytest.raises(StoreError, match="has format 2; this reconciler reads format 1"):
        Store.open(path, create=False)
    connection = sqlite3.connect(path)
    connection.execute("DELETE FROM meta WHERE key = 'format'")
    connection.commit()
    connection.close()
    with pytest.raises(StoreError, match="has format unknown"):
        Store.open(path, create=False)


def test_a_folder_and_a_file_in_no_folder_are_refused(tmp_path: Path) -> None:
    with pytest.raises(StoreError, match="is a folder"):
        Store.open(tmp_path, create=True)
    with pytest.raises(StoreError, match="cannot be made"):
        Store.open(tmp_path / "nowhere" / "state.db", create=True)


def test_a_file_that_vanishes_is_not_silently_made_anew(tmp_path: Path) -> None:
    path = tmp_path / "state.db"
    with Store.open(path, create=True) as store, store.read():
        path.unlink()
        # The store's one idle connection is lent out, so that this opens the file again.
        with pytest.raises(StoreError, match="cannot be opened"), store.read():
            pass
    assert not path.exists()


def _add_and_fail(store: Store) -> None:
    with store.write() as connection:
        connection.execute("INSERT INTO organizations VALUES (1, NULL)")
        raise ZeroDivisionError


def test_a_write_that_fails_is_undone_as_a_whole() -> None:
    with Store.open(":memory:", create=True) as store:
        with pytest.raises(ZeroDivisionError):
            _add_and_fail(store)
        add_organization(store, 2)
        assert organizations(store) == [2]


def test_rows_of_an_organization_that_does_not_exist_are_refused() -> None:
    row = "(organization_id, feature, machine_id) VALUES (1, 'KSE', 'm1')"
    with (
        Store.open(":memory:", create=True) as store,
        store.write() as connection,
        pytest.raises(sqlite3.IntegrityError),
    ):
        connection.execute(f"INSERT INTO machines {row}")


def test_two_stores_in_memory_share_nothing() -> None:
    with Store.open(":memory:", create=True) as one, Store.open(":memory:", create=True) as two:
        add_organization(one, 1)
        assert organizations(two) == []


def test_a_reader_sees_one_moment_while_another_writes(tmp_path: Path) -> None:
    with Store.open(tmp_path / "state.db", create=True) as store:
        with store.read() as connection:
            count = "SELECT COUNT(*) FROM organizations"
            assert connection.execute(count).fetchone()[0] == 0
            add_organization(store, 1)
            assert connection.execute(count).fetchone()[0] == 0
        assert organizations(store) == [1]


def _add_many(path: str, first: int) -> None:
    with Store.open(path, create=True) as store:
        for number in range(first, first + 25):
            add_organization(store, number)


def test_processes_that_make_and_fill_one_file_at_once_lose_nothing(tmp_path: Path) -> None:
    path = tmp_path / "state.db"
    spawn = multiprocessing.get_context("spawn")
    workers = [spawn.Process(target=_add_many, args=(str(path), 100 * n)) for n in range(3)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join(timeout=60)
    assert [worker.exitcode for worker in workers] == [0, 0, 0]
    with Store.open(path, create=False) as store:
        assert len(organizations(store)) == 75
