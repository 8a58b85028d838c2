"""Commands in forked children, some of which kill themselves where they are told to.

Forking spares each child the start of an interpreter. The parent has no threads.
"""

from __future__ import annotations

import os
import signal
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NoReturn

import reconciler.applying.executor
import reconciler.applying.journal
import reconciler.backends
import reconciler.cli.apply
import reconciler.cli.carrying_out
import reconciler.cli.plan
from reconciler.backends.protocol import Backend, Operation, Outcome
from reconciler.cli.edge import main


@dataclass(frozen=True)
class Point:
    """Where a child dies: at its n-th call (from 1), by one of the ways in `WHERE`."""

    number: int
    where: str


WHERE = ("before", "after", "within a journal line")


@dataclass(frozen=True)
class Ended:
    """How a child ended: its exit code, or that it was killed."""

    code: int | None
    output: str

    @property
    def killed(self) -> bool:
        return self.code is None


def die() -> NoReturn:
    os.kill(os.getpid(), signal.SIGKILL)
    raise AssertionError("still alive")


class Dying:
    """A backend whose user is killed before or after its n-th write."""

    def __init__(self, backend: Backend, point: Point) -> None:
        self._backend = backend
        self._point = point
        self._calls = 0

    def __getattr__(self, name: str) -> Any:
        return getattr(self._backend, name)

    def write(self, operation: Operation, *, idempotency_key: str) -> tuple[Outcome, ...]:
        self._calls += 1
        mine = self._calls == self._point.number
        if mine and self._point.where == "before":
            die()
        outcomes = self._backend.write(operation, idempotency_key=idempotency_key)
        if mine and self._point.where == "after":
            die()
        return outcomes


def doomed(point: Point | None) -> None:
    """Make this process one that dies at the point."""
    if point is None:
        return
    if point.where == "within a journal line":
        _die_within_a_line(point.number)
        return
    honest = reconciler.backends.open_backend

    def opening(*arguments: Any, **rest: Any) -> Any:
        return Dying(honest(*arguments, **rest), point)

    reconciler.backends.open_backend = opening


def _die_within_a_line(number: int) -> None:
    honest = reconciler.applying.journal._write_all
    # The begin is the first line, and each call has two.
    wanted, seen = 2 * number, 0

    def half(descriptor: int, line: bytes) -> None:
        nonlocal seen
        seen += 1
        if seen == wanted:
            os.write(descriptor, line[: len(line) // 2])
            die()
        honest(descriptor, line)

    reconciler.applying.journal._write_all = half


def begin(folder: Path, work: Callable[[], int]) -> int:
    """Start a child that works in a folder, and return its process ID."""
    child = os.fork()
    if child:
        return child
    code = 99
    try:
        os.chdir(folder)
        out = os.open("output.txt", os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        os.dup2(out, 1)
        os.dup2(out, 2)
        code = work()
    finally:
        os._exit(code)


def wait(child: int, folder: Path) -> Ended:
    """Wait for a child."""
    _, status = os.waitpid(child, 0)
    code = None if os.WIFSIGNALED(status) else os.WEXITSTATUS(status)
    output = ""
    with suppress(OSError):
        output = (folder / "output.txt").read_text(errors="replace")
    return Ended(code, output)


def run(folder: Path, *arguments: str, point: Point | None = None) -> Ended:
    """Run one command line in a child, which dies at the point where there is one."""

    def work() -> int:
        doomed(point)
        return main(arguments)

    return wait(begin(folder, work), folder)
