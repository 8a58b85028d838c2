"""The edge of the command line: the one place where errors become text and an exit code."""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from itertools import takewhile
from types import FrameType
from typing import Any

import click

from reconciler.cli.exits import Exit
from reconciler.cli.group import commands
from reconciler.cli.secrets import redacted
from reconciler.cli.streams import drop_unwritten, prepare_streams
from reconciler.errors import ConfigurationError, ReconcilerError
from reconciler.model.text import printable


def main(arguments: Sequence[str], *, heard: bool = False) -> int:
    """Run one command line and return its exit code; every error ends here.

    `heard` tells whether Ctrl-C is this process's own to hear: it is an error of the command then,
    and ignored once the command has ended.
    """
    code: int = Exit.DONE
    prepare_streams()
    try:
        _hear(signal.default_int_handler, heard)
        result = commands.main(args=list(arguments), prog_name="reconciler", standalone_mode=False)
        code = Exit.DONE if result is None else int(result)
        sys.stdout.flush()
        _hear(signal.SIG_IGN, heard)
    except (Exception, KeyboardInterrupt) as error:  # noqa: BLE001 - the edge catches all
        _hear(signal.SIG_IGN, heard)
        told = _tell(error, debug=_debugging(arguments, os.environ))
        # Output that fails at the very end does not undo what was written to the API.
        code = code if code == Exit.PARTIAL else told
    drop_unwritten()
    return code


def _hear(handler: Callable[[int, FrameType | None], Any] | signal.Handlers, heard: bool) -> None:
    if heard:
        signal.signal(signal.SIGINT, handler)


def _debugging(arguments: Sequence[str], environ: Mapping[str, str]) -> bool:
    options = takewhile(lambda argument: argument != "--", arguments)
    return "--debug" in options or environ.get("RECONCILER_DEBUG", "") not in {"", "0"}


def _tell(error: BaseException, *, debug: bool) -> int:
    if debug:
        import traceback

        trace = "".join(traceback.format_exception(error))
        sys.stderr.write(redacted(trace, os.environ))
    for line in lines_of(error):
        sys.stderr.write(redacted(printable(line), os.environ) + "\n")
    return exit_code_of(error)


def lines_of(error: BaseException) -> Iterator[str]:
    """Yield what a person reads of an error, one line each, the advice last."""
    match error:
        case ConfigurationError():
            yield from (str(problem) for problem in error.problems)
            yield from _hint(error.hint)
        case ReconcilerError():
            yield f"error: {error.message}"
            yield from _hint(error.hint)
        case click.UsageError():
            # Click spreads a list of choices over lines of their own.
            yield f"error: {' '.join(error.format_message().split())}"
            command = error.ctx.command_path if error.ctx else "reconciler"
            yield from _hint(f"`{command} --help` shows how it is used")
        case click.ClickException():
            yield f"error: {error.format_message()}"
        case _ if _is_interrupt(error):
            yield "error: interrupted"
        case OSError():
            place = f"{error.filename}: " if error.filename else ""
            yield f"error: {place}{error.strerror or error}"
        case MemoryError() | RecursionError():
            yield f"error: the input is too large ({type(error).__name__})"
        case _:
            yield f"error: {type(error).__name__}: {error}"
            yield from _hint("this is a bug; run it again with --debug and report what it prints")


def _is_interrupt(error: BaseException) -> bool:
    """Tell whether Ctrl-C is what ended the command, perhaps dressed by what it hit."""
    return isinstance(error, click.Abort | KeyboardInterrupt) or (
        error.__cause__ is not None and _is_interrupt(error.__cause__)
    )


def exit_code_of(error: BaseException) -> int:
    """Return the exit code that an error ends the process with."""
    match error:
        case ReconcilerError():
            return error.exit_code
        case click.UsageError():
            return Exit.USAGE
        case _:
            return Exit.FAILURE


def _hint(hint: str | None) -> Iterator[str]:
    if hint:
        yield f"hint: {hint}"
