"""The search request, in either of its published spellings, checked against the entity."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from reconciler.server.clock import instant_text, parse_instant
from reconciler.server.emails import account_key
from reconciler.server.entities import ENTITIES, Entity, Key, KeyType
from reconciler.server.messages import HttpError

MAX_PAGE_SIZE = 1000
"""The largest page that is given."""

DEFAULT_PAGE_SIZE = 30

_SPELLINGS: Mapping[str, tuple[str, str]] = {
    "type": ("type", "searchEntity"),
    "conditions": ("conditions", "searchRequestConditions"),
    "functions": ("functions", "searchRequestFunctions"),
    "groupBys": ("groupBys", "searchRequestGroupBys"),
    "pagination": ("pagination", "searchRequestPagination"),
}

_MAX_NUMBER = 2**63 - 1


class Operator(StrEnum):
    """The comparisons of conditions; `in` takes several values separated by commas."""

    EQUAL = "="
    UNEQUAL = "!="
    IN = "in"
    LIKE = "like"


@dataclass(frozen=True, slots=True)
class Condition:
    """One condition; `values` are of the key's type, and more than one only for `in`."""

    key: Key
    operator: Operator
    values: tuple[str | int, ...]


@dataclass(frozen=True, slots=True)
class SearchRequest:
    """A search that can be run; `sorts` are columns with `ASC` or `DESC`."""

    entity: Entity
    conditions: tuple[Condition, ...] = ()
    sorts: tuple[tuple[str, str], ...] = ()
    page: int = 0
    size: int = DEFAULT_PAGE_SIZE


def parse_search(data: Any) -> SearchRequest:
    """Return the search that a decoded request asks for, else raise a 400 that says why not."""
    fields = _fields(data)
    name = fields.get("type")
    if not isinstance(name, str) or name not in ENTITIES:
        raise HttpError(400, f"The entity {name!r} cannot be searched; see search/info.")
    entity = ENTITIES[name]
    for unsupported in ("functions", "groupBys"):
        if fields.get(unsupported) not in (None, []):
            raise HttpError(400, f"`{unsupported}` must be empty: this server has none.")
    pagination = fields.get("pagination")
    if pagination is None:
        pagination = {}
    if not isinstance(pagination, dict) or not set(pagination) <= {"page", "size", "sorts"}:
        raise HttpError(400, "`pagination` is an object of `page`, `size` and `sorts`.")
    return SearchRequest(
        entity,
        tuple(_condition(entity, row) for row in _list(fields.get("conditions"), "conditions")),
        tuple(_sort(entity, row) for row in _list(pagination.get("sorts"), "sorts")),
        _integer(pagination.get("page", 0), "page", 0, 10**9),
        _integer(pagination.get("size", DEFAULT_PAGE_SIZE), "size", 1, MAX_PAGE_SIZE),
    )


def _fields(data: Any) -> dict[str, Any]:
    if not isinstance(data, dict):
        raise HttpError(400, "A search is an object.")
    known = {spelling: name for name, both in _SPELLINGS.items() for spelling in both}
    fields: dict[str, Any] = {}
    for spelling, value in data.items():
        name = known.get(spelling)
        if name is None:
            raise HttpError(400, f"The key {spelling!r} is not known in a search.")
        if name in fields:
            raise HttpError(400, f"`{name}` is given in both of its spellings.")
        fields[name] = value
    return fields


def _condition(entity: Entity, data: Any) -> Condition:
    if (
        not isinstance(data, dict)
        or set(data) != {"key", "operator", "value"}
        or not all(isinstance(value, str) for value in data.values())
    ):
        raise HttpError(400, "A condition is an object of the texts `key`, `operator`, `value`.")
    key = entity.keys.get(data["key"])
    if key is None:
        raise HttpError(
            400, f"{entity.name} has no condition key {data['key']!r}; see search/info."
        )
    try:
        operator = Operator(data["operator"])
    except ValueError as error:
        raise HttpError(
            400,
            f"The operator {data['operator']!r} is not known; there are {', '.join(Operator)}.",
        ) from error
    if operator is Operator.LIKE and key.type not in (KeyType.TEXT, KeyType.EMAIL):
        raise HttpError(400, f"`like` compares texts; {data['key']!r} is a {key.type}.")
    texts = data["value"].split(",") if operator is Operator.IN else [data["value"]]
    try:
        values = tuple(_CONVERSIONS[key.type](text.strip()) for text in texts)
    except ValueError as error:
        raise HttpError(
            400, f"The value of {data['key']!r} is not a {key.type}: {data['value']!r}."
        ) from error
    return Condition(key, operator, values)


def _number(text: str) -> int:
    if not (text.isascii() and text.isdigit()) or int(text[:30]) > _MAX_NUMBER:
        raise ValueError(text)
    return int(text[:30])


def _boolean(text: str) -> int:
    if text not in ("true", "false"):
        raise ValueError(text)
    return int(text == "true")


_CONVERSIONS: Mapping[KeyType, Callable[[str], str | int]] = {
    KeyType.NUMBER: _number,
    KeyType.TEXT: str,
    KeyType.EMAIL: account_key,
    KeyType.DATE: lambda text: instant_text(parse_instant(text)),
    KeyType.BOOLEAN: _boolean,
}


def _sort(entity: Entity, text: Any) -> tuple[str, str]:
    name, _, direction = text.partition(",") if isinstance(text, str) else ("", "", "")
    key = entity.keys.get(name.strip())
    order = direction.strip().upper() or "ASC"
    if key is None or order not in ("ASC", "DESC"):
        raise HttpError(400, f"{entity.name} cannot be sorted by {text!r}; see search/info.")
    return key.column, order


def _list(value: Any, name: str) -> list[Any]:
    if value is None:
        return []
    if not isinstance(value, list):
        raise HttpError(400, f"`{name}` is a list.")
    return value


def _integer(value: Any, name: str, low: int, high: int) -> int:
    if type(value) is not int or not low <= value <= high:
        raise HttpError(400, f"`{name}` is a whole number from {low} to {high}.")
    return value
