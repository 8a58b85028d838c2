"""What is said under faults is true: of states that were read, and of changes that were made."""

from __future__ import annotations

import contextlib
import datetime
import sqlite3
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from reconciler.backends import open_backend
from reconciler.backends.keys import KeyRing
from reconciler.backends.protocol import (
    GrantMachines,
    GrantUsers,
    IssueOffline,
    Operation,
    Outcome,
    OutcomeStatus,
    RemoveMachine,
    RemoveUsers,
)
from reconciler.config.document import parse_document
from reconciler.errors import ApiError, UnclearOutcomeError
from reconciler.model.settings import ApiSettings, Settings
from tests.acceptance.conftest import KEY, ROOT, Cli, Serve
from tests.server.fault_rules import READS, WRITES, rules
from tests.server.misbehaving import Misbehaving, misbehaving
from tests.server.world import machines, snapshot, subscription, users

ORGANIZATION = 101
WORLD = snapshot(
    subscription("kse", 6, machine_quota=5),
    subscription("kre-node-locked", 4, machine_quota=4),
    subscription("testops", 3),
    licensed_users=[
        *users("kse", "Ada@example.com", "ben@example.com", "cleo@example.com"),
        *users("testops", "Ada@example.com"),
    ],
    machines=machines("kre-node-locked", "m1", "m2"),
    offline_licenses=[{"product": "kse", "machine": "laptop", "expires": "2027-01-31"}],
    sessions=[{"product": "kse", "machine": "laptop", "email": "Ada@example.com"}],
)
ONE_SERVER = settings(max_examples=100, suppress_health_check=[HealthCheck.function_scoped_fixture])
SEEDS = st.integers(0, 1000)
DOMAIN = "@example.com"


@pytest.fixture(scope="module")
def server() -> Iterator[Misbehaving]:
    with misbehaving(WORLD) as world:
        yield world


@ONE_SERVER
@given(found=rules(*READS), seed=SEEDS, size=st.integers(1, 4))
def test_a_state_that_is_read_is_the_true_one_or_it_is_not_read_at_all(
    server: Misbehaving, found: list[dict[str, Any]], seed: int, size: int
) -> None:
    server.faults.misbehave(*found, seed=seed)
    truth = server.truth(ORGANIZATION)
    with server.client(page_size=size) as client:
        for _ in range(3):
            try:
                state = client.read(ORGANIZATION)
            except ApiError as error:
                assert error.message  # noqa: PT017 (either outcome is right)
            else:
                assert state == truth


@ONE_SERVER
@given(found=rules(*READS, bounded=True, most=2), seed=SEEDS)
def test_a_read_succeeds_once_the_faults_are_over(
    server: Misbehaving, found: list[dict[str, Any]], seed: int
) -> None:
    numbered = [
        row | {"match": {k: v for k, v in row["match"].items() if k == "operation"}}
        for row in found
    ]
    server.faults.misbehave(*numbered, seed=seed)
    with server.client() as client:
        for _ in range(1 + sum(row["times"] for row in found)):
            try:
                state = client.read(ORGANIZATION)
                break
            except ApiError:
                continue
        else:
            pytest.fail("the faults are over, and it cannot be read yet")
        assert state == server.truth(ORGANIZATION)


EMAILS = st.lists(
    st.sampled_from([f"{name}{DOMAIN}" for name in ("ada", "ben", "cleo", "dan", "eve", "nobody")]),
    min_size=1,
    max_size=3,
    unique=True,
).map(tuple)
MACHINES = st.sampled_from(["m1", "m2", "m3", "laptop"])
PRODUCTS = st.sampled_from(["kse", "testops"])
operations: st.SearchStrategy[Operation] = st.one_of(
    st.builds(GrantUsers, st.just(ORGANIZATION), PRODUCTS, EMAILS),
    st.builds(RemoveUsers, st.just(ORGANIZATION), PRODUCTS, EMAILS),
    st.builds(
        GrantMachines,
        st.just(ORGANIZATION),
        st.just("kre-node-locked"),
        st.lists(MACHINES, min_size=1, max_size=2, unique=True).map(tuple),
    ),
    st.builds(RemoveMachine, st.just(ORGANIZATION), st.just("kre-node-locked"), MACHINES),
    st.builds(
        IssueOffline,
        st.just(ORGANIZATION),
        st.just("kre-node-locked"),
        MACHINES,
        st.just(datetime.date(2027, 3, 31)),
    ),
)

_WORDS = {"granted", "removed", "registered", "issued"}


def recorded(server: Misbehaving, key: str) -> dict[str, str]:
    """What the history says of a call, by subject."""
    return {
        row["subject"].lower(): row["status"]
        for row in server.history()
        if row["idempotency_key"] == key
    }


@settings(max_examples=60)
@given(
    found=rules(*WRITES, "writes"), seed=SEEDS, calls=st.lists(operations, min_size=2, max_size=8)
)
def test_what_is_said_of_a_write_is_what_the_history_says(
    found: list[dict[str, Any]], seed: int, calls: list[Operation]
) -> None:
    with misbehaving(WORLD) as server, server.client() as client:
        assert client.capabilities().writes
        server.faults.misbehave(*found, seed=seed)
        for number, operation in enumerate(calls):
            key = f"call-{number}"
            try:
                outcomes = client.write(operation, idempotency_key=key)
            except UnclearOutcomeError:
                continue
            except ApiError:
                # Nothing was changed by it, says the contract.
                assert _WORDS.isdisjoint(recorded(server, key).values())
                continue
            said = recorded(server, key)
            for outcome in outcomes:
                assert _agree(outcome, said.get(outcome.subject.lower())), (outcome, said)
            server.faults.behave()
            again = client.write(operation, idempotency_key=key)
            assert again == outcomes
            assert recorded(server, key) == said
            server.faults.misbehave(*found, seed=seed + number)
        for row in server.history():
            if row["status"] in _WORDS - {"removed"}:
                assert row["used_after"] <= row["quota"]


def _agree(outcome: Outcome, status: str | None) -> bool:
    match outcome.status:
        case OutcomeStatus.DONE:
            return status in _WORDS
        case OutcomeStatus.UNCHANGED:
            return status in {"unchanged", None}
        case OutcomeStatus.REJECTED:
            return status in {"rejected", None}


RULES = """\
version: 1
rules:
  - match: {operation: grant_users, nth: 1}
    fault: drop
    when: after
  - match: {operation: search, page: 0, nth: 3}
    fault: page_missing
"""


def test_serve_misbehaves_as_its_file_says(examples: Cli, serve: Serve) -> None:
    (examples.folder / "faults.yaml").write_text(RULES)
    server = serve(
        examples.folder, "--db", "s.db", "--load", "snapshot.yaml", "--faults", "faults.yaml",
        RECONCILER_API_KEY=KEY,
    )  # fmt: skip
    keys = KeyRing.from_environment(
        {"RECONCILER_API_KEY": KEY}, Settings(), server.url, explicit=True
    )
    backend = open_backend(server.url, keys=keys, settings=ApiSettings(), timezone="UTC")
    with contextlib.closing(backend):
        state = backend.read(ORGANIZATION)  # In spite of the page that is missing at first.
        assert state.members
        licensed = {row.email for row in state.licensed_users or () if row.product == "testops"}
        email = next(row.email for row in state.members if row.email not in licensed)
        operation = GrantUsers(ORGANIZATION, "testops", (email,))
        with pytest.raises(UnclearOutcomeError, match="not known whether"):
            backend.write(operation, idempotency_key="once")
        (outcome,) = backend.write(operation, idempotency_key="once")
        assert outcome.status is OutcomeStatus.DONE
    code, err = server.stop()
    assert (code, err) == (0, "")
    with (
        contextlib.closing(sqlite3.connect(examples.folder / "s.db")) as database,
    ):
        rows = database.execute("SELECT subject, status FROM history").fetchall()
    assert rows == [(email, "granted")]


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("version: 1\nrules:\n  - fault: lattency\n", "f.yaml:3:12: expected one of latency"),
        ("version: 1\nrules:\n  - fault: drop\n    ms: 5\n", "f.yaml:4:5: `ms` goes with"),
        ("version: 1\nrules: [\n", "f.yaml:3:1: "),
        (None, "f.yaml"),
    ],
)
def test_a_faults_file_that_makes_no_sense_is_told_with_its_place_and_nothing_is_served(
    cli: Cli, text: str | None, told: str
) -> None:
    if text is not None:
        (cli.folder / "f.yaml").write_text(text)
    result = cli("serve", "--db", "s.db", "--port", "0", "--faults", "f.yaml")
    assert (result.code, result.out) == (3, "")
    assert told in result.err
    assert not (cli.folder / "s.db").exists()


def test_the_schema_of_faults_files_is_printed(cli: Cli) -> None:
    assert "license-reconciler.example/schemas/faults" in cli.ok("schema", "faults")


def test_every_example_in_the_documentation_is_a_faults_file() -> None:
    text = (ROOT / "docs" / "faults.md").read_text()
    blocks = [block.partition("```")[0] for block in text.split("```yaml\n")[1:]]
    assert blocks
    for block in blocks:
        assert list(parse_document(block, "docs").schema_problems("faults")) == []
