"""The JSON Schemas of the file formats, and what is wrong with data that does not fit one.

jsonschema-rs decides validity; jsonschema, which is slower and says more, explains a refusal.
Both are imported only when they are needed.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator, Mapping
from functools import cache
from importlib import resources
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any

from reconciler.schema_problem import SchemaProblem

if TYPE_CHECKING:
    import jsonschema_rs

NAMES = ("organization", "workspace", "groups", "snapshot", "plan", "faults")
"""The formats that have a schema."""

_LONGEST = 300
_LONGEST_TEXT = 10_000
_QUOTING = ("type", "enum", "const", "pattern", "maxLength", "format", "oneOf", "anyOf", "not")

MAX_EXPLAINED = 1_000
"""How many problems of one document are explained."""


@cache
def schema_text(name: str) -> str:
    """Return the JSON text of one of `NAMES`."""
    if name not in NAMES:
        raise KeyError(name)
    file = f"{name}.schema.json"
    packaged = resources.files("reconciler") / "_schemas" / file
    if packaged.is_file():
        return packaged.read_text(encoding="utf-8")
    checkout = Path(__file__).resolve().parent.parent / "schemas"
    return (checkout / file).read_text(encoding="utf-8")


def problems(name: str, data: object) -> tuple[SchemaProblem, ...]:
    """Return everything that is wrong with `data`; nothing where it fits.

    `data` is what JSON can hold, with text for keys.
    """
    validator = _validator(name)
    if validator.is_valid(data):
        return ()
    return _explain(name, data) or tuple(
        SchemaProblem(_steps(data, refusal.instance_path), _cut(refusal.message))
        for refusal in islice(validator.iter_errors(data), MAX_EXPLAINED)
    )


def fits(name: str, data: object) -> bool:
    """Tell whether nothing at all is wrong with `data`."""
    return _validator(name).is_valid(data)


@cache
def _schema(name: str) -> dict[str, Any]:
    schema: dict[str, Any] = json.loads(schema_text(name))
    return schema


@cache
def _validator(name: str) -> jsonschema_rs.Draft202012Validator:
    import jsonschema_rs

    return jsonschema_rs.Draft202012Validator(_schema(name), validate_formats=True)


def _explain(name: str, data: object) -> tuple[SchemaProblem, ...]:
    from jsonschema import Draft202012Validator
    from jsonschema.validators import extend

    from reconciler.schema_messages import describe

    brief = {word: _brief(Draft202012Validator.VALIDATORS[word]) for word in _QUOTING}
    kind: Any = extend(  # type: ignore[no-untyped-call]
        Draft202012Validator, {"items": _refused_items(_schema(name)), **brief}
    )
    validator = kind(_schema(name), format_checker=Draft202012Validator.FORMAT_CHECKER)
    found = (problem for error in validator.iter_errors(data) for problem in describe(error))
    explained = list(dict.fromkeys(islice(found, MAX_EXPLAINED)))
    if next(found, None) is not None:
        message = f"more than {MAX_EXPLAINED:,} problems: only the first ones are told"
        explained.append(SchemaProblem((), message))
    return tuple(explained)


def _brief(keyword: Callable[..., Iterator[Any] | None]) -> Callable[..., Iterator[Any] | None]:
    """Return a keyword of jsonschema that looks at the beginning of a long text.

    Its message would quote the whole, several times over.
    """

    def check(validator: Any, value: Any, instance: Any, schema: Any) -> Iterator[Any] | None:
        text = instance[:_LONGEST_TEXT] if isinstance(instance, str) else instance
        return keyword(validator, value, text, schema)

    return check


def _refused_items(schema: Mapping[str, Any]) -> Callable[..., Iterator[Any]]:
    """Return jsonschema's `items`, which looks only at the items that jsonschema-rs refuses.

    Of a list of 100,000, explaining the good ones would take seconds.
    """
    import jsonschema_rs

    fitting: dict[int, Callable[[Any], bool]] = {}

    def fits(item_schema: Mapping[str, Any]) -> Callable[[Any], bool]:
        if id(item_schema) not in fitting:
            whole = {"$defs": schema.get("$defs", {}), **item_schema}
            validator = jsonschema_rs.Draft202012Validator(whole, validate_formats=True)
            fitting[id(item_schema)] = validator.is_valid
        return fitting[id(item_schema)]

    def items(
        validator: Any, item_schema: Mapping[str, Any], instance: Any, _schema: Any
    ) -> Iterator[Any]:
        if isinstance(instance, list):
            is_valid = fits(item_schema)
            for index, item in enumerate(instance):
                if not is_valid(item):
                    yield from validator.descend(item, item_schema, path=index)

    return items


def _cut(message: str) -> str:
    """Return a message that may quote a whole file, without most of that."""
    return message if len(message) <= _LONGEST else f"{message[:_LONGEST]}..."


def _steps(data: Any, place: Iterable[str | int]) -> tuple[str | int, ...]:
    """Return a path with text for the keys of mappings; jsonschema-rs gives `1` for a key "1"."""
    steps: list[str | int] = []
    for step in place:
        steps.append(str(step) if isinstance(data, dict) else int(step))
        data = data[steps[-1]]
    return tuple(steps)
