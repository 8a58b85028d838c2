from __future__ import annotations

from datetime import UTC, date, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reconciler.backends.ordering import ordered
from reconciler.backends.snapshot import SnapshotBackend, to_snapshot
from reconciler.errors import ConfigurationError, UnknownOrganizationError
from reconciler.model.source import Source
from reconciler.model.state import (
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
from reconciler.products import PRODUCTS
from reconciler.schema import problems

TAKEN = datetime(2026, 11, 24, 9, tzinfo=UTC)


def backend(*organizations: dict[str, Any], timezone: str = "UTC", **more: Any) -> SnapshotBackend:
    data = {"format": "license-snapshot/1", "organizations": list(organizations)}
    return SnapshotBackend(data | more, target="snapshot:state.yaml", timezone=timezone)


def test_a_list_that_is_absent_is_unknown_and_an_empty_one_is_empty() -> None:
    read = backend({"id": 1, "machines": []}).read(1)
    assert read == OrganizationState(1, machines=())


def test_only_lists_that_every_organization_has_count_as_readable() -> None:
    both = backend({"id": 1, "machines": [], "members": []}, {"id": 2, "machines": []})
    assert both.capabilities().reads == {"machines"}
    assert not both.capabilities().live


def test_a_member_is_by_default_an_active_user() -> None:
    read = backend({"id": 1, "members": [{"email": "a@x.io"}]}).read(1)
    assert read.members == (Member("a@x.io", Role.USER, MemberStatus.ACTIVE),)


@pytest.mark.parametrize(
    ("expires", "zone", "day"),
    [
        ("2027-01-31", "Asia/Tokyo", date(2027, 1, 31)),
        ("2027-02-01T00:00:00Z", "UTC", date(2027, 1, 31)),
        ("2027-01-31T23:00:00Z", "Europe/Berlin", date(2027, 1, 31)),
        ("2027-01-31T23:30:00Z", "Europe/Berlin", date(2027, 2, 1)),
    ],
)
def test_an_expiry_is_a_day_of_the_workspaces_time_zone(expires: str, zone: str, day: date) -> None:
    row = {"product": "kse", "machine": "5d", "expires": expires}
    read = backend({"id": 1, "offline_licenses": [row]}, timezone=zone).read(1)
    assert read.offline_licenses == (OfflineLicense("kse", "5d", day),)


def test_the_moment_it_was_taken_is_known() -> None:
    assert backend(taken_at="2026-11-24T10:00:00+01:00").taken_at == TAKEN
    assert backend().taken_at is None


def test_an_unknown_organization_is_told_with_those_that_are_there() -> None:
    with pytest.raises(UnknownOrganizationError) as caught:
        backend({"id": 2}, {"id": 1}).read(3)
    assert caught.value.hint == "it holds 1, 2"


REPEATED = [
    ("members", [{"email": "Ada@x.io"}, {"email": "ada@X.io"}]),
    ("subscriptions", [{"product": "kse"}, {"product": "kse", "quota": 1}]),
    ("licensed_users", [{"product": "kse", "email": e} for e in ("ada@x.io", "ADA@x.io")]),
    ("machines", [{"product": "kse", "id": "5d"}, {"product": "kse", "id": "5d", "name": "pc"}]),
    ("offline_licenses", [{"product": "kse", "machine": "5d"}] * 2),
    ("sessions", [{"product": "kse", "machine": "5d", "id": "s"}] * 2),
]


@pytest.mark.parametrize(("name", "rows"), REPEATED, ids=[name for name, _ in REPEATED])
def test_a_row_that_is_there_twice_is_told_with_both_places(
    name: str, rows: list[dict[str, Any]]
) -> None:
    def locate(path: tuple[str | int, ...]) -> Source:
        return Source("state.yaml", 10 + int(path[-1]), 7)

    with pytest.raises(ConfigurationError) as caught:
        SnapshotBackend(
            {"organizations": [{"id": 1, name: rows}]},
            target="snapshot:state.yaml",
            timezone="UTC",
            locate=locate,
        )
    assert str(caught.value).startswith("state.yaml:11:7: ")
    assert "twice" in str(caught.value)
    assert str(caught.value).endswith("first at state.yaml:10:7")


def test_several_sessions_of_one_machine_are_several_where_no_id_says_otherwise() -> None:
    rows = [{"product": "kre-node-locked", "machine": "5d"}] * 2
    assert backend({"id": 1, "sessions": rows}).read(1).sessions == (
        Session("kre-node-locked", "5d"),
        Session("kre-node-locked", "5d"),
    )


def test_all_that_is_wrong_is_told_at_once_and_with_its_place() -> None:
    with pytest.raises(ConfigurationError) as caught:
        backend(
            {"id": 1, "subscriptions": [{"product": "kse", "expires": "2027-02-30"}]},
            {"id": 1, "sessions": [{"product": "kse", "machine": "5d", "started_at": "noon"}]},
            taken_at="yesterday",
        )
    told = str(caught.value)
    assert len(caught.value.problems) == 4
    for place in (
        "state.yaml: organizations.0.subscriptions.0.expires:",
        "state.yaml: organizations.1.id:",
        "state.yaml: organizations.1.sessions.0.started_at:",
        "state.yaml: taken_at:",
    ):
        assert place in told


PRODUCT = st.sampled_from(list(PRODUCTS))
EMAIL = st.from_regex(r"[a-z]{1,6}@x\.io", fullmatch=True)
MACHINE = st.text("0123456789abcdef", min_size=1, max_size=4)
DAY = st.none() | st.dates(date(2020, 1, 1), date(2099, 1, 1))
MOMENT = st.none() | st.datetimes(
    datetime(2020, 1, 1),  # noqa: DTZ001
    datetime(2099, 1, 1),  # noqa: DTZ001
    timezones=st.just(UTC),
)
COUNT = st.none() | st.integers(0, 1000)


def rows(strategy: st.SearchStrategy[Any], identity: Any) -> st.SearchStrategy[Any]:
    return st.none() | st.lists(strategy, max_size=6, unique_by=identity).map(tuple)


STATES = st.builds(
    OrganizationState,
    id=st.integers(1, 10**6),
    name=st.none() | st.text(min_size=1, max_size=10).filter(str.isprintable),
    members=rows(
        st.builds(Member, EMAIL, st.sampled_from(Role), st.sampled_from(MemberStatus)),
        lambda row: row.email,
    ),
    subscriptions=rows(
        st.builds(Subscription, PRODUCT, COUNT, COUNT, COUNT, DAY, st.none() | st.booleans()),
        lambda row: row.product,
    ),
    licensed_users=rows(
        st.builds(LicensedUser, PRODUCT, EMAIL), lambda row: (row.product, row.email)
    ),
    machines=rows(
        st.builds(Machine, PRODUCT, MACHINE, st.none() | EMAIL, st.none() | MACHINE, MOMENT),
        lambda row: (row.product, row.id),
    ),
    offline_licenses=rows(
        st.builds(OfflineLicense, PRODUCT, MACHINE, DAY, st.none() | EMAIL),
        lambda row: (row.product, row.machine),
    ),
    sessions=rows(
        st.builds(Session, PRODUCT, MACHINE, st.none() | EMAIL, MOMENT, st.none() | MACHINE),
        lambda row: (row.product, row.machine, row.id),
    ),
)


@given(st.lists(STATES, max_size=3, unique_by=lambda state: state.id))
def test_a_snapshot_of_any_states_gives_the_same_states_back(
    states: list[OrganizationState],
) -> None:
    document = to_snapshot(states, TAKEN)
    again = SnapshotBackend(document, target="snapshot:x", timezone="Asia/Tokyo")
    assert [again.read(state.id) for state in states] == [ordered(state) for state in states]
    assert to_snapshot(list(reversed(states)), TAKEN) == document


@given(st.lists(STATES, min_size=1, max_size=2, unique_by=lambda state: state.id))
def test_a_snapshot_of_any_states_is_valid(states: list[OrganizationState]) -> None:
    assert [found.message for found in problems("snapshot", to_snapshot(states, TAKEN))] == []
