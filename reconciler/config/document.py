"""A configuration file as plain data, and the place of everything in it."""

from __future__ import annotations

import gc
import hashlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import cached_property
from pathlib import Path
from typing import Any

from reconciler.config.json_marks import Lines, mark_json
from reconciler.config.links import check_link
from reconciler.config.marks import Container, Marks, Step
from reconciler.errors import ConfigurationError
from reconciler.file_text import (
    MAX_DATA_SIZE,
    MAX_FILE_SIZE,
    MAX_PLAN_VALUES,
    MAX_STATE_VALUES,
    MAX_VALUES,
    MIB,
    decode,
    forbidden_characters,
    read_bytes,
    refused,
)
from reconciler.model.source import Problem, Source
from reconciler.schema import problems as schema_problems
from reconciler.schema_problem import SchemaProblem
from reconciler.strict_json import NotJsonError, TooMuchJsonError, looks_like_json, read_json

MAX_YAML_SIZE = 64 * MIB
"""The most bytes that are read as YAML; JSON, which takes less time and room, may have more."""

_LIMITS = {"snapshot": (MAX_DATA_SIZE, MAX_STATE_VALUES)}
_UNSHOWN = (
    "this is not read, nor shown, since it may be a key: put texts in quotes, use no tags, anchors "
    "or aliases, and name each key of a mapping once"
)

Marking = tuple[Marks, Callable[[int], tuple[int, int]]]
"""The places of a document's values, and what turns one into a line and a column."""


class Document:
    """One file: `data` holds only text, numbers, booleans, None, lists and dicts with text keys.

    Dates stay text in ISO form. `data` must not be changed. `sha256` is that of the bytes, in hex.
    """

    def __init__(self, name: str, data: Any, sha256: str, marking: Callable[[], Marking]) -> None:
        self.name = name
        self.data = data
        self.sha256 = sha256
        self._make_marking = marking

    @cached_property
    def _marking(self) -> Marking:
        return self._make_marking()

    def source(self, path: tuple[Step, ...] = ()) -> Source:
        """Return the place of the value at `path`, which must be there."""
        if not path:
            marks, unpack = self._marking
            return Source(self.name, *unpack(marks.root))
        return self.child_source(self._container(path), path[-1])

    def key_source(self, path: tuple[Step, ...]) -> Source:
        """Return the place of the mapping's key at `path`; an item has its value's place."""
        return self.child_key_source(self._container(path), path[-1])

    def child_source(self, container: Container, step: Step) -> Source:
        """Return the place of a value by its container, which must be one out of `data`."""
        marks, unpack = self._marking
        return Source(self.name, *unpack(marks.value(container, step)))

    def child_key_source(self, container: Container, step: Step) -> Source:
        """Return the place of a key by its container, which must be one out of `data`."""
        marks, unpack = self._marking
        return Source(self.name, *unpack(marks.key(container, step)))

    def schema_problems(self, name: str) -> Iterator[Problem]:
        """Return what does not fit the schema of this name, each with its place."""
        return map(self.placed, schema_problems(name, self.data))

    def placed(self, problem: SchemaProblem) -> Problem:
        """Return what does not fit a schema with its place."""
        if problem.key is None:
            return Problem(self.source(problem.path), problem.message)
        return Problem(self.key_source((*problem.path, problem.key)), problem.message)

    def _container(self, path: tuple[Step, ...]) -> Any:
        value = self.data
        for step in path[:-1]:
            value = value[step]
        return value


@contextmanager
def collector_off() -> Iterator[None]:
    """Keep the garbage collector off, which otherwise looks through all values again and again."""
    was_on = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_on:
            gc.enable()


def parse_document(content: bytes | str, name: str) -> Document:
    """Return the document in YAML or JSON text; `name` stands in its sources.

    Raises `ConfigurationError` with every problem of its syntax.
    """
    raw = content.encode("utf-8", "surrogatepass") if isinstance(content, str) else content
    return _parsed(decode(raw, name), name, hashlib.sha256(raw).hexdigest())


def _parsed(text: str, name: str, sha256: str, values: int = MAX_VALUES) -> Document:
    with collector_off():
        if looks_like_json(text):
            try:
                data = read_json(text, values)
            except NotJsonError as error:
                # YAML in flow style begins so too, and its parser says what is wrong.
                if isinstance(error, TooMuchJsonError) or len(text) > MAX_YAML_SIZE:
                    raise _not_json(error, text, name) from None
            else:
                return Document(name, data, sha256, lambda: _json_marking(text, data))
        return _yaml_document(text, name, sha256, values)


def _json_marking(text: str, data: Any) -> Marking:
    with collector_off():
        return mark_json(text, data), Lines(text).place


def _not_json(error: NotJsonError, text: str, name: str) -> ConfigurationError:
    place = "/".join(map(str, error.path))
    message = f"at {place}: {error.message}" if place else error.message
    source = Source(name, *Lines(text).place(error.offset))
    return ConfigurationError([Problem(source, message)])


def _yaml_document(text: str, name: str, sha256: str, values: int) -> Document:
    from reconciler.config.yaml_text import read_yaml, unpack

    if len(text) > MAX_YAML_SIZE:
        limit = MAX_YAML_SIZE // MIB
        raise refused(name, f"is larger than {limit} MiB, the most that is read as YAML: use JSON")
    forbidden = list(forbidden_characters(text, name))
    if forbidden:
        raise ConfigurationError(forbidden)
    data, marks = read_yaml(text, name, values)
    return Document(name, data, sha256, lambda: (marks, unpack))


def load_document(
    path: Path | str,
    name: str | None = None,
    *,
    limit: int = MAX_FILE_SIZE,
    values: int = MAX_VALUES,
) -> Document:
    """Read and parse a file; `name` is what its sources call it, by default the path as given.

    `limit` is how many bytes, and `values` how many values it may have.

    Raises `ConfigurationError`, also where the file cannot be read.
    """
    name = str(path) if name is None else name
    return _parsed(*_text(Path(path), name, limit), values)


def load_json(path: Path | str) -> Document:
    """Read and parse a file that a program wrote, and that is JSON and nothing else.

    Raises `ConfigurationError` with the place of what is wrong, and the path to it.
    """
    check_link(path)
    text, name, sha256 = _text(Path(path), str(path), MAX_DATA_SIZE)
    with collector_off():
        try:
            data = read_json(text, MAX_PLAN_VALUES)
        except NotJsonError as error:
            raise _not_json(error, text, name) from None
    return Document(name, data, sha256, lambda: _json_marking(text, data))


def load_secret(path: Path | str) -> Document:
    """Read and parse a file that holds keys: no error says anything of what is in it.

    Raises `ConfigurationError` with the places, also where the file cannot be read.
    """
    check_link(path)
    content = read_bytes(Path(path), str(path), MAX_FILE_SIZE)
    try:
        return parse_document(content, str(path))
    except ConfigurationError as error:
        # What is said of the file as a whole quotes nothing of it.
        told = [
            problem if problem.source.line == 0 else Problem(problem.source, _UNSHOWN)
            for problem in error.problems
        ]
    # Raised here, so that no chain leads to the error that quotes the file.
    raise ConfigurationError(dict.fromkeys(told))


def _text(path: Path, name: str, limit: int) -> tuple[str, str, str]:
    """Return a file's text, its name and its SHA-256; its bytes are let go of."""
    content = read_bytes(path, name, limit)
    return decode(content, name), name, hashlib.sha256(content).hexdigest()


def load_validated(path: Path | str, schema_name: str) -> Document:
    """Read a file that must fit a schema; a snapshot may be large.

    Raises `ConfigurationError` with every problem.
    """
    check_link(path)
    limit, values = _LIMITS.get(schema_name, (MAX_FILE_SIZE, MAX_VALUES))
    document = load_document(path, limit=limit, values=values)
    found = list(document.schema_problems(schema_name))
    if found:
        # A file of another format does not fit in many places, and one of them says why.
        raise ConfigurationError(_wrong_format(document, found) or found)
    return document


def _wrong_format(document: Document, found: list[Problem]) -> list[Problem]:
    if not isinstance(document.data, dict) or "format" not in document.data:
        return []
    place = document.source(("format",))
    return [problem for problem in found if problem.source == place]
