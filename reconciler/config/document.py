"""A configuration file as plain data, and the place of everything in it."""

from __future__ import annotations

import gc
import hashlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import cached_property
from pathlib import Path
from typing import Any

from reconciler.config.json_text import (
    Lines,
    NotJsonError,
    looks_like_json,
    mark_json,
    read_json,
)
from reconciler.config.links import link_out
from reconciler.config.marks import Container, Marks, Step
from reconciler.config.text import (
    MAX_DATA_SIZE,
    MAX_FILE_SIZE,
    decode,
    forbidden_characters,
    read_bytes,
)
from reconciler.errors import ConfigurationError
from reconciler.model.source import Problem, Source
from reconciler.schema import problems as schema_problems
from reconciler.schema_problem import SchemaProblem

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
    text = decode(raw, name)
    sha256 = hashlib.sha256(raw).hexdigest()
    with collector_off():
        if looks_like_json(text):
            try:
                data = read_json(text)
            except NotJsonError:
                pass  # YAML in flow style begins so too, and its parser says what is wrong.
            else:
                return Document(name, data, sha256, lambda: _json_marking(text, data))
        return _yaml_document(raw, text, name, sha256)


def _json_marking(text: str, data: Any) -> Marking:
    with collector_off():
        return mark_json(text, data), Lines(text).place


def _yaml_document(content: bytes, text: str, name: str, sha256: str) -> Document:
    from reconciler.config.yaml_text import read_yaml, unpack

    forbidden = list(forbidden_characters(text, name))
    if forbidden:
        raise ConfigurationError(forbidden)
    data, marks = read_yaml(content, name)
    return Document(name, data, sha256, lambda: (marks, unpack))


def load_document(
    path: Path | str, name: str | None = None, *, limit: int = MAX_FILE_SIZE
) -> Document:
    """Read and parse a file; `name` is what its sources call it, by default the path as given.

    Raises `ConfigurationError`, also where the file cannot be read.
    """
    name = str(path) if name is None else name
    return parse_document(read_bytes(Path(path), name, limit), name)


def load_validated(path: Path | str, schema_name: str) -> Document:
    """Read a file that must fit a schema: a snapshot or a plan, which may be large.

    Raises `ConfigurationError` with every problem.
    """
    if link_out(Path.cwd() / path) is not None:
        message = "the link leads out of the git checkout that it lies in, and is not followed"
        raise ConfigurationError([Problem(Source(str(path)), message)])
    document = load_document(path, limit=MAX_DATA_SIZE)
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
