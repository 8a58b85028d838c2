"""JSON text to plain data, strictly: one meaning, within limits, and a place for every error."""

from __future__ import annotations

import json
import math
import re
import sys
from collections.abc import Iterator
from itertools import count
from json.decoder import scanstring  # type: ignore[attr-defined]
from typing import Any

from reconciler.file_text import MAX_MEMORY, MAX_VALUES, MIB
from reconciler.schema_messages import shown

MAX_DEPTH = 50
"""How deep mappings and lists of a document may be nested."""

_MAX_DIGITS = 19
_BYTES_OF_A_VALUE = 86
_OPENING = ("{", "[")
_SPACE = re.compile(r"[ \t\n\r]*")
# An even number at a time, since whole pairs must not be parted.
_SURROGATES = re.compile(r"(?<!\\)(?:\\\\)*((?:\\u[dD][89a-fA-F][0-9a-fA-F]{2}){1,1000})")
_PAIRS = re.compile(r"(?:\\u[dD][89abAB][0-9a-fA-F]{2}\\u[dD][c-fC-F][0-9a-fA-F]{2})+")
_BRACKETS = re.compile(r'"[^"\\]*(?:\\.[^"\\]*)*"|[{}\[\]]')

JsonPath = tuple[str | int, ...]


class NotJsonError(ValueError):
    """The text is not JSON, or not JSON that this program takes.

    `offset` is the place in the text, `path` leads to the value there.
    """

    def __init__(self, message: str, offset: int = 0, path: JsonPath = ()) -> None:
        super().__init__(message)
        self.message = message
        self.offset = offset
        self.path = path


class TooMuchJsonError(NotJsonError):
    """The text holds more than is ever read; nothing was built of it."""


def looks_like_json(text: str) -> bool:
    """Tell whether the text begins like a JSON mapping or list."""
    return text.lstrip(" \t\n")[:1] in _OPENING


def read_json(text: str, values: int = MAX_VALUES) -> Any:
    """Return the data of JSON text; a whole number is an int, however it is written.

    `values` is how many it may hold, counted by their brackets, commas and colons.

    Raises `NotJsonError` for anything else, and for a key that occurs twice, for text that is not
    Unicode (a lone surrogate), for NaN and numbers beyond 64 bits or a float, and for nesting
    without end.
    """
    _check_extent(text, values)
    data = _decoded(text)
    lone = _lone_surrogate(text)
    if lone is not None:
        raise NotJsonError("half a character (a lone surrogate) is no text", lone)
    if _is_deep(data):
        raise _too_deep(text)
    return data


def read_ascii_json(text: str) -> Any:
    """Return the data of one line that this program wrote, where names may hold half characters.

    Raises `NotJsonError` as `read_json` does.
    """
    _check_extent(text, MAX_VALUES)
    return _decoded(text)


def _check_extent(text: str, most: int) -> None:
    """Raise `TooMuchJsonError` where the values of a text would be too many, or need too much."""
    values = sum(text.count(mark) for mark in "[{,:")
    if values > most:
        raise TooMuchJsonError(f"the file holds more than {most:,} values and marks")
    held = sys.getsizeof(text)
    # What escapes stand for may be wider than the text itself.
    inside = 4 * len(text) if "\\u" in text else held
    if held + inside + values * _BYTES_OF_A_VALUE > MAX_MEMORY:
        raise TooMuchJsonError(f"the file takes more than {MAX_MEMORY // MIB} MiB of memory")


def _decoded(text: str) -> Any:
    try:
        return _DECODER.decode(text)
    except RecursionError:
        raise _too_deep(text) from None
    except ValueError as error:
        raise _explained(text, error) from None


def _is_deep(data: Any) -> bool:
    level = [data]
    for _ in range(MAX_DEPTH):
        level = [
            child
            for value in level
            for child in (value.values() if isinstance(value, dict) else value)
            if isinstance(child, dict | list)
        ]
        if not level:
            return False
    return True


def _mapping(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    mapping = dict(pairs)
    if len(mapping) != len(pairs):
        raise NotJsonError("a key occurs twice")
    return mapping


def _float(text: str) -> float | int:
    value = float(text)
    # A schema takes 5.0 and 1e300 for whole numbers, so they are, or are too large to be one.
    if math.isinf(value) or abs(value) >= 2**63:
        raise NotJsonError("a number beyond all bounds")
    return int(value) if value.is_integer() else value


def _integer(text: str) -> int:
    if len(text) <= _MAX_DIGITS:
        value = int(text)
        if -(2**63) <= value < 2**63:
            return value
    raise NotJsonError("a number beyond all bounds")


def _refuse(constant: str) -> Any:
    raise NotJsonError(f"{constant} is no number of JSON")


class _Decoder(json.JSONDecoder):
    def __init__(self) -> None:
        super().__init__(
            object_pairs_hook=_mapping,
            parse_constant=_refuse,
            parse_float=_float,
            parse_int=_integer,
        )


_DECODER = _Decoder()


def _lone_surrogate(text: str) -> int | None:
    if "\\u" not in text:
        return None
    for run in _SURROGATES.finditer(text):
        if not _PAIRS.fullmatch(run[1]):
            return run.start(1)
    return None


def _too_deep(text: str) -> NotJsonError:
    depth = 0
    for token in _BRACKETS.finditer(text):
        if token[0] in _OPENING:
            depth += 1
            if depth > MAX_DEPTH:
                break
        elif token[0][0] != '"':
            depth -= 1
    return NotJsonError(f"nested deeper than {MAX_DEPTH} levels", token.start())


def offset_of(text: str, path: JsonPath) -> int:
    """Return where the value at a path stands in JSON text; a key that is not there counts not."""
    at = _after_space(text, 0)
    for step in path:
        for name, _, value_at in _children(text, at):
            if name == step:
                at = value_at
                break
    return at


class _FailedError(Exception):
    """A child of a mapping or a list that the decoder refuses."""

    def __init__(self, step: str | int, offset: int, error: ValueError) -> None:
        super().__init__()
        self.step = step
        self.offset = offset
        self.error = error


def _explained(text: str, error: ValueError) -> NotJsonError:
    """Return the error with its place: the decoder is asked of each part anew, level by level."""
    path: list[str | int] = []
    at = _after_space(text, 0)
    while text[at : at + 1] in _OPENING:
        try:
            twice = _key_twice(text, at)
        except _FailedError as failed:
            path.append(failed.step)
            at, error = failed.offset, failed.error
        except json.JSONDecodeError as broken:
            error = broken
            break
        else:
            if twice is not None:
                return NotJsonError(*twice, tuple(path))
            break
    if isinstance(error, json.JSONDecodeError):
        return NotJsonError(error.msg, error.pos, tuple(path))
    return NotJsonError(str(error), at, tuple(path))


def _key_twice(text: str, at: int) -> tuple[str, int] | None:
    seen: dict[str | int, int] = {}
    for step, offset, _ in _children(text, at):
        if step in seen:
            line = text.count("\n", 0, seen[step]) + 1
            return f"the key {shown(step)} is there already, in line {line}", offset
        if isinstance(step, str):
            seen[step] = offset
    return None


def _children(text: str, at: int) -> Iterator[tuple[str | int, int, int]]:
    """Yield the key, or the number, of each child of the container at an offset.

    And the places of the key and of the value.
    """
    mapping = text[at] == "{"
    at = _after_space(text, at + 1)
    if text[at : at + 1] == ("}" if mapping else "]"):
        return
    step: str | int
    for number in count():
        step, begin = number, at
        if mapping:
            _expect(text, at, '"', "Expecting property name enclosed in double quotes")
            step, at = scanstring(text, at + 1, True)
            at = _after_space(text, at)
            _expect(text, at, ":", "Expecting ':' delimiter")
            at = _after_space(text, at + 1)
        yield step, begin, at
        try:
            _, end = _DECODER.raw_decode(text, at)
        except ValueError as error:
            raise _FailedError(step, at, error) from None
        at = _after_space(text, end)
        if text[at : at + 1] == ("}" if mapping else "]"):
            return
        _expect(text, at, ",", "Expecting ',' delimiter")
        at = _after_space(text, at + 1)


def _after_space(text: str, at: int) -> int:
    match = _SPACE.match(text, at)
    return match.end() if match else at


def _expect(text: str, at: int, mark: str, message: str) -> None:
    if text[at : at + 1] != mark:
        raise json.JSONDecodeError(message, text, at)
