"""The lines of a journal: each sealed by its own SHA-256 and chained to the line before it."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, BinaryIO

from reconciler.applying.recorded import OddEntryError, check_entry
from reconciler.errors import ConfigurationError, ReconcilerError
from reconciler.file_text import MAX_DATA_SIZE, MIB, check_encoding, too_big
from reconciler.strict_json import JsonPath, NotJsonError, offset_of, read_ascii_json

FORMAT = "license-journal/1"
START = "0" * 64
"""What the first line names as the line before it."""

_DAMAGED = "the journal is damaged at this line"
_KEEP = "keep the file as it is for the inquiry, and apply with a new journal"

MAX_LINE_SIZE = 16 * MIB
"""The most bytes of one line; a call's is a few kilobytes long."""

_SEAL = re.compile(rb',"digest":"([0-9a-f]{64})"\}\n', re.ASCII)
_SEAL_LENGTH = len(',"digest":""}\n') + 64


class JournalError(ReconcilerError):
    """A journal cannot be written, or is damaged; no call is made without it."""


class OddJournalError(JournalError):
    """A journal whose chain is sound holds what no apply writes."""

    exit_code = 3


@dataclass(frozen=True, slots=True)
class Line:
    """One sound line; `number` counts from 1, `end` is the byte after it."""

    number: int
    end: int
    digest: str
    entry: Mapping[str, Any]


def seal(entry: Mapping[str, Any], previous: str) -> tuple[bytes, str]:
    """Return the entry as a line that is chained to the digest of the line before, and its own."""
    # Plain ASCII: nothing in a value can break a line, reorder it or upset a terminal.
    body = json.dumps({**entry, "previous": previous}, separators=(",", ":")).encode("ascii")
    digest = hashlib.sha256(body).hexdigest()
    return body[:-1] + f',"digest":"{digest}"}}\n'.encode("ascii"), digest


def bounded_lines(stream: BinaryIO, name: str) -> Iterator[bytes]:
    """Yield the lines of a journal's file with their ends, within the limits of their size.

    Raises `ConfigurationError` where it goes on beyond what is read of a journal.
    """
    size = 0
    while line := stream.readline(MAX_LINE_SIZE):
        size += len(line)
        if size > MAX_DATA_SIZE:
            raise too_big(name, MAX_DATA_SIZE)
        yield line


def sound_lines(raw: Iterable[bytes], name: str) -> Iterator[Line]:
    """Yield the lines of a journal; `raw` are its lines with their ends, `name` is for messages.

    A last line without its end was cut short by a crash and is left out: where the file goes on
    after `Line.end` of the last line, that is it. Raises `JournalError` that names the line at
    any other damage, `OddJournalError` that names the value where a line that is sound holds what
    no apply writes.
    """
    previous, end = START, 0
    for number, line in enumerate(raw, start=1):
        if number == 1:
            _check_encoding(line[:4], name)
        if len(line) >= MAX_LINE_SIZE:
            raise damaged(f"{name}:{number}", "it is too long for a line of a journal")
        if not line.endswith(b"\n"):
            return
        end += len(line)
        entry, body, digest = _unsealed(line, f"{name}:{number}")
        if entry.get("previous") != previous:
            raise damaged(f"{name}:{number}", "it does not follow the line before it")
        if number == 1:
            _check_format(entry, name)
        try:
            check_entry(entry)
        except OddEntryError as odd:
            column = offset_of(body, odd.path) + 1
            raise _odd(f"{name}:{number}:{column}", odd.path, odd.message) from None
        yield Line(number, end, digest, entry)
        previous = digest


def entry_of(line: bytes, place: str) -> Mapping[str, Any]:
    """Return the entry of one line that was found sound before, whose seal is looked at again.

    Raises `JournalError` where it is another line by now.
    """
    return _unsealed(line, place)[0]


def _check_encoding(head: bytes, name: str) -> None:
    try:
        check_encoding(head, name)
    except ConfigurationError as error:
        raise OddJournalError(str(error)) from error


def _unsealed(line: bytes, place: str) -> tuple[dict[str, Any], str, str]:
    """Return the entry of a line, its text without the seal, and the digest."""
    found = _SEAL.fullmatch(line[-_SEAL_LENGTH:])
    if found is None:
        raise damaged(place, "it is no line of a journal")
    body = line[:-_SEAL_LENGTH] + b"}"
    digest = found[1].decode("ascii")
    if hashlib.sha256(body).hexdigest() != digest:
        raise damaged(place, "it is not what was written: its digest differs")
    try:
        text = body.decode("ascii")
        entry = read_ascii_json(text)
    except NotJsonError as error:
        raise _odd(
            f"{place}:{error.offset + 1}", error.path, f"it is not JSON: {error.message}"
        ) from error
    except ValueError as error:
        raise damaged(place, "it is not JSON") from error
    if not isinstance(entry, dict) or not isinstance(entry.get("kind"), str):
        raise damaged(place, "it is no entry of a journal")
    return entry, text, digest


def _odd(place: str, path: JsonPath, message: str) -> OddJournalError:
    at = f"at {'/'.join(map(str, path))}: " if path else ""
    return OddJournalError(f"{place}: {_DAMAGED}: {at}{message}", hint=_KEEP)


def _check_format(entry: Mapping[str, Any], name: str) -> None:
    found = entry.get("format")
    if found == FORMAT and entry["kind"] == "begin":
        return
    if isinstance(found, str) and found.startswith("license-journal/") and found != FORMAT:
        raise JournalError(
            f"{name}: its format is {found}; this version of reconciler knows {FORMAT}",
            hint="use the version that wrote it",
        )
    raise damaged(f"{name}:1", "it does not begin a journal")


def damaged(place: str, why: str) -> JournalError:
    """Return the error for damage at a place, `file:line`."""
    return JournalError(f"{place}: {_DAMAGED}: {why}", hint=_KEEP)
