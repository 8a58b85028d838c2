"""A checklist with a person: one step at a time, each verified by reading the licensing system."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date
from itertools import count

from reconciler.applying.answers import Ending, text_of
from reconciler.applying.chain import JournalError
from reconciler.applying.checklist import NumberedStep, section, title
from reconciler.applying.guided_calls import (
    Call,
    calls_of,
    half_done,
    intent_of,
    missing_effects,
    not_seen,
    recorded,
)
from reconciler.applying.guided_reading import read, settle, settle_others
from reconciler.applying.left import Left, left_of
from reconciler.applying.operations import Effect, effects_of
from reconciler.applying.person import Person, Reply
from reconciler.applying.record import Record, Unrecorded
from reconciler.applying.record import Result as Recorded
from reconciler.applying.remainder import Stale
from reconciler.applying.result import (
    ApplyResult,
    ChangeResult,
    ChangeStatus,
    OrganizationResult,
    refusals_of,
)
from reconciler.applying.simulation import Simulation
from reconciler.applying.steps import Step, steps_of
from reconciler.applying.wording import Words, value
from reconciler.backends.protocol import Backend
from reconciler.model.plan import Change, OrganizationPlan, Plan
from reconciler.model.state import OrganizationState

_MOST_NAMED = 20
_LEFT_OUT = "left out; the next run shows it again"


def walk(
    plan: Plan,
    backend: Backend,
    person: Person,
    *,
    today: date,
    record: Record | None = None,
) -> ApplyResult:
    """Take a person through what is left of a plan and return what was seen to be done.

    A change is done once reading shows it, never because somebody says so. Each step is written
    down before it is shown and after it was read back. An interrupt is part of the result, and so
    is a record that cannot be written any more, after which no step is shown.
    """
    book = record or Unrecorded()
    results = []
    ended = interrupted = False
    try:
        settle_others(plan, backend, person, book, today)
    except KeyboardInterrupt:
        ended = interrupted = True
    for organization in plan.organizations:
        one = _Walk(organization, plan.target, backend, person, book, today)
        if organization.changes and not ended:
            try:
                try:
                    ended = not one.go()
                except KeyboardInterrupt:
                    ended = interrupted = True
                    one.interrupt()
            except JournalError as error:
                ended = True
                one.fail(error)
        results.append(one.result(interrupted=interrupted))
    return ApplyResult.of(plan, results)


@dataclass(slots=True)
class _Walk:
    """One organization's part; `under_way` is the step that is shown and not read back yet."""

    plan: OrganizationPlan
    target: str
    backend: Backend
    person: Person
    record: Record
    today: date
    results: dict[str, ChangeResult] = field(default_factory=dict)
    left: Left = field(default_factory=Left)
    stale: list[Stale] = field(default_factory=list)
    left_out: set[str] = field(default_factory=set)
    under_way: tuple[Step, tuple[Call, ...]] | None = None
    error: str | None = None
    originals: dict[str, Change] = field(init=False)

    def __post_init__(self) -> None:
        self.originals = {change.id: change for change in self.plan.changes}

    def go(self) -> bool:
        """Walk through the steps; return False where the person wants no more of them."""
        called = title(self.plan.id, self.plan.name)
        state = read(self.backend, self.person, self.plan.id)
        if isinstance(state, str):
            self.left = Left(error=state)
            self.person.tell((*called, ": could not be read: ", value(state)))
            return True
        settle(self.person, self.record, state, self.today)
        self.left = left_of(self.plan, state, self.today)
        for change in self.left.done:
            self.results[change] = ChangeResult(self.originals[change], ChangeStatus.SKIPPED)
        if self.left.stale:
            self._tell_stale(called)
            return True
        steps = steps_of(self.left.changes, self.left.quotas)
        rows = section(self.target, self.plan.id, self.plan.name, steps, count(1))
        if rows.steps:
            self.person.begin(rows)
        for row in rows.steps:
            reply, state = self._one(row, len(rows.steps), state)
            if reply is Reply.QUIT:
                return False
        return True

    def interrupt(self) -> None:
        """Say of the step within which an interrupt came that its outcome is not known."""
        if self.under_way is None:
            return
        step, calls = self.under_way
        for change in step.changes:
            message = "interrupted before it was read back; run it again"
            self._note(change, ChangeStatus.FAILED, message=message, unclear=True)
        for call in calls:
            rows = (
                Recorded(effect.subject.id, Ending.UNCLEAR.value, message="interrupted")
                for effect in call.effects
            )
            self.record.outcome(call.name, tuple(rows))

    def fail(self, error: JournalError) -> None:
        """Note what keeps this organization from being gone on with."""
        self.error = text_of(error)

    def result(self, *, interrupted: bool) -> OrganizationResult:
        """Return what was seen to be done so far; the rest counts as not attempted."""
        rows = (
            self.results.get(change.id) or ChangeResult(change, ChangeStatus.NOT_ATTEMPTED)
            for change in self.plan.changes
        )
        return OrganizationResult(
            id=self.plan.id,
            name=self.plan.name,
            changes=tuple(rows),
            stale=(*self.left.stale, *self.stale),
            moved=self.left.moved,
            error=self.error or self.left.error,
            unread=self.error is None and self.left.error is not None,
            refusals=refusals_of(self.plan),
            interrupted=interrupted,
        )

    def _one(
        self, row: NumberedStep, total: int, state: OrganizationState
    ) -> tuple[Reply, OrganizationState]:
        step = row.step
        if not missing_effects(step, Simulation(state, self.today)):
            for change in step.changes:
                self._note(change, ChangeStatus.SKIPPED)
            return Reply.CHECK, state
        if self._blocked(step, Simulation(state, self.today)):
            return Reply.SKIP, state
        calls = calls_of(step)
        for call in calls:
            self.record.intent(intent_of(self.plan.id, step, call))
        self.under_way = step, calls
        self.person.step(row, total)
        reply = self.person.reply(again=False)
        while True:
            found = read(self.backend, self.person, self.plan.id)
            if not isinstance(found, str):
                state = found
            missing = self._look(step, found, state, told=reply is Reply.CHECK)
            if reply is not Reply.CHECK or missing == ():
                break
            reply = self.person.reply(again=True)
        self._finish(step, calls, missing)
        return reply, state

    def _look(
        self, step: Step, found: OrganizationState | str, state: OrganizationState, *, told: bool
    ) -> tuple[Effect, ...] | None:
        """Return what of the step is not there; None where it could not be read."""
        if isinstance(found, str):
            self.person.tell(("It could not be read back: ", value(found)))
            return None
        simulation = Simulation(state, self.today)
        missing = missing_effects(step, simulation)
        if not missing:
            self.person.tell(("Seen: it is done.",))
        elif told:
            self._tell_missing(missing, simulation)
        return missing

    def _tell_missing(self, missing: tuple[Effect, ...], simulation: Simulation) -> None:
        for effect in missing[:_MOST_NAMED]:
            objection = simulation.objection(effect)
            why: Words = (" (", value(objection.message), ")") if objection else ()
            self.person.tell(("Not seen yet: ", *not_seen(effect), *why))
        if len(missing) > _MOST_NAMED:
            self.person.tell((f"… and {len(missing) - _MOST_NAMED} more",))

    def _blocked(self, step: Step, simulation: Simulation) -> bool:
        """Tell whether the step cannot be done now, and note why."""
        for change in step.changes:
            for effect in effects_of(change):
                if simulation.shows(effect) is True:
                    continue
                objection = simulation.objection(effect)
                if objection is None:
                    simulation.carry_out(effect)
                    continue
                self.person.tell(
                    (
                        f"Left out, as it cannot be done now: {step.title}: ",
                        value(objection.message),
                    )
                )
                for one in step.changes:
                    self._note(one, ChangeStatus.NOT_ATTEMPTED, message=objection.message)
                # Without the seats of a step that was left out, it is no news that one is missing.
                if step.product not in self.left_out:
                    self.stale.append(Stale.of(self.originals[change.id], effect, objection))
                self.left_out.add(step.product)
                return True
        return False

    def _finish(
        self, step: Step, calls: tuple[Call, ...], missing: tuple[Effect, ...] | None
    ) -> None:
        absent = None if missing is None else frozenset(missing)
        self._judge(step, absent)
        # From here on the account is true. An outcome that is not written down any more stays
        # open, and the next run finds it by reading.
        self.under_way = None
        if missing != ():
            self.left_out.add(step.product)
        for call in calls:
            rows = (recorded(effect, absent) for effect in call.effects)
            self.record.outcome(call.name, tuple(rows))

    def _judge(self, step: Step, absent: frozenset[Effect] | None) -> None:
        """Note what became of the step's changes; `absent` is None where it is not known."""
        for change in step.changes:
            effects = effects_of(change)
            gone = [effect for effect in effects if absent is None or effect in absent]
            if absent is None:
                message = "it could not be read back whether it was done; run it again"
                self._note(change, ChangeStatus.FAILED, message=message, unclear=True)
            elif not gone:
                self._note(change, ChangeStatus.DONE, writes=len(effects))
            elif len(gone) == len(effects):
                self._note(change, ChangeStatus.NOT_ATTEMPTED, message=_LEFT_OUT)
            else:
                self._note(
                    change, ChangeStatus.FAILED, message=half_done(change, gone[0]), writes=1
                )

    def _note(
        self,
        change: Change,
        status: ChangeStatus,
        *,
        message: str | None = None,
        writes: int = 0,
        unclear: bool = False,
    ) -> None:
        original = self.originals[change.id]
        self.results[change.id] = ChangeResult(
            original, status, message=message, writes=writes, unclear=unclear
        )

    def _tell_stale(self, called: Words) -> None:
        self.person.tell((*called, ": the plan no longer holds here, so no step is shown."))
        for stale in self.left.stale:
            self.person.tell(("  ", value(stale.message)))
        for line in self.left.moved:
            self.person.tell(("  moved: ", value(line)))
