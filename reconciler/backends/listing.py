"""Whole lists out of the API's pages, and proof that they are whole."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from reconciler.backends.answers import fetch
from reconciler.backends.transport import Call, Transport
from reconciler.errors import IncompleteListingError, MalformedAnswerError

SEARCH_PATH = "/api/v1/search"
PAGE_SIZE = 500

Row = Mapping[str, Any]


def list_rows(
    transport: Transport, entity: str, *, key: str, organization: int, size: int = PAGE_SIZE
) -> list[Row]:
    """Return every row of one entity that belongs to one organization, in the order of their IDs.

    A list that does not add up is read once more, since it may have moved while it was read.
    Raises `IncompleteListingError` where the pages do not add up to the total that they name,
    `MalformedAnswerError` where a row is of another organization.
    """
    listing = _Listing(transport, entity, key, organization, size)
    try:
        return listing.read()
    except IncompleteListingError:
        return listing.read()


@dataclass(frozen=True, slots=True)
class _Listing:
    transport: Transport
    entity: str
    key: str
    organization: int
    size: int

    @property
    def where(self) -> str:
        return (
            f"{self.transport.address}: the list of {self.entity} of organization "
            f"{self.organization}"
        )

    def read(self) -> list[Row]:
        rows: list[Row] = []
        ids: set[object] = set()
        number, size, total = 0, self.size, 0
        # Where the last page is full, only the empty one after it proves that the list ends there.
        while number == 0 or number * size <= total:
            page = self._page(number, size)
            content = _content(page, self.where)
            told = _count(page, "totalElements", self.where)
            if number == 0:
                total, size = told, _size(page, size, self.where)
            _reconcile(page, content, number=number, size=size, total=total, where=self.where)
            _take(content, ids, self.organization, self.where)
            rows += content
            number += 1
        return rows

    def _page(self, number: int, size: int) -> Mapping[str, Any]:
        condition = {"key": self.key, "operator": "=", "value": str(self.organization)}
        request = {
            "type": self.entity,
            "conditions": [condition],
            "functions": [],
            "groupBys": [],
            "pagination": {"page": number, "size": size, "sorts": ["id,asc"]},
        }
        page, _ = fetch(self.transport, Call("POST", SEARCH_PATH, json=request))
        if not isinstance(page, dict):
            raise MalformedAnswerError(
                f"{self.transport.address}: {SEARCH_PATH} did not answer a page"
            )
        return page


def _content(page: Mapping[str, Any], where: str) -> list[Row]:
    content = page.get("content")
    if not isinstance(content, list) or not all(isinstance(row, dict) for row in content):
        raise MalformedAnswerError(f"{where}: a page has no rows under `content`")
    return content


def _count(page: Mapping[str, Any], name: str, where: str) -> int:
    value = page.get(name)
    if not isinstance(value, int) or isinstance(value, bool) or value < 0:
        raise MalformedAnswerError(f"{where}: a page's `{name}` is not a count")
    return value


def _size(page: Mapping[str, Any], asked: int, where: str) -> int:
    """Return the size that the server goes by: it may allow less than was asked, never more."""
    if page.get("size") is None:
        return asked
    size = _count(page, "size", where)
    if not 0 < size <= asked:
        raise IncompleteListingError(f"{where}: pages of {size} came where {asked} was asked")
    return size


def _reconcile(
    page: Mapping[str, Any], content: list[Row], *, number: int, size: int, total: int, where: str
) -> None:
    due = min(size, total - number * size)
    pages = -(-total // size)
    facts = (
        ("totalElements", total),
        ("totalPages", pages),
        ("number", number),
        ("size", size),
        ("numberOfElements", due),
        ("first", number == 0),
        ("last", number + 1 >= pages),
        ("empty", due == 0),
    )
    for name, wanted in facts:
        # Only the total is indispensable; what else a page tells of itself must agree.
        told = page.get(name)
        if told is not None and (told != wanted or type(told) is not type(wanted)):
            raise _incomplete(
                f"{where}: page {number} says {name} {told}, which should be {wanted}"
            )
    if len(content) != due:
        raise _incomplete(
            f"{where}: page {number} has {len(content)} rows, and by the total of {total} "
            f"it should have {due}"
        )


def _take(content: list[Row], ids: set[object], organization: int, where: str) -> None:
    for row in content:
        identity = row.get("id")
        if isinstance(identity, str | int):
            if identity in ids:
                raise _incomplete(f"{where}: the row {identity} came twice")
            ids.add(identity)
        owner = owner_of(row)
        if owner is not None and owner != organization:
            raise MalformedAnswerError(
                f"{where} holds a row of organization {owner}: the server did not narrow it",
                hint="no plan can be made on such lists; report it to the server's operator",
            )


def owner_of(row: Row) -> int | None:
    """Return the ID of the organization that a row says it belongs to, None if it does not say."""
    owner = row.get("organizationId")
    if owner is None:
        nested = row.get("organization")
        owner = nested.get("id") if isinstance(nested, dict) else None
    if isinstance(owner, str) and owner.isascii() and owner.isdigit():
        return int(owner)
    if owner is None or (isinstance(owner, int) and not isinstance(owner, bool)):
        return owner
    raise MalformedAnswerError(f"a row's organization is {type(owner).__name__}, not an ID")


def _incomplete(message: str) -> IncompleteListingError:
    return IncompleteListingError(
        message, hint="run it again; somebody may have changed the list while it was read"
    )
