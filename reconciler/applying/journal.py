"""The journal file: one writer, every line on the disk before anything that depends on it."""

from __future__ import annotations

import contextlib
import os
import stat
import sys
import threading
from collections.abc import Callable, Mapping
from dataclasses import asdict, fields
from datetime import UTC, datetime
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from reconciler.applying.chain import (
    FORMAT,
    START,
    JournalError,
    bounded_lines,
    damaged,
    seal,
    sound_lines,
)
from reconciler.applying.record import Begin, Intent, Result
from reconciler.applying.recorded import are_about, intent_of, is_known, results_of
from reconciler.applying.taken import TakenSeats
from reconciler.file_text import MAX_DATA_SIZE, MIB
from reconciler.model.plan_document import writing_fields

FULL = MAX_DATA_SIZE // 2
"""The most bytes of a journal that is begun to be gone on with; one apply may double it."""

_ROOM = 32 * MIB
_MODE = 0o600
_FAR_AWAY = 1 << 40
# A pipe without a reader must not be waited for.
_FLAGS = (
    os.O_RDWR
    | os.O_CREAT
    | os.O_APPEND
    | getattr(os, "O_NONBLOCK", 0)
    | getattr(os, "O_CLOEXEC", 0)
)
_sync = getattr(os, "fdatasync", os.fsync)


class Journal:
    """A `Record` in a file of JSON lines, to which one process at a time appends.

    The lock dies with its holder. What was appended is on the disk when a method returns; threads
    that append at the same time share one flush. After a failure nothing can be appended.
    """

    def __init__(
        self, path: Path, descriptor: int, begin: Begin, clock: Callable[[], datetime]
    ) -> None:
        self._path = path
        self._descriptor = descriptor
        self._clock = clock
        self._writing = threading.Lock()
        self._flushing = threading.Lock()
        self._written = self._flushed = 0
        self._broken: str | None = None
        self._open: dict[str, Intent] = {}
        self._taken = TakenSeats()
        self._end, self._digest = self._replay(begin.target)
        # What is open or owed can only be settled with this journal.
        owed = self._open or self._taken.rows(())
        if self._end > (MAX_DATA_SIZE - _ROOM if owed else FULL):
            raise self._full()
        self._repair()
        self._append({"kind": "begin", "format": FORMAT, **_begun(begin)})
        self.open_intents = tuple(self._open.values())
        self.taken = self._taken.rows(self.open_intents)

    @classmethod
    def open(
        cls, path: Path | str, begin: Begin, *, clock: Callable[[], datetime] | None = None
    ) -> Self:
        """Open a journal, or make one with mode 0600, verify it, and write down what begins.

        Raises `JournalError` where it cannot be written, another process writes it, it is
        damaged, or it is about another licensing system. A last line that a crash cut short is
        taken away, which is noted in the journal.
        """
        path = Path(path)
        descriptor = _opened(path)
        try:
            _lock(descriptor, path)
            return cls(path, descriptor, begin, clock or _utc_now)
        except BaseException:
            os.close(descriptor)
            raise

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def intent(self, intent: Intent) -> None:
        """Write down a call before it is made.

        Raises `JournalError` where the outcomes might no more fit into what is read of a journal.
        """
        if self._end > MAX_DATA_SIZE - _ROOM:
            raise self._full()
        entry = asdict(intent)
        entry["expires"] = intent.expires.isoformat() if intent.expires else None
        self._append({"kind": "intent", **entry})

    def outcome(self, call: str, results: tuple[Result, ...], *, settled: bool = False) -> None:
        """Write down what became of a call."""
        rows = [asdict(result) for result in results]
        self._append({"kind": "outcome", "call": call, "results": rows, "settled": settled})

    def end(self, *, exit_code: int, writes: int, interrupted: bool) -> None:
        """Write down that the apply came to its end, and how."""
        self._append(
            {"kind": "end", "exit_code": exit_code, "writes": writes, "interrupted": interrupted}
        )

    def close(self) -> None:
        """Let go of the file and its lock; nothing can be appended any more."""
        with self._writing:
            if self._broken is None:
                self._broken = "it is closed"
            if self._descriptor >= 0:
                os.close(self._descriptor)
                self._descriptor = -1

    def _replay(self, target: str) -> tuple[int, str]:
        """Verify the file, collect what is open, and return where it ends and its last digest."""
        end, digest = 0, START
        with os.fdopen(os.dup(self._descriptor), "rb") as stream:
            stream.seek(0)
            name = str(self._path)
            for line in sound_lines(bounded_lines(stream, name), name):
                end, digest = line.end, line.digest
                self._follow(line.entry, target, f"{name}:{line.number}")
        return end, digest

    def _follow(self, entry: Mapping[str, Any], target: str, place: str) -> None:
        match entry["kind"]:
            case "begin" if entry["target"] != target:
                raise JournalError(
                    f"{self._path}: this journal is about {entry['target']}, not about {target}",
                    hint="give each licensing system a journal of its own",
                )
            case "intent":
                self._open[entry["call"]] = intent_of(entry)
            case "outcome" if (intent := self._open.get(entry["call"])) is not None:
                results = results_of(entry)
                if not are_about(results, intent):
                    raise damaged(place, "it is about other subjects than its call")
                self._taken.follow(intent, results)
                if is_known(results):
                    del self._open[intent.call]

    def _repair(self) -> None:
        cut = os.fstat(self._descriptor).st_size - self._end
        if cut <= 0:
            return
        if not self._end:
            # No whole first line says that this is a journal: it may be anything, and is not ours.
            raise JournalError(
                f"{self._path}: this is no journal, and it is left as it is",
                hint="name a new file for the journal, or one that an apply has written",
            )
        try:
            os.ftruncate(self._descriptor, self._end)
        except OSError as error:
            raise self._failed(error) from error
        self._append({"kind": "repaired", "bytes": cut})

    def _append(self, entry: Mapping[str, Any]) -> None:
        with self._writing:
            if self._broken is not None:
                raise self._error()
            line, digest = seal({"at": _text(self._clock()), **entry}, self._digest)
            try:
                _write_all(self._descriptor, line)
            except OSError as error:
                # Half a line is no line; where it cannot be taken away, the next apply does it.
                with contextlib.suppress(OSError):
                    os.ftruncate(self._descriptor, self._end)
                raise self._failed(error) from error
            self._end, self._digest = self._end + len(line), digest
            self._written += 1
            number = self._written
        self._flush(number)

    def _flush(self, number: int) -> None:
        """Have everything up to this line on the disk, by whichever thread's flush."""
        with self._flushing:
            if self._flushed >= number:
                return
            reached = self._written
            try:
                _sync(self._descriptor)
            except OSError as error:
                raise self._failed(error) from error
            self._flushed = reached

    def _full(self) -> JournalError:
        return JournalError(
            f"{self._path}: the journal is full, with {self._end // MIB} MiB; no call is made "
            "without it",
            hint="keep the file, and name a new one for the journal: nothing is owed by this one"
            if not self._open
            else "keep the file, settle by hand what `reconciler audit` shows as open, and name a "
            "new one for the journal",
        )

    def _failed(self, error: OSError) -> JournalError:
        self._broken = error.strerror or str(error)
        return self._error()

    def _error(self) -> JournalError:
        return JournalError(
            f"{self._path}: the journal cannot be written: {self._broken}; no call is made "
            "without it",
            hint="make room, then run it again with the same journal: it goes on from here",
        )


def _begun(begin: Begin) -> dict[str, Any]:
    entry = {row.name: getattr(begin, row.name) for row in fields(begin) if row.name != "writing"}
    writing = writing_fields(begin.writing)
    return {**entry, "writing": writing} if writing else entry


def _opened(path: Path) -> int:
    try:
        descriptor = os.open(path, _FLAGS, _MODE)
        if not stat.S_ISREG(os.fstat(descriptor).st_mode):
            os.close(descriptor)
            raise JournalError(f"{path}: is no regular file, so it cannot be a journal")
        if os.fstat(descriptor).st_size == 0:
            _sync_folder(path.parent)
    except OSError as error:
        raise JournalError(
            f"{path}: the journal cannot be opened: {error.strerror or error}",
            hint="name a file in a folder that is there and can be written",
        ) from error
    return descriptor


def _sync_folder(folder: Path) -> None:
    """Have the new file's name on the disk too, where the system lets a folder be flushed."""
    if sys.platform == "win32":
        return
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _lock(descriptor: int, path: Path) -> None:
    try:
        if sys.platform == "win32":
            import msvcrt

            # A byte that is never written, so that others can go on reading the journal.
            os.lseek(descriptor, _FAR_AWAY, os.SEEK_SET)
            msvcrt.locking(descriptor, msvcrt.LK_NBLCK, 1)
        else:
            import fcntl

            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        raise JournalError(
            f"{path}: another process is writing this journal",
            hint="wait until that apply has ended, then apply again",
        ) from error


def _write_all(descriptor: int, line: bytes) -> None:
    done = 0
    while done < len(line):
        done += os.write(descriptor, line[done:])


def _utc_now() -> datetime:
    return datetime.now(UTC)


def _text(moment: datetime) -> str:
    return moment.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
