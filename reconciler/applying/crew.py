"""The threads of an apply: each takes the next organization until there is none left."""

from __future__ import annotations

import queue
import threading
from collections.abc import Sequence

from reconciler.applying.chain import JournalError
from reconciler.applying.events import Event, EventKind
from reconciler.applying.organization import OrganizationRun
from reconciler.applying.sending import Circumstances
from reconciler.applying.stopping import Stopped

# Not every system lets a signal interrupt a wait without end.
_LOOK_UP = 0.2


class Crew:
    """Carries out organizations side by side, the longest first, so that none is left to the end.

    The threads are daemons: an interrupt does not wait for what they are at.
    """

    def __init__(self, shared: Circumstances) -> None:
        self._shared = shared
        self._waiting: queue.SimpleQueue[OrganizationRun] = queue.SimpleQueue()
        self._without_journal: JournalError | None = None
        self.bug: BaseException | None = None
        """An error that must not happen, in one of them; the rest was stopped then."""
        self._ended: queue.SimpleQueue[tuple[OrganizationRun, BaseException | None]] = (
            queue.SimpleQueue()
        )

    def carry_out(
        self, runs: Sequence[OrganizationRun], parallel: int
    ) -> frozenset[OrganizationRun]:
        """Carry them out, up to `parallel` at once, and return those that were interrupted."""
        for run in sorted(runs, key=lambda row: -len(row.plan.changes)):
            self._waiting.put(run)
        for _ in range(max(1, min(parallel, len(runs)))):
            threading.Thread(target=self._work, name="applying", daemon=True).start()
        left, interrupted = set(runs), set[OrganizationRun]()
        try:
            while left:
                run, error = self._next()
                left.discard(run)
                if isinstance(error, Stopped | KeyboardInterrupt):
                    interrupted.add(run)
                elif error is not None:
                    self.bug = error
                    run.fail(error)
        except KeyboardInterrupt:
            self._shared.stop.request()
            return frozenset(left | interrupted)
        return frozenset(interrupted)

    def _next(self) -> tuple[OrganizationRun, BaseException | None]:
        while True:
            try:
                return self._ended.get(timeout=_LOOK_UP)
            except queue.Empty:
                continue

    def _work(self) -> None:
        while True:
            try:
                run = self._waiting.get_nowait()
            except queue.Empty:
                return
            self._ended.put((run, self._one(run)))

    def _one(self, run: OrganizationRun) -> BaseException | None:
        """Carry one out; whatever goes wrong is returned to the thread that waits."""
        plan, report = run.plan, self._shared.report
        try:
            self._shared.stop.check()
            started = Event(
                EventKind.ORGANIZATION_STARTED, plan.id, name=plan.name, changes=len(plan.changes)
            )
            report(started)
            try:
                run.carry_out()
            except JournalError as error:
                self._without_journal = error
                self._shared.stop.request()
                run.fail(error)
            report(
                Event(EventKind.ORGANIZATION_ENDED, plan.id, name=plan.name, result=run.result())
            )
        except Stopped as error:
            if self._without_journal is None:
                return error
            # Nobody stopped it: without the journal no call is made, in any organization.
            run.fail(self._without_journal)
        except BaseException as error:  # noqa: BLE001 - the waiting thread makes an account of it
            self._shared.stop.request()
            return error
        return None
