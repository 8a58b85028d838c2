"""Whole lists out of the API's pages, and proof that they are whole."""

from __future__ import annotations

from collections.abc import Mapping
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

    Raises `IncompleteListingError` where the pages do not add up to the total that they name,
    `MalformedAnswerError` where a row is of another organization.
    """
    rows: list[Row] = []
    ids: set[object] = set()
    total: int | None = None
    number = 0
    where = f"{transport.address}: the list of {entity} of organization {organization}"
    while total is None or len(rows) < total:
        page = _page(transport, entity, (key, organization), number=number, size=size)
        content = _content(page, where)
        expected = _count(page, "totalElements", where)
        if total is None:
            total, size = expected, _size(page, size, where)
        _reconcile(page, content, number=number, size=size, total=total, where=where)
        _take(content, ids, organization, where)
        rows += content
        number += 1
    return rows


def _page(
    transport: Transport, entity: str, condition: tuple[str, int], *, number: int, size: int
) -> Mapping[str, Any]:
    key, value = condition
    request = {
        "type": entity,
        "conditions": [{"key": key, "operator": "=", "value": str(value)}],
        "functions": [],
        "groupBys": [],
        "pagination": {"page": number, "size": size, "sorts": ["id,asc"]},
    }
    page, _ = fetch(transport, Call("POST", SEARCH_PATH, json=request))
    if not isinstance(page, dict):
        raise MalformedAnswerError(f"{transport.address}: {SEARCH_PATH} did not answer a page")
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
    facts = (
        ("totalElements", total),
        ("number", number),
        ("size", size),
        ("numberOfElements", due),
    )
    for name, wanted in facts:
        # Only the total is indispensable; what else a page tells of itself must agree.
        told = page.get(name)
        if told is not None and (told != wanted or isinstance(told, bool)):
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
