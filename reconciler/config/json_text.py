"""JSON text to plain data, with marks only when somebody asks for a place.

JSON is YAML, but snapshots and plans of many users are read thirty times faster as what they are.
"""

from __future__ import annotations

import json
import math
import re
from bisect import bisect_right
from typing import Any

from reconciler.config.marks import MAX_DEPTH, Marks

_TOKEN = re.compile(r'"[^"\\]*(?:\\.[^"\\]*)*"|[{}\[\]]|[^\s{}\[\]:,"]+')
_MAX_DIGITS = 19
_OPENING = frozenset("{[")
_CLOSING = frozenset("}]")


class NotJsonError(ValueError):
    """The text is not JSON, or not JSON that this program takes."""


def looks_like_json(text: str) -> bool:
    """Tell whether the text begins like a JSON mapping or list."""
    return text.lstrip(" \t\n")[:1] in _OPENING


def read_json(text: str) -> Any:
    """Return the data of JSON text.

    Raises `NotJsonError` for anything else, and for a key that occurs twice, for text that is not
    Unicode (a lone surrogate), for numbers beyond a float and for nesting without end.
    """
    try:
        data = json.loads(
            text,
            object_pairs_hook=_mapping,
            parse_constant=_refuse,
            parse_float=_float,
            parse_int=_integer,
        )
        if "\\u" in text:
            json.dumps(data, ensure_ascii=False).encode()
    except (ValueError, RecursionError) as error:
        raise NotJsonError(str(error)) from error
    _check_depth(data)
    return data


def _check_depth(data: Any) -> None:
    level = [data]
    for _ in range(MAX_DEPTH):
        level = [
            child
            for value in level
            for child in (value.values() if isinstance(value, dict) else value)
            if isinstance(child, dict | list)
        ]
        if not level:
            return
    raise NotJsonError("nested too deep")


def _mapping(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    mapping = dict(pairs)
    if len(mapping) != len(pairs):
        raise NotJsonError("a key occurs twice")
    return mapping


def _float(text: str) -> float:
    value = float(text)
    if math.isinf(value):
        raise NotJsonError("a number beyond all bounds")
    return value


def _integer(text: str) -> int:
    if len(text) > _MAX_DIGITS:
        raise NotJsonError("a number beyond all bounds")
    return int(text)


def _refuse(constant: str) -> Any:
    raise NotJsonError(constant)


def mark_json(text: str, data: Any) -> Marks:
    """Return the places (offsets into the text) of the values of the data that it holds."""
    marks = Marks()
    frames: list[_Frame] = []
    for token in _TOKEN.finditer(text):
        first = text[token.start()]
        if first in _CLOSING:
            closed = frames.pop()
            marks.add(closed.value, closed.places)
            continue
        frame = frames[-1] if frames else None
        if frame is None:
            marks.root = token.start()
        elif frame.key_comes(token[0]):
            frame.places.append(token.start())
            continue
        else:
            frame.places.append(token.start())
        if first in _OPENING:
            frames.append(_Frame(data if frame is None else frame.child()))
        if frame is not None:
            frame.value_done()
    return marks


class _Frame:
    """A container that is being walked along with the text."""

    __slots__ = ("index", "key", "places", "value")

    def __init__(self, value: Any) -> None:
        self.value = value
        self.index = 0
        self.key: str | None = None
        self.places: list[int] = []

    def key_comes(self, token: str) -> bool:
        if not isinstance(self.value, dict) or self.key is not None:
            return False
        self.key = json.loads(token)
        return True

    def child(self) -> Any:
        return self.value[self.index if self.key is None else self.key]

    def value_done(self) -> None:
        self.index += 1
        self.key = None


class Lines:
    """Turns offsets into a text into lines and columns."""

    __slots__ = ("_starts",)

    def __init__(self, text: str) -> None:
        self._starts = [0, *(match.end() for match in re.finditer("\n", text))]

    def place(self, offset: int) -> tuple[int, int]:
        """Return the line and the column (from 1) of an offset."""
        line = bisect_right(self._starts, offset)
        return line, offset - self._starts[line - 1] + 1
