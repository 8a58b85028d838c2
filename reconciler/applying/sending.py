"""One call to the backend, with whatever it takes until its outcome is known."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import date

from reconciler.applying.answers import BUSY, Answer, Ending, is_final, text_of
from reconciler.applying.events import Event, EventKind
from reconciler.applying.operations import Effect, idempotency_key, operation_for
from reconciler.applying.pacing import Pace
from reconciler.applying.patience import Patience, Trying
from reconciler.applying.record import Intent, Item, Record, Result
from reconciler.applying.simulation import Simulation
from reconciler.applying.stopping import Stop
from reconciler.backends.protocol import Backend, Operation, Outcome, OutcomeStatus
from reconciler.errors import ApiError, UnclearOutcomeError
from reconciler.model.identity import Subject
from reconciler.model.state import OrganizationState


@dataclass(frozen=True, slots=True)
class Circumstances:
    """What all organizations of one apply share; `run` tells it from other applies of its plan."""

    backend: Backend
    plan_digest: str
    run: str
    today: date
    report: Callable[[Event], None]
    record: Record
    stop: Stop
    pace: Pace
    patience: Patience
    batch: int

    def read(self, organization: int) -> OrganizationState:
        """Read an organization afresh, in its turn; raises `ApiError`."""
        self.pace.take_turn(self.stop)
        return self.backend.read(organization)


@dataclass(frozen=True, slots=True)
class Part:
    """One effect of a call, and the change that it belongs to.

    `successor` is who gets the seat next, in the first half of a declared transfer.
    """

    change_id: str
    effect: Effect
    successor: Subject | None = None


@dataclass(slots=True)
class Sender:
    """Sends one organization's effects, and remembers the answers of each change.

    `answers` grows before anybody is told of an answer, and `in_flight` names the changes of a
    call that is awaited: an interrupt loses nothing that was done.
    """

    organization: int
    shared: Circumstances
    answers: dict[str, list[Answer]] = field(default_factory=dict)
    in_flight: frozenset[str] = frozenset()

    def trying(self) -> Trying:
        """Return the pauses for one change, or for changes that go together; its time runs."""
        return self.shared.patience.begin(self.shared.stop)

    def send(
        self, parts: Sequence[Part], purpose: str, trying: Trying, *, begun: bool = False
    ) -> tuple[Answer, ...]:
        """Bring effects that are alike about in one call, and return an answer for each.

        `purpose` tells the calls of the same changes apart. Raises `Stopped` before anything is
        sent, where a stop was asked for, and the error of the record where it cannot be written.
        A change that has `begun` is finished all the same: a stop leaves nobody without a seat.
        """
        shared = self.shared
        shared.pace.take_turn(shared.stop)
        if not begun:
            shared.stop.check()
        ids = tuple(part.change_id for part in parts)
        key = idempotency_key(shared.plan_digest, shared.run, self.organization, ids, purpose)
        effects = tuple(part.effect for part in parts)
        shared.report(Event(EventKind.CALL_STARTED, self.organization, effects=effects, key=key))
        shared.record.intent(_intent(self.organization, key, parts))
        self.in_flight = frozenset(ids)
        answers = _Call(self.organization, shared, effects, key, trying).carry_out()
        for part, answer in zip(parts, answers, strict=True):
            self.answers.setdefault(part.change_id, []).append(answer)
        self.in_flight = frozenset()
        shared.record.outcome(key, _results(effects, answers))
        told = tuple(answer.ending.value for answer in answers)
        shared.report(
            Event(EventKind.CALL_ENDED, self.organization, effects=effects, key=key, answers=told)
        )
        return answers

    def of(self, change_id: str) -> tuple[Answer, ...]:
        """Return the answers of a change so far."""
        return tuple(self.answers.get(change_id, ()))

    def touched(self, change_id: str) -> bool:
        """Tell whether a call was made for a change, or is awaited."""
        return change_id in self.in_flight or change_id in self.answers


class _Call:
    """One call, tried until each of its effects has an answer."""

    def __init__(
        self,
        organization: int,
        shared: Circumstances,
        effects: tuple[Effect, ...],
        key: str,
        trying: Trying,
    ) -> None:
        self._organization = organization
        self._shared = shared
        self._effects = effects
        self._key = key
        self._trying = trying
        self._known: dict[Effect, Answer] = {}
        self._doubtful = False

    def carry_out(self) -> tuple[Answer, ...]:
        operation = operation_for(self._organization, self._effects)
        again = True
        while again and (error := self._try(operation)) is not None:
            # Whoever has too much to do is not read at once, either.
            busy = error.status == BUSY
            again = busy and self._trying.pause(error)
            self._settle(error)
            if not self._left():
                break
            again = again if busy else self._trying.pause(error)
            if not again and self._doubtful:
                self._look_again(self._left())
            if not again:
                self._known |= dict.fromkeys(self._left(), _failure(error))
        return tuple(self._known[effect] for effect in self._effects)

    def _try(self, operation: Operation) -> ApiError | None:
        """Send it once; return what went wrong, or None where every effect has its answer."""
        try:
            outcomes = self._shared.backend.write(operation, idempotency_key=self._key)
        except ApiError as error:
            return error
        by_subject = {_compared(self._effects[0], row.subject): row for row in outcomes}
        if any(effect.subject.compared not in by_subject for effect in self._effects):
            return UnclearOutcomeError("the answer does not name the subject")
        doubtful = self._doubtful
        rejected = []
        for effect in self._left():
            outcome = by_subject[effect.subject.compared]
            if doubtful and outcome.status is OutcomeStatus.REJECTED:
                rejected.append(effect)
            self._known[effect] = _answer(outcome, doubtful=doubtful)
        if rejected:
            self._confirm(rejected, UnclearOutcomeError("an earlier try may have taken effect"))
        return None

    def _settle(self, error: ApiError) -> None:
        """Read back what a call without a usable answer has done, before anything else happens.

        A server that has too much to do says that it did nothing. That is read back as well, and
        believed where it cannot be.
        """
        unclear = isinstance(error, UnclearOutcomeError)
        if not unclear and error.status != BUSY:
            return
        self._doubtful = self._doubtful or unclear
        read = self._read_back()
        for effect in self._left():
            shown = None if isinstance(read, ApiError) else read.shows(effect)
            if shown:
                self._known[effect] = Answer(Ending.DONE)
            elif shown is None and unclear:
                self._known[effect] = Answer(Ending.UNCLEAR, message=_unread(error, read))

    def _read_back(self) -> Simulation | ApiError:
        while True:
            try:
                state = self._shared.read(self._organization)
            except ApiError as failure:
                if self._trying.pause(failure):
                    continue
                return failure
            return Simulation(state, self._shared.today)

    def _look_again(self, effects: Sequence[Effect]) -> None:
        """Read once more before it is believed that nothing was done: lists may show it late."""
        if not self._trying.look_again():
            return
        read = self._read_back()
        if isinstance(read, Simulation):
            self._known |= {effect: Answer(Ending.DONE) for effect in effects if read.shows(effect)}

    def _confirm(self, rejected: Sequence[Effect], doubt: UnclearOutcomeError) -> None:
        """Find out whether an earlier try did what a later one was refused for."""
        read = self._read_back()
        hidden = []
        for effect in rejected:
            shown = None if isinstance(read, ApiError) else read.shows(effect)
            if shown:
                self._known[effect] = Answer(Ending.DONE)
            elif shown is None:
                self._known[effect] = Answer(Ending.UNCLEAR, message=_unread(doubt, read))
            else:
                hidden.append(effect)
        if hidden:
            self._look_again(hidden)

    def _left(self) -> tuple[Effect, ...]:
        return tuple(effect for effect in self._effects if effect not in self._known)


def _answer(outcome: Outcome, *, doubtful: bool) -> Answer:
    match outcome.status:
        case OutcomeStatus.DONE:
            return Answer(Ending.DONE)
        case OutcomeStatus.UNCHANGED:
            # After an unclear try it was most likely that one which did it.
            return Answer(Ending.DONE if doubtful else Ending.UNCHANGED)
        case OutcomeStatus.REJECTED:
            message = outcome.message or "the licensing system gave no reason"
            return Answer(Ending.REJECTED, outcome.code, message, final=True)


def _failure(error: ApiError) -> Answer:
    if isinstance(error, UnclearOutcomeError):
        message = f"{error.message}; read back, it did not take effect"
        message = f"{message} ({error.hint})" if error.hint else message
        return Answer(Ending.FAILED, message=message)
    return Answer(Ending.FAILED, message=text_of(error), final=is_final(error))


def _compared(effect: Effect, name: str) -> Subject:
    return Subject(effect.subject.kind, name).compared


def _unread(error: ApiError, read: Simulation | ApiError) -> str:
    if isinstance(read, ApiError):
        return f"{error.message}; reading it back failed too: {text_of(read)}"
    return f"{error.message}; the list that tells is unreadable"


def _intent(organization: int, key: str, parts: Sequence[Part]) -> Intent:
    effect, successor = parts[0].effect, parts[0].successor
    items = tuple(
        Item(part.effect.subject.kind.value, part.effect.subject.id, part.change_id)
        for part in parts
    )
    return Intent(
        key,
        organization,
        effect.verb.value,
        effect.product,
        items,
        expires=effect.expires,
        successor=successor.id if successor else None,
    )


def _results(effects: Sequence[Effect], answers: Sequence[Answer]) -> tuple[Result, ...]:
    return tuple(
        Result(effect.subject.id, answer.ending.value, answer.code, answer.message)
        for effect, answer in zip(effects, answers, strict=True)
    )
