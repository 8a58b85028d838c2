"""Faults that are asked for: which request they befall, and what a client then gets."""

from __future__ import annotations

import base64
import contextlib
import json
import socket
import time
from email.utils import parsedate_to_datetime
from typing import Any
from urllib.parse import urlsplit

import pytest
import requests
from hypothesis import given
from hypothesis import strategies as st

from reconciler.schema import problems
from reconciler.server.asked import OPERATIONS, Asked, asked_by
from reconciler.server.faults import Fault, Faults, Match, Rule, read_faults
from reconciler.server.faulty import FaultyService
from reconciler.server.messages import Request
from reconciler.server.routes import ROUTES
from reconciler.server.serve import start
from reconciler.server.service import LicensingService
from reconciler.server.store import Store
from tests.server.misbehaving import KEY, Misbehaving, misbehaving
from tests.server.world import snapshot, subscription, users

GRANT = "/api/v1/organizations/101/licensed-users"
KSE = {"feature": "KSE", "emails": ["cleo@example.com"]}
WORLD = snapshot(
    subscription("kse", 5, machine_quota=5),
    subscription("kre-node-locked", 3, machine_quota=3),
    licensed_users=users("kse", "Ada@example.com", "ben@example.com", "dan@example.com"),
)


def raw(world: Misbehaving, method: str, path: str, body: Any = None, headers: str = "") -> bytes:
    """Send one request by hand and return every byte that comes back until the end."""
    parts = urlsplit(world.url)
    content = b"" if body is None else json.dumps(body).encode()
    key = base64.b64encode(f":{KEY}".encode()).decode()
    head = (
        f"{method} {path} HTTP/1.1\r\nHost: {parts.netloc}\r\nAuthorization: Basic {key}\r\n"
        f"Content-Type: application/json\r\nContent-Length: {len(content)}\r\n{headers}\r\n"
    )
    with socket.create_connection((parts.hostname, parts.port), timeout=5) as connection:
        connection.sendall(head.encode() + content)
        received = b""
        while True:
            try:
                piece = connection.recv(65536)
            except ConnectionResetError:
                return received
            if not piece:
                return received
            received += piece
            if b"\r\n\r\n" in received and whole(received):
                return received


def whole(received: bytes) -> bool:
    head, _, body = received.partition(b"\r\n\r\n")
    (length,) = [
        int(line.partition(b":")[2])
        for line in head.split(b"\r\n")
        if line.lower().startswith(b"content-length")
    ]
    return len(body) >= length


def answer(received: bytes) -> tuple[int, dict[str, str], Any]:
    head, _, body = received.partition(b"\r\n\r\n")
    status, *lines = head.decode().split("\r\n")
    headers = dict(line.split(": ", 1) for line in lines)
    return int(status.split()[1]), headers, json.loads(body)


def search(entity: str = "UserOrganizationFeature", page: int = 0, size: int = 2) -> dict[str, Any]:
    return {
        "type": entity,
        "conditions": [{"key": "Organization.id", "operator": "=", "value": "101"}],
        "functions": [],
        "groupBys": [],
        "pagination": {"page": page, "size": size, "sorts": ["id,asc"]},
    }


def subjects(page: dict[str, Any]) -> list[str]:
    return [row["userEmail"].partition("@")[0] for row in page["content"]]


def test_a_connection_dropped_before_the_write_gets_not_one_byte_and_nothing_happened() -> None:
    with misbehaving(WORLD, {"fault": "drop"}) as world:
        assert raw(world, "POST", GRANT, KSE) == b""
        assert world.history() == []


def test_a_connection_dropped_after_the_write_gets_not_one_byte_and_the_write_is_done() -> None:
    with misbehaving(WORLD, {"fault": "drop", "when": "after"}) as world:
        assert raw(world, "POST", GRANT, KSE) == b""
        (row,) = world.history()
    assert (row["action"], row["subject"], row["status"]) == (
        "grant_user",
        "cleo@example.com",
        "granted",
    )


def test_a_drop_ends_at_once_and_harms_no_other_connection() -> None:
    rule = {"fault": "drop", "match": {"operation": "users_me", "nth": 2}}
    with misbehaving(WORLD, rule) as world:
        begin = time.monotonic()
        lengths = [len(raw(world, "GET", "/api/v1/users/me")) for _ in range(3)]
        assert time.monotonic() - begin < 2
    assert [bool(length) for length in lengths] == [True, False, True]


def test_a_request_that_follows_on_a_dropped_connection_is_not_answered() -> None:
    line = "GET /api/v1/search/info HTTP/1.1\r\nHost: x\r\n\r\n"
    rule = {"fault": "drop", "match": {"operation": "search_info", "nth": 1}}
    with misbehaving(WORLD, rule) as world:
        parts = urlsplit(world.url)
        with socket.create_connection((parts.hostname, parts.port), timeout=5) as connection:
            connection.sendall((line + line).encode())
            with contextlib.suppress(ConnectionResetError):
                assert connection.recv(65536) == b""


def test_half_an_answer_tells_the_length_of_the_whole_and_then_ends() -> None:
    with misbehaving(WORLD, {"fault": "half_answer"}) as world:
        received = raw(world, "POST", GRANT, KSE)
        (row,) = world.history()
    head, _, body = received.partition(b"\r\n\r\n")
    told = int(head.lower().partition(b"content-length: ")[2].split(b"\r\n")[0])
    assert head.startswith(b"HTTP/1.1 200")
    assert told > len(body) == told // 2
    assert row["status"] == "granted"


@pytest.mark.parametrize("when", ["before", "after"])
@pytest.mark.parametrize("status", [500, 502, 503, 504])
def test_a_server_error_comes_before_the_write_or_after_it(status: int, when: str) -> None:
    with misbehaving(WORLD, {"fault": "error", "status": status, "when": when}) as world:
        told, headers, body = answer(raw(world, "POST", GRANT, KSE))
        assert (told, body["status"], "Retry-After" in headers) == (status, status, False)
        assert len(world.history()) == (when == "after")


def test_too_many_requests_come_without_a_pause_or_with_one_in_seconds_or_as_a_date() -> None:
    rules = [
        {"fault": "error", "status": 429, "times": 1},
        {"fault": "error", "status": 429, "retry_after": 7, "times": 1},
        {"fault": "error", "status": 429, "retry_after": 7, "retry_after_as": "date"},
    ]
    with misbehaving(WORLD, *rules) as world:
        first, second, third = [answer(raw(world, "POST", GRANT, KSE)) for _ in range(3)]
        assert world.history() == []
    assert {first[0], second[0], third[0]} == {429}
    assert "Retry-After" not in first[1]
    assert second[1]["Retry-After"] == "7"
    wait = parsedate_to_datetime(third[1]["Retry-After"]).timestamp() - time.time()
    assert 4 < wait <= 7


def test_the_answer_of_another_request_holds_that_one_s_id_and_words() -> None:
    rule = {"fault": "other_request", "match": {"operation": "writes", "nth": 2}}
    other = {"feature": "KSE", "emails": ["dan@example.com"]}
    with misbehaving(WORLD, rule) as world:
        raw(world, "POST", GRANT, KSE, "X-Licensing-Request: first\r\n")
        status, headers, body = answer(
            raw(world, "POST", GRANT, other, "X-Licensing-Request: second\r\n")
        )
        assert [row["subject"] for row in world.history()] == [
            "cleo@example.com",
            "dan@example.com",
        ]
    assert (status, headers["X-Licensing-Request"]) == (200, "first")
    assert [row["email"] for row in body["results"]] == ["cleo@example.com"]


def test_without_a_request_before_it_the_answer_is_lost() -> None:
    with misbehaving(WORLD, {"fault": "other_request"}) as world:
        assert raw(world, "POST", GRANT, KSE) == b""
        assert len(world.history()) == 1


@pytest.mark.parametrize("identity", ["1f", "a" * 64])
def test_an_answer_repeats_the_id_of_its_request(identity: str) -> None:
    with misbehaving(WORLD) as world:
        for path in ("/api/v1/users/me", "/nowhere"):
            received = raw(world, "GET", path, None, f"X-Licensing-Request: {identity}\r\n")
            assert answer(received)[1]["X-Licensing-Request"] == identity


@pytest.mark.parametrize("identity", ["a" * 65, "a b", "a\tb", "ä"])
def test_an_id_that_is_none_is_not_repeated(identity: str) -> None:
    with misbehaving(WORLD) as world:
        received = raw(
            world, "GET", "/api/v1/users/me", None, f"X-Licensing-Request: {identity}\r\n"
        )
        assert "X-Licensing-Request" not in answer(received)[1]


def test_an_answer_to_a_write_names_another_subject() -> None:
    rule = {"fault": "other_subject"}
    machine = {"feature": "ENGINE", "machineIds": ["5d"]}
    with misbehaving(WORLD, rule) as world:
        _, _, body = answer(raw(world, "POST", GRANT, KSE))
        assert [row["email"] for row in body["results"]] == ["other-cleo@example.com"]
        assert body["used"] == 4
        raw(world, "POST", "/api/v1/organizations/101/machines", machine)
        query = "?machineKey=5d&package=ENGINE&organizationId=101"
        _, _, body = answer(raw(world, "DELETE", f"/api/v1/machine{query}"))
        assert body == {"machineId": "other-5d", "status": "removed"}
        # Reads are left alone: a list that names others is simply another list.
        _, _, page = answer(raw(world, "POST", "/api/v1/search", search("UserInvitation")))
        assert page["content"][0]["email"] == "pending@example.com"


@pytest.mark.parametrize(
    ("fault", "first", "second"),
    [
        ("page_missing", ["dan"], []),
        ("page_twice", ["Ada", "ben", "Ada", "ben"], ["Ada", "ben"]),
    ],
)
@pytest.mark.parametrize("published", ["searchRequestPagination", "both"])
def test_a_page_is_missing_or_comes_twice_in_every_spelling(
    fault: str, first: list[str], second: list[str], published: str
) -> None:
    with misbehaving(WORLD, {"fault": fault}) as world:
        found = []
        for number in (0, 1):
            asked = search(page=number)
            asked["searchRequestPagination"] = asked["pagination"]
            if published != "both":
                asked["pagination"] = None
            page = answer(raw(world, "POST", "/api/v1/search", asked))[2]
            found.append(subjects(page))
    assert found == [first, second]


@pytest.mark.parametrize(
    ("fault", "first", "second"),
    [
        ("page_missing", ["dan"], []),
        ("page_twice", ["Ada", "ben", "Ada", "ben"], ["Ada", "ben"]),
    ],
)
@pytest.mark.parametrize("by_get", [False, True])
def test_a_page_is_missing_or_comes_twice(
    fault: str, first: list[str], second: list[str], by_get: bool
) -> None:
    with misbehaving(WORLD, {"fault": fault}) as world:
        pages = []
        for number in (0, 1):
            if by_get:
                query = json.dumps(search(page=number)).replace(" ", "").replace('"', "%22")
                received = raw(world, "GET", f"/api/v1/search?q={query}")
            else:
                received = raw(world, "POST", "/api/v1/search", search(page=number))
            pages.append(answer(received)[2])
    assert [subjects(page) for page in pages] == [first, second]
    for number, page in enumerate(pages):
        assert (page["number"], page["totalElements"], page["size"]) == (number, 3, 2)
        assert page["numberOfElements"] == len(page["content"])
        assert page["empty"] is (not page["content"])


@pytest.mark.parametrize(("by", "total", "pages", "last"), [(-1, 2, 1, True), (2, 5, 3, False)])
def test_a_total_is_wrong_and_all_that_follows_from_it_agrees(
    by: int, total: int, pages: int, last: bool
) -> None:
    with misbehaving(WORLD, {"fault": "wrong_total", "by": by}) as world:
        _, _, page = answer(raw(world, "POST", "/api/v1/search", search()))
        assert subjects(page) == ["Ada", "ben"]
    assert (page["totalElements"], page["totalPages"], page["last"]) == (total, pages, last)


@pytest.mark.parametrize("rule", [{"fault": "wrong_total", "by": 1}, {"fault": "page_twice"}])
def test_faults_of_pages_leave_errors_and_other_requests_alone(rule: dict[str, Any]) -> None:
    with misbehaving(WORLD, rule) as world:
        assert answer(raw(world, "GET", "/api/v1/users/me"))[0] == 200
        assert answer(raw(world, "POST", "/api/v1/search", {"type": "Nothing"}))[0] == 400
        for page in (0, 1):
            found = requests.post(f"{world.url}/api/v1/search", json=search(page=page), timeout=5)
            assert (found.status_code, found.json()["status"]) == (401, 401)


def test_latencies_add_up_and_come_with_another_fault() -> None:
    rules = [
        {"fault": "latency", "ms": 20},
        {"fault": "latency", "ms": [100, 200], "when": "after"},
        {"fault": "latency", "ms": 30, "match": {"operation": "writes"}},
        {"fault": "error", "status": 503},
    ]
    with misbehaving(WORLD, *rules) as world:
        assert answer(raw(world, "POST", GRANT, KSE))[0] == 503
        before, after = world.faults.slept
    assert before == pytest.approx(0.05)
    assert 0.1 <= after <= 0.2


def test_latency_is_real_time() -> None:
    faults = read_faults({"rules": [{"fault": "latency", "ms": 200}]})
    with (
        Store.open(":memory:", create=True) as store,
        start(FaultyService(LicensingService(store), faults), "127.0.0.1", 0) as server,
    ):
        begin = time.monotonic()
        assert requests.get(f"{server.url}/nowhere", timeout=5).status_code == 404
        assert 0.2 <= time.monotonic() - begin < 2


SEARCHED = Asked("POST", "/api/v1/search", "search", False, 101, "Machine", 1)
GRANTED = Asked("POST", GRANT, "grant_users", True, 101)


@pytest.mark.parametrize(
    ("match", "searched", "granted"),
    [
        (Match(), True, True),
        (Match(method="POST"), True, True),
        (Match(method="GET"), False, False),
        (Match(path="/api/v1/organizations/*"), False, True),
        (Match(path="/api/v1/search"), True, False),
        (Match(operation="reads"), True, False),
        (Match(operation="writes"), False, True),
        (Match(operation="search"), True, False),
        (Match(operation="grant_users"), False, True),
        (Match(entity="Machine"), True, False),
        (Match(entity="KsSession"), False, False),
        (Match(organization=101), True, True),
        (Match(organization=102), False, False),
        (Match(page=1), True, False),
        (Match(page=0), False, False),
        (Match(organization=101, entity="Machine", page=1, method="POST"), True, False),
    ],
    ids=str,
)
def test_a_rule_is_for_the_requests_to_which_all_of_it_applies(
    match: Match, searched: bool, granted: bool
) -> None:
    assert (match.fits(SEARCHED), match.fits(GRANTED)) == (searched, granted)


def request(method: str, path: str, body: Any = None, **query: str) -> Request:
    return Request(method, path, query, {}, None if body is None else json.dumps(body).encode())


@pytest.mark.parametrize(
    ("asking", "asked"),
    [
        (request("GET", "/api/v1/users/me"), ("users_me", False, None, None, None)),
        (request("GET", "/api/v1/search/info"), ("search_info", False, None, None, None)),
        (request("POST", GRANT, KSE), ("grant_users", True, 101, None, None)),
        (
            request("DELETE", "/api/v1/machine", organizationId="7"),
            ("remove_machine", True, 7, None, None),
        ),
        (
            request("DELETE", "/api/v1/machine", organizationId="seven"),
            ("remove_machine", True, None, None, None),
        ),
        (
            request("POST", "/api/v1/search", search("Machine", 3)),
            ("search", False, 101, "Machine", 3),
        ),
        (
            request("GET", "/api/v1/search", q=json.dumps({"searchEntity": "KsSession"})),
            ("search", False, None, "KsSession", 0),
        ),
        (
            request(
                "POST",
                "/api/v1/search",
                {
                    "searchEntity": "Machine",
                    "searchRequestConditions": [
                        {"key": "Organization.id", "operator": "!=", "value": None},
                        {"key": "Organization.id", "operator": "=", "value": 101},
                    ],
                    "searchRequestPagination": {"page": 3},
                },
            ),
            ("search", False, 101, "Machine", 3),
        ),
        (request("POST", "/api/v1/search", [1]), ("search", False, None, None, None)),
        (request("POST", "/api/v1/search"), ("search", False, None, None, None)),
        (request("GET", "/nowhere"), (None, False, None, None, None)),
    ],
    ids=str,
)
def test_what_a_request_asks_for_is_told_by_its_route_its_query_and_its_body(
    asking: Request, asked: tuple[Any, ...]
) -> None:
    found = asked_by(asking)
    assert (found.operation, found.writes, found.organization, found.entity, found.page) == asked


def test_every_route_has_an_operation_of_its_own_in_the_schema() -> None:
    names = {OPERATIONS[route.endpoint] for route in ROUTES}
    for name in names:
        rule = {"fault": "drop", "match": {"operation": name}}
        assert problems("faults", {"version": 1, "rules": [rule]}) == ()


def befallen(faults: Faults, count: int = 40) -> list[int]:
    return [number for number in range(1, count + 1) if faults.verdict(GRANTED).rule is not None]


def one(times: int | None = None, **match: Any) -> Faults:
    return Faults((Rule(Fault.DROP, Match(**match), times=times),), seed=3)


def test_a_rule_without_a_number_is_for_every_request() -> None:
    assert befallen(one(), 3) == [1, 2, 3]


def test_a_rule_may_be_for_certain_ones_of_the_requests_that_fit() -> None:
    assert befallen(one(nth=frozenset({2, 5}))) == [2, 5]
    faults = one(nth=frozenset({2}))
    faults.verdict(SEARCHED)
    faults = one(nth=frozenset({1}), operation="grant_users")
    assert faults.verdict(SEARCHED).rule is None
    assert faults.verdict(GRANTED).rule is not None


def test_a_rule_happens_as_often_as_it_may_and_then_no_more() -> None:
    assert befallen(one(times=2)) == [1, 2]
    assert len(befallen(one(times=3, probability=0.5))) == 3


def test_of_several_faults_the_first_that_fits_happens_and_the_others_wait() -> None:
    faults = Faults((Rule(Fault.DROP, times=1), Rule(Fault.ERROR, times=1)))
    happened = [faults.verdict(GRANTED).rule for _ in range(3)]
    assert [rule and rule.fault for rule in happened] == [Fault.DROP, Fault.ERROR, None]


@given(st.integers(0, 2**53 - 1), st.floats(0, 1))
def test_the_same_seed_gives_the_same_faults(seed: int, probability: float) -> None:
    rules = (
        Rule(Fault.LATENCY, milliseconds=(0, 1000), match=Match(probability=0.5)),
        Rule(Fault.DROP, Match(probability=probability)),
    )
    first, second = (
        [faults.verdict(GRANTED) for _ in range(20)]
        for faults in (Faults(rules, seed), Faults(rules, seed))
    )
    assert first == second


def test_another_seed_gives_other_faults_in_the_frequency_that_was_asked_for() -> None:
    rule = Rule(Fault.DROP, Match(probability=0.25))
    runs = [befallen(Faults((rule,), seed), 400) for seed in range(20)]
    assert len({tuple(run) for run in runs}) == 20
    assert 0.2 < sum(map(len, runs)) / 8000 < 0.3


def test_one_rule_s_draws_do_not_depend_on_the_other_rules() -> None:
    rule = Rule(Fault.ERROR, Match(probability=0.5, operation="grant_users"))
    alone = befallen(Faults((rule,), seed=5))
    other = Rule(Fault.LATENCY, Match(probability=0.5), milliseconds=(0, 5))
    assert befallen(Faults((rule, other), seed=5)) == alone


def row(**row: Any) -> dict[str, Any]:
    return {"version": 1, "rules": [row]}


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (row(fault="latencies"), "did you mean 'latency'?"),
        (row(fault="latency"), "'ms' is missing"),
        (row(fault="latency", ms=[5]), "two ends"),
        (row(fault="latency", ms=-1), "at least 0"),
        (row(fault="drop", ms=5), "`ms` goes with"),
        (row(fault="error"), "'status' is missing"),
        (row(fault="error", status=418), "expected one of 429, 500"),
        (row(fault="error", status=429, when="after"), "expected before"),
        (row(fault="error", status=503, retry_after_as="date"), "only possible beside"),
        (row(fault="drop", status=500), "`status` goes with"),
        (row(fault="drop", retry_after=5), "`retry_after` goes with"),
        (row(fault="half_answer", when="after"), "`when` goes with"),
        (row(fault="wrong_total"), "'by' is missing"),
        (row(fault="wrong_total", by=0), "other than 0"),
        (row(fault="drop", by=1), "`by` goes with"),
        (row(fault="drop", times=0), "at least 1"),
        (row(fault="drop", match={"nth": []}), "at least one number"),
        (row(fault="drop", match={"nth": 0}), "at least 1"),
        (row(fault="drop", match={"probability": 2}), "at most 1"),
        (row(fault="drop", match={"entity": "Machines"}), "did you mean 'Machine'?"),
        (row(fault="drop", match={"operaton": "search"}), "did you mean 'operation'?"),
        (row(when="after"), "'fault' is missing"),
        ({"version": 2, "rules": []}, "expected 1"),
        ({"version": 1}, "'rules' is missing"),
    ],
    ids=lambda value: value if isinstance(value, str) else json.dumps(value),
)
def test_a_file_that_makes_no_sense_is_told_once_and_plainly(
    data: dict[str, Any], message: str
) -> None:
    (problem,) = problems("faults", data)
    assert message in problem.message
