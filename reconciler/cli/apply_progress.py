"""How far an apply is: a line for each organization on a terminal, a plain line now and then."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol, Self, TextIO

from reconciler.applying.events import Event, EventKind
from reconciler.applying.result import ChangeStatus, OrganizationResult
from reconciler.cli.notes import note
from reconciler.cli.progress import Progress
from reconciler.model.text import printable

if TYPE_CHECKING:
    from rich.progress import Progress as Lines
    from rich.progress import TaskID

_BAD = frozenset({ChangeStatus.REJECTED, ChangeStatus.FAILED})
_TELL_ORGANIZATIONS_AFTER = 5.0


class ApplyProgress(Protocol):
    """Hears what happens and shows how far it is; used as a context manager."""

    def __enter__(self) -> Self:
        """Begin to show."""
        ...

    def __exit__(self, *_: object) -> None:
        """Take away what was shown."""
        ...

    def hear(self, event: Event) -> None:
        """Take note of an event."""
        ...


def apply_progress(
    organizations: int, changes: int, *, quiet: bool, stream: TextIO | None = None
) -> ApplyProgress:
    """Return the progress for where it is shown: nowhere, on a terminal, or in a log."""
    if quiet:
        return QuietProgress()
    out = sys.stderr if stream is None else stream
    if out.isatty():
        return LiveProgress(organizations, changes, out)
    return PlainProgress(changes, out)


class QuietProgress:
    """Shows nothing but what was settled, which is no progress."""

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        return None

    def hear(self, event: Event) -> None:
        """Tell what an earlier apply had left open."""
        if event.kind is EventKind.SETTLED:
            note(f"note: organization {event.organization}: {event.text}")


class PlainProgress(QuietProgress):
    """A line every ten seconds, and one for each organization of an apply that takes long."""

    def __init__(
        self, changes: int, stream: TextIO, *, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._total = Progress("applying changes", changes, stream=stream, clock=clock)
        self._stream = stream
        self._clock = clock
        self._start = clock()

    def __exit__(self, *_: object) -> None:
        self._total.finish()

    def hear(self, event: Event) -> None:
        """Count a change, and tell of an organization that has ended."""
        super().hear(event)
        if event.kind is EventKind.CHANGE_ENDED:
            self._total.advance()
        elif event.kind is EventKind.ORGANIZATION_ENDED and event.result is not None:
            worth_telling = event.result.changes or event.result.error
            if worth_telling and self._clock() - self._start >= _TELL_ORGANIZATIONS_AFTER:
                self._stream.write(f"{printable(_ended(event.result))}\n")
                self._stream.flush()


@dataclass(slots=True)
class _Counts:
    done: int = 0
    failed: int = 0

    def add(self, status: ChangeStatus) -> None:
        if status in _BAD:
            self.failed += 1
        else:
            self.done += 1


class LiveProgress(QuietProgress):
    """A line in all and one for each organization that is under way: done, failed, rate."""

    def __init__(self, organizations: int, changes: int, stream: TextIO) -> None:
        self._organizations = organizations
        self._changes = changes
        self._ended = 0
        self._lines = _lines(stream)
        self._all = self._lines.add_task("", total=changes, failed=0)
        self._tasks: dict[int, TaskID] = {}
        self._counts: dict[int, _Counts] = {}
        self._failed = 0

    def __enter__(self) -> Self:
        self._describe()
        self._lines.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._lines.stop()

    def hear(self, event: Event) -> None:
        """Move the lines."""
        match event.kind:
            case EventKind.SETTLED:
                self._lines.console.print(
                    printable(f"organization {event.organization}: {event.text}"), markup=False
                )
            case EventKind.ORGANIZATION_STARTED if event.changes:
                self._start(event)
            case EventKind.CHANGE_ENDED if event.change is not None:
                self._count(event.organization, event.change.status)
            case EventKind.ORGANIZATION_ENDED:
                self._end(event.organization)

    def _start(self, event: Event) -> None:
        self._counts[event.organization] = _Counts()
        self._tasks[event.organization] = self._lines.add_task(
            _title(event.organization, event.name), total=event.changes, failed=0
        )
        self._describe()

    def _count(self, organization: int, status: ChangeStatus) -> None:
        counts = self._counts[organization]
        counts.add(status)
        self._failed += status in _BAD
        self._lines.update(self._tasks[organization], completed=counts.done, failed=counts.failed)
        self._lines.update(self._all, advance=status not in _BAD, failed=self._failed)

    def _end(self, organization: int) -> None:
        if organization in self._tasks:
            self._ended += 1
            self._lines.remove_task(self._tasks.pop(organization))
            self._describe()

    def _describe(self) -> None:
        waiting = self._organizations - self._ended - len(self._tasks)
        text = f"{self._ended} of {self._organizations} organizations, {waiting} waiting"
        self._lines.update(self._all, description=text)


def _lines(stream: TextIO) -> Lines:
    # Only a terminal pays for importing it.
    from rich.console import Console
    from rich.progress import BarColumn, ProgressColumn, TextColumn
    from rich.progress import Progress as Lines
    from rich.text import Text

    class Rate(ProgressColumn):
        """Changes a second."""

        def render(self, task: Any) -> Text:
            return Text(f"{task.speed:.1f}/s" if task.speed else "")

    return Lines(
        TextColumn("{task.description}", markup=False),
        BarColumn(bar_width=24),
        TextColumn("{task.completed} of {task.total}"),
        TextColumn("{task.fields[failed]} failed"),
        Rate(),
        console=Console(file=stream, highlight=False),
        transient=True,
    )


def _title(number: int, name: str | None) -> str:
    return printable(f"{name} ({number})" if name else f"organization {number}")


def _ended(result: OrganizationResult) -> str:
    counts = [
        (len(result.done), "done"),
        (len(result.skipped), "done already"),
        (len(result.failed), "failed"),
        (len(result.not_attempted), "not attempted"),
    ]
    words = ", ".join(f"{count} {word}" for count, word in counts if count)
    return f"{_title(result.id, result.name)}: {result.error or words}"
