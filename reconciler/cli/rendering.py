"""How output may look where it goes."""

from __future__ import annotations

import os
import shutil
import sys

from reconciler.cli.output import STANDARD_OUTPUT
from reconciler.reports.spans import Look


def look_of(target: str) -> Look:
    """Return how text may look at this target: coloured on a terminal, plain anywhere else."""
    terminal = target == STANDARD_OUTPUT and sys.stdout.isatty()
    if not terminal or os.environ.get("NO_COLOR") or os.environ.get("TERM") == "dumb":
        return Look()
    return Look(colours=True, width=shutil.get_terminal_size().columns)
