from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from reconciler.backends.listing import list_rows
from reconciler.errors import ApiError, IncompleteListingError, MalformedAnswerError
from tests.unit.backends.vendor import DirectTransport, Vendor, user

ENTITY = "UserOrganizationFeature"


def listed(vendor: Vendor, size: int = 3) -> list[str]:
    rows = list_rows(
        DirectTransport(vendor), ENTITY, key="Organization.id", organization=101, size=size
    )
    return [row["userEmail"] for row in rows]


def of(count: int) -> Vendor:
    return Vendor(rows={ENTITY: [user(f"u{number}@x.io") for number in range(count)]})


@given(st.integers(0, 40), st.integers(1, 12))
def test_every_row_comes_once_and_in_order_whatever_the_page_size(count: int, size: int) -> None:
    assert listed(of(count), size) == [f"u{number}@x.io" for number in range(count)]


@given(st.integers(1, 20), st.integers(1, 12))
def test_a_server_may_make_its_pages_smaller(count: int, limit: int) -> None:
    vendor = of(count)

    def shrink(request: dict[str, Any]) -> dict[str, Any]:
        pagination = request["pagination"]
        smaller = pagination | {"size": min(limit, pagination["size"])}
        return Vendor.page(vendor, request | {"pagination": smaller})

    vendor.page = shrink  # type: ignore[method-assign]
    assert listed(vendor, size=8) == [f"u{number}@x.io" for number in range(count)]


@given(st.integers(1, 20), st.integers(1, 6), st.data())
def test_a_row_that_is_lost_or_doubled_is_noticed(count: int, size: int, data: Any) -> None:
    vendor = of(count)
    spoilt = data.draw(st.integers(0, (count - 1) // size), label="page")
    doubled = data.draw(st.booleans(), label="doubled")

    def bend(page: dict[str, Any]) -> dict[str, Any]:
        if page["number"] != spoilt:
            return page
        content = page["content"]
        content = [*content, content[-1]] if doubled else content[:-1]
        return page | {"content": content, "numberOfElements": len(content)}

    vendor.bend = bend
    with pytest.raises(IncompleteListingError):
        listed(vendor, size)


@pytest.mark.parametrize(
    "change",
    [
        {"totalElements": 6},
        {"totalElements": 8},
        {"totalElements": 1_000_000},
        {"totalElements": 0},
        {"number": 2},
        {"size": 4},
        {"size": 0},
        {"numberOfElements": 5},
        {"content": []},
        {"empty": True},
        {"empty": 0},
    ],
    ids=str,
)
@pytest.mark.parametrize("number", [0, 1, 2])
def test_a_page_that_lies_about_itself_is_noticed(number: int, change: dict[str, Any]) -> None:
    vendor = of(7)
    if change == {"number": 2} and number == 2:
        change = {"number": 0}
    vendor.bend = lambda page: page | (change if page["number"] == number else {})
    with pytest.raises(IncompleteListingError) as caught:
        listed(vendor)
    assert "run it again" in str(caught.value.hint) or "pages of" in caught.value.message


@pytest.mark.parametrize("name", ["first", "last", "empty"])
@pytest.mark.parametrize("number", [0, 1, 2])
def test_a_page_that_tells_its_place_wrongly_is_noticed(number: int, name: str) -> None:
    vendor = of(7)
    vendor.bend = lambda page: page | ({name: not page[name]} if page["number"] == number else {})
    with pytest.raises(IncompleteListingError, match=name):
        listed(vendor)


@given(st.integers(1, 4), st.integers(1, 4))
def test_a_total_that_is_told_as_fewer_whole_pages_is_noticed(size: int, pages: int) -> None:
    vendor = of(size * (pages + 1))
    told = {"totalElements": size * pages, "totalPages": pages}
    vendor.bend = lambda page: page | told | {"last": page["number"] + 1 >= pages}
    with pytest.raises(IncompleteListingError):
        listed(vendor, size)


@pytest.mark.parametrize(
    ("count", "pages"),
    [
        (0, [0]),
        (2, [0]),
        (3, [0, 1, 0]),
        (4, [0, 1, 0, 1]),
        (6, [0, 1, 2, 0, 1]),
        (7, [0, 1, 2, 0, 1, 2]),
    ],
)
def test_a_page_is_asked_for_after_a_full_last_one_and_then_each_once_more(
    count: int, pages: list[int]
) -> None:
    transport = DirectTransport(of(count))
    list_rows(transport, ENTITY, key="Organization.id", organization=101, size=3)
    assert [call.json["pagination"]["page"] for call in transport.calls] == pages


@dataclass
class Moving(Vendor):
    """A list that somebody changes before some of the requests: `moves` are by their number.

    A server may count its rows before or after it reads the page, and not together.
    """

    moves: Mapping[int, Sequence[tuple[bool, int]]] = field(default_factory=dict)
    counts: str = "together"
    requests: int = 0
    made: int = 0
    past: list[list[str]] = field(default_factory=list)

    @property
    def list(self) -> list[dict[str, Any]]:
        return self.rows.setdefault(ENTITY, [])

    def add(self, place: int) -> None:
        """Insert somebody new, whose ID is between those of the neighbours."""
        place %= len(self.list) + 1
        low = self.list[place - 1]["id"] if place else 0
        high = self.list[place]["id"] if place < len(self.list) else low + 2_000_000
        self.list.insert(
            place, user(f"new{self.made}@x.io", id=(low + high) // 2 if high > low + 1 else low)
        )
        self.made += 1

    def change(self) -> None:
        for adds, place in self.moves.get(self.requests, ()):
            if adds:
                self.add(place)
            elif self.list:
                del self.list[place % len(self.list)]
            self.past.append(self.names())
        self.requests += 1

    def names(self) -> list[str]:
        return [row["userEmail"] for row in self.list]

    def page(self, request: dict[str, Any]) -> dict[str, Any]:
        self.change()
        page = super().page(request)
        if self.counts == "together":
            return page
        self.change()
        later = super().page(request)
        rows, counted = (page, later) if self.counts == "after" else (later, page)
        told = {name: counted[name] for name in ("totalElements", "totalPages", "last")}
        return rows | told


COUNTS = ("before", "together", "after")
MOVES = st.dictionaries(
    st.integers(0, 24),
    st.lists(st.tuples(st.booleans(), st.integers(0, 30)), max_size=3),
    max_size=5,
)


@settings(max_examples=300)
@given(
    st.integers(2, 9), st.integers(1, 4), MOVES, st.sampled_from(["before", "together", "after"])
)
def test_whatever_moves_meanwhile_a_list_is_that_of_some_moment_or_none(
    count: int, size: int, moves: dict[int, Sequence[tuple[bool, int]]], counts: str
) -> None:
    rows = [user(f"u{number}@x.io", id=(number + 1) * 1_000_000) for number in range(count)]
    vendor = Moving(rows={ENTITY: rows}, moves=moves, counts=counts)
    vendor.past.append(vendor.names())
    with suppress(IncompleteListingError):
        assert listed(vendor, size) in vendor.past


def test_a_row_that_leaves_the_first_page_while_another_one_comes_hides_none_between_them() -> None:
    rows = [user(f"u{number}@x.io", id=number) for number in range(6)]
    vendor = Moving(rows={ENTITY: rows}, moves={1: [(False, 0), (True, 5)]})
    vendor.list[-1]["id"] = 10
    assert listed(vendor, 3) == [*(f"u{number}@x.io" for number in range(1, 6)), "new0@x.io"]


def test_a_list_that_never_holds_still_is_gone_through_again_once_and_refused() -> None:
    rows = [user(f"u{number}@x.io", id=(number + 1) * 1_000_000) for number in range(7)]
    every = {number: [(False, 0), (True, 6)] for number in range(99)}
    vendor = Moving(rows={ENTITY: rows}, moves=every)
    with pytest.raises(IncompleteListingError, match="changed while the list was read") as caught:
        listed(vendor)
    assert "run it again" in str(caught.value.hint)
    assert vendor.requests <= 12


def test_what_else_changes_of_a_row_does_not_matter() -> None:
    vendor = of(5)
    seen = iter(range(99))

    def tick(page: dict[str, Any]) -> dict[str, Any]:
        return page | {"content": [row | {"lastSeen": next(seen)} for row in page["content"]]}

    vendor.bend = tick
    assert len(listed(vendor)) == 5


def test_ten_thousand_rows_take_twenty_one_requests() -> None:
    transport = DirectTransport(of(10_000))
    list_rows(transport, ENTITY, key="Organization.id", organization=101)
    assert len(transport.calls) == 21


@given(st.integers(0, 20), st.integers(1, 6), st.integers(0, 5))
def test_a_list_that_does_not_add_up_once_is_read_again_from_the_start(
    count: int, size: int, spoilt: int
) -> None:
    vendor = of(count)
    faults = [spoilt]

    def bend(page: dict[str, Any]) -> dict[str, Any]:
        if faults and page["number"] == faults[0]:
            faults.pop()
            return page | {"totalElements": count + 1}
        return page

    vendor.bend = bend
    assert listed(vendor, size) == [f"u{number}@x.io" for number in range(count)]


def test_a_list_that_never_adds_up_is_read_twice_and_no_more() -> None:
    vendor = of(5)
    vendor.bend = lambda page: page | {"content": page["content"][1:]}
    transport = DirectTransport(vendor)
    with pytest.raises(IncompleteListingError, match="has 2 rows"):
        list_rows(transport, ENTITY, key="Organization.id", organization=101, size=3)
    assert len(transport.calls) == 2


def test_a_row_that_moved_to_another_page_meanwhile_is_noticed_by_its_id() -> None:
    vendor = of(6)
    first: list[dict[str, Any]] = []

    def bend(page: dict[str, Any]) -> dict[str, Any]:
        if page["number"] == 0:
            first.extend(page["content"])
            return page
        return page | {"content": [first[-1], *page["content"][:-1]]}

    vendor.bend = bend
    with pytest.raises(IncompleteListingError, match="came twice"):
        listed(vendor)


@pytest.mark.parametrize(
    "told",
    ["\x1b[31m" + "x" * 10_000, 10**4000, ["\n::error::"] * 999],
    ids=["text", "int", "list"],
)
def test_what_a_page_says_of_itself_is_told_in_one_short_line(told: object) -> None:
    vendor = of(4)
    vendor.bend = lambda page: page | {"number": told}
    with pytest.raises(IncompleteListingError) as caught:
        listed(vendor)
    assert caught.value.message.isprintable()
    assert len(caught.value.message) < 300


@pytest.mark.parametrize("owner", [102, "102"])
def test_a_row_of_another_organization_stops_everything(owner: object) -> None:
    vendor = of(2)
    vendor.rows[ENTITY][1]["organizationId"] = owner
    with pytest.raises(MalformedAnswerError, match="organization 102"):
        listed(vendor)


@pytest.mark.parametrize(
    "change",
    [
        {"totalElements": None},
        {"totalElements": "7"},
        {"totalElements": True},
        {"totalElements": -1},
        {"content": None},
        {"content": {}},
        {"content": [1]},
    ],
    ids=str,
)
def test_what_is_no_page_is_told(change: dict[str, Any]) -> None:
    vendor = of(7)
    vendor.bend = lambda page: page | change
    with pytest.raises(MalformedAnswerError):
        listed(vendor)


@given(st.recursive(st.none() | st.booleans() | st.integers() | st.text(), st.lists, max_leaves=4))
def test_an_answer_of_any_other_shape_is_an_error_and_no_traceback(page: Any) -> None:
    vendor = of(1)
    vendor.bend = lambda _: page
    with pytest.raises(ApiError):
        listed(vendor)


def test_the_request_is_the_one_the_vendor_documents() -> None:
    transport = DirectTransport(of(1))
    list_rows(transport, ENTITY, key="Organization.id", organization=101, size=30)
    (call,) = transport.calls
    assert (call.method, call.path, call.write) == ("POST", "/api/v1/search", False)
    assert call.json == {
        "type": "UserOrganizationFeature",
        "conditions": [{"key": "Organization.id", "operator": "=", "value": "101"}],
        "functions": [],
        "groupBys": [],
        "pagination": {"page": 0, "size": 30, "sorts": ["id,asc"]},
    }
