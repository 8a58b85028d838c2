"""The body of an answer as JSON, read strictly: what could be read in two ways is not read."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any, NoReturn

MOST_VALUES = 2_000_000
"""A page of a list holds some ten thousand; as Python's values these take some hundred MiB."""


class BodyError(ValueError):
    """A body that is JSON for some readers only, or would fill the memory; it says why."""


def parse_body(body: bytes) -> Any:
    """Return the JSON of a body in UTF-8; raises `ValueError` for whatever else it is.

    A name given twice in one object, NaN, Infinity, and nesting without an end are refused, and
    so are more values than any list has.
    """
    if sum(body.count(mark) for mark in (b"{", b"[", b",")) > MOST_VALUES:
        raise BodyError(f"more than {MOST_VALUES:,} values")
    try:
        return json.loads(
            body.decode("utf-8-sig"), object_pairs_hook=_unique, parse_constant=_no_constant
        )
    except RecursionError as error:
        raise BodyError("nested too deep") from error


def _unique(pairs: Sequence[tuple[str, Any]]) -> dict[str, Any]:
    members = dict(pairs)
    if len(members) < len(pairs):
        names = [name for name, _ in pairs]
        twice = next(name for name in names if names.count(name) > 1)
        raise BodyError(f"{twice!r} twice in one object")
    return members


def _no_constant(name: str) -> NoReturn:
    raise BodyError(f"{name}, which is no number of JSON")
