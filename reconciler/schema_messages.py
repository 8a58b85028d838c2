"""What a person is told of a value that does not fit its schema.

A schema may bring its own words in `errorMessage`, which editors show too.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from difflib import get_close_matches
from typing import TYPE_CHECKING, Any

from reconciler.schema_problem import SchemaProblem

if TYPE_CHECKING:
    from jsonschema import ValidationError

_TYPES = {
    "string": "text",
    "integer": "a whole number",
    "number": "a number",
    "boolean": "true or false",
    "array": "a list",
    "object": "a mapping",
    "null": "nothing",
}


_LONGEST_WORD = 100
_LONGEST_SHOWN = 60


def suggestion(word: str, known: list[str]) -> str:
    """Return `; did you mean 'x'?` for the closest of the known words, or nothing."""
    if len(word) > _LONGEST_WORD:
        return ""  # Nothing that is known is like it, and comparing takes its time.
    close = get_close_matches(word, known, n=1, cutoff=0.6)
    if not close:
        folded = {entry.casefold(): entry for entry in known}
        close = get_close_matches(word.casefold(), folded, n=1, cutoff=0.6)
        close = [folded[entry] for entry in close]
    return f"; did you mean {close[0]!r}?" if close else ""


def shown(value: object) -> str:
    """Return a value as a message quotes it: short, on one line."""
    # Of a long text only what is shown is looked at.
    text = repr(value[:_LONGEST_SHOWN] if isinstance(value, str) else value)
    whole = len(text) <= _LONGEST_SHOWN and not (isinstance(value, str) and value[_LONGEST_SHOWN:])
    return text if whole else f"{text[: _LONGEST_SHOWN - 3]}..."


@dataclass(frozen=True, slots=True)
class _Failure:
    """One keyword of a schema that a value does not satisfy; `value` is what the keyword says."""

    instance: Any
    value: Any
    path: tuple[str | int, ...]
    schema: Mapping[str, Any]
    message: str

    def told(self, message: str, key: str | None = None) -> SchemaProblem:
        return SchemaProblem(self.path, message, key)


def describe(error: ValidationError) -> Iterator[SchemaProblem]:
    """Yield the problems behind one error of jsonschema; several for several unknown keys."""
    schema = error.schema if isinstance(error.schema, Mapping) else {}
    keyword = str(error.validator)
    failure = _Failure(
        error.instance,
        error.validator_value,
        tuple(error.absolute_path),
        schema,
        str(schema.get(f"{keyword}ErrorMessage") or schema.get("errorMessage") or error.message),
    )
    if "propertyNames" in error.absolute_schema_path:
        yield failure.told(failure.message, key=str(failure.instance))
    else:
        yield from _DESCRIBERS.get(keyword, _own_words)(failure)


def _own_words(failure: _Failure) -> Iterator[SchemaProblem]:
    yield failure.told(failure.message)


def _never_legal(failure: _Failure) -> Iterator[SchemaProblem]:
    # The key is at fault, whatever it holds.
    *above, key = failure.path
    yield SchemaProblem(tuple(above), failure.message, str(key))


def _unknown_keys(failure: _Failure) -> list[str]:
    known = failure.schema.get("properties", {})
    return [key for key in failure.instance if key not in known]


def _additional(failure: _Failure) -> Iterator[SchemaProblem]:
    properties = failure.schema.get("properties", {})
    known = [key for key, value in properties.items() if not value.get("doNotSuggest")]
    what = "product" if failure.path == ("products",) else "key"
    for key in _unknown_keys(failure):
        hint = suggestion(key, known) or f"; known here: {', '.join(known)}"
        yield failure.told(f"unknown {what} {shown(key)}{hint}", key=key)


def _required(failure: _Failure) -> Iterator[SchemaProblem]:
    unknown = _unknown_keys(failure)
    for key in failure.value:
        # A misspelt key is told once, as an unknown one with its suggestion.
        if key not in failure.instance and not suggestion(key, unknown):
            yield failure.told(f"the key {key!r} is missing")


def _one_of(failure: _Failure) -> Iterator[SchemaProblem]:
    if isinstance(failure.instance, dict) and not _unknown_keys(failure):
        yield failure.told(failure.message)


def _type(failure: _Failure) -> Iterator[SchemaProblem]:
    names = [failure.value] if isinstance(failure.value, str) else list(failure.value)
    expected = " or ".join(_TYPES.get(name, name) for name in names)
    yield failure.told(f"expected {expected}, found {_found(failure.instance, names)}")


def _found(value: object, wanted: list[str]) -> str:
    quote = ": put it in quotes" if "string" in wanted else ""
    empty = ""
    if "array" in wanted:
        empty = ": write [] for an empty list, or leave the key out"
    elif wanted == ["object"]:
        empty = ": write {} for an empty mapping, or leave the key out"
    match value:
        case bool():
            words = "yes, on, true" if value else "no, off, false"
            return f"the boolean {str(value).lower()} ({words} without quotes){quote or empty}"
        case int() | float():
            return f"the number {shown(value)}{quote}"
        case str():
            return f"the text {shown(value)}"
        case None:
            return f"nothing{empty}"
        case list():
            return "a list"
        case _:
            return "a mapping"


def _choice(failure: _Failure) -> Iterator[SchemaProblem]:
    choices = failure.value if isinstance(failure.value, list) else [failure.value]
    words = [str(choice) for choice in choices if choice is not None]
    text = failure.instance
    textual = isinstance(text, str) and all(isinstance(choice, str | None) for choice in choices)
    hint = suggestion(text, words) if textual else ""
    what = words[0] if len(words) == 1 else f"one of {', '.join(words)}"
    found = shown(text) if textual else _found(text, [])
    yield failure.told(f"expected {what}, found {found}{hint}")


def _dependent(failure: _Failure) -> Iterator[SchemaProblem]:
    for key, needed in failure.value.items():
        for other in needed:
            if key in failure.instance and other not in failure.instance:
                yield failure.told(f"{key!r} is only possible beside {other!r}", key=key)


_INVISIBLE = re.compile(
    "[\\x00-\\x1f\\x7f-\\xa0\\xad\\u034f\\u061c\\u115f\\u1160\\u1680\\u17b4\\u17b5\\u180b-\\u180f"
    "\\u2000-\\u200f\\u2028-\\u202f\\u205f-\\u206f\\u2800\\u3000\\u3164\\ufe00-\\ufe0f\\ufeff\\uffa0"
    "\\ufff0-\\uffff\\U000e0000-\\U000e0fff]"
)
"""Characters that show nothing or only a gap, as the schemas' patterns have them."""


def _pattern(failure: _Failure) -> Iterator[SchemaProblem]:
    hidden = _INVISIBLE.search(failure.instance)
    # What cannot be seen cannot be found by looking, so it is named.
    named = f"; the invisible character U+{ord(hidden[0]):04X} is in it" if hidden else ""
    yield failure.told(f"{failure.message}{named}")


def _bound(words: str) -> Callable[[_Failure], Iterator[SchemaProblem]]:
    def describer(failure: _Failure) -> Iterator[SchemaProblem]:
        value = failure.instance
        found = f", found {shown(value)}" if isinstance(value, int | float) else ""
        yield failure.told(f"expected {words.format(failure.value)}{found}")

    return describer


_DESCRIBERS: Mapping[str, Callable[[_Failure], Iterator[SchemaProblem]]] = {
    "additionalProperties": _additional,
    "required": _required,
    "oneOf": _one_of,
    "not": _never_legal,
    "type": _type,
    "pattern": _pattern,
    "enum": _choice,
    "const": _choice,
    "dependentRequired": _dependent,
    "minimum": _bound("at least {}"),
    "maximum": _bound("at most {}"),
    "exclusiveMinimum": _bound("more than {}"),
    "minLength": _bound("some text"),
    "maxLength": _bound("at most {} characters"),
}
