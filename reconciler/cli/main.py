"""The entry point of the command `reconciler`."""

from __future__ import annotations

import sys
from typing import NoReturn

from reconciler import __version__


def run() -> NoReturn:
    """Run the command line of this process and exit with its code."""
    # Scripts ask for the version often; this answer needs none of the command line's imports.
    if sys.argv[1:] == ["--version"] and _wrote(f"reconciler {__version__}\n"):
        raise SystemExit(0)
    from reconciler.cli.edge import main

    raise SystemExit(main(sys.argv[1:]))


def _wrote(text: str) -> bool:
    """Write to standard output; where that fails, the command line proper tells it."""
    try:
        sys.stdout.write(text)
        sys.stdout.flush()
    except (AttributeError, OSError):  # Where it is closed, there is no such stream.
        return False
    return True
