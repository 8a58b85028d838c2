"""Accounts and searches, as the vendor publishes them."""

from __future__ import annotations

import json
from typing import Any

import pytest

from reconciler.products import PRODUCTS
from reconciler.server.entities import ENTITIES
from tests.server.world import (
    MEMBERS,
    Admin,
    machines,
    running,
    snapshot,
    subscription,
    users,
)


def emails(count: int) -> list[str]:
    return [f"user{number:04}@example.com" for number in range(count)]


def search(client: Any, body: dict[str, Any]) -> Any:
    return client.post("/api/v1/search", json=body)


def test_the_synthetic_owner_sees_every_organization_and_is_no_member() -> None:
    document = snapshot()
    document["organizations"].append({"id": 7})
    with running(document) as world:
        me = world.client().get("/api/v1/users/me").json()
        assert [(row["id"], row["role"]) for row in me["organizations"]] == [
            (7, "OWNER"),
            (101, "OWNER"),
        ]
        assert (me["email"], me["organizationFeature"]) == (None, [])
        assert me["organizations"][1]["numberUser"] == 5


def test_a_member_sees_the_own_account_with_the_own_products() -> None:
    document = snapshot(
        subscription("kse", 5), licensed_users=users("kse", "cleo@example.com", "dan@example.com")
    )
    with running(document) as world:
        me = world.client_of("CLEO@example.com".lower()).get("/api/v1/users/me").json()
        assert me["email"] == "cleo@example.com"
        (feature,) = me["organizationFeature"]
        assert (feature["feature"], feature["userId"]) == ("KSE", me["id"])


def test_a_key_of_nobodys_member_sees_no_organization() -> None:
    with running(snapshot(), members=["stranger@example.com"]) as world:
        client = world.client_of("stranger@example.com")
        assert client.get("/api/v1/users/me").json()["organizations"] == []
        assert search(client, {"type": "Organization"}).json()["content"] == []
        assert search(client, {"type": "Machine"}).status_code == 403


def test_an_organization_shows_every_product_in_the_published_fields() -> None:
    bought = [
        subscription(key, 10 + number, machine_quota=20 + number, expires=f"2027-0{number + 1}-28")
        for number, key in enumerate(PRODUCTS)
    ]
    with running(snapshot(*bought)) as world:
        resource = Admin(world.client()).resource()
    for number, product in enumerate(PRODUCTS.values()):
        assert resource[product.quota_field] == 10 + number
        assert resource[product.used_field] == 0
        assert resource[product.expiry_field] == f"2027-0{number + 1}-28T23:59:59Z"
        if product.machine_quota_field:
            assert resource[product.machine_quota_field] == 20 + number


def test_a_product_without_subscription_has_no_numbers() -> None:
    with running(snapshot(subscription("kse", 5))) as world:
        resource = Admin(world.client()).resource()
    assert resource["quotaTestOps"] is None
    assert resource["usedTestOps"] is None
    assert resource["canCreateOfflineRE"] is None


def test_licensed_users_without_a_subscription_are_listed_and_not_counted() -> None:
    with running(snapshot(licensed_users=users("kse", "dan@example.com"))) as world:
        admin = Admin(world.client())
        assert admin.resource()["usedKSE"] is None
        assert len(admin.rows("UserOrganizationFeature")) == 1
        answer = admin.remove("KSE", "dan@example.com").json()
        assert (answer["results"][0]["status"], answer["quota"]) == ("removed", None)


def test_a_subscription_that_records_nothing_shows_nothing_and_has_no_seat() -> None:
    with running(snapshot({"product": "kse"})) as world:
        admin = Admin(world.client())
        resource = admin.resource()
        assert resource["quotaKSE"] is None
        assert resource["subscriptionExpiryDateKSE"] is None
        assert admin.grant("KSE", "dan@example.com").json()["code"] == "over_quota"


def test_offline_licenses_are_announced_where_any_product_of_the_family_allows_them() -> None:
    document = snapshot(
        subscription("kse", 5, offline_allowed=True),
        subscription("kse-floating", 5, offline_allowed=False),
        subscription("kre-floating", 5, offline_allowed=False),
    )
    with running(document) as world:
        admin = Admin(world.client())
        resource = admin.resource()
        assert (resource["canCreateOfflineKSE"], resource["canCreateOfflineRE"]) == (True, False)
        assert admin.issue("UNLIMITED_KSE", "m1").json()["code"] == "offline_not_allowed"


@pytest.mark.parametrize(
    "body",
    [
        {
            "type": "Machine",
            "conditions": [{"key": "machineId", "operator": "=", "value": "m2"}],
            "functions": [],
            "groupBys": [],
            "pagination": {"page": 0, "size": 30, "sorts": ["id,asc"]},
        },
        {
            "searchEntity": "Machine",
            "searchRequestConditions": [{"key": "machineId", "operator": "=", "value": "m2"}],
            "searchRequestFunctions": [],
            "searchRequestGroupBys": [],
            "searchRequestPagination": {"page": 0, "size": 30, "sorts": ["id,asc"]},
        },
    ],
)
def test_a_search_is_understood_in_both_spellings_by_post_and_by_get(
    body: dict[str, Any],
) -> None:
    document = snapshot(machines=machines("kse", "m1", "m2"))
    with running(document) as world:
        client = world.client()
        posted = search(client, body).json()
        got = client.get("/api/v1/search", params={"q": json.dumps(body)}).json()
    assert [row["machineId"] for row in posted["content"]] == ["m2"]
    assert got == posted


def test_pages_cover_every_row_once_and_add_up() -> None:
    everyone = users("kse-floating", *emails(25))
    with running(snapshot(licensed_users=everyone)) as world:
        admin = Admin(world.client())
        pages = [
            admin.search("UserOrganizationFeature", page=page, size=10).json() for page in range(4)
        ]
    rows = [row["userEmail"] for page in pages for row in page["content"]]
    assert rows == emails(25)
    shape = [
        (p["number"], p["numberOfElements"], p["totalElements"], p["totalPages"]) for p in pages
    ]
    assert shape == [(0, 10, 25, 3), (1, 10, 25, 3), (2, 5, 25, 3), (3, 0, 25, 3)]
    assert [(p["first"], p["last"], p["empty"]) for p in pages] == [
        (True, False, False),
        (False, False, False),
        (False, True, False),
        (False, True, True),
    ]


def test_a_page_has_thirty_rows_where_no_size_is_given() -> None:
    with running(snapshot(licensed_users=users("kse", *emails(31)))) as world:
        page = search(world.client(), {"type": "UserOrganizationFeature"}).json()
    assert (page["size"], page["numberOfElements"]) == (30, 30)


@pytest.mark.parametrize(
    ("sorts", "expected"),
    [
        (["machineId,desc"], ["m3", "m2", "m1"]),
        (["machineId"], ["m1", "m2", "m3"]),
        (["machineName,asc", "machineId,desc"], ["m3", "m1", "m2"]),
        ([], ["m2", "m1", "m3"]),
    ],
)
def test_rows_are_sorted_as_asked_and_then_by_id(sorts: list[str], expected: list[str]) -> None:
    document = snapshot(
        machines=[
            {"product": "kse", "id": "m2", "name": "b"},
            {"product": "kse", "id": "m1", "name": "a"},
            {"product": "kse", "id": "m3", "name": "a"},
        ]
    )
    with running(document) as world:
        page = Admin(world.client()).search("Machine", sorts=sorts).json()
    assert [row["machineId"] for row in page["content"]] == expected


@pytest.mark.parametrize(
    ("entity", "condition", "expected"),
    [
        ("Machine", ("feature", "=", "KSE"), ["m1", "m2"]),
        ("Machine", ("feature", "!=", "KSE"), ["m3"]),
        ("Machine", ("machineId", "in", "m1, m3"), ["m1", "m3"]),
        ("Machine", ("machineName", "like", "lap"), ["m1"]),
        ("Machine", ("machineName", "like", "%"), []),
        ("Machine", ("machineName", "!=", "laptop"), ["m2", "m3"]),
        ("Machine", ("userEmail", "=", "DAN@example.com"), ["m2"]),
        ("Machine", ("userEmail", "like", "AN@EX"), ["m2"]),
        ("Machine", ("lastSeen", "=", "2026-11-20T09:00:00+01:00"), ["m3"]),
        ("LicenseKey", ("offline", "=", "true"), ["m1"]),
        ("LicenseKey", ("offline", "=", "false"), ["m2"]),
        ("LicenseKey", ("userEmail", "=", "ada@example.com"), ["m1"]),
        ("KsSession", ("startTime", "=", "2026-11-24T08:00:00Z"), ["m2"]),
    ],
)
def test_conditions_choose_rows(
    entity: str, condition: tuple[str, str, str], expected: list[str]
) -> None:
    document = snapshot(
        machines=[
            {"product": "kse", "id": "m1", "name": "laptop"},
            {"product": "kse", "id": "m2", "email": "dan@example.com"},
            {"product": "kre-floating", "id": "m3", "last_seen": "2026-11-20T08:00:00Z"},
        ],
        offline_licenses=[
            {"product": "kse", "machine": "m1", "email": "Ada@example.com", "expires": "2027-01-31"}
        ],
        sessions=[{"product": "kse", "machine": "m2", "started_at": "2026-11-24T08:00:00Z"}],
    )
    with running(document) as world:
        page = Admin(world.client()).search(entity, condition).json()
    assert [row["machineId"] for row in page["content"]] == expected
    assert page["totalElements"] == len(expected)


def test_numbers_choose_members_and_organizations() -> None:
    document = snapshot()
    document["organizations"].append({"id": 102, "name": "Beta", "members": [MEMBERS[0]]})
    with running(document) as world:
        client = world.client()
        first = Admin(client).rows("UserOrganization")[0]
        body = {
            "type": "UserOrganization",
            "conditions": [{"key": "userId", "operator": "=", "value": str(first["userId"])}],
        }
        assert [row["organizationId"] for row in search(client, body).json()["content"]] == [
            101,
            102,
        ]
        body = {
            "type": "Organization",
            "conditions": [{"key": "id", "operator": "in", "value": "102,101"}],
            "pagination": {"sorts": ["id,desc"]},
        }
        assert [row["name"] for row in search(client, body).json()["content"]] == [
            "Beta",
            "Acme QA",
        ]


def test_without_an_organization_a_search_covers_those_that_the_caller_manages() -> None:
    document = snapshot(machines=machines("kse", "m1"))
    for organization, role in ((102, "admin"), (103, "user")):
        document["organizations"].append(
            {
                "id": organization,
                "members": [{"email": "ada@example.com", "role": role}],
                "machines": machines("kse", f"m{organization}"),
            }
        )
    with running(document) as world:
        ids = [
            [row["machineId"] for row in search(client, {"type": "Machine"}).json()["content"]]
            for client in (world.client_of("Ada@example.com"), world.client())
        ]
    assert ids == [["m1", "m102"], ["m1", "m102", "m103"]]


def test_an_organization_out_of_reach_is_refused_and_not_found_empty() -> None:
    document = snapshot()
    document["organizations"].append({"id": 102})
    with running(document) as world:
        client = world.client_of("Ada@example.com")
        for operator, value in (("=", "102"), ("in", "101,102")):
            conditions = [{"key": "Organization.id", "operator": operator, "value": value}]
            answer = search(client, {"type": "Machine", "conditions": conditions})
            assert answer.status_code == 404


def test_search_info_announces_exactly_what_can_be_asked() -> None:
    with running(snapshot()) as world:
        client = world.client()
        info = client.get("/api/v1/search/info").json()
        values = {
            "number": "101",
            "text": "x",
            "email": "x",
            "date": "2026-11-24T08:00:00Z",
            "boolean": "true",
        }
        for entity, described in info.items():
            assert "Organization.id" in described["filterConfig"]
            for key, kind in described["filterConfig"].items():
                condition = {"key": key, "operator": "=", "value": values[kind]}
                answer = search(client, {"type": entity, "conditions": [condition]})
                assert answer.status_code == 200, (entity, key)
            for key in described["sortConfig"]:
                pagination = {"sorts": [f"{key},desc", *described["sortDefault"]]}
                answer = search(client, {"type": entity, "pagination": pagination})
                assert answer.status_code == 200, (entity, key)


def condition(key: str = "id", operator: str = "=", value: Any = "1") -> dict[str, Any]:
    return {"type": "Machine", "conditions": [{"key": key, "operator": operator, "value": value}]}


@pytest.mark.parametrize(
    ("body", "complaint"),
    [
        ([], "A search is an object"),
        ({}, "cannot be searched"),
        ({"type": "Secrets"}, "'Secrets' cannot be searched"),
        ({"type": ["Machine"]}, "cannot be searched"),
        ({"type": "Machine", "searchEntity": "KsSession"}, "`type` and `searchEntity` differ"),
        (
            {**condition(), "searchRequestConditions": []},
            "`conditions` and `searchRequestConditions` differ",
        ),
        ({"type": "Machine", "timeZone": 1}, "`timeZone` is a text"),
        ({"type": "Machine", "sql": "1=1"}, "'sql' is not known"),
        ({"type": "Machine", "functions": [{"function": "count"}]}, "`functions` must be empty"),
        ({"type": "Machine", "groupBys": ["feature"]}, "`groupBys` must be empty"),
        ({"type": "Machine", "conditions": {}}, "`conditions` is a list"),
        ({"type": "Machine", "conditions": [1]}, "A condition is an object"),
        ({"type": "Machine", "conditions": [{"key": "id"}]}, "A condition is an object"),
        (condition(value=[1]), "A condition is an object"),
        (condition(value={}), "A condition is an object"),
        (condition(value=True), "not a number"),
        (condition(value=1.5), "not a number"),
        (condition(value=-1), "not a number"),
        (condition(value=10**30), "not a number"),
        (condition("machineId", operator="like", value=None), "`like` compares texts"),
        (condition("machineId", operator="in", value=",".join("m" * 101)), "100 values at most"),
        ({"type": "Machine", "conditions": [{}] * 101}, "`conditions` has 101 entries"),
        (condition("password"), "no condition key 'password'"),
        (condition("machine_id; DROP TABLE machines", value="x"), "no condition key"),
        (condition(operator=">"), "operator '>' is not known"),
        (condition(operator="like"), "`like` compares texts"),
        (condition(value="one"), "not a number"),
        (condition(value="-1"), "not a number"),
        (condition(value="9" * 40), "not a number"),
        (condition(operator="in", value="1,"), "not a number"),
        (condition("lastSeen", value="yesterday"), "not a date"),
        (condition("lastSeen", value="2026-11-24"), "not a date"),
        ({"type": "Machine", "pagination": []}, "`pagination` is an object"),
        ({"type": "Machine", "pagination": {"limit": 1}}, "`pagination` is an object"),
        ({"type": "Machine", "pagination": {"page": -1}}, "`page` is a whole number"),
        ({"type": "Machine", "pagination": {"page": True}}, "`page` is a whole number"),
        ({"type": "Machine", "pagination": {"page": "0"}}, "`page` is a whole number"),
        ({"type": "Machine", "pagination": {"size": 0}}, "from 1 to 1000"),
        ({"type": "Machine", "pagination": {"size": 1001}}, "from 1 to 1000"),
        ({"type": "Machine", "pagination": {"sorts": "id"}}, "`sorts` is a list"),
        ({"type": "Machine", "pagination": {"sorts": [1]}}, "cannot be sorted"),
        ({"type": "Machine", "pagination": {"sorts": ["id,up"]}}, "cannot be sorted"),
        ({"type": "Machine", "pagination": {"sorts": ["id"] * 101}}, "`sorts` has 101 entries"),
        ({"type": "Machine", "pagination": {"sorts": [{"name": 1}]}}, "cannot be sorted"),
        ({"type": "Machine", "pagination": {"sorts": [{"name": "id", "by": 1}]}}, "be sorted"),
        ({"type": "Machine", "pagination": {"sorts": [{"name": "id", "order": 1}]}}, "be sorted"),
        ({"type": "Machine", "pagination": {"sorts": ["password,asc"]}}, "cannot be sorted"),
    ],
)
def test_a_search_that_is_not_one_is_refused_with_the_reason(body: Any, complaint: str) -> None:
    with running(snapshot()) as world:
        answer = search(world.client(), body)
    assert answer.status_code == 400
    assert complaint in answer.json()["message"]


def test_a_boolean_condition_takes_true_and_false_only() -> None:
    body = {
        "type": "LicenseKey",
        "conditions": [{"key": "offline", "operator": "=", "value": "1"}],
    }
    with running(snapshot()) as world:
        assert search(world.client(), body).status_code == 400


def test_online_and_offline_licenses_have_ids_that_never_meet() -> None:
    document = snapshot(
        offline_licenses=[{"product": "kse", "machine": f"m{n}"} for n in range(3)],
        sessions=[{"product": "kse", "machine": f"m{n}"} for n in range(3)],
    )
    with running(document) as world:
        rows = Admin(world.client()).rows("LicenseKey")
    assert len({row["id"] for row in rows}) == 6
    assert [row["id"] for row in rows] == sorted(row["id"] for row in rows)
    assert {row["organization"]["name"] for row in rows} == {"Acme QA"}


def test_a_hundred_thousand_licensed_users_are_listed_page_by_page_along_the_index() -> None:
    everyone = users("kse-floating", *(f"u{number}@example.com" for number in range(100_000)))
    with running(snapshot(subscription("kse-floating", 5), licensed_users=everyone)) as world:
        admin = Admin(world.client())
        last = admin.search("UserOrganizationFeature", page=99, size=1000).json()
        assert (last["totalElements"], last["last"]) == (100_000, True)
        assert last["content"][-1]["userEmail"] == "u99999@example.com"
        with world.store.read() as connection:
            source = ENTITIES["UserOrganizationFeature"].source
            plan = connection.execute(
                f"EXPLAIN QUERY PLAN SELECT * FROM ({source}) AS t"  # noqa: S608
                " WHERE 1 AND organization_id = 101 ORDER BY id ASC LIMIT 1000 OFFSET 99000"
            ).fetchall()
    steps = " / ".join(row["detail"] for row in plan)
    assert "licensed_users_by_organization" in steps
    assert "TEMP B-TREE" not in steps
