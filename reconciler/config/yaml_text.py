"""YAML text to plain data with marks, by libyaml's events.

Only what configuration needs is taken: mappings with text for keys, lists, text, numbers, booleans
and nothing. Tags, merge keys and further documents are refused; anchors and aliases are allowed
within a small budget, since an alias of an alias of an alias is how little text becomes endless.
"""

from __future__ import annotations

from collections.abc import Callable
from sys import intern
from typing import Any, NoReturn

from yaml._yaml import CParser
from yaml.error import YAMLError
from yaml.events import (
    AliasEvent,
    DocumentStartEvent,
    MappingEndEvent,
    MappingStartEvent,
    ScalarEvent,
    SequenceEndEvent,
    SequenceStartEvent,
    StreamEndEvent,
)

from reconciler.config.marks import MAX_DEPTH, Marks
from reconciler.config.scalars import NUMERIC_STARTS, WORDS, AmbiguousNumberError, number
from reconciler.config.yaml_errors import explain
from reconciler.errors import ConfigurationError
from reconciler.model.source import Problem, Source
from reconciler.schema_messages import shown

MAX_EVENTS = 5_000_000
"""How many values, and beginnings and ends of mappings and lists, one file may hold."""

MAX_PROBLEMS = 1_000
"""After how many problems of its syntax a file is not read further."""

MAX_ALIASED = 100_000
"""How many values all aliases of a file may stand for."""

COLUMN_BITS = 32
_COLUMN_MASK = (1 << COLUMN_BITS) - 1


def unpack(place: int) -> tuple[int, int]:
    """Return the line and the column (from 1) of a place."""
    return (place >> COLUMN_BITS) + 1, (place & _COLUMN_MASK) + 1


def read_yaml(content: bytes, file: str) -> tuple[Any, Marks]:
    """Return the data of one YAML document and the places of its values.

    `content` is UTF-8. Raises `ConfigurationError` with every problem, up to the first one after
    which the text makes no sense.
    """
    reader = _Reader(content, file)
    try:
        reader.read()
    except _StopError:
        pass
    except YAMLError as error:
        # libyaml's own errors stop it.
        reader.problems.append(explain(error, content, file))
    if reader.problems:
        raise ConfigurationError(reader.problems)
    return reader.root, reader.marks


class _StopError(Exception):
    """What follows makes no sense or would cost too much."""


class _Frame:
    """An open container; `places` are its children's, of a mapping those of the keys as well."""

    __slots__ = ("anchor", "mapping", "places", "value")

    def __init__(self, value: Any, *, mapping: bool, anchor: str | None = None) -> None:
        self.value = value
        self.mapping = mapping
        self.anchor = anchor
        self.places: list[int] = []

    def add(self, key: str | None, place: int, value: Any) -> None:
        self.places.append(place)
        if key is None:
            self.value.append(value)
        else:
            self.value[key] = value


class _Anchored:
    """What an anchor names, and how much an alias of it stands for; None while it is open."""

    __slots__ = ("depth", "size", "value")

    def __init__(self, value: Any, size: int, depth: int) -> None:
        self.value = value
        self.size = size
        self.depth = depth


class _Reader:
    def __init__(self, content: bytes, file: str) -> None:
        self.file = file
        self.problems: list[Problem] = []
        self.marks = Marks()
        self._get: Callable[[], Any] = CParser(content).get_event
        self._stack = [_Frame([], mapping=False)]
        self._anchors: dict[str, _Anchored | None] = {}
        self._aliased = 0

    @property
    def root(self) -> Any:
        return self._stack[0].value[0]

    def read(self) -> None:
        """Take events until the stream ends.

        Nearly all events are text, so that is dealt with here, without a call.
        """
        get = self._get
        frame: _Frame | None = self._stack[0]
        key: str | None = None  # of a mapping, while its value is to come
        event: Any = None
        for _ in range(MAX_EVENTS):
            if frame is None:
                return
            event = get()
            mark = event.start_mark
            place = mark.line << COLUMN_BITS | mark.column
            if event.__class__ is not ScalarEvent:
                frame = self._structure(frame, key, place, event)
                key = None
                continue
            value = event.value
            if frame.mapping and key is None:
                key = intern(value)
                if key in frame.value or key == "<<" or event.anchor or event.tag:
                    key = self._odd_key(frame, event)
                frame.places.append(place)
                continue
            if event.implicit[0] and (value in WORDS or value[0] in NUMERIC_STARTS):
                value = self._resolved(event)
                if key is not None and not event.value:
                    # A value that is not there stands, for a reader, where its key is.
                    place = frame.places[-1]
            if event.anchor or event.tag:
                self._decorated(event, value)
            frame.add(key, place, value)
            key = None
        self._stop(event.start_mark, f"the file holds more than {MAX_EVENTS:,} values and marks")

    def _structure(self, frame: _Frame, key: str | None, place: int, event: Any) -> _Frame | None:
        """Take any event but text and return the frame that is open after it, if any."""
        kind = event.__class__
        is_key = frame.mapping and key is None
        if kind is MappingStartEvent or kind is SequenceStartEvent:
            self._check_opening(event, is_key=is_key)
            value: Any = {} if kind is MappingStartEvent else []
            frame.add(key, place, value)
            return self._open(event, value)
        if kind is MappingEndEvent or kind is SequenceEndEvent:
            return self._close(frame)
        if kind is AliasEvent:
            frame.add(key, place, self._alias(event, is_key=is_key))
        elif kind is DocumentStartEvent and frame.value:
            self._stop(event.start_mark, "a second document begins here: one file, one document")
        elif kind is StreamEndEvent:
            self._finish()
            return None
        return frame

    def _finish(self) -> None:
        if self._stack[0].value in ([], [None]):
            raise ConfigurationError([Problem(Source(self.file), "the file is empty")])
        self.marks.root = self._stack[0].places[0]

    def _resolved(self, event: Any) -> Any:
        if event.value in WORDS:
            return WORDS[event.value]
        try:
            return number(event.value)
        except AmbiguousNumberError:
            self._problem(
                event.start_mark,
                f"{shown(event.value)} is a number to some readers of YAML and not the same one to "
                "all: put text in quotes, write numbers in plain digits",
            )
            return None

    def _decorated(self, event: Any, value: Any) -> None:
        if event.tag:
            self._problem(event.start_mark, f"tags are not supported ({shown(event.tag)})")
        if event.anchor:
            self._anchors[event.anchor] = _Anchored(value, 1, 0)

    def _odd_key(self, frame: _Frame, event: Any) -> str:
        key: str = event.value
        self._decorated(event, key)
        if key == "<<" and event.implicit[0]:
            self._problem(event.start_mark, "merge keys (<<) are not supported: write the keys out")
        if key in frame.value:
            first, _ = unpack(frame.places[2 * list(frame.value).index(key)])
            self._problem(
                event.start_mark, f"the key {shown(key)} is there already, in line {first}"
            )
            # Kept under a name of its own, so that places and keys stay in step.
            return f"{key}\0{len(frame.value)}"
        return key

    def _check_opening(self, event: Any, *, is_key: bool) -> None:
        if is_key:
            self._stop(event.start_mark, "a key must be text, not a list or a mapping")
        if len(self._stack) > MAX_DEPTH:
            self._stop(event.start_mark, f"nested deeper than {MAX_DEPTH} levels")

    def _open(self, event: Any, value: Any) -> _Frame:
        if event.tag:
            self._decorated(event, value)
        if event.anchor:
            self._anchors[event.anchor] = None
        frame = _Frame(value, mapping=isinstance(value, dict), anchor=event.anchor)
        self._stack.append(frame)
        return frame

    def _close(self, frame: _Frame) -> _Frame:
        self.marks.add(frame.value, frame.places)
        if frame.anchor is not None:
            self._anchors[frame.anchor] = _Anchored(frame.value, *_extent(frame.value))
        self._stack.pop()
        return self._stack[-1]

    def _alias(self, event: Any, *, is_key: bool) -> Any:
        name, mark = event.anchor, event.start_mark
        if is_key:
            self._stop(mark, "a key must be text, not an alias")
        if name not in self._anchors:
            self._problem(mark, f"the alias *{name} has no anchor &{name} above it")
            return None
        anchored = self._anchors[name]
        if anchored is None:
            self._problem(mark, f"the alias *{name} stands inside of what it names")
            return None
        self._aliased += anchored.size
        if self._aliased > MAX_ALIASED:
            self._stop(mark, f"the aliases stand for more than {MAX_ALIASED:,} values")
        if len(self._stack) + anchored.depth > MAX_DEPTH:
            self._stop(mark, f"with its aliases, nested deeper than {MAX_DEPTH} levels")
        return anchored.value

    def _problem(self, mark: Any, message: str) -> None:
        source = Source(self.file, mark.line + 1, mark.column + 1)
        self.problems.append(Problem(source, message))
        if len(self.problems) >= MAX_PROBLEMS:
            self.problems.append(Problem(source, "too many problems: the rest is not read"))
            raise _StopError

    def _stop(self, mark: Any, message: str) -> NoReturn:
        self._problem(mark, message)
        raise _StopError


def _extent(value: Any) -> tuple[int, int]:
    """Return how many values there are in a value, and how deep it is nested."""
    if not isinstance(value, dict | list):
        return 1, 0
    children = value.values() if isinstance(value, dict) else value
    extents = [_extent(child) for child in children]
    size = 1 + sum(size for size, _ in extents)
    return size, 1 + max((depth for _, depth in extents), default=0)
