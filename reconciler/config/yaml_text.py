"""YAML text to plain data with marks, by libyaml's events.

Only what configuration needs is taken: mappings with text for keys, lists, text, numbers, booleans
and nothing. Tags, merge keys and further documents are refused; anchors and aliases are allowed
within a small budget, since an alias of an alias of an alias is how little text becomes endless.
"""

from __future__ import annotations

from collections.abc import Callable
from itertools import islice
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

from reconciler.config.marks import Marks
from reconciler.config.scalars import NUMERIC_STARTS, WORDS, AmbiguousNumberError, number
from reconciler.config.yaml_errors import explain
from reconciler.config.yaml_strictness import (
    Misread,
    in_flow,
    in_quotes,
    in_tokens,
    of_block,
    of_name,
)
from reconciler.errors import ConfigurationError
from reconciler.file_text import MAX_VALUES
from reconciler.model.source import Problem, Source
from reconciler.schema_messages import shown
from reconciler.strict_json import MAX_DEPTH

MAX_PROBLEMS = 1_000
"""After how many problems of its syntax a file is not read further."""

MAX_ALIASED = 100_000
"""How many values all aliases of a file may stand for."""

COLUMN_BITS = 32
_COLUMN_MASK = (1 << COLUMN_BITS) - 1


def unpack(place: int) -> tuple[int, int]:
    """Return the line and the column (from 1) of a place."""
    return (place >> COLUMN_BITS) + 1, (place & _COLUMN_MASK) + 1


def read_yaml(text: str, file: str, values: int = MAX_VALUES) -> tuple[Any, Marks]:
    """Return the data of one YAML document and the places of its values.

    `values` is how many values, and beginnings and ends of mappings and lists, it may hold.

    Raises `ConfigurationError` with every problem, up to the first one after
    which the text makes no sense.
    """
    reader = _Reader(text, file, values)
    try:
        reader.read()
    except _StopError:
        pass
    except YAMLError as error:
        # libyaml's own errors stop it.
        reader.problems.append(explain(error, text, file))
    if reader.problems:
        raise ConfigurationError(reader.problems)
    return reader.root, reader.marks


class _StopError(Exception):
    """What follows makes no sense or would cost too much."""


class _Frame:
    """An open container; `places` are its children's, of a mapping those of the keys as well.

    `column` is how far in the innermost block begins, from 0, and -1 where there is none; `begin`
    the first mark of a list or a mapping in brackets. `inside` counts the values within its
    children and `depth` how deep those are nested.
    """

    __slots__ = (
        "_positions",
        "anchor",
        "begin",
        "column",
        "depth",
        "inside",
        "mapping",
        "places",
        "value",
    )

    def __init__(
        self,
        value: Any,
        *,
        mapping: bool,
        anchor: str | None = None,
        column: int = -1,
        begin: Any = None,
    ) -> None:
        self.value = value
        self.mapping = mapping
        self.anchor = anchor
        self.column = column
        self.begin = begin
        self.places: list[int] = []
        self.inside = 0
        self.depth = 0
        self._positions: dict[str, int] = {}

    def add(self, key: str | None, place: int, value: Any) -> None:
        self.places.append(place)
        if key is None:
            self.value.append(value)
        else:
            self.value[key] = value

    @property
    def size(self) -> int:
        """How many values it is, itself and those within it."""
        return 1 + len(self.value) + self.inside

    def place_of(self, key: str) -> int:
        """Return the place of a key that is there."""
        # Only what came since the last question is looked at.
        known, last = self._positions, len(self.value) - 1
        new = islice(reversed(self.value), len(self.value) - len(known))
        known.update((name, last - back) for back, name in enumerate(new))
        return self.places[2 * known[key]]


class _Anchored:
    """What an anchor names, and how much an alias of it stands for; None while it is open."""

    __slots__ = ("depth", "size", "value")

    def __init__(self, value: Any, size: int, depth: int) -> None:
        self.value = value
        self.size = size
        self.depth = depth


class _Reader:
    def __init__(self, text: str, file: str, values: int) -> None:
        self.file = file
        self.problems: list[Problem] = []
        self.marks = Marks()
        self._text = text
        self._most = values
        self._get: Callable[[], Any] = CParser(text).get_event
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
        self._tell(in_tokens(self._text))
        # Only in quotes and behind `|` or `>` need the lines of a text be looked at.
        of_lines = any(sign in self._text for sign in "\"'|>")
        get = self._get
        frame: _Frame | None = self._stack[0]
        key: str | None = None  # of a mapping, while its value is to come
        event: Any = None
        for _ in range(self._most):
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
            if of_lines:
                end: Any = event.end_mark
                if end.line != mark.line:
                    self._check_lines(event, frame)
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
        self._stop(event.start_mark, f"the file holds more than {self._most:,} values and marks")

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
            return self._close(frame, event.start_mark)
        if kind is AliasEvent:
            frame.add(key, place, self._alias(event, frame, is_key=is_key))
        elif kind is DocumentStartEvent and frame.value:
            self._stop(event.start_mark, "a second document begins here: one file, one document")
        elif kind is StreamEndEvent:
            self._finish()
            return None
        return frame

    def _finish(self) -> None:
        root = self._stack[0]
        if not self.problems and root.value in ([], [None]):
            raise ConfigurationError([Problem(Source(self.file), "the file is empty")])
        self.marks.root = root.places[0] if root.places else 0

    def _check_lines(self, event: Any, frame: _Frame) -> None:
        """Look at text of several lines, which libyaml takes however far in its lines begin."""
        begin, end = event.start_mark.index, event.end_mark.index
        if event.style in {"'", '"'}:
            self._tell(in_quotes(self._text, begin, end, frame.column))
        elif event.style in {"|", ">"}:
            self._tell(of_block(self._text, begin, end, event.value))

    def _tell(self, misread: Misread | None) -> None:
        if misread is not None:
            begin = self._text.rfind("\n", 0, misread.offset) + 1
            line = self._text.count("\n", 0, misread.offset) + 1
            source = Source(self.file, line, misread.offset - begin + 1)
            self.problems.append(Problem(source, misread.message))
            # What else it would be read as is not known.
            raise _StopError

    def _resolved(self, event: Any) -> Any:
        if event.value in WORDS:
            return WORDS[event.value]
        if event.value == "-":
            self._problem(event.start_mark, "a `-` alone is no text: put it in quotes")
            return None
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
            self._tell(of_name(self._text, event.start_mark.index, event.anchor))
            self._anchors[event.anchor] = _Anchored(value, 1, 0)

    def _odd_key(self, frame: _Frame, event: Any) -> str:
        key: str = event.value
        self._decorated(event, key)
        if key == "<<" and event.implicit[0]:
            self._problem(event.start_mark, "merge keys (<<) are not supported: write the keys out")
        if key in frame.value:
            first, _ = unpack(frame.place_of(key))
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
            self._tell(of_name(self._text, event.start_mark.index, event.anchor))
            self._anchors[event.anchor] = None
        column, begin = self._stack[-1].column, None
        if event.flow_style:
            begin = event.start_mark
        elif not (event.anchor or event.tag):
            column = event.start_mark.column
        mapping = isinstance(value, dict)
        frame = _Frame(value, mapping=mapping, anchor=event.anchor, column=column, begin=begin)
        self._stack.append(frame)
        return frame

    def _close(self, frame: _Frame, end: Any) -> _Frame:
        self.marks.add(frame.value, frame.places)
        depth = frame.depth + 1
        if frame.anchor is not None:
            self._anchors[frame.anchor] = _Anchored(frame.value, frame.size, depth)
        self._stack.pop()
        above = self._stack[-1]
        above.inside += frame.size - 1
        above.depth = max(above.depth, depth)
        # Of brackets within brackets, the outer ones are looked at.
        if frame.begin is not None and above.begin is None and end.line != frame.begin.line:
            self._tell(in_flow(self._text, frame.begin.index, end.index, frame.column))
        return above

    def _alias(self, event: Any, frame: _Frame, *, is_key: bool) -> Any:
        name, mark = event.anchor, event.start_mark
        self._tell(of_name(self._text, mark.index, name))
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
        frame.inside += anchored.size - 1
        frame.depth = max(frame.depth, anchored.depth)
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
