"""`python -m benchmarks`: the table of run times and memory of whole commands."""

from __future__ import annotations

import argparse
import platform
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

from benchmarks.inputs import write_inputs
from benchmarks.measuring import Measured, measure

SIZES = (1_000, 10_000, 100_000)
AIMS = {
    "reconciler --version": "6 x `python -c pass`",
    "plan --state, 1,000 users": "0.25 s",
    "plan --state, 100,000 users": "3 s, 400 MiB",
}


def rows(folder: Path, sizes: tuple[int, ...], runs: int) -> Iterator[tuple[str, Measured]]:
    """Yield each measurement with its name."""
    command = str(Path(sys.executable).with_name("reconciler"))
    small = write_inputs(folder / "small", 3)
    yield "python -c pass", measure([sys.executable, "-c", "pass"], runs=4 * runs)
    yield "reconciler --version", measure([command, "--version"], runs=4 * runs)
    yield (
        "validate, 3 users",
        measure([command, "validate", str(small.organization)], runs=2 * runs),
    )
    for size in sizes:
        inputs = write_inputs(folder / str(size), size)
        state, organization = str(inputs.snapshot), str(inputs.organization)
        arguments = [command, "plan", "--state", state, organization]
        yield f"plan --state, {size:,} users", measure(arguments, runs=runs)


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=main.__doc__)
    parser.add_argument("--runs", type=int, default=5, help="runs of each command")
    parser.add_argument("--largest", type=int, default=SIZES[-1], help="the most users")
    options = parser.parse_args()
    print(f"Python {platform.python_version()}, {platform.machine()}; medians\n")
    print("| command | seconds | peak MiB | times `python -c pass` | aim |")
    print("| --- | ---: | ---: | ---: | --- |")
    sizes = tuple(size for size in SIZES if size <= options.largest)
    floor = None
    with tempfile.TemporaryDirectory() as folder:
        for name, found in rows(Path(folder), sizes, options.runs):
            floor = floor or found.seconds
            ratio = found.seconds / floor
            aim = AIMS.get(name, "")
            print(f"| {name} | {found.seconds:.3f} | {found.peak_mib:.0f} | {ratio:.1f} | {aim} |")
            sys.stdout.flush()


if __name__ == "__main__":
    main()
