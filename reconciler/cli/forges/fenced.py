"""Lines from anywhere, quoted in Markdown so that none of them means anything."""

from __future__ import annotations

import re
from collections.abc import Sequence

from reconciler.model.text import printable

_LINES = 200
_WIDTH = 250


def fenced(lines: Sequence[str]) -> str:
    """Return lines as a code block, which none of them can end; long ones and many are cut."""
    shown = [printable(line) for line in lines[:_LINES]]
    shown = [line if len(line) <= _WIDTH else f"{line[: _WIDTH - 1]}…" for line in shown]
    if len(lines) > _LINES:
        shown.append(f"… and {len(lines) - _LINES} more lines")
    longest = max((len(run) for line in shown for run in re.findall("`+", line)), default=0)
    fence = "`" * max(3, longest + 1)
    return "\n".join((f"{fence}text", *shown, fence))
