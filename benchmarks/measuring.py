"""Whole processes, measured from outside."""

from __future__ import annotations

import os
import statistics
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass

KIB_PER_MIB = 1024


@dataclass(frozen=True, slots=True)
class Measured:
    """The median run time, and the largest resident set of any run."""

    seconds: float
    peak_mib: float


def measure(arguments: Sequence[str], *, runs: int) -> Measured:
    """Run a command several times, its output thrown away; raises where it fails."""
    seconds, peak = [], 0.0
    for _ in range(runs):
        taken, used = _once(arguments)
        seconds.append(taken)
        peak = max(peak, used)
    return Measured(statistics.median(seconds), peak)


def _once(arguments: Sequence[str]) -> tuple[float, float]:
    sink = os.open(os.devnull, os.O_WRONLY)
    actions = [(os.POSIX_SPAWN_DUP2, sink, 1)]
    start = time.perf_counter()
    process = os.posix_spawn(arguments[0], arguments, os.environ, file_actions=actions)
    _, status, usage = os.wait4(process, 0)
    taken = time.perf_counter() - start
    os.close(sink)
    code = os.waitstatus_to_exitcode(status)
    if code != 0:
        raise RuntimeError(f"{' '.join(arguments)} ended with {code}")
    # Linux counts in KiB, macOS in bytes.
    scale = KIB_PER_MIB if sys.platform != "darwin" else KIB_PER_MIB**2
    return taken, usage.ru_maxrss / scale
