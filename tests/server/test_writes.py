"""Repeated writes, and the history of all of them."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from tests.server.world import NOON, Admin, running, snapshot, subscription, users


def statuses(answer: Any) -> list[str]:
    return [row["status"] for row in answer.json()["results"]]


def test_a_repeated_write_is_answered_as_before_and_not_done_again() -> None:
    with running(snapshot(subscription("kse", 5))) as world:
        admin = Admin(world.client())
        first = admin.grant("KSE", "dan@example.com", key="k1")
        admin.remove("KSE", "dan@example.com")
        second = admin.grant("KSE", "dan@example.com", key="k1")
        assert second.content == first.content
        assert "Idempotency-Replayed" not in first.headers
        assert second.headers["Idempotency-Replayed"] == "true"
        assert admin.rows("UserOrganizationFeature") == []
        assert [row["action"] for row in world.history()] == ["grant_user", "remove_user"]


def test_a_repeated_write_that_was_turned_away_is_turned_away_again() -> None:
    document = snapshot(subscription("kse", 1), licensed_users=users("kse", "cleo@example.com"))
    with running(document) as world:
        admin = Admin(world.client())
        first = admin.grant("KSE", "dan@example.com", key="k1")
        admin.remove("KSE", "cleo@example.com")
        second = admin.grant("KSE", "dan@example.com", key="k1")
        assert (first.status_code, second.status_code) == (409, 409)
        assert second.content == first.content
        assert statuses(admin.grant("KSE", "dan@example.com", key="k2")) == ["granted"]


def test_a_key_that_was_used_for_another_request_is_refused() -> None:
    with running(snapshot(subscription("kse", 5))) as world:
        admin = Admin(world.client())
        admin.grant("KSE", "dan@example.com", key="k1")
        answers = [
            admin.grant("KSE", "cleo@example.com", key="k1"),
            admin.remove("KSE", "dan@example.com", key="k1"),
            admin.client.delete(
                "/api/v1/machine?machineKey=m1&package=KSE&organizationId=101",
                headers={"Idempotency-Key": "k1"},
            ),
        ]
        assert [answer.status_code for answer in answers] == [422, 422, 422]
        assert len(world.history()) == 1


def test_two_callers_may_use_the_same_key() -> None:
    with running(snapshot(subscription("kse", 5))) as world:
        Admin(world.client()).grant("KSE", "dan@example.com", key="k1")
        other = Admin(world.client_of("ben@example.com"))
        answer = other.grant("KSE", "cleo@example.com", key="k1")
        assert statuses(answer) == ["granted"]


def test_a_key_is_forgotten_after_a_day() -> None:
    with running(snapshot(subscription("kse", 5))) as world:
        admin = Admin(world.client())
        admin.grant("KSE", "dan@example.com", key="k1")
        world.clock.move(hours=24)
        assert "Idempotency-Replayed" in admin.grant("KSE", "dan@example.com", key="k1").headers
        world.clock.move(seconds=1)
        assert statuses(admin.grant("KSE", "dan@example.com", key="k1")) == ["unchanged"]


def test_a_request_that_was_not_carried_out_leaves_its_key_free() -> None:
    with running(snapshot(subscription("kse", 5))) as world:
        admin = Admin(world.client())
        assert admin.grant("NONE", "dan@example.com", key="k1").status_code == 400
        assert Admin(admin.client, 9).grant("KSE", "a", key="k1").status_code == 404
        assert admin.grant("KSE", "dan@example.com", key="k1").status_code == 200


def test_keys_work_on_the_first_day_of_the_calendar_too() -> None:
    with running(snapshot(subscription("kse", 5))) as world:
        world.clock.now = datetime(1, 1, 1, 12, tzinfo=UTC)
        admin = Admin(world.client())
        first = admin.grant("KSE", "dan@example.com", key="k1")
        assert admin.grant("KSE", "dan@example.com", key="k1").content == first.content


@pytest.mark.parametrize("key", ["", "k" * 256, "kéy"])
def test_a_key_that_cannot_be_one_is_refused(key: str) -> None:
    with running(snapshot(subscription("kse", 5))) as world:
        admin = Admin(world.client())
        answer = admin.client.post(
            f"{admin.base}/licensed-users",
            json={"feature": "KSE", "emails": ["dan@example.com"]},
            headers={"Idempotency-Key": key.encode("latin-1")},
        )
        assert answer.status_code == 400
        assert world.history() == []


def test_every_write_stands_in_the_history_with_the_pool_after_it() -> None:
    document = snapshot(
        subscription("kse", 2),
        licensed_users=users("kse", "cleo@example.com"),
    )
    with running(document) as world:
        admin = Admin(world.client())
        admin.activate("KSE", "m1", "cleo@example.com", sessionId="s1")
        admin.grant("KSE", "dan@example.com", "eve@example.com", key="k1")
        admin.remove("KSE", "cleo@example.com", "ben@example.com")
        admin.issue("KSE", "m1")
        admin.remove_machine("KSE", "m1")
        admin.register("KSE", "m2")
        admin.release("KSE", "m1", "s1")
        Admin(world.client_of("ben@example.com")).remove_member("dan@example.com")
        lines = [
            (
                row["principal"],
                row["action"],
                row["subject"],
                row["status"],
                row["code"],
                row["used_after"],
                row["idempotency_key"],
            )
            for row in world.history()
        ]
        assert lines == [
            ("owner", "activate", "m1", "activated", None, 1, None),
            ("owner", "grant_user", "dan@example.com", "granted", None, 2, "k1"),
            ("owner", "grant_user", "eve@example.com", "rejected", "over_quota", 2, "k1"),
            ("owner", "remove_user", "cleo@example.com", "removed", None, 1, None),
            ("owner", "end_session", "s1", "ended", None, 1, None),
            ("owner", "remove_user", "ben@example.com", "unchanged", None, 1, None),
            ("owner", "issue_offline", "m1", "issued", None, 2, None),
            ("owner", "remove_machine", "m1", "rejected", "offline_locked", 2, None),
            ("owner", "register_machine", "m2", "rejected", "activate_on_host", 2, None),
            ("owner", "end_session", "s1", "unchanged", None, 2, None),
            ("ben@example.com", "remove_user", "dan@example.com", "removed", None, 1, None),
            ("ben@example.com", "remove_member", "dan@example.com", "removed", None, None, None),
        ]
        first = world.history()[0]
        assert (first["organization_id"], first["feature"], first["quota"]) == (101, "KSE", 2)
        assert first["at"] == NOON.isoformat().replace("+00:00", "Z")


def test_reads_leave_no_trace() -> None:
    with running(snapshot(subscription("kse", 5))) as world:
        admin = Admin(world.client())
        admin.resource()
        admin.rows("Machine")
        admin.client.get("/api/v1/search/info", headers={"Idempotency-Key": "k1"})
        assert world.history() == []
