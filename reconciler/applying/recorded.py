"""Entries of a journal as the values that were written down, and what an entry may hold."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from datetime import date
from types import MappingProxyType
from typing import Any

from reconciler.applying.answers import Ending
from reconciler.applying.record import Intent, Item, Result
from reconciler.model.settings import WriteMode
from reconciler.products import PRODUCTS
from reconciler.schema_messages import shown

EntryPath = tuple[str | int, ...]
_Check = Callable[[Any, EntryPath], None]
_NONE: Mapping[str, _Check] = MappingProxyType({})


class OddEntryError(ValueError):
    """A value that no apply writes; `path` leads to it, or to where it is missing."""

    def __init__(self, path: EntryPath, message: str) -> None:
        super().__init__(message)
        self.path = path
        self.message = message


def check_entry(entry: Mapping[str, Any]) -> None:
    """Raise `OddEntryError` where an entry is not as an apply writes it; more keys are allowed."""
    _KIND(entry.get("kind"), ("kind",))
    _FIELDS[entry["kind"]](entry, ())


def _expect(fits: bool, what: str, value: object, path: EntryPath) -> None:
    if not fits:
        raise OddEntryError(path, f"expected {what}, found {shown(value)}")


def _text(value: Any, path: EntryPath) -> None:
    _expect(isinstance(value, str), "text", value, path)


def _texts(rows: Any, path: EntryPath) -> None:
    _expect(isinstance(rows, dict), "a mapping", rows, path)
    for name, text in rows.items():
        _text(text, (*path, name))


def _truth(value: Any, path: EntryPath) -> None:
    _expect(isinstance(value, bool), "true or false", value, path)


def _count(value: Any, path: EntryPath) -> None:
    whole = isinstance(value, int) and not isinstance(value, bool) and value >= 0
    _expect(whole, "a whole number", value, path)


def _day(value: Any, path: EntryPath) -> None:
    try:
        exists = isinstance(value, str) and date.fromisoformat(value).isoformat() == value
    except ValueError:
        exists = False
    _expect(exists, "a date that exists", value, path)


def _one_of(*words: str) -> _Check:
    def check(value: Any, path: EntryPath) -> None:
        _expect(
            isinstance(value, str) and value in words, f"one of {', '.join(words)}", value, path
        )

    return check


def _or_none(check: _Check) -> _Check:
    return lambda value, path: None if value is None else check(value, path)


def _fields(checks: Mapping[str, _Check], optional: Mapping[str, _Check] = _NONE) -> _Check:
    def check(row: Any, path: EntryPath) -> None:
        _expect(isinstance(row, dict), "a mapping", row, path)
        for name, look in checks.items():
            if name not in row:
                raise OddEntryError(path, f"the field {name!r} is missing")
            look(row[name], (*path, name))
        for name in optional.keys() & row.keys():
            optional[name](row[name], (*path, name))

    return check


def _rows(checks: Mapping[str, _Check]) -> _Check:
    look = _fields(checks)

    def check(rows: Any, path: EntryPath) -> None:
        _expect(isinstance(rows, list), "a list", rows, path)
        for index, row in enumerate(rows):
            look(row, (*path, index))

    return check


_MAYBE_TEXT = _or_none(_text)
_ENTRIES: Mapping[str, Mapping[str, _Check]] = {
    "begin": {
        "target": _text,
        "tool": _text,
        "plan_digest": _MAYBE_TEXT,
        "changes_digest": _MAYBE_TEXT,
        "revision": _MAYBE_TEXT,
        "dirty": _truth,
        "via": _one_of("api", "checklist", "sessions"),
    },
    "intent": {
        "call": _text,
        "organization": _count,
        "action": _one_of("grant", "remove", "issue_offline", "end_session"),
        "product": _one_of(*PRODUCTS),
        "items": _rows(
            {"kind": _one_of("user", "machine", "session"), "id": _text, "change": _MAYBE_TEXT}
        ),
        "expires": _or_none(_day),
        "successor": _MAYBE_TEXT,
    },
    "outcome": {
        "call": _text,
        "results": _rows(
            {
                "id": _text,
                "ending": _one_of(*Ending, "skipped"),
                "code": _MAYBE_TEXT,
                "message": _MAYBE_TEXT,
            }
        ),
        "settled": _truth,
    },
    "end": {"exit_code": _count, "writes": _count, "interrupted": _truth},
    "repaired": {"bytes": _count},
}
"""What each kind of entry holds. Keys may be added within a format number."""

_ADDED: Mapping[str, Mapping[str, _Check]] = {
    "begin": {"writing": _fields(_NONE, {"writes": _one_of(*WriteMode), "routes": _texts})},
}
"""What earlier journals do not hold, and later ones only where there is something to say."""

_KIND = _one_of(*_ENTRIES)
_FIELDS = {
    kind: _fields({"at": _text, **checks}, _ADDED.get(kind, _NONE))
    for kind, checks in _ENTRIES.items()
}


def intent_of(entry: Mapping[str, Any]) -> Intent:
    """Return the intent that an entry holds."""
    expires = entry.get("expires")
    return Intent(
        call=entry["call"],
        organization=entry["organization"],
        action=entry["action"],
        product=entry["product"],
        items=tuple(Item(row["kind"], row["id"], row.get("change")) for row in entry["items"]),
        expires=date.fromisoformat(expires) if expires else None,
        successor=entry.get("successor"),
    )


def are_about(results: Iterable[Result], intent: Intent) -> bool:
    """Tell whether an outcome is about the subjects of a call, in their order."""
    return [row.id for row in results] == [item.id for item in intent.items]


def is_known(results: Iterable[Result]) -> bool:
    """Tell whether an outcome says of every subject whether it took effect."""
    return all(result.ending != Ending.UNCLEAR for result in results)


def results_of(entry: Mapping[str, Any]) -> tuple[Result, ...]:
    """Return the results that an outcome's entry holds."""
    return tuple(
        Result(row["id"], row["ending"], row.get("code"), row.get("message"))
        for row in entry["results"]
    )
