"""What a journal tells, once its chain is verified: who got and lost what, when, by which plan."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, BinaryIO

from reconciler.applying.chain import START, JournalError, Line, bounded_lines, damaged, sound_lines
from reconciler.applying.record import Intent, Result
from reconciler.applying.recorded import are_about, intent_of, is_known, results_of
from reconciler.errors import ConfigurationError
from reconciler.file_text import MAX_DATA_SIZE, opened

FORMAT = "license-audit/1"

Document = dict[str, Any]


def audit(path: Path | str) -> Document:
    """Verify a journal and return its account as a document; it may be written meanwhile.

    `applies` are what began, in order, and `events` what became of each subject of each call,
    in the order of the outcomes; a call without one has the outcome `open` and comes last.
    `cut` is the number of bytes of a last line that was cut short. Raises `JournalError` that
    names the line where the journal is damaged, `ConfigurationError` where it is no file of its
    kind or too large.
    """
    path, name = Path(path), str(path)
    account = _Account()
    last, end = START, 0
    with _opened(path, name) as stream:
        size = 0
        try:
            for line in sound_lines(bounded_lines(stream, name), name):
                account.follow(line, f"{name}:{line.number}")
                last, end = line.digest, line.end
            size = os.fstat(stream.fileno()).st_size
        except OSError as error:
            raise _unreadable(name, error) from error
    if not account.lines:
        raise JournalError(f"{name}: is no journal: there is no whole line in it")
    return {
        "format": FORMAT,
        "journal": name,
        "lines": account.lines,
        "last_digest": f"sha256:{last}",
        "cut": max(size - end, 0),
        "applies": account.applies,
        "events": account.events + account.still_open(),
    }


def _opened(path: Path, name: str) -> BinaryIO:
    try:
        return opened(path, name, MAX_DATA_SIZE)
    except ConfigurationError as error:
        if isinstance(error.__cause__, OSError):
            raise _unreadable(name, error.__cause__) from error
        raise


def _unreadable(name: str, error: OSError) -> JournalError:
    return JournalError(f"{name}: cannot be read: {error.strerror or error}")


@dataclass(slots=True)
class _Account:
    lines: int = 0
    applies: list[Document] = field(default_factory=list)
    events: list[Document] = field(default_factory=list)
    _intents: dict[str, tuple[Intent, str, int]] = field(default_factory=dict)
    _open: dict[str, None] = field(default_factory=dict)

    def follow(self, line: Line, place: str) -> None:
        entry, self.lines = line.entry, line.number
        match entry["kind"]:
            case "begin":
                self.applies.append(_begun(entry))
            case "intent":
                intent = intent_of(entry)
                self._intents[intent.call] = intent, entry["at"], len(self.applies) - 1
                self._open[intent.call] = None
            case "outcome":
                self._close(entry, place)
            case "end":
                self.applies[-1]["end"] = {
                    key: entry[key] for key in ("at", "exit_code", "writes", "interrupted")
                }

    def still_open(self) -> list[Document]:
        return [
            self._event(intent, place, at, Result(item.id, "open"), settled=False)
            for intent, at, place in map(self._intents.__getitem__, self._open)
            for item in intent.items
        ]

    def _close(self, entry: Mapping[str, Any], where: str) -> None:
        if entry["call"] not in self._intents:
            raise damaged(where, "it is the outcome of no call above it")
        intent, _, place = self._intents[entry["call"]]
        self._open.pop(intent.call, None)
        results = results_of(entry)
        if is_known(results):
            del self._intents[intent.call]
        if not are_about(results, intent):
            raise damaged(where, "it is about other subjects than its call")
        for result in results:
            event = self._event(intent, place, entry["at"], result, settled=entry["settled"])
            self.events.append(event)

    def _event(
        self, intent: Intent, place: int, at: str, result: Result, *, settled: bool
    ) -> Document:
        begun = self.applies[place]
        item = next(row for row in intent.items if row.id == result.id)
        return {
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


def _begun(entry: Mapping[str, Any]) -> Document:
    names = ("at", "via", "target", "tool", "plan_digest", "changes_digest", "revision", "dirty")
    rows = {name: entry[name] for name in names}
    if "writing" in entry:
        rows["writing"] = entry["writing"]
    return {**rows, "end": None}
