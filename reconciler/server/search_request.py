"""The search request, in its published spellings, checked against the entity.

The vendor's guide and the vendor's specification differ in the names and in the form of sorts. A
request may use either, or both where they ask for the same.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from functools import partial
from typing import Any, TypeVar

from reconciler.server.clock import instant_text, parse_instant
from reconciler.server.emails import account_key
from reconciler.server.entities import ENTITIES, Entity, Key, KeyType
from reconciler.server.messages import HttpError

MAX_PAGE_SIZE = 1000
"""The largest page that is given."""

DEFAULT_PAGE_SIZE = 30

MOST_CONDITIONS = 100
"""The most conditions of a search, and the most values of one of them."""

PAGINATION = ("pagination", "searchRequestPagination")
"""Under which names a search says which page it asks for."""

_MAX_NUMBER = 2**63 - 1


class Operator(StrEnum):
    """The comparisons of conditions; `in` takes several values separated by commas.

    `=` and `in` with a null find the rows without a value, `!=` with it those with one.
    """

    EQUAL = "="
    UNEQUAL = "!="
    IN = "in"
    LIKE = "like"


@dataclass(frozen=True, slots=True)
class Condition:
    """One condition; `values` are of the key's type or None, and more than one only for `in`."""

    key: Key
    operator: Operator
    values: tuple[str | int | None, ...]


@dataclass(frozen=True, slots=True)
class Pagination:
    """Which page is asked for; `sorts` are columns with `ASC` or `DESC`, each column once."""

    sorts: tuple[tuple[str, str], ...] = ()
    page: int = 0
    size: int = DEFAULT_PAGE_SIZE


@dataclass(frozen=True, slots=True)
class SearchRequest:
    """A search that can be run."""

    entity: Entity
    conditions: tuple[Condition, ...] = ()
    pagination: Pagination = Pagination()


def parse_search(data: Any) -> SearchRequest:
    """Return the search that a decoded request asks for, else raise a 400 that says why not."""
    if not isinstance(data, dict):
        raise HttpError(400, "A search is an object.")
    for name in data:
        if name not in _NAMES:
            raise HttpError(400, f"The key {name!r} is not known in a search.")
    if not isinstance(data.get("timeZone"), str | None):
        raise HttpError(400, "`timeZone` is a text.")
    entity = _either(data, _ENTITY, _entity)
    if entity is None:
        raise HttpError(400, "The entity None cannot be searched; see search/info.")
    for names in (_FUNCTIONS, _GROUPS):
        _either(data, names, partial(_none, names[0]))
    return SearchRequest(
        entity,
        _either(data, _CONDITIONS, partial(_conditions, entity)) or (),
        _either(data, PAGINATION, partial(_pagination, entity)) or Pagination(),
    )


_ENTITY = ("type", "searchEntity")
_CONDITIONS = ("conditions", "searchRequestConditions")
_FUNCTIONS = ("functions", "searchRequestFunctions")
_GROUPS = ("groupBys", "searchRequestGroupBys")
_NAMES = {"timeZone", *_ENTITY, *_CONDITIONS, *_FUNCTIONS, *_GROUPS, *PAGINATION}

_Read = TypeVar("_Read")


def _either(
    data: Mapping[str, Any], names: Sequence[str], read: Callable[[Any], _Read]
) -> _Read | None:
    """Return what is asked for under either name, None under none; a null is not given.

    Raises a 400 where both names come and ask for different things.
    """
    found = [read(data[name]) for name in names if data.get(name) is not None]
    if any(value != found[0] for value in found):
        raise HttpError(400, f"`{names[0]}` and `{names[1]}` differ.")
    return found[0] if found else None


def _entity(name: Any) -> Entity:
    if not isinstance(name, str) or name not in ENTITIES:
        raise HttpError(400, f"The entity {name!r} cannot be searched; see search/info.")
    return ENTITIES[name]


def _none(name: str, value: Any) -> None:
    if value != []:
        raise HttpError(400, f"`{name}` must be empty: this server has none.")


def _conditions(entity: Entity, data: Any) -> tuple[Condition, ...]:
    return tuple(_condition(entity, row) for row in _list(data, "conditions"))


def _pagination(entity: Entity, data: Any) -> Pagination:
    if not isinstance(data, dict) or not set(data) <= {"page", "size", "sorts"}:
        raise HttpError(400, "`pagination` is an object of `page`, `size` and `sorts`.")
    sorts: dict[str, str] = {}
    for column, order in (_sort(entity, row) for row in _list(data.get("sorts"), "sorts")):
        sorts.setdefault(column, order)  # Rows that a column has sorted it cannot sort again.
    return Pagination(
        tuple(sorts.items()),
        _integer(_given(data, "page", 0), "page", 0, 10**9),
        _integer(_given(data, "size", DEFAULT_PAGE_SIZE), "size", 1, MAX_PAGE_SIZE),
    )


def _given(data: Mapping[str, Any], name: str, default: int) -> Any:
    value = data.get(name)
    return default if value is None else value


def _condition(entity: Entity, data: Any) -> Condition:
    if (
        not isinstance(data, dict)
        or set(data) != {"key", "operator", "value"}
        or not isinstance(data["key"], str)
        or not isinstance(data["operator"], str)
        or isinstance(data["value"], list | dict)
    ):
        raise HttpError(
            400,
            "A condition is an object of the texts `key` and `operator` and of a `value` that is a"
            " text, a number, a boolean or null.",
        )
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
    return Condition(key, operator, tuple(_values(key, operator, data)))


def _values(key: Key, operator: Operator, data: Mapping[str, Any]) -> Iterator[str | int | None]:
    """Yield the values of a condition as its key has them.

    A number or a boolean stands for its text, so that `101` is what `"101"` is.
    """
    value = data["value"]
    if value is None:
        if operator is Operator.LIKE:
            raise HttpError(400, "`like` compares texts, and null is none.")
        yield None
        return
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    text = value if isinstance(value, str) else json.dumps(value)
    texts = text.split(",") if operator is Operator.IN else [text]
    if len(texts) > MOST_CONDITIONS:
        raise HttpError(400, f"`in` takes {MOST_CONDITIONS} values at most.")
    try:
        yield from [_CONVERSIONS[key.type](part.strip()) for part in texts]
    except ValueError as error:
        raise HttpError(
            400, f"The value of {data['key']!r} is not a {key.type}: {text!r}."
        ) from error


def _number(text: str) -> int:
    if not (text.isascii() and text.isdigit()) or int(text[:30]) > _MAX_NUMBER:
        raise ValueError(text)
    return int(text)


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


def _sort(entity: Entity, data: Any) -> tuple[str, str]:
    """Return a sort, which is a text (`id,asc`) or an object (`{name, order}`)."""
    name, order = _sort_parts(data)
    key = entity.keys.get(name.strip())
    order = order.strip().upper() or "ASC"
    if key is None or order not in ("ASC", "DESC"):
        raise HttpError(400, f"{entity.name} cannot be sorted by {data!r}; see search/info.")
    return key.column, order


def _sort_parts(data: Any) -> tuple[str, str]:
    match data:
        case str():
            name, _, order = data.partition(",")
            return name, order
        case {"name": str(name), **rest} if set(rest) <= {"order"}:
            return name, str(rest.get("order") or "")
        case _:
            return "", ""


def _list(value: Any, name: str) -> list[Any]:
    if value is None:
        return []
    if not isinstance(value, list):
        raise HttpError(400, f"`{name}` is a list.")
    if len(value) > MOST_CONDITIONS:
        raise HttpError(400, f"`{name}` has {len(value)} entries; {MOST_CONDITIONS} are taken.")
    return value


def _integer(value: Any, name: str, low: int, high: int) -> int:
    if type(value) is not int or not low <= value <= high:
        raise HttpError(400, f"`{name}` is a whole number from {low} to {high}.")
    return value
