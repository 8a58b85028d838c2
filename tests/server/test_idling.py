"""The studio's sessions that nobody uses end, by one clock and one setting for all who look."""

from __future__ import annotations

import json
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import pytest

from reconciler.backends.embedded import EmbeddedConnections
from reconciler.backends.transport import Call
from reconciler.server.clock import fixed_day
from reconciler.server.idling import idle_timeout_of, set_idle_minutes
from reconciler.server.load import load_snapshot
from reconciler.server.store import Store
from tests.server.world import Admin, World, running, snapshot, subscription, users

TIMEOUT = timedelta(minutes=120)
SESSIONS = snapshot(
    subscription("kse", 2),
    subscription("kse-floating", 2),
    subscription("kre-floating", 2),
    licensed_users=users("kse", "dan@example.com"),
    machines=[{"product": "kse", "id": "m1", "last_seen": "2026-11-20T08:00:00Z"}],
    sessions=[
        {
            "product": product,
            "machine": "m1",
            "email": "dan@example.com",
            "id": product,
            # Long before it was loaded: it was listed then all the same.
            "started_at": "2026-11-24T01:00:00Z",
        }
        for product in ("kse", "kse-floating", "kre-floating")
    ],
)


def running_sessions(world: World) -> list[str]:
    return [row["sessionId"] for row in Admin(world.client()).rows("KsSession")]


def test_a_session_out_of_a_snapshot_is_idle_from_the_first_look_at_it() -> None:
    with running(SESSIONS, idle_timeout=TIMEOUT) as world:
        everything = ["kse", "kse-floating", "kre-floating"]
        world.clock.move(days=3)
        assert running_sessions(world) == everything
        world.clock.move(minutes=120)
        assert running_sessions(world) == everything
        world.clock.move(seconds=1)
        assert running_sessions(world) == ["kre-floating"]
        ended = world.history("end_idle_session")
        assert [(row["feature"], row["subject"], row["used_after"]) for row in ended] == [
            ("KSE", "kse", 1),
            ("UNLIMITED_KSE", "kse-floating", 0),
        ]


def test_an_idle_session_gives_its_seat_to_the_next_before_a_write_is_judged() -> None:
    document = snapshot(
        subscription("kse-floating", 1),
        licensed_users=users("kse-floating", "dan@example.com", "cleo@example.com"),
    )
    with running(document, idle_timeout=TIMEOUT) as world:
        admin = Admin(world.client())
        admin.activate("UNLIMITED_KSE", "m1", "dan@example.com")
        world.clock.move(minutes=121)
        assert admin.activate("UNLIMITED_KSE", "m2", "cleo@example.com").status_code == 200


def test_a_repeated_activation_is_a_sign_of_life_of_session_and_machine() -> None:
    with running(SESSIONS, idle_timeout=TIMEOUT) as world:
        admin = Admin(world.client())
        running_sessions(world)
        for _ in range(3):
            world.clock.move(minutes=90)
            kept = admin.activate("KSE", "m1", "dan@example.com", sessionId="kse")
            assert kept.json()["status"] == "unchanged"
        assert "kse" in running_sessions(world)
        assert admin.rows("Machine")[0]["lastSeen"] == "2026-11-24T16:30:00Z"


def test_who_has_no_key_ends_no_session_and_a_read_takes_no_lock(tmp_path: Path) -> None:
    with running(SESSIONS, idle_timeout=TIMEOUT, path=tmp_path / "s.db") as world:
        running_sessions(world)
        world.clock.move(minutes=121)
        assert world.client("wrong").get("/api/v1/users/me").status_code == 401
        assert world.history() == []
        assert running_sessions(world) == ["kre-floating"]
        # Nothing is due any more: while another one writes, lists are read at once.
        with world.store.write():
            assert running_sessions(world) == ["kre-floating"]


def test_a_database_that_cannot_be_written_is_read_as_it_is() -> None:
    with running(SESSIONS, idle_timeout=TIMEOUT) as world:
        running_sessions(world)
        world.clock.move(minutes=121)
        with world.store.read() as connection:
            connection.execute("PRAGMA query_only = ON")
        assert len(running_sessions(world)) == 3


@pytest.mark.parametrize(("minutes", "left"), [(None, 1), (120, 1), (0, 3), (10**6, 3)])
def test_whoever_opens_the_file_goes_by_the_timeout_that_it_keeps(
    minutes: int | None, left: int, tmp_path: Path
) -> None:
    path = tmp_path / "s.db"
    with Store.open(path, create=True) as store:
        load_snapshot(store, SESSIONS)
        if minutes is not None:
            set_idle_minutes(store, minutes)
        assert (idle_timeout_of(store) is None) is (minutes == 0)
    for day in (date(2026, 11, 24), date(2026, 11, 25)):
        found = sessions_in(path, day)
    assert len(found) == left


def sessions_in(path: Path, day: date) -> list[Any]:
    connections = EmbeddedConnections.open(path, f"sqlite:///{path}", clock=fixed_day(day))
    try:
        call = Call("POST", "/api/v1/search", json={"type": "KsSession"})
        answer = connections.all()[0].request(call)
    finally:
        connections.close()
    return list(json.loads(answer.body)["content"])
