"""Searches as the vendor's guide writes them, and as the client made of its specification does."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.server.world import Admin, machines, running, snapshot, subscription, users

DOCUMENT = snapshot(
    subscription("kse", 9),
    licensed_users=users("kse", "Ada@example.com", "ben@example.com", "cleo@example.com"),
    machines=[
        *machines("kse", "m1", "m2"),
        {"product": "kse", "id": "2077", "name": "true", "email": "dan@example.com"},
    ],
    offline_licenses=[{"product": "kse", "machine": "m1", "expires": "2027-01-31"}],
    sessions=[{"product": "kse", "machine": "m2", "email": "ben@example.com"}],
)

# What the generated client sends: the specification's names, sorts as objects, a time zone, the
# entity under both of its names, values of any kind, and null for all that is not set.
GENERATED: dict[str, Any] = {
    "searchRequestConditions": [{"key": "Organization.id", "operator": "=", "value": 101}],
    "searchRequestPagination": {
        "page": 0,
        "size": 30,
        "sorts": [{"name": "id", "order": "asc"}],
    },
    "searchRequestGroupBys": None,
    "searchRequestFunctions": None,
    "type": "UserOrganizationFeature",
    "searchEntity": "UserOrganizationFeature",
    "timeZone": "Asia/Ho_Chi_Minh",
}

# What the vendor's guide shows.
GUIDE: dict[str, Any] = {
    "type": "UserOrganizationFeature",
    "conditions": [{"key": "Organization.id", "operator": "=", "value": "101"}],
    "functions": [],
    "groupBys": [],
    "pagination": {"page": 0, "size": 30, "sorts": ["id,asc"]},
}


@pytest.mark.parametrize(
    "body",
    [
        GENERATED,
        {**GENERATED, "type": None},
        {**GENERATED, "searchEntity": None},
        {**GENERATED, "searchRequestGroupBys": [], "searchRequestFunctions": []},
        # Both spellings of everything, each in its own form.
        {**GUIDE, **GENERATED},
        {**GUIDE, "searchRequestConditions": None, "searchRequestPagination": None},
        {**GENERATED, "searchRequestPagination": {"page": None, "size": None, "sorts": None}},
        {**GENERATED, "searchRequestPagination": {"sorts": [{"name": "id", "order": None}]}},
        {**GENERATED, "searchRequestPagination": {"sorts": [{"name": "id"}]}},
        {**GENERATED, "searchRequestPagination": {"sorts": [{"name": "id", "order": "ASC"}]}},
    ],
)
def test_the_generated_clients_search_finds_what_the_guides_does(body: dict[str, Any]) -> None:
    with running(DOCUMENT) as world:
        client = world.client()
        expected = client.post("/api/v1/search", json=GUIDE).json()
        assert client.post("/api/v1/search", json=body).json() == expected
        got = client.get("/api/v1/search", params={"q": json.dumps(body)}).json()
        assert got == expected
        assert [row["userEmail"] for row in expected["content"]] == [
            "Ada@example.com",
            "ben@example.com",
            "cleo@example.com",
        ]


def test_sorts_as_objects_sort_as_those_of_texts_do() -> None:
    with running(DOCUMENT) as world:
        admin = Admin(world.client())
        mixed = [{"name": "userEmail", "order": "DESC"}, "id,asc"]
        page = admin.search("UserOrganizationFeature", sorts=mixed).json()
    assert [row["userEmail"][0] for row in page["content"]] == ["c", "b", "A"]


@pytest.mark.parametrize(
    ("mine", "other"),
    [
        ({"type": "Machine"}, {"searchEntity": "LicenseKey"}),
        ({"conditions": []}, {"searchRequestConditions": GENERATED["searchRequestConditions"]}),
        ({"pagination": {"page": 1}}, {"searchRequestPagination": {"page": 2}}),
        (
            {"pagination": {"sorts": ["id,asc"]}},
            {"searchRequestPagination": {"sorts": [{"name": "id", "order": "desc"}]}},
        ),
    ],
)
def test_two_spellings_that_ask_for_different_things_are_refused(
    mine: dict[str, Any], other: dict[str, Any]
) -> None:
    with running(DOCUMENT) as world:
        client = world.client()
        answer = client.post("/api/v1/search", json={"type": "Machine", **mine, **other})
    assert answer.status_code == 400
    assert "differ" in answer.json()["message"]


@pytest.mark.parametrize(
    ("entity", "condition", "expected"),
    [
        # A number or a boolean is what its text is.
        ("Machine", ("id", "=", 1), ["m1"]),
        ("Machine", ("id", "=", 1.0), ["m1"]),
        ("Machine", ("id", "in", 1), ["m1"]),
        ("Machine", ("machineId", "=", 2077), ["2077"]),
        ("Machine", ("machineName", "=", True), ["2077"]),
        ("Machine", ("machineName", "=", 1.5), []),
        ("LicenseKey", ("offline", "=", True), ["m1"]),
        ("LicenseKey", ("offline", "!=", True), ["m2"]),
        ("LicenseKey", ("offline", "=", False), ["m2"]),
        # A null is a missing value.
        ("Machine", ("userEmail", "=", None), ["m1", "m2"]),
        ("Machine", ("userEmail", "in", None), ["m1", "m2"]),
        ("Machine", ("userEmail", "!=", None), ["2077"]),
        ("LicenseKey", ("expirationDate", "=", None), ["m2"]),
        ("Machine", ("Organization.id", "=", None), []),
    ],
)
def test_a_value_may_be_any_scalar(
    entity: str, condition: tuple[str, str, Any], expected: list[str]
) -> None:
    with running(DOCUMENT) as world:
        page = Admin(world.client()).search(entity, condition).json()
    assert [row["machineId"] for row in page["content"]] == expected
