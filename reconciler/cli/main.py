"""The entry point of the command `reconciler`, and what Ctrl-C does before and after a command.

Nothing is imported here but what is built into the interpreter or loaded with it, so that Ctrl-C
is heard from the first moment that is ours; hence no annotations of `typing` either.
"""

import _signal  # type: ignore[import-not-found]  # what `signal` dresses in enums, slowly
import atexit
import os
import sys

from reconciler import __version__

_SOON = 0.05


def run() -> None:
    """Run the command line of this process and exit with its code."""
    # Where Ctrl-C is ignored, as in the background of a shell, it stays so.
    heard = _signal.getsignal(_signal.SIGINT) is _signal.default_int_handler
    if heard:
        _signal.signal(_signal.SIGINT, _leave)
        sys.unraisablehook = _hear_again
        # Last of all Python takes its handlers back; what would kill it then comes too late.
        atexit.register(_signal.signal, _signal.SIGINT, _signal.SIG_IGN)
    code = _exit_code(heard)
    if heard:
        # All is done and told; but threads may have to be waited for.
        _signal.signal(_signal.SIGINT, lambda number, frame: os._exit(code))
    raise SystemExit(code)


def _exit_code(heard: bool) -> int:
    # Scripts ask for the version often; this answer needs none of the command line's imports.
    if sys.argv[1:] == ["--version"] and _wrote(f"reconciler {__version__}\n"):
        return 0
    from reconciler.cli.edge import main

    return main(sys.argv[1:], heard=heard)


def _leave(number: int, frame: object) -> None:
    """End the process before a command has begun: there is nothing yet to be put in order."""
    # Not by an exception: in the middle of an import it would be printed by whatever it hits.
    try:
        os.write(2, b"error: interrupted\n")
    finally:
        os._exit(1)


def _hear_again(unraisable: "sys.UnraisableHookArgs") -> None:
    """Raise Ctrl-C once more where it hit a callback of Python's own, which cannot be ended."""
    if not isinstance(unraisable.exc_value, KeyboardInterrupt):
        sys.__unraisablehook__(unraisable)
        return
    import threading

    # To the process: a signal to that other thread would not wake what waits in this one.
    threading.Timer(_SOON, os.kill, (os.getpid(), _signal.SIGINT)).start()


def _wrote(text: str) -> bool:
    """Write to standard output; where that fails, the command line proper tells it."""
    try:
        sys.stdout.write(text)
        sys.stdout.flush()
    except (AttributeError, OSError):  # Where it is closed, there is no such stream.
        return False
    return True
