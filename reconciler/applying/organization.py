"""Carrying out one organization's plan: its changes in order, up to the first failure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from reconciler.applying.answers import Answer, Ending, text_of
from reconciler.applying.batching import batches
from reconciler.applying.events import Event, EventKind
from reconciler.applying.operations import Effect, Verb
from reconciler.applying.patience import OnStop, Trying
from reconciler.applying.remainder import Remainder, Step, remainder_of
from reconciler.applying.result import (
    ChangeResult,
    ChangeStatus,
    OrganizationResult,
    refusals_of,
)
from reconciler.applying.returning import Returns, give_back, successor
from reconciler.applying.sending import Circumstances, Part, Sender
from reconciler.applying.settling import settle
from reconciler.errors import ApiError, ReconcilerError, UnreachableError
from reconciler.model.plan import Change, OrganizationPlan, Pairing
from reconciler.model.state import OrganizationState

_WELL = frozenset({ChangeStatus.DONE, ChangeStatus.SKIPPED})


class OrganizationRun:
    """One organization's part of an apply; what was done can be asked for at any moment."""

    def __init__(self, plan: OrganizationPlan, shared: Circumstances) -> None:
        self._plan = plan
        self._shared = shared
        self._sender = Sender(plan.id, shared)
        self._results: dict[str, ChangeResult] = {}
        self._remainder = Remainder(())
        self._returns = Returns(plan, self._sender)
        self._settled: tuple[str, ...] = ()
        self._error: str | None = None
        self._unread = False

    @property
    def plan(self) -> OrganizationPlan:
        """The plan that is carried out."""
        return self._plan

    @property
    def due(self) -> bool:
        """Whether there is anything to do, so that the organization has to be read."""
        return bool(self._plan.changes) or self._returns.due

    def carry_out(self) -> None:
        """Read the organization afresh, settle what is open, and do what is left of its plan.

        What the backend does raises nothing here: it stands in the result. Raises `Stopped`
        where a stop was asked for, and the error of the record where it cannot be written.
        """
        if not self.due:
            return
        self._shared.stop.check()
        try:
            state = self._read()
        except ApiError as error:
            self._error, self._unread = text_of(error), True
            return
        self._settled = settle(self._shared, self._plan.id, state)
        self._remainder = remainder_of(self._plan, state, self._shared.today)
        self._returns.resume(self._remainder.steps)
        if self._remainder.stale:
            self._returns.make_for_stale(self._remainder.stale)
            return
        for batch in batches(self._remainder.steps, largest=self._shared.batch):
            results = self._carry_out(batch)
            if any(result.status not in _WELL for result in results):
                return
        self._settled += self._returns.make_for_withheld(state)

    def _read(self) -> OrganizationState:
        """Read the organization afresh; a server that is away for a moment is waited for.

        Where it is not there at all, the apply has ended before it came to any organization.
        """
        trying = self._sender.trying()
        while True:
            try:
                return self._shared.read(self._plan.id)
            except UnreachableError as error:
                if not trying.pause(error):
                    raise

    def result(self, *, interrupted: bool = False) -> OrganizationResult:
        """Return what was done so far; the changes after it count as not attempted."""
        done = {step.change.id for step in self._remainder.steps if step.done}
        changes = (*self._plan.changes, *self._returns.changes)
        return OrganizationResult(
            id=self._plan.id,
            name=self._plan.name,
            changes=tuple(self._result_of(change, done) for change in changes),
            stale=self._returns.told(self._remainder.stale),
            moved=self._remainder.moved,
            error=self._error,
            unread=self._unread,
            refusals=refusals_of(self._plan),
            interrupted=interrupted,
            settled=self._settled,
        )

    def fail(self, error: BaseException) -> None:
        """Note what keeps this organization from being gone on with."""
        if isinstance(error, ReconcilerError):
            self._error = text_of(error)
        else:
            self._error = f"{type(error).__name__}: {error}"

    def _carry_out(self, batch: Sequence[Step]) -> tuple[ChangeResult, ...]:
        trying = self._sender.trying()
        if len(batch) == 1:
            return (self._note(self._carry_out_step(batch[0], trying)),)
        parts = [Part(step.change.id, step.pending[0]) for step in batch]
        answers = self._sender.send(parts, parts[0].effect.verb.value, trying)
        if all(answer.ending is Ending.FAILED and answer.final for answer in answers):
            # One of them makes the whole request wrong; one at a time, it is named.
            return self._one_at_a_time(batch)
        rows = zip(batch, parts, answers, strict=True)
        return tuple(
            self._note(
                self._done(step.change)
                if answer.holds
                else self._failure(step.change, part.effect, answer)
            )
            for step, part, answer in rows
        )

    def _one_at_a_time(self, batch: Sequence[Step]) -> tuple[ChangeResult, ...]:
        results: list[ChangeResult] = []
        for step in batch:
            del self._sender.answers[step.change.id]
        for step in batch:
            results.append(self._note(self._carry_out_step(step, self._sender.trying())))
            if results[-1].status not in _WELL:
                break
        return tuple(results)

    def _carry_out_step(self, step: Step, trying: Trying) -> ChangeResult:
        change = step.change
        if step.done:
            return ChangeResult(change, ChangeStatus.SKIPPED)
        for place, effect in enumerate(step.pending):
            if place or self._returns.loser(change) is not None:
                # A seat was taken, and a stop must not leave it with nobody.
                trying.on_stop = OnStop.GO_ON if _is_transfer(change) else OnStop.ONCE_MORE
            part, purpose = Part(change.id, effect, successor(step, effect)), effect.verb.value
            (answer,) = self._sender.send([part], purpose, trying, begun=place > 0)
            if not answer.holds:
                return self._failure(change, effect, answer)
        return self._done(change)

    def _note(self, result: ChangeResult) -> ChangeResult:
        self._results[result.change.id] = result
        self._shared.report(Event(EventKind.CHANGE_ENDED, self._plan.id, change=result))
        return result

    def _done(self, change: Change) -> ChangeResult:
        writes = self._writes(change)
        # What somebody else did since the state was read was done already when the call came.
        return ChangeResult(
            change, ChangeStatus.DONE if writes else ChangeStatus.SKIPPED, writes=writes
        )

    def _failure(self, change: Change, effect: Effect, answer: Answer) -> ChangeResult:
        message = f"{effect}: {answer.message}"
        given_back = None
        # Only the run that took the seat, or its journal, knows that it was not somebody else.
        holder = change.holder if self._writes(change) else self._returns.loser(change)
        if effect.verb is Verb.GRANT and holder is not None:
            if _is_transfer(change) and answer.ending is not Ending.UNCLEAR:
                returned = give_back(self._sender, change.id, holder, effect)
                given_back, note = returned.given_back, returned.note
            else:
                note = f"{holder.id} has lost the seat; apply the plan again to grant it"
            message = f"{message}; {note}"
            # In a plan that was made since, it is a plain grant.
            change = replace(change, holder=holder)
        rejected = answer.ending is Ending.REJECTED
        return ChangeResult(
            change,
            ChangeStatus.REJECTED if rejected else ChangeStatus.FAILED,
            code=answer.code,
            message=message,
            writes=self._writes(change),
            unclear=self._unclear(change),
            given_back=given_back,
        )

    def _result_of(self, change: Change, done: set[str]) -> ChangeResult:
        noted = self._results.get(change.id)
        if noted is not None:
            return noted
        if change.id in done:
            return ChangeResult(change, ChangeStatus.SKIPPED)
        returned = self._returns.of(change)
        if returned is not None:
            return ChangeResult(
                change,
                ChangeStatus.NOT_ATTEMPTED,
                writes=self._writes(change),
                unclear=self._unclear(change),
                given_back=returned.given_back,
            )
        if self._sender.touched(change.id):
            return self._cut_short(change)
        return ChangeResult(change, ChangeStatus.NOT_ATTEMPTED)

    def _cut_short(self, change: Change) -> ChangeResult:
        """Return a change within which the apply was stopped after a call, or during one."""
        step = next(row for row in self._remainder.steps if row.change.id == change.id)
        # In this order: an answer is there before nothing is awaited any more.
        awaited, answers = change.id in self._sender.in_flight, self._sender.of(change.id)
        if len(answers) == len(step.pending) and all(answer.holds for answer in answers):
            return self._done(change)
        if awaited:
            why = "interrupted while the answer to a call was awaited, so its outcome is not known"
        else:
            why = self._where_cut(step, answers)
        return ChangeResult(
            change,
            ChangeStatus.FAILED,
            message=f"{why}; apply the plan again",
            writes=self._writes(change),
            unclear=self._unclear(change),
        )

    def _where_cut(self, step: Step, answers: Sequence[Answer]) -> str:
        """Tell between which calls of a change the apply was stopped, and whose seat is gone."""
        failed = [
            f"{effect}: {answer.message}"
            for effect, answer in zip(step.pending, answers, strict=False)
            if not answer.holds
        ]
        why = failed[0] if failed else "interrupted between its calls"
        holder = step.change.holder
        if holder is None:
            return why
        if len(answers) > len(step.pending) and answers[-1].holds:
            return f"{why}; the seat was given back to {holder.id}"
        return f"{why}; {holder.id} has lost the seat" if self._writes(step.change) else why

    def _unclear(self, change: Change) -> bool:
        answers = self._sender.of(change.id)
        unclear = any(answer.ending is Ending.UNCLEAR for answer in answers)
        return unclear or change.id in self._sender.in_flight

    def _writes(self, change: Change) -> int:
        return sum(row.ending is Ending.DONE for row in self._sender.of(change.id))


def _is_transfer(change: Change) -> bool:
    """Tell whether it is a declared transfer, or the plain grant that a later plan made of one."""
    return change.pairing is Pairing.DECLARED or change.holder is None
