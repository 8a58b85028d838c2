"""Snapshots become databases, faithfully or not at all."""

from __future__ import annotations

import copy
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import pytest

from reconciler.errors import ConfigurationError, RefusedError
from reconciler.model.source import Source
from reconciler.server.load import load_snapshot
from reconciler.server.store import Store
from tests.server.world import Admin, running, snapshot, subscription, users

FULL = {
    "format": "license-snapshot/1",
    "taken_at": "2026-11-24T09:00:00Z",
    "organizations": [
        {
            "id": 101,
            "name": "Acme QA",
            "members": [
                {"email": "Ada@example.com", "role": "owner", "status": "active"},
                {"email": "new@example.com", "role": "user", "status": "pending"},
            ],
            "subscriptions": [
                {
                    "product": "kse",
                    "quota": 5,
                    "used": 4,
                    "machine_quota": 6,
                    "expires": "2027-06-30",
                    "offline_allowed": True,
                }
            ],
            "licensed_users": [{"product": "kse", "email": "ada@EXAMPLE.com"}],
            "machines": [
                {
                    "product": "kse",
                    "id": "m1",
                    "email": "Ada@example.com",
                    "name": "laptop",
                    "last_seen": "2026-11-20T08:00:00.250000+01:00",
                }
            ],
            "offline_licenses": [
                {
                    "product": "kse",
                    "machine": "m1",
                    "expires": "2027-01-31",
                    "email": "Ada@example.com",
                }
            ],
            "sessions": [
                {
                    "product": "kse",
                    "machine": "m1",
                    "email": "Ada@example.com",
                    "started_at": "2026-11-24T08:00:00Z",
                }
            ],
        }
    ],
}


def load(document: Any, *, replace: bool = False) -> Store:
    store = Store.open(":memory:", create=True)
    try:
        load_snapshot(store, document, replace=replace)
    except BaseException:
        store.close()
        raise
    return store


def problems(document: Any) -> list[str]:
    with pytest.raises(ConfigurationError) as caught:
        load(document)
    return [problem.message for problem in caught.value.problems]


def test_everything_in_a_snapshot_is_read_back_as_it_was_given() -> None:
    with running(FULL, members=[]) as world:
        admin = Admin(world.client())
        resource = admin.resource()
        assert resource["name"] == "Acme QA"
        assert (resource["quotaKSE"], resource["usedKSE"], resource["machineQuotaKSE"]) == (5, 4, 6)
        assert resource["subscriptionExpiryDateKSE"] == "2027-06-30T23:59:59Z"
        (member,) = admin.rows("UserOrganization")
        assert (member["userEmail"], member["role"]) == ("Ada@example.com", "OWNER")
        (invitation,) = admin.rows("UserInvitation")
        assert (invitation["email"], invitation["role"]) == ("new@example.com", "USER")
        (user,) = admin.rows("UserOrganizationFeature")
        assert (user["userEmail"], user["userId"]) == ("ada@EXAMPLE.com", member["userId"])
        (machine,) = admin.rows("Machine")
        assert machine["lastSeen"] == "2026-11-20T07:00:00.250000Z"
        assert (machine["machineName"], machine["userEmail"]) == ("laptop", "Ada@example.com")
        (session,) = admin.rows("KsSession")
        assert session["startTime"] == "2026-11-24T08:00:00Z"
        offline = [row for row in admin.rows("LicenseKey") if row["offline"]]
        assert [row["expirationDate"] for row in offline] == ["2027-01-31T23:59:59Z"]


def test_dates_may_also_come_as_the_values_that_yaml_makes_of_them() -> None:
    document = copy.deepcopy(FULL)
    organization: Any = document["organizations"][0]  # type: ignore[index]
    document["taken_at"] = datetime(2026, 11, 24, 9, tzinfo=UTC)
    organization["subscriptions"][0]["expires"] = date(2027, 6, 30)
    organization["offline_licenses"][0]["expires"] = datetime(2027, 1, 31, 12, 0, 0, 999999)  # noqa: DTZ001
    organization["machines"][0]["last_seen"] = datetime(2026, 11, 20, 8, tzinfo=UTC)
    with running(document, members=[]) as world:
        admin = Admin(world.client())
        assert admin.resource()["subscriptionExpiryDateKSE"] == "2027-06-30T23:59:59Z"
        offline = [row for row in admin.rows("LicenseKey") if row["offline"]]
        assert [row["expirationDate"] for row in offline] == ["2027-01-31T12:00:00Z"]
        assert admin.rows("Machine")[0]["lastSeen"] == "2026-11-20T08:00:00Z"


def test_seats_that_the_snapshot_says_are_used_and_does_not_list_stay_used() -> None:
    document = snapshot(
        subscription("kse", 9, used=6),
        subscription("testops", 9, used=0),
        licensed_users=[*users("kse", "dan@example.com"), *users("testops", "dan@example.com")],
        offline_licenses=[
            {"product": "kse", "machine": "m1", "expires": "2026-11-24"},
            {"product": "kse", "machine": "m2", "expires": "2026-11-23"},
        ],
    )
    with running(document) as world:
        admin = Admin(world.client())
        assert admin.resource()["usedKSE"] == 6
        assert admin.resource()["usedTestOps"] == 1
        admin.remove("KSE", "dan@example.com")
        assert admin.resource()["usedKSE"] == 5
        world.clock.move(days=1)
        assert admin.resource()["usedKSE"] == 4


def test_used_is_told_from_listed_seats_also_where_the_moment_is_not_given() -> None:
    document = snapshot(
        subscription("kse", 9, used=3),
        offline_licenses=[{"product": "kse", "machine": "m1"}],
    )
    del document["taken_at"]
    with running(document) as world:
        assert Admin(world.client()).resource()["usedKSE"] == 3


def test_an_organization_over_its_quota_is_loaded_as_it_is() -> None:
    three = users("kse", "Ada@example.com", "dan@example.com", "cleo@example.com")
    with running(snapshot(subscription("kse", 1), licensed_users=three)) as world:
        resource = Admin(world.client()).resource()
    assert (resource["quotaKSE"], resource["usedKSE"]) == (1, 3)


def test_a_session_keeps_its_id_and_gets_a_lasting_one_where_it_has_none() -> None:
    sessions = [
        {"product": "kse", "machine": "m1", "id": "given"},
        {"product": "kse", "machine": "m1"},
        {"product": "kse", "machine": "m1"},
    ]
    found = []
    for _ in range(2):
        with running(snapshot(sessions=sessions)) as world:
            rows = Admin(world.client()).rows("KsSession")
            found.append([row["sessionId"] for row in rows])
    assert found[0] == found[1]
    assert found[0][0] == "given"
    assert len(set(found[0])) == 3


def test_lists_that_are_absent_are_empty() -> None:
    document = {"format": "license-snapshot/1", "organizations": [{"id": 1}]}
    with running(document, members=[]) as world:
        admin = Admin(world.client(), organization=1)
        assert admin.resource()["name"] is None
        assert admin.rows("UserOrganization") == admin.rows("Machine") == []


def test_a_database_that_is_not_empty_is_refused_and_left_as_it_was() -> None:
    with load(FULL) as store:
        with pytest.raises(RefusedError, match="holds organizations already"):
            load_snapshot(store, snapshot())
        with store.read() as connection:
            names = connection.execute("SELECT name FROM organizations").fetchall()
        assert [row["name"] for row in names] == ["Acme QA"]


def test_replacing_leaves_nothing_of_the_former_data_but_the_keys() -> None:
    with running(FULL, members=["Ada@example.com"]) as world:
        admin = Admin(world.client_of("Ada@example.com"))
        admin.grant("KSE", "Ada@example.com", key="k1")
        document = snapshot()
        document["organizations"][0]["id"] = 102
        load_snapshot(world.store, document, replace=True)
        me = admin.client.get("/api/v1/users/me").json()
        assert [row["id"] for row in me["organizations"]] == [102]
        assert me["organizationFeature"] == []
        assert world.history() == []
        with world.store.read() as connection:
            assert connection.execute("SELECT COUNT(*) FROM replays").fetchone()[0] == 0


def test_a_snapshot_that_is_wrong_changes_nothing_even_when_it_replaces() -> None:
    with load(FULL) as store:
        wrong = snapshot(licensed_users=users("kse", "dan@example.com", "DAN@example.com"))
        with pytest.raises(ConfigurationError):
            load_snapshot(store, wrong, replace=True)
        with store.read() as connection:
            count = connection.execute("SELECT COUNT(*) FROM machines").fetchone()[0]
        assert count == 1


def test_every_problem_is_told_at_once_with_its_place() -> None:
    document = snapshot(
        subscription("kse", 5),
        subscription("kse", 6),
        licensed_users=[*users("kse", "a@x", "A@X"), *users("studio", "b@x")],
        machines=[{"product": "testops", "id": "m1"}],
    )
    document["organizations"].append({"id": 101})
    assert sorted(problems(document)) == [
        "organizations[0].licensed_users[1]: repeats organizations[0].licensed_users[0]",
        "organizations[0].licensed_users[2]: there is no product 'studio'; there are kse,"
        " kse-floating, kre-node-locked, kre-floating, kre-devops, testops",
        "organizations[0].machines[0]: 'testops' has no machines",
        "organizations[0].subscriptions[1]: repeats organizations[0].subscriptions[0]",
        "organizations[1]: repeats organizations[0]",
    ]


def test_problems_name_the_snapshot_and_are_bounded_in_number() -> None:
    document = snapshot(licensed_users=users("studio", *(f"{n}@x" for n in range(500))))
    with (
        Store.open(":memory:", create=True) as store,
        pytest.raises(ConfigurationError) as caught,
    ):
        load_snapshot(store, document, name="state.yaml")
    assert len(caught.value.problems) == 100
    assert {problem.source.file for problem in caught.value.problems} == {"state.yaml"}


def test_problems_have_the_places_that_the_file_gives_them() -> None:
    document = snapshot(machines=[{"product": "testops", "id": "m1"}])
    paths: list[tuple[str | int, ...]] = []

    def locate(path: tuple[str | int, ...]) -> Source:
        paths.append(path)
        return Source("s.yaml", 7, 9)

    with (
        Store.open(":memory:", create=True) as store,
        pytest.raises(ConfigurationError, match=r"^s\.yaml:7:9: organizations\[0\]\.machines"),
    ):
        load_snapshot(store, document, locate=locate)
    assert paths == [("organizations", 0, "machines", 0)]


@pytest.mark.parametrize(
    ("change", "complaint"),
    [
        ({"format": "license-snapshot/2"}, "format: must be license-snapshot/1"),
        ({"taken_at": "yesterday"}, "taken_at: must be a date-time"),
        ({"organizations": None}, "organizations: must be a list"),
        ({"organizations": ["acme"]}, "organizations[0]: must have an `id`"),
        ({"organizations": [{"id": "101"}]}, "organizations[0]: must have an `id`"),
        ({"organizations": [{"id": True}]}, "organizations[0]: must have an `id`"),
        ({"organizations": [{"id": 10**18}]}, "organizations[0]: must have an `id`"),
        ({"organizations": [{"id": 1, "name": 5}]}, "organizations[0].name: must be a text"),
    ],
)
def test_a_document_that_is_no_snapshot_is_refused(change: dict[str, Any], complaint: str) -> None:
    (problem,) = problems({**snapshot(), **change})
    assert problem.startswith(complaint)


@pytest.mark.parametrize(
    ("name", "row", "complaint"),
    [
        ("members", {"role": "owner"}, "`email` is missing"),
        ("members", {"email": 5}, "`email` must be a text"),
        ("members", {"email": "\ud800"}, "`email` is not valid Unicode"),
        ("members", {"email": "a@x", "role": "king"}, "`role` must be one of owner, admin"),
        ("members", {"email": "a@x", "status": "gone"}, "`status` must be one of active"),
        ("members", "a@x", "must be a mapping"),
        ("subscriptions", {"product": "kse", "quota": -1}, "`quota` must be a whole number"),
        ("subscriptions", {"product": "kse", "quota": True}, "`quota` must be a whole number"),
        ("subscriptions", {"product": "kse", "used": 1.5}, "`used` must be a whole number"),
        ("subscriptions", {"product": "kse", "offline_allowed": "yes"}, "must be true or false"),
        ("subscriptions", {"product": "kse", "expires": "soon"}, "`expires` must be a day"),
        ("subscriptions", {"product": "kse", "expires": "2027-02-30"}, "`expires` must be a day"),
        ("subscriptions", {"product": "kse", "expires": 2027}, "`expires` must be a day"),
        ("licensed_users", {"email": "a@x"}, "`product` is missing"),
        ("licensed_users", {"product": "kre-node-locked", "email": "a@x"}, "not licensed to users"),
        ("machines", {"product": "kse", "id": ""}, "`id` must be a text"),
        ("machines", {"product": "kse", "id": "m", "last_seen": "x"}, "`last_seen` must be a date"),
        ("machines", {"product": "kse", "id": "m", "last_seen": date(2026, 1, 1)}, "`last_seen`"),
        ("offline_licenses", {"product": "testops", "machine": "m"}, "has no machines"),
        ("sessions", {"product": "kse"}, "`machine` is missing"),
    ],
)
def test_a_row_that_cannot_be_stored_is_told_with_its_place(
    name: str, row: Any, complaint: str
) -> None:
    (problem,) = problems(snapshot(**{name: [row]}))
    assert problem.startswith(f"organizations[0].{name}[0]: ")
    assert complaint in problem


def test_a_list_that_is_none_is_told_with_its_place() -> None:
    assert problems(snapshot(machines={"m1": {}})) == ["organizations[0].machines: must be a list"]


@pytest.mark.parametrize(
    ("name", "row"),
    [
        ("members", {"email": "a@x"}),
        ("machines", {"product": "kse", "id": "m"}),
        ("offline_licenses", {"product": "kse", "machine": "m"}),
        ("sessions", {"product": "kse", "machine": "m", "id": "s"}),
    ],
)
def test_a_row_that_is_given_twice_is_told_with_both_places(name: str, row: dict[str, Any]) -> None:
    assert problems(snapshot(**{name: [row, row]})) == [
        f"organizations[0].{name}[1]: repeats organizations[0].{name}[0]"
    ]


def test_a_hundred_thousand_users_are_loaded_into_a_file(tmp_path: Path) -> None:
    everyone = [f"user{number}@example.com" for number in range(100_000)]
    document = snapshot(
        subscription("kse", 100_000),
        members=[{"email": email} for email in everyone],
        licensed_users=users("kse", *everyone),
    )
    with Store.open(tmp_path / "state.db", create=True) as store:
        load_snapshot(store, document)
        with store.read() as connection:
            count = connection.execute("SELECT COUNT(*) FROM licensed_users").fetchone()[0]
    assert count == 100_000


@pytest.mark.parametrize(
    ("name", "row"),
    [
        ("members", {"email": "a\nb@example.com"}),
        ("licensed_users", {"product": "kse", "email": "a\x9b"}),
        ("machines", {"product": "kse", "id": "m\u2028"}),
        ("machines", {"product": "kse", "id": "m" * 513}),
        ("offline_licenses", {"product": "kse", "machine": "m\x00"}),
        ("sessions", {"product": "kse", "machine": "m1", "id": "s\t1"}),
    ],
)
def test_what_no_request_could_name_is_not_loaded(name: str, row: dict[str, Any]) -> None:
    with Store.open(":memory:", create=True) as store:
        with pytest.raises(ConfigurationError, match="printable characters"):
            load_snapshot(store, snapshot(**{name: [row]}))
        with store.read() as connection:
            assert connection.execute("SELECT COUNT(*) FROM organizations").fetchone()[0] == 0
