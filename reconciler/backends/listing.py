"""Whole lists out of the API's pages, and proof that they are whole."""

from __future__ import annotations

import re
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

from reconciler.backends.answers import fetch
from reconciler.backends.transport import Call, Transport
from reconciler.errors import IncompleteListingError, MalformedAnswerError
from reconciler.model.text import one_line

SEARCH_PATH = "/api/v1/search"
PAGE_SIZE = 1000
"""The largest page that the API's description allows."""

Row = Mapping[str, Any]

_READINGS = 2
_LONGEST_SHOWN = 60


def list_rows(
    transport: Transport, entity: str, *, key: str, organization: int, size: int = PAGE_SIZE
) -> list[Row]:
    """Return every row of one entity that belongs to one organization, in the order of their IDs.

    Where somebody changes the list between two of its pages, rows move from one to the other, and
    one may be missed although the total is still right. So a list that fills a page is gone
    through twice, and counts as read where each page holds the same rows and tells the same total
    both times. Then every row was there at the moment between the two, being seen before it and
    after it; and the totals told around that moment are the number of these rows. So it is the
    list of that moment, whatever happened before and after (unless a row went and came back with
    its ID in between), and whether a server counts its rows before, with or after reading a page.
    It takes two requests for each page; a list that does not fill one needs one.

    A list that does not add up, or does not hold still, is read once more. Raises
    `IncompleteListingError` where it does not then either, `MalformedAnswerError` where a row is
    of another organization.
    """
    listing = _Listing(transport, entity, key, organization, size)
    for _ in range(_READINGS - 1):
        with suppress(IncompleteListingError):
            return listing.read()
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
        if len(rows) >= size:
            self._confirm(rows, size)
        return rows

    def _confirm(self, rows: list[Row], size: int) -> None:
        """Go through the pages again and compare them with what was read."""
        total = len(rows)
        for number, first in enumerate(range(0, total, size)):
            page = self._page(number, size)
            again = _content(page, self.where)
            _reconcile(page, again, number=number, size=size, total=total, where=self.where)
            if [*map(_named, again)] != [*map(_named, rows[first : first + size])]:
                raise _incomplete(f"{self.where}: page {number} changed while the list was read")

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


_NAMING = ("id", "userId", "userEmail", "email", "machineId", "sessionId", "feature", "offline")


def _named(row: Row) -> Row:
    """Return what of a row tells which one it is: when a machine was last seen may change."""
    return {name: row.get(name) for name in _NAMING} if "id" in row else row


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
                f"{where}: page {number} says {name} {_shown(told)}, which should be {wanted}"
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
                raise _incomplete(f"{where}: the row {_shown(identity)} came twice")
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
    if owner is None:
        return None
    identity = organization_id(owner)
    if identity is None:
        raise MalformedAnswerError(f"a row's organization is {type(owner).__name__}, not an ID")
    return identity


_ID = re.compile("[0-9]{1,19}")


def organization_id(value: object) -> int | None:
    """Return an organization's ID, which may come as a number or as its digits; else None."""
    if isinstance(value, str) and _ID.fullmatch(value):
        return int(value)
    return value if isinstance(value, int) and not isinstance(value, bool) else None


def _shown(value: object) -> str:
    text = one_line(str(value))
    return text if len(text) <= _LONGEST_SHOWN else f"{text[:_LONGEST_SHOWN]}…"


def _incomplete(message: str) -> IncompleteListingError:
    return IncompleteListingError(
        message, hint="run it again; somebody may have changed the list while it was read"
    )
