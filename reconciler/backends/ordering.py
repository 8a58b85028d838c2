"""One order for every list of a state, and what makes two of its rows the same one."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import replace
from typing import Any

from reconciler.model.identity import email_key
from reconciler.model.state import LISTS, OrganizationState
from reconciler.products import PRODUCTS

_RANK = {key: rank for rank, key in enumerate(PRODUCTS)}

_ORDER: Mapping[str, Callable[[Any], Any]] = {
    "members": lambda row: email_key(row.email),
    "subscriptions": lambda row: _RANK[row.product],
    "licensed_users": lambda row: (_RANK[row.product], email_key(row.email)),
    "machines": lambda row: (_RANK[row.product], row.id),
    "offline_licenses": lambda row: (_RANK[row.product], row.machine),
    "sessions": lambda row: (
        _RANK[row.product],
        row.machine,
        row.id or "",
        email_key(row.email or ""),
        "" if row.started_at is None else row.started_at.isoformat(),
    ),
}


def ordered(state: OrganizationState) -> OrganizationState:
    """Return the state with each list in a fixed order: by product, then by who holds it."""
    lists: dict[str, Any] = {}
    for name in LISTS:
        rows = getattr(state, name)
        lists[name] = None if rows is None else tuple(sorted(rows, key=_ORDER[name]))
    return replace(state, **lists)


def repeated(name: str, rows: Iterable[Any]) -> Iterator[tuple[int, int]]:
    """Yield the places of each row that repeats an earlier one of its list, and of that one.

    A machine may hold several sessions, so sessions are the same only by their ID.
    """
    seen: dict[Any, int] = {}
    for index, row in enumerate(rows):
        if name == "sessions" and row.id is None:
            continue
        key = (row.product, row.machine, row.id) if name == "sessions" else _ORDER[name](row)
        if key in seen:
            yield index, seen[key]
        else:
            seen[key] = index


def describe(name: str, row: Any) -> str:
    """Return who or what a row is about, for a message."""
    if name == "members":
        return str(row.email)
    if name == "subscriptions":
        return f"the subscription of {row.product}"
    holder = {"licensed_users": "email", "machines": "id"}.get(name, "machine")
    return f"{getattr(row, holder)} in {row.product}"
