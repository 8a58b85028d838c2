"""The bytes of a file, read within limits and checked to be the text that they should be."""

from __future__ import annotations

import os
import re
import stat
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

from reconciler.errors import ConfigurationError
from reconciler.model.source import Problem, Source

MIB = 1024 * 1024
MAX_FILE_SIZE = 20 * MIB
"""The most bytes of a file that people write: organizations, workspaces, groups, keys, faults."""

MAX_DATA_SIZE = 256 * MIB
"""The most bytes of a file that a program wrote: a snapshot, a plan or a journal."""

MAX_VALUES = 2_000_000
"""The most values, and beginnings and ends of mappings and lists, of a file that people write."""

MAX_STATE_VALUES = 3_000_000
"""The most of them in a snapshot."""

MAX_PLAN_VALUES = 5_000_000
"""The most of them in a plan, of which there is only one reader, and it is JSON's."""

MAX_MEMORY = 540 * MIB
"""The most bytes that a file and the values in it may need."""

_UTF16 = "is UTF-16, not UTF-8: save it as UTF-8"
_BYTE_ORDER_MARKS = (
    (b"\xef\xbb\xbf", "begins with a byte order mark: save it as UTF-8 without BOM"),
    (b"\xff\xfe", _UTF16),
    (b"\xfe\xff", _UTF16),
)
# What YAML forbids, and what it takes for the end of a line while editors do not.
_FORBIDDEN = re.compile(
    "[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\u2028\u2029\ufeff\ufffe\uffff\ud800-\udfff]"
)
_FOUR_BYTES = re.compile(rb"[\xf0-\xff]")
_TWO_BYTES = re.compile(rb"[\xc4-\xff]")


def opened(path: Path, file: str, limit: int) -> BinaryIO:
    """Return a file that is open for reading; the caller closes it.

    Raises `ConfigurationError` where it cannot be opened, is no regular file, or is larger than
    the limit. A pipe that the caller handed over is taken, and whoever reads it has to count.
    """
    try:
        # Asked before it is opened, which would wait for a pipe's other end, and then of what was
        # opened, which may be another file by now.
        _check_kind(path, path.stat(), file)
        # Only what is open already may be waited for: its writer is at work.
        waiting = 0 if is_open_already(path) else getattr(os, "O_NONBLOCK", 0)
        stream = open(  # noqa: SIM115 - the caller closes it
            path, "rb", opener=lambda name, flags: os.open(name, flags | waiting)
        )
        try:
            status = os.fstat(stream.fileno())
            _check_kind(path, status, file)
            # A regular file's size is known beforehand; a pipe's only when it was read.
            if status.st_size > limit:
                raise too_big(file, limit)
        except BaseException:
            stream.close()
            raise
    except OSError as error:
        raise unreadable(file, error) from error
    except ValueError as error:
        raise refused(file, "cannot be read: its name holds a NUL") from error
    return stream


def read_bytes(path: Path, file: str, limit: int) -> bytes:
    """Return the bytes of a file; raises `ConfigurationError` where they cannot be had."""
    with opened(path, file, limit) as stream:
        try:
            # Room is made for what is asked for, so no more than there seems to be is.
            seen = os.fstat(stream.fileno()).st_size
            content = stream.read(seen + 1)
            if len(content) > seen:
                content += stream.read(limit + 1 - len(content))
        except OSError as error:
            raise unreadable(file, error) from error
    if len(content) > limit:
        raise too_big(file, limit)
    return content


def _check_kind(path: Path, status: os.stat_result, file: str) -> None:
    if stat.S_ISDIR(status.st_mode):
        raise refused(file, "is a folder, not a file")
    if not stat.S_ISREG(status.st_mode) and not is_open_already(path):
        raise refused(file, "is a pipe or a device, not a regular file")


def is_open_already(path: Path) -> bool:
    """Tell whether this names what the caller handed over open: its input, or `<(…)` of a shell.

    Any other pipe would make its reader wait until somebody writes to it.
    """
    return str(path) == "/dev/stdin" or path.parent == Path("/dev/fd")


def decode(content: bytes, file: str) -> str:
    """Return the text of UTF-8 bytes; raises `ConfigurationError` for other encodings and CRLF."""
    check_encoding(content[:4], file)
    if (1 + text_width(content)) * len(content) > MAX_MEMORY:
        raise refused(file, f"takes more than {MAX_MEMORY // MIB} MiB of memory: make it smaller")
    try:
        text = content.decode("utf-8")
    except UnicodeDecodeError as error:
        before = content[: error.start]
        line = before.count(b"\n") + 1
        column = len(before.rpartition(b"\n")[2].decode("utf-8", "replace")) + 1
        message = f"not UTF-8 (byte 0x{content[error.start]:02x}): save the file as UTF-8"
        raise ConfigurationError([Problem(Source(file, line, column), message)]) from error
    carriage = text.find("\r")
    if carriage >= 0:
        windows = text.startswith("\r\n", carriage)
        message = (
            "the line ends in CR LF, as on Windows: convert the file to LF "
            "(dos2unix, or `* text eol=lf` in .gitattributes)"
            if windows
            else "the line ends in CR alone, as on old Macs: convert the file to LF (mac2unix)"
        )
        raise ConfigurationError([Problem(_place(text, carriage, file), message)])
    return text


def check_encoding(head: bytes, file: str) -> None:
    """Raise `ConfigurationError` where a file's first bytes are a byte order mark or UTF-16."""
    for mark, message in _BYTE_ORDER_MARKS:
        if head.startswith(mark):
            raise refused(file, message)
    if b"\x00" in head[:4]:
        raise refused(file, _UTF16 if head[:4].count(0) <= 2 else "is not text")


def text_width(content: bytes) -> int:
    """Return how many bytes a character of this UTF-8 takes in memory: one rare one widens all."""
    if content.isascii():
        return 1
    if _FOUR_BYTES.search(content):
        return 4
    return 2 if _TWO_BYTES.search(content) else 1


def forbidden_characters(text: str, file: str) -> Iterator[Problem]:
    """Yield a problem for the first of each kind of character that no YAML file may hold."""
    seen: set[str] = set()
    for match in _FORBIDDEN.finditer(text):
        if match[0] not in seen:
            seen.add(match[0])
            message = f"the invisible character U+{ord(match[0]):04X} is not allowed: remove it"
            yield Problem(_place(text, match.start(), file), message)


def _place(text: str, offset: int, file: str) -> Source:
    begin = text.rfind("\n", 0, offset) + 1
    return Source(file, text.count("\n", 0, offset) + 1, offset - begin + 1)


def too_big(file: str, limit: int) -> ConfigurationError:
    """Return the error for a file beyond a limit of bytes."""
    return refused(file, f"is larger than {limit // MIB} MiB, the most that is read")


def unreadable(file: str, error: OSError) -> ConfigurationError:
    """Return the error for a file that the system does not let be read."""
    return refused(file, f"cannot be read: {error.strerror or error}")


def refused(file: str, message: str) -> ConfigurationError:
    """Return the error for a file as a whole; the message goes on after "the file"."""
    return ConfigurationError([Problem(Source(file), f"the file {message}")])
