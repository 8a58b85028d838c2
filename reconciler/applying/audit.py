"""What a journal tells, once its chain is verified: who got and lost what, when, by which plan."""

from __future__ import annotations

import os
from array import array
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import lru_cache
from itertools import groupby
from pathlib import Path
from typing import Any, BinaryIO

from reconciler.applying.chain import (
    START,
    JournalError,
    Line,
    bounded_lines,
    damaged,
    entry_of,
    sound_lines,
)
from reconciler.applying.record import Result
from reconciler.applying.recorded import are_about, intent_of, is_known, results_of
from reconciler.errors import ConfigurationError
from reconciler.file_text import MAX_DATA_SIZE, opened

FORMAT = "license-audit/1"

Document = dict[str, Any]

_NOWHERE = -1


def audit(path: Path | str) -> Document:
    """Verify a journal and return its account as a document; it may be written meanwhile.

    `applies` are what began, in order, and `events` what became of each subject of each call,
    in the order of the outcomes; a call without one has the outcome `open` and comes last.
    `cut` is the number of bytes of a last line that was cut short. Raises `JournalError` that
    names the line where the journal is damaged, `ConfigurationError` where it is no file of its
    kind or too large.
    """
    with audited(path) as account:
        return {
            **account.head,
            "applies": list(account.applies()),
            "events": list(account.events()),
        }


@contextmanager
def audited(path: Path | str) -> Iterator[Account]:
    """Verify a journal and yield its account, whose parts are read from it when they are asked for.

    However long the journal is, no more than the places of its lines is kept in memory. Raises as
    `audit` does.
    """
    path, name = Path(path), str(path)
    with _opened(path, name) as stream:
        try:
            places = _Places()
            last, end, size = START, 0, 0
            for line in sound_lines(bounded_lines(stream, name), name):
                places.follow(line, end, f"{name}:{line.number}")
                last, end = line.digest, line.end
            size = os.fstat(stream.fileno()).st_size
        except OSError as error:
            raise _unreadable(name, error) from error
        if not places.lines:
            raise JournalError(f"{name}: is no journal: there is no whole line in it")
        head = {
            "format": FORMAT,
            "journal": name,
            "lines": places.lines,
            "last_digest": f"sha256:{last}",
            "cut": max(size - end, 0),
        }
        yield Account(head, stream, places, name)


@contextmanager
def _opened(path: Path, name: str) -> Iterator[BinaryIO]:
    """Yield a journal open for reading, of which every part can be read again."""
    try:
        opening = opened(path, name, MAX_DATA_SIZE)
    except ConfigurationError as error:
        if isinstance(error.__cause__, OSError):
            raise _unreadable(name, error.__cause__) from error
        raise
    with opening as stream:
        if stream.seekable():
            yield stream
            return
        # A pipe can be read only once.
        from tempfile import TemporaryFile

        with TemporaryFile() as copy:
            copy.writelines(bounded_lines(stream, name))
            copy.seek(0)
            yield copy


def _unreadable(name: str, error: OSError) -> JournalError:
    return JournalError(f"{name}: cannot be read: {error.strerror or error}")


@dataclass(frozen=True, slots=True)
class _Call:
    """A call whose outcome is not known yet: where it stands, by which apply, and about whom."""

    begin: int
    apply: int
    subjects: int


@dataclass(slots=True)
class _Places:
    """Where the lines of a journal begin that tell something, and which belong together."""

    lines: int = 0
    begins: array[int] = field(default_factory=lambda: array("q"))
    ends: array[int] = field(default_factory=lambda: array("q"))
    applies: array[int] = field(default_factory=lambda: array("q"))
    intents: array[int] = field(default_factory=lambda: array("q"))
    outcomes: array[int] = field(default_factory=lambda: array("q"))
    _calls: dict[str, _Call] = field(default_factory=dict)
    _open: dict[str, None] = field(default_factory=dict)

    def follow(self, line: Line, begin: int, place: str) -> None:
        entry, self.lines = line.entry, line.number
        match entry["kind"]:
            case "begin":
                self.begins.append(begin)
                self.ends.append(_NOWHERE)
            case "intent":
                subjects = hash(tuple(row["id"] for row in entry["items"]))
                call = _Call(begin, len(self.begins) - 1, subjects)
                self._calls[entry["call"]] = call
                self._open[entry["call"]] = None
            case "outcome":
                self._close(entry, begin, place)
            case "end":
                self.ends[-1] = begin

    def rows(self) -> Iterator[tuple[int, int, int]]:
        """Yield the apply, the intent and the outcome of each call; the open ones come last."""
        yield from zip(self.applies, self.intents, self.outcomes, strict=True)
        for call in map(self._calls.__getitem__, self._open):
            yield call.apply, call.begin, _NOWHERE

    def _close(self, entry: Mapping[str, Any], begin: int, where: str) -> None:
        call = self._calls.get(entry["call"])
        if call is None:
            raise damaged(where, "it is the outcome of no call above it")
        self._open.pop(entry["call"], None)
        results = results_of(entry)
        if is_known(results):
            del self._calls[entry["call"]]
        if hash(tuple(result.id for result in results)) != call.subjects:
            raise damaged(where, "it is about other subjects than its call")
        self.applies.append(call.apply)
        self.intents.append(call.begin)
        self.outcomes.append(begin)


class Account:
    """What a sound journal tells; `head` says what stands over it, `format` first."""

    def __init__(
        self, head: Mapping[str, Any], stream: BinaryIO, places: _Places, name: str
    ) -> None:
        self.head = head
        self._stream = stream
        self._places = places
        self._name = name
        self._begun = lru_cache(maxsize=64)(self._entry)

    def applies(self) -> Iterator[Document]:
        """Yield what began, in order."""
        return map(self._apply, range(len(self._places.begins)))

    def events(self) -> Iterator[Document]:
        """Yield what became of each subject of each call, those without an outcome last."""
        for row in self._places.rows():
            yield from self._events(*row)

    def by_apply(self) -> Iterator[tuple[Document, Iterator[Document]]]:
        """Yield each apply with its events."""
        rows = sorted(self._places.rows(), key=lambda row: row[0])
        called = groupby(rows, key=lambda row: row[0])
        number, group = next(called, (_NOWHERE, iter(())))
        for place in range(len(self._places.begins)):
            if place == number:
                yield self._apply(place), (e for row in group for e in self._events(*row))
                number, group = next(called, (_NOWHERE, iter(())))
            else:
                yield self._apply(place), iter(())

    def begun(self, place: int) -> Mapping[str, Any]:
        """Return what began an apply."""
        return self._begun(self._places.begins[place])

    def _apply(self, place: int) -> Document:
        names = (
            "at", "via", "target", "tool", "plan_digest", "changes_digest", "revision", "dirty",
        )  # fmt: skip
        entry, end = self._entry(self._places.begins[place]), self._places.ends[place]
        ended = None
        if end != _NOWHERE:
            last = self._entry(end)
            ended = {key: last[key] for key in ("at", "exit_code", "writes", "interrupted")}
        rows = {name: entry[name] for name in names}
        if "writing" in entry:
            rows["writing"] = entry["writing"]
        return {**rows, "end": ended}

    def _events(self, place: int, intent_at: int, outcome_at: int) -> Iterator[Document]:
        said = self._entry(intent_at)
        intent, begun = intent_of(said), self.begun(place)
        at, settled = said["at"], False
        results = tuple(Result(item.id, "open") for item in intent.items)
        if outcome_at != _NOWHERE:
            outcome = self._entry(outcome_at)
            results, at, settled = results_of(outcome), outcome["at"], outcome["settled"]
            if not are_about(results, intent):
                raise damaged(self._name, "it was changed while it was read")
        rows = {item.id: item for item in reversed(intent.items)}
        for result in results:
            item = rows[result.id]
            yield {
                "at": at,
                "organization": intent.organization,
                "product": intent.product,
                "action": intent.action,
                "kind": item.kind,
                "subject": item.id,
                "outcome": result.ending,
                "settled": settled,
                "expires": intent.expires.isoformat() if intent.expires else None,
                "change": item.change,
                "code": result.code,
                "message": result.message,
                "apply": place,
                "plan_digest": begun["plan_digest"],
                "revision": begun["revision"],
                "dirty": begun["dirty"],
                "call": intent.call,
            }

    def _entry(self, begin: int) -> Mapping[str, Any]:
        try:
            self._stream.seek(begin)
            return entry_of(self._stream.readline(), self._name)
        except OSError as error:
            raise _unreadable(self._name, error) from error
