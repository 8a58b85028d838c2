"""The bytes of a file, read within limits and checked to be the text that they should be."""

from __future__ import annotations

import re
import stat
from collections.abc import Iterator
from pathlib import Path

from reconciler.errors import ConfigurationError
from reconciler.model.source import Problem, Source

MAX_FILE_SIZE = 64 * 1024 * 1024
"""The most bytes of a configuration file."""

MAX_DATA_SIZE = 512 * 1024 * 1024
"""The most bytes of a file that a program wrote: a snapshot or a plan."""

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


def read_bytes(path: Path, file: str, limit: int) -> bytes:
    """Return the bytes of a file; raises `ConfigurationError` where they cannot be had."""
    try:
        mode = path.stat().st_mode
        if stat.S_ISDIR(mode):
            raise _refusal(file, "is a folder, not a file")
        if not stat.S_ISREG(mode) and not is_open_already(path):
            raise _refusal(file, "is a pipe or a device, not a regular file")
        with path.open("rb") as stream:
            # A regular file's size is known beforehand; a pipe's only when it was read.
            if path.stat().st_size > limit:
                raise _too_big(file, limit)
            content = stream.read(limit + 1)
    except OSError as error:
        raise _refusal(file, f"cannot be read: {error.strerror or error}") from error
    if len(content) > limit:
        raise _too_big(file, limit)
    return content


def is_open_already(path: Path) -> bool:
    """Tell whether this names what the caller handed over open: its input, or `<(…)` of a shell.

    Any other pipe would make its reader wait until somebody writes to it.
    """
    return str(path) == "/dev/stdin" or path.parent == Path("/dev/fd")


def decode(content: bytes, file: str) -> str:
    """Return the text of UTF-8 bytes; raises `ConfigurationError` for other encodings and CRLF."""
    for mark, message in _BYTE_ORDER_MARKS:
        if content.startswith(mark):
            raise _refusal(file, message)
    if b"\x00" in content[:4]:
        raise _refusal(file, _UTF16 if content[:4].count(0) <= 2 else "is not text")
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


def _too_big(file: str, limit: int) -> ConfigurationError:
    return _refusal(file, f"is larger than {limit // 1024 // 1024} MiB, the most that is read")


def _refusal(file: str, message: str) -> ConfigurationError:
    return ConfigurationError([Problem(Source(file), f"the file {message}")])
