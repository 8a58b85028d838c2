"""Carrying out one organization's plan: its changes in order, up to the first failure."""

from __future__ import annotations

from dataclasses import dataclass

from reconciler.applying.events import Event, EventKind
from reconciler.applying.operations import Effect, Verb
from reconciler.applying.remainder import Remainder, Step, remainder_of
from reconciler.applying.result import ChangeResult, ChangeStatus, OrganizationResult
from reconciler.applying.sending import Answer, Ending, Sender, text_of
from reconciler.applying.simulation import Simulation
from reconciler.errors import ApiError
from reconciler.model.identity import Subject
from reconciler.model.plan import Change, OrganizationPlan, Pairing


@dataclass(frozen=True, slots=True)
class _Underway:
    """The change that is being carried out; `mark` counts the answers before its first call."""

    place: int
    step: Step
    mark: int


class OrganizationRun:
    """One organization's part of an apply; what was done can be asked for at any moment."""

    def __init__(self, plan: OrganizationPlan, sender: Sender) -> None:
        self._plan = plan
        self._sender = sender
        self._results: list[ChangeResult] = []
        self._remainder = Remainder(())
        self._error: str | None = None
        self._underway: _Underway | None = None

    def carry_out(self) -> None:
        """Read the organization afresh and do what is left of its plan.

        What the backend does raises nothing here: it stands in the result.
        """
        if not self._plan.changes:
            return
        try:
            state = self._sender.backend.read(self._plan.id)
        except ApiError as error:
            self._error = text_of(error)
            return
        self._remainder = remainder_of(self._plan, state, self._sender.today)
        if self._remainder.stale:
            return
        for step in self._remainder.steps:
            result = self._carry_out_step(step)
            self._results.append(result)
            self._sender.report(Event(EventKind.CHANGE_ENDED, self._plan.id, change=result))
            if result.status not in {ChangeStatus.DONE, ChangeStatus.SKIPPED}:
                return

    def result(self, *, interrupted: bool = False) -> OrganizationResult:
        """Return what was done so far; the changes after it count as not attempted."""
        results = list(self._results)
        if interrupted:
            results += self._cut_short()
        skipped = {step.change.id for step in self._remainder.steps if step.done}
        for change in self._plan.changes[len(results) :]:
            done = change.id in skipped
            status = ChangeStatus.SKIPPED if done else ChangeStatus.NOT_ATTEMPTED
            results.append(ChangeResult(change, status))
        return OrganizationResult(
            id=self._plan.id,
            name=self._plan.name,
            changes=tuple(results),
            stale=self._remainder.stale,
            moved=self._remainder.moved,
            error=self._error,
            refusals=len(self._plan.refusals),
            interrupted=interrupted,
        )

    def _carry_out_step(self, step: Step) -> ChangeResult:
        change = step.change
        if step.done:
            return ChangeResult(change, ChangeStatus.SKIPPED)
        mark = len(self._sender.answers)
        self._underway = _Underway(len(self._results), step, mark)
        for effect in step.pending:
            answer = self._sender.send(self._plan.id, change.id, effect, effect.verb.value)
            if not answer.holds:
                return self._failure(change, effect, answer, mark)
        return ChangeResult(change, ChangeStatus.DONE, writes=self._writes_since(mark))

    def _failure(self, change: Change, effect: Effect, answer: Answer, mark: int) -> ChangeResult:
        message = f"{effect}: {answer.message}"
        given_back = None
        # Only this run knows that it was the plan, not somebody else, that took the seat.
        took_seat = effect.verb is Verb.GRANT and self._writes_since(mark) > 0
        if took_seat and change.holder is not None:
            if change.pairing is Pairing.DECLARED and answer.final:
                given_back, note = self._give_back(change, change.holder)
            else:
                note = f"{change.holder.id} has lost the seat; apply the plan again to grant it"
            message = f"{message}; {note}"
        answers = self._sender.answers[mark:]
        rejected = answer.ending is Ending.REJECTED
        return ChangeResult(
            change,
            ChangeStatus.REJECTED if rejected else ChangeStatus.FAILED,
            code=answer.code,
            message=message,
            writes=self._writes_since(mark),
            unclear=any(row.ending is Ending.UNCLEAR for row in answers),
            given_back=given_back,
        )

    def _give_back(self, change: Change, holder: Subject) -> tuple[bool, str]:
        """Grant the seat of a failed transfer to its former holder, where that is possible."""
        effect = Effect(Verb.GRANT, change.product, holder)
        lost = f"the seat could not be given back to {holder.id}"
        try:
            state = self._sender.backend.read(self._plan.id)
        except ApiError as error:
            return False, f"{lost}: {text_of(error)}"
        simulation = Simulation(state, self._sender.today)
        if simulation.shows(effect):
            return True, f"{holder.id} has a seat again"
        objection = simulation.objection(effect)
        if objection is not None:
            return False, f"{lost}: {objection.message}"
        answer = self._sender.send(self._plan.id, change.id, effect, "give_back")
        if answer.holds:
            return True, f"the seat was given back to {holder.id}"
        return False, f"{lost}: {answer.message}"

    def _cut_short(self) -> list[ChangeResult]:
        """Return the change within which an interrupt came, unless nothing of it was sent."""
        underway, sender = self._underway, self._sender
        if underway is None or underway.place != len(self._results):
            return []
        change, answers = underway.step.change, sender.answers[underway.mark :]
        writes = self._writes_since(underway.mark)
        if not answers and not sender.in_flight:
            return []
        pending = underway.step.pending
        if len(answers) == len(pending) and all(answer.holds for answer in answers):
            return [ChangeResult(change, ChangeStatus.DONE, writes=writes)]
        where = (
            "while the answer to a call was awaited, so its outcome is not known"
            if sender.in_flight
            else "between its calls"
        )
        return [
            ChangeResult(
                change,
                ChangeStatus.FAILED,
                message=f"interrupted {where}; apply the plan again",
                writes=writes,
                unclear=sender.in_flight,
            )
        ]

    def _writes_since(self, mark: int) -> int:
        return sum(row.ending is Ending.DONE for row in self._sender.answers[mark:])
