"""The standard streams as a command finds them: closed ones, full disks, readers that go away.

Data that cannot be written is an error; what is told beside the data is dropped then.
"""

from __future__ import annotations

import io
import os
import sys
from typing import TYPE_CHECKING, TextIO

from reconciler.cli.secrets import redacted

if TYPE_CHECKING:
    from typing_extensions import Buffer

_OUTPUT, _ERRORS = 1, 2


class _Patient(io.FileIO):
    """A file that takes what is written after its reader has gone, and drops it.

    A reader that has had enough, as `head` has, is no reason for another exit code.
    """

    gone = False

    def write(self, data: Buffer) -> int:
        """Write as a file does; after a broken pipe, count what is dropped as written."""
        try:
            return super().write(data)
        except BrokenPipeError:
            self.gone = True
            return memoryview(data).nbytes


class _Discreet(io.TextIOWrapper):
    """A stream on which no key of the environment is written, whatever is written to it."""

    def write(self, text: str) -> int:
        """Write as a stream does, without the keys; count what was given."""
        super().write(redacted(text, os.environ))
        return len(text)


class _Unfailing(io.FileIO):
    """A file that drops what it cannot take: a word less beside the data may stop no work."""

    def write(self, data: Buffer) -> int:
        """Write as a file does; count what is dropped as written."""
        try:
            written: int | None = super().write(data)
        except OSError:
            written = None
        return memoryview(data).nbytes if written is None else written


def prepare_streams() -> None:
    """Make the standard streams usable whatever they are; call it before anything is written."""
    # In this order each takes the place of the one that is closed, so that no file that is opened
    # later does, and becomes our output.
    if sys.stdin is None:
        sys.stdin = io.TextIOWrapper(io.BufferedReader(_device(os.O_RDONLY, "r")), "utf-8")
    if sys.stdout is None:
        # Nobody can be told anything there: it is one that cannot be written.
        sys.stdout = io.TextIOWrapper(io.BufferedWriter(_device(os.O_RDONLY, "w")), "utf-8")
    if sys.stderr is None:
        sys.stderr = io.TextIOWrapper(
            io.BufferedWriter(_device(os.O_WRONLY, "w")), "utf-8", line_buffering=True
        )
    _outlive_the_readers()
    # An email that the terminal's encoding lacks is shown escaped, not a traceback.
    for stream in (sys.stderr, sys.stdout):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")


def reader_gone() -> bool:
    """Tell whether the reader of standard output has left before the end of it."""
    return bool(getattr(_raw(sys.stdout), "gone", False))


def drop_unwritten() -> None:
    """Forget what standard output did not take; it was told already.

    The interpreter would stumble over it once more at its end, and end with a code of its own.
    """
    try:
        sys.stdout.flush()
    except OSError:
        pass
    else:
        if not reader_gone():
            return
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def _outlive_the_readers() -> None:
    # A test's stream, or that of another program that runs our commands, is left as it is.
    if _is_ours(sys.stdout, _OUTPUT):
        sys.stdout = _over(_Patient(_OUTPUT, "w", closefd=False), sys.stdout)
    if _is_ours(sys.stderr, _ERRORS):
        sys.stderr = _over(_Unfailing(_ERRORS, "w", closefd=False), sys.stderr)


def _is_ours(stream: TextIO, descriptor: int) -> bool:
    raw = _raw(stream)
    return type(raw) is io.FileIO and raw.fileno() == descriptor


def _over(file: io.FileIO, stream: TextIO) -> io.TextIOWrapper:
    return _Discreet(
        io.BufferedWriter(file),
        encoding=stream.encoding,
        line_buffering=bool(stream.line_buffering),
        newline="\n",
    )


def _raw(stream: TextIO) -> object:
    buffer = getattr(stream, "buffer", None)
    return getattr(buffer, "raw", buffer)


def _device(flags: int, mode: str) -> io.FileIO:
    """Open what takes and gives nothing, for as long as the process runs."""
    return io.FileIO(os.open(os.devnull, flags), mode, closefd=False)
