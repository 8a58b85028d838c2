"""Many organizations are read at once, and each fails on its own."""

from __future__ import annotations

import threading
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date

import pytest

from reconciler.backends.protocol import (
    Capabilities,
    Operation,
    OrganizationRef,
    Outcome,
    Write,
)
from reconciler.backends.snapshot import SnapshotBackend
from reconciler.cli.checks import Grade, checks_of
from reconciler.cli.clock import today
from reconciler.cli.reading import day_read, read_organizations, visible_organizations
from reconciler.errors import ApiError, ForbiddenError
from reconciler.model.state import LISTS, OrganizationState, Role


@dataclass(slots=True)
class Fake:
    """A backend of given answers; `meet` makes that many reads wait for each other."""

    answers: Mapping[int, OrganizationState | ApiError] = field(default_factory=dict)
    refs: tuple[OrganizationRef, ...] | ApiError = ()
    writes: frozenset[Write] | ApiError = frozenset()
    meet: threading.Barrier | None = None
    target: str = "https://licenses.example"

    def capabilities(self) -> Capabilities:
        if isinstance(self.writes, ApiError):
            raise self.writes
        return Capabilities(frozenset(LISTS), self.writes, live=True)

    def organizations(self) -> tuple[OrganizationRef, ...]:
        if isinstance(self.refs, ApiError):
            raise self.refs
        return self.refs

    def read(self, organization: int) -> OrganizationState:
        if self.meet is not None:
            self.meet.wait(timeout=30)
        answer = self.answers[organization]
        if isinstance(answer, ApiError):
            raise answer
        return answer

    def write(self, operation: Operation, *, idempotency_key: str) -> tuple[Outcome, ...]:
        raise AssertionError("nothing here writes")

    def close(self) -> None:
        pass


@pytest.mark.parametrize("parallel", [1, 4])
def test_states_and_failures_come_in_the_order_of_ids(
    parallel: int, capsys: pytest.CaptureFixture[str]
) -> None:
    backend = Fake(
        {1: OrganizationState(1), 2: ApiError("two", hint="do"), 3: OrganizationState(3)}
    )
    reading = read_organizations(backend, [3, 1, 2, 1], max_parallel=parallel)
    assert [state.id for state in reading.states] == [1, 3]
    assert [(row.organization, row.error.message) for row in reading.failures] == [(2, "two")]
    reading.tell_failures()
    assert capsys.readouterr().err == "error: organization 2: two\nhint: do\n"


def test_organizations_are_read_at_the_same_time() -> None:
    numbers = range(1, 5)
    answers = {number: OrganizationState(number) for number in numbers}
    # Each read waits until all four are under way; one after the other would never end.
    backend = Fake(answers, meet=threading.Barrier(4))
    assert len(read_organizations(backend, numbers, max_parallel=4).states) == 4


def test_one_reason_for_all_failures_is_raised_once_and_different_ones_are_kept() -> None:
    same = Fake({1: ApiError("down"), 2: ApiError("down")})
    with pytest.raises(ApiError, match="down"):
        read_organizations(same, [1, 2], max_parallel=2)
    different = Fake({1: ApiError("down"), 2: ApiError("odd")})
    assert len(read_organizations(different, [1, 2], max_parallel=2).failures) == 2


def test_no_organization_at_all_is_an_empty_reading() -> None:
    reading = read_organizations(Fake(), [], max_parallel=8)
    assert (reading.states, reading.failures) == ((), ())


def test_organizations_that_the_role_does_not_open_are_left_out_and_told(
    capsys: pytest.CaptureFixture[str],
) -> None:
    roles = (Role.OWNER, Role.ADMIN, Role.USER, Role.BILLING_MANAGER, None)
    refs = tuple(OrganizationRef(number, None, role) for number, role in enumerate(roles, 1))
    assert visible_organizations(Fake(refs=refs)) == (1, 2, 5)
    told = capsys.readouterr().err.splitlines()
    assert len(told) == 2
    assert "organization 3 is left out: the key's owner is user there" in told[0]


def grades(backend: Fake, *organizations: int) -> list[tuple[str, Grade]]:
    return [(check.subject, check.grade) for check in checks_of(backend, organizations)]


def test_the_checks_go_as_far_as_they_can() -> None:
    assert grades(Fake(refs=ApiError("down"))) == [("connection and credentials", Grade.FAILED)]
    assert grades(Fake(refs=())) == [
        ("connection and credentials", Grade.FAILED),
        ("writes", Grade.LIMITED),
    ]
    refs = (OrganizationRef(1, "One", Role.OWNER),)
    assert grades(Fake(refs=refs, writes=ApiError("odd")))[-1] == ("capabilities", Grade.FAILED)


def test_each_check_tells_what_is_missing() -> None:
    full = OrganizationState(
        1, None, members=(), subscriptions=(), licensed_users=(), machines=(),
        offline_licenses=(), sessions=(),
    )  # fmt: skip
    backend = Fake(
        answers={
            1: full,
            2: OrganizationState(2, members=()),
            3: OrganizationState(3),
            4: ForbiddenError("no"),
        },
        refs=(
            OrganizationRef(1, "One", Role.ADMIN),
            OrganizationRef(2, None, None),
            OrganizationRef(4, None, Role.BILLING_MANAGER),
        ),
        writes=frozenset({Write.GRANT_USERS}),
    )
    assert grades(backend, 1, 2, 3, 4) == [
        ("connection and credentials", Grade.GOOD),
        ("writes", Grade.LIMITED),
        ("organization 1: role", Grade.GOOD),
        ("organization 1: lists", Grade.GOOD),
        ("organization 2: role", Grade.LIMITED),
        ("organization 2: lists", Grade.LIMITED),
        ("organization 3: lists", Grade.FAILED),
        ("organization 4: role", Grade.FAILED),
        ("organization 4: lists", Grade.FAILED),
    ]
    messages = " ".join(check.message for check in checks_of(backend, (2,)))
    assert "unknown: subscriptions, licensed_users, machines" in messages
    assert "missing: remove_users" in messages


def test_a_snapshot_was_so_on_its_own_day_and_anything_else_is_so_today() -> None:
    taken = {"taken_at": "2026-11-24T23:30:00Z"}

    def snapshot(data: dict[str, object]) -> SnapshotBackend:
        whole = {"format": "license-snapshot/1", "organizations": [], **data}
        return SnapshotBackend(whole, target="snapshot:state.yaml", timezone="UTC")

    assert day_read(snapshot(taken), "UTC") == date(2026, 11, 24)
    assert day_read(snapshot(taken), "Asia/Tokyo") == date(2026, 11, 25)
    for backend in (snapshot({}), Fake()):
        assert day_read(backend, "UTC") == today("UTC")
