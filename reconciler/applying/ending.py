"""Ending sessions, one call each, and reading back that they are gone."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from reconciler.applying.answers import BUSY, Ending, text_of
from reconciler.applying.chain import JournalError
from reconciler.applying.patience import Patience, Trying
from reconciler.applying.record import Intent, Item, Record, Result, Unrecorded
from reconciler.applying.stopping import Stop, Stopped
from reconciler.backends.protocol import Backend, EndSession, OutcomeStatus
from reconciler.errors import ApiError, UnclearOutcomeError
from reconciler.model.state import Session


@dataclass(frozen=True, slots=True)
class EndedSession:
    """What became of one session; `ending` is None where it was not attempted."""

    session: Session
    ending: Ending | None = None
    code: str | None = None
    message: str | None = None

    @property
    def gone(self) -> bool:
        """Whether the session is over."""
        return self.ending in {Ending.DONE, Ending.UNCHANGED}


@dataclass(frozen=True, slots=True)
class SessionsResult:
    """What became of sessions that were to end, in the order given.

    `error` says why they could not be gone on with.
    """

    rows: tuple[EndedSession, ...]
    interrupted: bool = False
    error: str | None = None

    @property
    def ended(self) -> int:
        """How many sessions this call ended."""
        return sum(row.ending is Ending.DONE for row in self.rows)

    @property
    def exit_code(self) -> int:
        """0 all gone; 5 partly, or where that is not known; else 4 after a refusal, 1 otherwise."""
        broken = self.interrupted or self.error is not None
        if all(row.gone for row in self.rows) and not broken:
            return 0
        if self.ended or any(row.ending is Ending.UNCLEAR for row in self.rows):
            return 5
        failed = broken or any(row.ending is Ending.FAILED for row in self.rows)
        return 1 if failed else 4


def end_sessions(
    backend: Backend,
    organization: int,
    sessions: Sequence[Session],
    *,
    record: Record | None = None,
    patience: Patience | None = None,
    told: Callable[[EndedSession], None] | None = None,
    stop: Stop | None = None,
) -> SessionsResult:
    """End these sessions, each of which has an ID, and return what was seen to become of them.

    A session counts as ended once it is read back that it is gone. One that fails does not stop
    the next one; a record that cannot be written does. A `stop` that is requested lets the call
    in flight come to its end; a KeyboardInterrupt leaves it to itself. All of that is part of the
    result.
    """
    rows = [EndedSession(session) for session in sessions]
    stop = stop or Stop()
    task = _Task(backend, organization, record or Unrecorded(), patience or Patience(), stop, rows)
    interrupted, error = False, None
    try:
        try:
            for place in range(len(rows)):
                stop.check()
                task.end(place)
                if told is not None:
                    told(rows[place])
        except Stopped:
            interrupted = True
        except JournalError as failure:
            error = text_of(failure)
        task.verify()
    except KeyboardInterrupt:
        interrupted = True
    return SessionsResult(tuple(rows), interrupted, error)


@dataclass(slots=True)
class _Task:
    """The sessions of one organization; `rows` grow true before anything is written down."""

    backend: Backend
    organization: int
    record: Record
    patience: Patience
    stop: Stop
    rows: list[EndedSession]

    def end(self, place: int) -> None:
        """End one session, with its intent written down before and its outcome after."""
        session = self.rows[place].session
        name = session.id or ""
        call = uuid.uuid4().hex
        items = (Item("session", name),)
        self.record.intent(Intent(call, self.organization, "end_session", session.product, items))
        self.rows[place] = EndedSession(session, Ending.UNCLEAR, message="interrupted")
        try:
            self.rows[place] = self._send(session, call, self.patience.begin(self.stop))
        finally:
            self.record.outcome(call, (_result(self.rows[place]),))

    def _send(self, session: Session, key: str, trying: Trying) -> EndedSession:
        operation = EndSession(
            self.organization, session.product, session.machine, session.id or ""
        )
        while True:
            try:
                (outcome,) = self.backend.write(operation, idempotency_key=key)
            except ApiError as error:
                # Whoever has too much to do is not read at once, either.
                again = error.status == BUSY and trying.pause(error)
                ended = self._after(session, error)
                if ended.ending is Ending.FAILED and (again or trying.pause(error)):
                    continue
                return ended
            match outcome.status:
                case OutcomeStatus.DONE:
                    return EndedSession(session, Ending.DONE)
                case OutcomeStatus.UNCHANGED:
                    return EndedSession(session, Ending.UNCHANGED)
                case OutcomeStatus.REJECTED:
                    why = outcome.message or "the licensing system gave no reason"
                    return EndedSession(session, Ending.REJECTED, outcome.code, why)

    def _after(self, session: Session, error: ApiError) -> EndedSession:
        """Return what an error means for the session; one that leaves it open is read back."""
        unclear = isinstance(error, UnclearOutcomeError)
        listed = self._listed() if unclear or error.status == BUSY else ""
        if not unclear and (isinstance(listed, str) or _key(session) in listed):
            return EndedSession(session, Ending.FAILED, message=text_of(error))
        if isinstance(listed, str):
            why = f"{error.message}; reading it back failed too: {listed}"
            return EndedSession(session, Ending.UNCLEAR, message=why)
        if _key(session) not in listed:
            return EndedSession(session, Ending.DONE)
        why = f"{error.message}; read back, it did not take effect"
        return EndedSession(session, Ending.FAILED, message=why)

    def verify(self) -> None:
        """Correct the rows by what is listed now."""
        if any(row.gone or row.ending is Ending.UNCLEAR for row in self.rows):
            listed = self._listed()
            self.rows[:] = [self._seen(row, listed) for row in self.rows]

    def _seen(self, row: EndedSession, listed: frozenset[_Key] | str) -> EndedSession:
        if isinstance(listed, str):
            if not row.gone:
                return row
            why = f"the answer says that it has ended; it could not be read back: {listed}"
            return replace(row, ending=Ending.UNCLEAR, message=why)
        if row.ending is Ending.UNCLEAR and _key(row.session) not in listed:
            return replace(row, ending=Ending.DONE, message=None)
        if row.gone and _key(row.session) in listed:
            why = "the answer says that it has ended, and yet it is still listed"
            return replace(row, ending=Ending.FAILED, message=why)
        return row

    def _listed(self) -> frozenset[_Key] | str:
        """Return what tells the active sessions apart, or why they cannot be listed."""
        try:
            sessions = self.backend.read(self.organization).sessions
        except ApiError as error:
            return text_of(error)
        if sessions is None:
            return "the sessions cannot be listed"
        return frozenset(_key(session) for session in sessions)


def _result(row: EndedSession) -> Result:
    session = row.session
    # An ID says little to whoever reads the journal later.
    whose = f"{session.email or 'somebody'} on {session.machine}"
    message = f"{whose}: {row.message}" if row.message else whose
    ending = row.ending or Ending.UNCLEAR
    return Result(session.id or "", ending.value, row.code, message)


_Key = tuple[str, str, str | None]


def _key(session: Session) -> _Key:
    return session.product, session.machine, session.id
