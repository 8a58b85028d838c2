"""One contract, every backend: what is read is the same everywhere, and so is what is written."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from datetime import UTC, date, datetime
from pathlib import Path

import pytest

from reconciler.backends.protocol import (
    EndSession,
    GrantMachines,
    GrantUsers,
    IssueOffline,
    Operation,
    Outcome,
    OutcomeStatus,
    RemoveMachine,
    RemoveUsers,
    Write,
)
from reconciler.backends.snapshot import to_snapshot
from reconciler.errors import ApiError, UnknownOrganizationError
from reconciler.model.state import (
    LISTS,
    LicensedUser,
    Machine,
    Member,
    MemberStatus,
    OfflineLicense,
    OrganizationState,
    Role,
    Session,
    Subscription,
)
from tests.contract.systems import LAPTOP, PHONE, RUNNER, SNAPSHOT, SPARE, SYSTEMS, System

Open = Callable[..., System]
LAST = date(2097, 6, 30)


@pytest.fixture
def opened(tmp_path: Path) -> Iterator[Open]:
    with ExitStack() as stack:
        yield lambda kind, timezone="UTC": stack.enter_context(SYSTEMS[kind](tmp_path, timezone))


@pytest.fixture(params=list(SYSTEMS))
def system(request: pytest.FixtureRequest, opened: Open) -> System:
    return opened(request.param)


@pytest.fixture(params=[kind for kind in SYSTEMS if kind != "snapshot"])
def writable(request: pytest.FixtureRequest, opened: Open) -> System:
    return opened(request.param)


def run(system: System, operation: Operation, key: str | None = None) -> list[tuple[str, str]]:
    outcomes = system.backend.write(operation, idempotency_key=key or repr(operation))
    return [(outcome.subject, outcome.code or outcome.status.value) for outcome in outcomes]


def licensed(system: System, product: str) -> list[str]:
    users = system.backend.read(101).licensed_users
    assert users is not None
    return [row.email for row in users if row.product == product]


ACME = OrganizationState(
    id=101,
    name="Acme QA",
    members=(
        Member("Ada@Example.com", Role.OWNER),
        Member("bob@example.com", Role.USER),
        Member("carol@example.com", Role.BILLING_MANAGER),
        Member("dan@example.com", Role.ADMIN),
        Member("eve@example.com", Role.USER, MemberStatus.PENDING),
        Member("zoë@example.com", Role.USER),
    ),
    subscriptions=(
        Subscription("kse", 5, 3, 6, LAST, True),
        Subscription("kre-node-locked", 2, 1, 3, LAST, True),
        Subscription("kre-floating", 2, 1, None, None, True),
        Subscription("testops", 1, 2, None, date(2097, 1, 31), None),
    ),
    licensed_users=(
        LicensedUser("kse", "Ada@Example.com"),
        LicensedUser("kse", "zoë@example.com"),
        LicensedUser("kre-floating", "bob@example.com"),
        LicensedUser("testops", "Ada@Example.com"),
        LicensedUser("testops", "bob@example.com"),
    ),
    machines=(
        Machine("kse", LAPTOP, "Ada@Example.com", "laptop", datetime(2026, 11, 20, 8, tzinfo=UTC)),
        Machine("kre-node-locked", RUNNER, None, "ci-runner-1"),
        Machine("kre-floating", RUNNER, "bob@example.com"),
    ),
    offline_licenses=(OfflineLicense("kse", LAPTOP, date(2097, 1, 31), "Ada@Example.com"),),
    sessions=(
        Session(
            "kre-floating",
            RUNNER,
            "bob@example.com",
            datetime(2026, 11, 24, 8, tzinfo=UTC),
            "session-1",
        ),
    ),
)


def test_the_state_is_the_same_by_every_way(system: System) -> None:
    assert system.backend.read(101) == ACME


def test_lists_that_are_empty_are_known_to_be_empty(system: System) -> None:
    state = system.backend.read(7)
    assert [state.licensed_users, state.machines, state.offline_licenses, state.sessions] == [
        ()
    ] * 4
    assert state.subscriptions == (Subscription("kse", 1, 0, None, LAST),)


def test_every_organization_is_seen_in_the_order_of_the_ids(system: System) -> None:
    refs = system.backend.organizations()
    assert [(ref.id, ref.name) for ref in refs] == [(7, "Small One"), (101, "Acme QA")]


def test_an_unknown_organization_is_told_with_those_that_are_known(system: System) -> None:
    with pytest.raises(UnknownOrganizationError, match="404404") as caught:
        system.backend.read(404404)
    assert "7, 101" in str(caught.value.hint)


def test_every_list_can_be_read_and_writes_are_declared(system: System) -> None:
    capabilities = system.backend.capabilities()
    assert capabilities.reads == set(LISTS)
    assert capabilities.writes == (set(Write) if system.writes else set())
    assert capabilities.live is system.writes


def test_reading_from_many_threads_gives_the_same_state(system: System) -> None:
    with ThreadPoolExecutor(8) as pool:
        states = list(pool.map(system.backend.read, [101] * 16))
    assert states == [ACME] * 16


def test_a_snapshot_of_what_was_read_is_the_snapshot_it_came_from(system: System) -> None:
    states = [system.backend.read(ref.id) for ref in system.backend.organizations()]
    taken_at = datetime(2026, 11, 24, 9, tzinfo=UTC)
    document = to_snapshot(states, taken_at)
    assert [part["id"] for part in document["organizations"]] == [7, 101]

    def sorted_rows(part: dict[str, list[dict[str, object]]]) -> dict[str, list[str]]:
        return {name: sorted(str(sorted(row.items())) for row in part[name]) for name in LISTS}

    for part, given in zip(
        document["organizations"], reversed(SNAPSHOT["organizations"]), strict=True
    ):
        assert sorted_rows(part) == sorted_rows(given)


def test_a_snapshot_takes_no_writes(opened: Open) -> None:
    with pytest.raises(ApiError, match="cannot be changed"):
        run(opened("snapshot"), GrantUsers(101, "kse", ("bob@example.com",)))


def test_users_are_granted_in_order_while_seats_last(writable: System) -> None:
    emails = ("bob@example.com", "dan@example.com", "carol@example.com")
    assert run(writable, GrantUsers(101, "kse", emails)) == [
        ("bob@example.com", "done"),
        ("dan@example.com", "done"),
        ("carol@example.com", "over_quota"),
    ]
    assert licensed(writable, "kse") == [
        "Ada@Example.com",
        "bob@example.com",
        "dan@example.com",
        "zoë@example.com",
    ]


def test_a_rejection_brings_the_vendors_words(writable: System) -> None:
    outcomes = writable.backend.write(
        GrantUsers(101, "testops", ("dan@example.com",)), idempotency_key="k"
    )
    assert outcomes == (
        Outcome(
            "dan@example.com",
            OutcomeStatus.REJECTED,
            "over_quota",
            "The number of granted users cannot exceed the license quota.",
        ),
    )


def test_each_user_has_an_outcome_in_the_order_and_spelling_of_the_operation(
    writable: System,
) -> None:
    emails = ("nobody@example.com", "BOB@example.com", "eve@example.com", "ADA@example.com")
    assert run(writable, GrantUsers(101, "kse", emails)) == [
        ("nobody@example.com", "not_a_member"),
        ("BOB@example.com", "done"),
        ("eve@example.com", "pending_member"),
        ("ADA@example.com", "unchanged"),
    ]
    # The list holds the spelling of the member, not that of the request.
    assert "bob@example.com" in licensed(writable, "kse")


def test_users_lose_what_is_removed_and_their_sessions_end(writable: System) -> None:
    emails = ("bob@example.com", "dan@example.com")
    assert run(writable, RemoveUsers(101, "kre-floating", emails)) == [
        ("bob@example.com", "done"),
        ("dan@example.com", "unchanged"),
    ]
    state = writable.backend.read(101)
    assert state.sessions == ()
    assert licensed(writable, "kre-floating") == []


def test_machines_are_registered_up_to_the_quota(writable: System) -> None:
    assert run(writable, GrantMachines(101, "kre-node-locked", (RUNNER, SPARE, PHONE))) == [
        (RUNNER, "unchanged"),
        (SPARE, "done"),
        (PHONE, "over_quota"),
    ]


def test_a_machine_of_a_user_product_is_activated_on_the_host(writable: System) -> None:
    assert run(writable, GrantMachines(101, "kse", (SPARE, PHONE))) == [
        (SPARE, "activate_on_host"),
        (PHONE, "activate_on_host"),
    ]


def test_a_machine_is_removed(writable: System) -> None:
    assert run(writable, RemoveMachine(101, "kre-node-locked", RUNNER)) == [(RUNNER, "done")]
    assert run(writable, RemoveMachine(101, "kre-node-locked", SPARE)) == [(SPARE, "unchanged")]
    machines = writable.backend.read(101).machines
    assert machines is not None
    assert [row.product for row in machines] == ["kse", "kre-floating"]


def test_a_machine_with_an_offline_license_stays(writable: System) -> None:
    assert run(writable, RemoveMachine(101, "kse", LAPTOP)) == [(LAPTOP, "offline_locked")]


def test_an_offline_license_ends_with_the_day_that_was_asked(writable: System) -> None:
    until = date(2097, 3, 31)
    assert run(writable, IssueOffline(101, "kre-node-locked", RUNNER, until)) == [(RUNNER, "done")]
    licenses = writable.backend.read(101).offline_licenses
    assert licenses is not None
    assert licenses[-1] == OfflineLicense("kre-node-locked", RUNNER, until)


def test_an_offline_license_ends_with_that_day_in_the_time_zone_of_the_workspace(
    opened: Open,
) -> None:
    tokyo = opened("in process", "Asia/Tokyo")
    until = date(2097, 3, 31)
    run(tokyo, IssueOffline(101, "kre-node-locked", RUNNER, until))
    licenses = tokyo.backend.read(101).offline_licenses
    assert licenses is not None
    assert licenses[-1].expires == until


@pytest.mark.parametrize("until", [date(2001, 1, 1), date(2098, 1, 1)])
def test_an_offline_license_for_a_day_that_cannot_be_is_rejected(
    writable: System, until: date
) -> None:
    operation = IssueOffline(101, "kre-node-locked", RUNNER, until)
    assert run(writable, operation) == [(RUNNER, "invalid_date")]


def test_a_session_is_ended_once(writable: System) -> None:
    operation = EndSession(101, "kre-floating", RUNNER, "session-1")
    assert run(writable, operation, "first") == [(RUNNER, "done")]
    assert run(writable, operation, "second") == [(RUNNER, "unchanged")]
    assert writable.backend.read(101).sessions == ()


def test_a_repeated_idempotency_key_has_the_same_answer_and_no_second_effect(
    writable: System,
) -> None:
    grant = GrantUsers(101, "kse", ("bob@example.com",))
    assert run(writable, grant, "one") == [("bob@example.com", "done")]
    run(writable, RemoveUsers(101, "kse", ("bob@example.com",)), "two")
    assert run(writable, grant, "one") == [("bob@example.com", "done")]
    assert "bob@example.com" not in licensed(writable, "kse")


def test_an_idempotency_key_of_another_request_changes_nothing(writable: System) -> None:
    run(writable, GrantUsers(101, "kse", ("bob@example.com",)), "one")
    with pytest.raises(ApiError) as caught:
        run(writable, GrantUsers(101, "kse", ("dan@example.com",)), "one")
    assert caught.value.status == 422


def test_a_write_to_an_unknown_organization_is_told(writable: System) -> None:
    with pytest.raises(UnknownOrganizationError):
        run(writable, GrantUsers(404404, "kse", ("bob@example.com",)))
