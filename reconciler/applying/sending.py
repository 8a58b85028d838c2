"""One call to the backend, and what became of it when the answer does not say."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import date
from enum import StrEnum

from reconciler.applying.events import Event, EventKind
from reconciler.applying.operations import Effect, idempotency_key, operation_for
from reconciler.applying.simulation import Simulation
from reconciler.backends.protocol import Backend, Outcome, OutcomeStatus
from reconciler.errors import ApiError, UnclearOutcomeError
from reconciler.model.identity import Subject


class Ending(StrEnum):
    """How a call ended."""

    DONE = "done"
    UNCHANGED = "unchanged"
    """It was so already; somebody else did it since the state was read."""
    REJECTED = "rejected"
    FAILED = "failed"
    """Nothing was changed."""
    UNCLEAR = "unclear"
    """It may have taken effect, and reading back did not tell."""


@dataclass(frozen=True, slots=True)
class Answer:
    """How a call ended and why. `final` tells that sending it again later cannot help as such."""

    ending: Ending
    code: str | None = None
    message: str | None = None
    final: bool = False

    @property
    def holds(self) -> bool:
        """Whether the effect is there now."""
        return self.ending in {Ending.DONE, Ending.UNCHANGED}


@dataclass(slots=True)
class Sender:
    """Sends one organization's effects in one run of a plan, and remembers each answer.

    `answers` grows before anybody is told of an answer, and `in_flight` stays true where an
    interrupt came while one was awaited: an interrupt loses nothing that was done.
    """

    backend: Backend
    plan_digest: str
    run: str
    today: date
    report: Callable[[Event], None]
    answers: list[Answer] = field(default_factory=list)
    in_flight: bool = False

    def send(self, organization: int, change_id: str, effect: Effect, purpose: str) -> Answer:
        """Bring one effect about; `purpose` tells the calls of one change apart."""
        key = idempotency_key(self.plan_digest, self.run, organization, change_id, purpose)
        start = Event(
            EventKind.CALL_STARTED, organization, change_id=change_id, effect=effect, key=key
        )
        self.report(start)
        self.in_flight = True
        answer = self._call(organization, effect, key)
        self.answers.append(answer)
        self.in_flight = False
        self.report(
            Event(
                EventKind.CALL_ENDED,
                organization,
                change_id=change_id,
                effect=effect,
                key=key,
                answer=answer.ending.value,
            )
        )
        return answer

    def _call(self, organization: int, effect: Effect, key: str) -> Answer:
        operation = operation_for(organization, effect)
        try:
            outcomes = self.backend.write(operation, idempotency_key=key)
        except UnclearOutcomeError as error:
            return self._settle(organization, effect, error.message)
        except ApiError as error:
            return Answer(Ending.FAILED, message=text_of(error), final=_final(error))
        outcome = _outcome_of(effect.subject, outcomes)
        if outcome is None:
            return self._settle(organization, effect, "the answer does not name the subject")
        match outcome.status:
            case OutcomeStatus.DONE:
                return Answer(Ending.DONE)
            case OutcomeStatus.UNCHANGED:
                return Answer(Ending.UNCHANGED)
            case OutcomeStatus.REJECTED:
                message = outcome.message or "the licensing system gave no reason"
                return Answer(Ending.REJECTED, outcome.code, message, final=True)

    def _settle(self, organization: int, effect: Effect, why: str) -> Answer:
        try:
            state = self.backend.read(organization)
        except ApiError as error:
            return Answer(
                Ending.UNCLEAR, message=f"{why}; reading it back failed too: {text_of(error)}"
            )
        match Simulation(state, self.today).shows(effect):
            case True:
                return Answer(Ending.DONE)
            case False:
                return Answer(Ending.FAILED, message=f"{why}; read back, it did not take effect")
            case None:
                return Answer(Ending.UNCLEAR, message=f"{why}; the list that tells is unreadable")


def _outcome_of(subject: Subject, outcomes: tuple[Outcome, ...]) -> Outcome | None:
    for outcome in outcomes:
        if Subject(subject.kind, outcome.subject).key == subject.key:
            return outcome
    return None


def text_of(error: ApiError) -> str:
    """Return what went wrong and what to do about it, in one line."""
    return f"{error.message} ({error.hint})" if error.hint else error.message


# Wrong keys, lacking roles, time-outs and rate limits end some day; the request itself is right.
_PASSING = frozenset({401, 403, 408, 425, 429})


def _final(error: ApiError) -> bool:
    status = error.status
    return status is not None and 400 <= status < 500 and status not in _PASSING
