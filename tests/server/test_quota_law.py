"""Whatever is asked for in whatever order, no write ever takes a seat above the quota."""

from __future__ import annotations

import json
import threading
from datetime import timedelta
from pathlib import Path
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from reconciler.products import BY_FEATURE
from reconciler.server.load import load_snapshot
from reconciler.server.service import LicensingService, Principal, Request
from reconciler.server.store import Store
from tests.openapi_check import contract
from tests.server.world import Admin, MovedClock, running, snapshot, subscription, users

TAKING = {"granted", "registered", "issued", "activated"}
FEATURES = tuple(BY_FEATURE)
EMAILS = ("ada@example.com", "Ben@example.com", "cleo@example.com", "dan@example.com", "no@x")
MACHINES = ("m1", "m2", "m3", "m4")
BASE = "/api/v1/organizations/101"

features = st.sampled_from(FEATURES)
emails = st.lists(st.sampled_from(EMAILS), min_size=1, max_size=4)
machine = st.sampled_from(MACHINES)
day = st.integers(-2, 40).map(
    lambda days: (MovedClock().now + timedelta(days=days)).strftime("%Y-%m-%dT23:59:59Z")
)


def _post(name: str, **fields: Any) -> st.SearchStrategy[Request]:
    body = st.fixed_dictionaries(fields)
    return body.map(lambda data: Request("POST", f"{BASE}/{name}", body=json.dumps(data).encode()))


def _query(method: str, path: str, **fields: Any) -> st.SearchStrategy[Request]:
    parameters = {"organizationId": st.just("101"), "package": features, **fields}
    return st.fixed_dictionaries(parameters).map(lambda query: Request(method, path, query))


requests = st.one_of(
    _post("licensed-users", feature=features, emails=emails),
    _post("licensed-users", feature=features, emails=emails),
    _post("licensed-users/remove", feature=features, emails=emails),
    _post("machines", feature=st.just("ENGINE"), machineIds=st.lists(machine, min_size=1)),
    _post("offline-licenses", feature=features, machineId=machine, expirationDate=day),
    _query("DELETE", "/api/v1/machine", machineKey=machine),
    _query(
        "POST",
        "/api/v1/license-keys/activate",
        machineKey=machine,
        email=st.sampled_from(EMAILS),
        sessionId=st.sampled_from(("s1", "s2", "s3")),
    ),
    _query(
        "POST",
        "/api/v1/license-keys/release",
        machineKey=machine,
        sessionId=st.sampled_from(("s1", "s2", "s3")),
    ),
)
steps = st.lists(st.one_of(requests, st.integers(1, 20)), min_size=5, max_size=40)


@st.composite
def organizations(draw: st.DrawFn) -> dict[str, Any]:
    bought, holders, registered = [], [], []
    for product in BY_FEATURE.values():
        quota = draw(st.integers(0, 4))
        bought.append(
            subscription(
                product.key,
                quota,
                machine_quota=draw(st.none() | st.integers(0, 4)),
                expires=draw(st.sampled_from(["2026-12-10", "2027-06-30"])),
                used=draw(st.none() | st.integers(0, 4)),
            )
        )
        if product.users:
            held = draw(st.lists(st.sampled_from(EMAILS), unique=True, max_size=4))
            holders += users(product.key, *held)
        if product.machines:
            held = draw(st.lists(machine, unique=True, max_size=3))
            registered += [{"product": product.key, "id": name} for name in held]
    return snapshot(*bought, licensed_users=holders, machines=registered)


@settings(max_examples=150)
@given(organizations(), steps)
def test_no_sequence_of_writes_takes_a_seat_above_the_quota(
    document: dict[str, Any], sequence: list[Request | int]
) -> None:
    owner, clock = Principal.synthetic_owner(), MovedClock()
    with Store.open(":memory:", create=True) as store:
        load_snapshot(store, document)
        service = LicensingService(store, clock)
        for step in sequence:
            if isinstance(step, int):
                clock.move(days=step)
                continue
            response = service.handle(step, owner)
            contract().check(
                step.method, step.path, response.status, response.headers, response.body
            )
        with store.read() as connection:
            history = connection.execute("SELECT * FROM history").fetchall()
            counts = connection.execute(
                "SELECT s.machine_quota, COUNT(m.id) AS machines FROM subscriptions s"
                " LEFT JOIN machines m USING (organization_id, feature)"
                " GROUP BY organization_id, feature"
            ).fetchall()
    for line in history:
        if line["status"] in TAKING and line["action"] not in _UNCOUNTED.get(line["feature"], ()):
            assert line["used_after"] <= line["quota"], dict(line)
    # An organization may start with more machines than its quota allows, and never gets more.
    for row in counts:
        if row["machine_quota"] is not None:
            assert row["machines"] <= max(row["machine_quota"], 3)


# What takes no seat of such a product: a studio session uses its user's license, users of a
# session product are not limited, and an offline license takes over its machine's seat.
_UNCOUNTED: dict[str, tuple[str, ...]] = {
    "KSE": ("activate",),
    "UNLIMITED_KSE": ("grant_user",),
    "UNLIMITED_ENGINE": ("grant_user",),
    "FLOATING_ENGINE": ("grant_user",),
    "ENGINE": ("issue_offline", "activate"),
}


@settings(max_examples=60)
@given(st.integers(0, 3), st.lists(requests, min_size=5, max_size=40))
def test_a_pool_within_its_quota_stays_there_whatever_takes_or_converts_seats(
    quota: int, sequence: list[Request]
) -> None:
    document = snapshot(*(subscription(product.key, quota) for product in BY_FEATURE.values()))
    with Store.open(":memory:", create=True) as store:
        load_snapshot(store, document)
        service = LicensingService(store, MovedClock())
        for request in sequence:
            service.handle(request, Principal.synthetic_owner())
        with store.read() as connection:
            over = connection.execute("SELECT * FROM history WHERE used_after > quota").fetchall()
    assert [dict(line) for line in over] == []


@settings(max_examples=60)
@given(organizations(), st.lists(requests, min_size=1, max_size=25))
def test_a_write_that_is_repeated_under_its_key_changes_nothing_more(
    document: dict[str, Any], sequence: list[Request]
) -> None:
    owner = Principal.synthetic_owner()
    with Store.open(":memory:", create=True) as store:
        load_snapshot(store, document)
        service = LicensingService(store, MovedClock())
        for number, request in enumerate(sequence):
            keyed = Request(
                request.method,
                request.path,
                request.query,
                {"idempotency-key": f"k{number}"},
                request.body,
            )
            first = service.handle(keyed, owner)
            with store.read() as connection:
                before = list(connection.iterdump())
            second = service.handle(keyed, owner)
            with store.read() as connection:
                assert list(connection.iterdump()) == before
            assert (second.status, second.status < 500) == (first.status, True)
            if "code" not in first.json() or first.json()["code"] not in _NOT_CARRIED_OUT:
                assert second.body == first.body


# Refused before anything was decided, hence not remembered: the error tells its own time.
_NOT_CARRIED_OUT = {"not_for_users", "not_for_machines"}


def test_of_many_clients_after_the_last_seat_exactly_one_gets_it(tmp_path: Path) -> None:
    wanting = [f"user{number}@example.com" for number in range(8)]
    document = snapshot(
        subscription("kse", 3),
        members=[{"email": email} for email in wanting],
        licensed_users=users("kse", *wanting[:2]),
    )
    with running(document, path=tmp_path / "state.db", members=[]) as world:
        start = threading.Barrier(6)
        answers: dict[str, int] = {}

        def grant(email: str) -> None:
            admin = Admin(world.client())
            start.wait(10)
            answers[email] = admin.grant("KSE", email).status_code

        threads = [threading.Thread(target=grant, args=(email,)) for email in wanting[2:]]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(30)
        assert sorted(answers.values()) == [200, 409, 409, 409, 409, 409]
        (winner,) = [email for email, status in answers.items() if status == 200]
        rows = Admin(world.client()).rows("UserOrganizationFeature")
        assert [row["userEmail"] for row in rows] == [*wanting[:2], winner]


def test_the_server_and_a_store_in_process_share_the_last_seat_of_one_file(
    tmp_path: Path,
) -> None:
    document = snapshot(subscription("kse", 10))
    path = tmp_path / "state.db"
    with running(document, path=path) as world, Store.open(path, create=False) as other:
        embedded = LicensingService(other, world.clock)
        start = threading.Barrier(2)
        admin = Admin(world.client())

        def by_http() -> None:
            start.wait(10)
            for email in ("cleo@example.com", "dan@example.com", "Ada@example.com"):
                admin.grant("KSE", email)

        def in_process() -> None:
            start.wait(10)
            for email in ("dan@example.com", "cleo@example.com", "ben@example.com"):
                body = json.dumps({"feature": "KSE", "emails": [email]}).encode()
                request = Request("POST", f"{BASE}/licensed-users", body=body)
                embedded.handle(request, Principal.synthetic_owner())

        threads = [threading.Thread(target=by_http), threading.Thread(target=in_process)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(30)
        granted = [line["subject"] for line in world.history() if line["status"] == "granted"]
        assert sorted(granted) == [
            "Ada@example.com",
            "ben@example.com",
            "cleo@example.com",
            "dan@example.com",
        ]
        used = [line["used_after"] for line in world.history()]
        assert max(used) == 4
