"""Plans carried out on the embedded licensing server, whose rules and history are its own."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from datetime import UTC, date, datetime

from hypothesis import given, settings
from hypothesis import strategies as st

from reconciler.applying.executor import execute
from reconciler.applying.result import ApplyResult, ChangeStatus
from reconciler.backends.embedded import EmbeddedConnections
from reconciler.backends.protocol import Backend, Operation, Outcome
from reconciler.backends.snapshot import to_snapshot
from reconciler.backends.testops import KatalonBackend
from reconciler.model.plan import OrganizationPlan
from reconciler.model.settings import ApiSettings
from reconciler.model.state import OrganizationState
from reconciler.server.clock import fixed_day
from reconciler.server.load import load_snapshot
from reconciler.server.store import Store
from tests.unit.applying.fake import (
    NO_PATIENCE,
    TODAY,
    grant,
    offline,
    organization_plan,
    organization_state,
    pair,
    plan_of,
    transfer,
)
from tests.unit.applying.test_resuming import MACHINES, World, worlds

DIGEST = "sha256:" + "c" * 64
FULL = organization_state(
    quotas={"kse": 2, MACHINES: 2},
    users={"kse": ["ada@x.io", "carol@x.io"]},
    machines={MACHINES: ["a1", "b2"]},
    members=["bob@x.io"],
)


class Stopping:
    """The server's backend, interrupted before or after the effect of one call."""

    def __init__(self, backend: Backend, call: int, *, after: bool) -> None:
        self._backend = backend
        self._left = call
        self._after = after
        self.target = backend.target
        self.capabilities = backend.capabilities
        self.organizations = backend.organizations
        self.read = backend.read
        self.close = backend.close

    def write(self, operation: Operation, *, idempotency_key: str) -> tuple[Outcome, ...]:
        self._left -= 1
        if self._left == -1 and not self._after:
            raise KeyboardInterrupt
        outcomes = self._backend.write(operation, idempotency_key=idempotency_key)
        if self._left == -1:
            raise KeyboardInterrupt
        return outcomes


class Server:
    """The embedded server over a database in memory."""

    def __init__(self, store: Store) -> None:
        connections = EmbeddedConnections(store, "sqlite://", clock=fixed_day(TODAY))
        self._store = store
        self.backend = KatalonBackend(
            "sqlite://", connections, settings=ApiSettings(), timezone="UTC"
        )

    def history(self) -> list[tuple[str, ...]]:
        with self._store.read() as connection:
            rows = connection.execute(
                "SELECT organization_id, feature, action, subject FROM history"
            ).fetchall()
        return [tuple(str(value) for value in row) for row in rows]

    def over_quota(self) -> int:
        with self._store.read() as connection:
            found: int = connection.execute(
                "SELECT count(*) FROM history WHERE used_after > quota"
            ).fetchone()[0]
        return found


@contextmanager
def serving(states: Iterable[OrganizationState]) -> Iterator[Server]:
    store = Store.open(":memory:", create=True)
    load_snapshot(store, to_snapshot(states, datetime(2026, 11, 24, 9, tzinfo=UTC)))
    server = Server(store)
    try:
        yield server
    finally:
        server.backend.close()


def apply(backend: Backend, plans: Iterable[OrganizationPlan]) -> ApplyResult:
    return execute(plan_of(*plans), backend, plan_digest=DIGEST, batch=1, patience=NO_PATIENCE)


def test_full_pools_of_users_and_machines_are_transferred_and_locked_offline() -> None:
    plan = organization_plan(
        transfer("carol@x.io", "bob@x.io"),
        pair("a1", "c3", product=MACHINES),
        offline("b2", date(2027, 3, 31), product=MACHINES),
    )
    with serving([FULL]) as server:
        assert apply(server.backend, [plan]).exit_code == 0
        state = server.backend.read(101)
        again = apply(server.backend, [plan])
        assert server.over_quota() == 0
    assert sorted(row.email for row in state.licensed_users or ()) == ["ada@x.io", "bob@x.io"]
    assert sorted(row.id for row in state.machines or ()) == ["b2", "c3"]
    assert [(row.machine, row.expires) for row in state.offline_licenses or ()] == [
        ("b2", date(2027, 3, 31))
    ]
    assert [row.status for row in again.organizations[0].changes] == [ChangeStatus.SKIPPED] * 3
    assert (again.exit_code, again.writes) == (0, 0)


def test_what_the_server_rejects_is_reported_in_its_own_words() -> None:
    # The quota is the server's secret here: the plan and the remainder believe in a free seat.
    hidden = organization_state(quotas={"kse": 1}, users={"kse": ["a@x.io"]}, members=["b@x.io"])
    with serving([hidden]) as server:
        honest = server.backend.read

        def read(organization: int) -> OrganizationState:
            return organization_state(quotas={"kse": 2}, members=["b@x.io"])

        server.backend.read = read  # type: ignore[method-assign]
        result = apply(server.backend, [organization_plan(grant("b@x.io"))])
        assert [row.email for row in honest(101).licensed_users or ()] == ["a@x.io"]
    (row,) = result.organizations[0].failed
    assert (row.status, row.code) == (ChangeStatus.REJECTED, "over_quota")
    assert row.message is not None
    assert "cannot exceed the license quota" in row.message
    assert result.exit_code == 4


def test_an_organization_that_the_server_does_not_know_fails_alone() -> None:
    with serving([FULL]) as server:
        plans = [
            organization_plan(grant("b@x.io"), number=100),
            organization_plan(transfer("carol@x.io", "bob@x.io")),
        ]
        result = apply(server.backend, plans)
    assert result.organizations[0].error is not None
    assert [row.status for row in result.organizations[1].changes] == [ChangeStatus.DONE]
    assert result.exit_code == 5


def test_the_same_plan_gives_again_what_outsiders_took_within_the_memory_of_its_keys() -> None:
    plan = organization_plan(transfer("carol@x.io", "bob@x.io"))
    with serving([FULL]) as server:
        apply(server.backend, [plan])
        apply(server.backend, [organization_plan(pair("bob@x.io", "carol@x.io"))])
        assert apply(server.backend, [plan]).exit_code == 0
        state = server.backend.read(101)
    assert sorted(row.email for row in state.licensed_users or ()) == ["ada@x.io", "bob@x.io"]


@settings(max_examples=40)
@given(world=worlds(), data=st.data(), after=st.booleans())
def test_a_stopped_apply_is_resumed_and_the_servers_history_shows_each_effect_once(
    world: World, data: st.DataObject, after: bool
) -> None:
    with serving(world.states) as server:
        apply(Stopping(server.backend, data.draw(st.integers(0, world.calls)), after=after),
              world.plans)  # fmt: skip
        assert apply(server.backend, world.plans).exit_code == 0
        again = apply(server.backend, world.plans)
        assert (again.exit_code, again.writes) == (0, 0)
        assert max(Counter(server.history()).values(), default=1) == 1
        assert len(server.history()) == world.calls
        assert server.over_quota() == 0
