"""Sessions ended on a licensing system in memory, with its answers lost and late."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace

import pytest

from reconciler.applying.answers import Ending
from reconciler.applying.chain import JournalError
from reconciler.applying.ending import EndedSession, SessionsResult, end_sessions
from reconciler.applying.patience import Patience
from reconciler.applying.record import Intent, Result, Taken
from reconciler.applying.stopping import Stop
from reconciler.backends.protocol import EndSession, Operation, Outcome, OutcomeStatus
from reconciler.errors import ApiError, UnclearOutcomeError
from reconciler.model.state import OrganizationState, Session
from tests.unit.applying.fake import NO_PATIENCE, FakeBackend

ONE = Session("kse", "m1", "ada@x.io", None, "s1")
TWO = Session("kre-floating", "m2", None, None, "s2")


class Server(FakeBackend):
    """Ends sessions; `before` and `after` go wrong as they are told, as everywhere."""

    refuses = False
    pretends = False

    def _effect(self, operation: Operation) -> tuple[Outcome, ...]:
        assert isinstance(operation, EndSession)
        state = self.states[operation.organization]
        if self.refuses:
            return (Outcome(operation.session, OutcomeStatus.REJECTED, "not_yours", "no"),)
        kept = tuple(row for row in state.sessions or () if row.id != operation.session)
        ended = len(kept) < len(state.sessions or ())
        if not self.pretends:
            self.states[operation.organization] = replace(state, sessions=kept)
        status = OutcomeStatus.DONE if ended else OutcomeStatus.UNCHANGED
        return (Outcome(operation.session, status),)


@dataclass
class Notebook:
    open_intents: tuple[Intent, ...] = ()
    taken: tuple[Taken, ...] = ()
    lines: list[str] = field(default_factory=list)
    room: int = 99

    def _take(self) -> None:
        self.room -= 1
        if self.room < 0:
            raise JournalError("the disk is full", hint="make room")

    def intent(self, intent: Intent) -> None:
        self._take()
        self.lines.append(f"{intent.action} {intent.product} {intent.items[0].id}")

    def outcome(self, call: str, results: tuple[Result, ...], *, settled: bool = False) -> None:
        self._take()
        self.lines.append(f"{results[0].id} {results[0].ending} {results[0].message}")


def server(*sessions: Session) -> Server:
    return Server(OrganizationState(101, sessions=sessions or (ONE, TWO)))


def run(
    backend: Server,
    book: Notebook | None = None,
    patience: Patience = NO_PATIENCE,
    told: Callable[[EndedSession], None] | None = None,
    stop: Stop | None = None,
) -> SessionsResult:
    return end_sessions(
        backend, 101, (ONE, TWO), record=book, patience=patience, told=told, stop=stop
    )


def endings(result: SessionsResult) -> list[Ending | None]:
    return [row.ending for row in result.rows]


def raising(error: BaseException, *calls: int) -> Callable[[int, Operation], None]:
    def hook(number: int, operation: Operation) -> None:
        if number in calls:
            raise error

    return hook


def test_each_session_is_ended_written_down_and_read_back() -> None:
    backend, book, told = server(), Notebook(), list[EndedSession]()
    result = run(backend, book, told=told.append)
    assert endings(result) == [Ending.DONE, Ending.DONE]
    assert (result.ended, result.exit_code, backend.reads) == (2, 0, 1)
    assert backend.states[101].sessions == ()
    assert [row.session for row in told] == [ONE, TWO]
    assert book.lines == [
        "end_session kse s1",
        "s1 done ada@x.io on m1",
        "end_session kre-floating s2",
        "s2 done somebody on m2",
    ]


def test_a_rate_limit_that_came_after_the_end_of_a_session_is_read_back() -> None:
    backend = server()
    backend.after = raising(ApiError("too many", status=429, retry_after=99.0), 0)
    result = run(backend)
    assert endings(result) == [Ending.DONE, Ending.DONE]
    assert result.exit_code == 0


def test_a_rate_limit_that_cannot_be_read_back_is_believed() -> None:
    backend = server()
    backend.before = raising(ApiError("too many", status=429, retry_after=99.0), 0, 1)

    def gone(organization: int) -> None:
        raise ApiError("no role any more", status=403)

    backend.on_read = gone
    result = run(backend)
    assert endings(result) == [Ending.FAILED, Ending.FAILED]
    assert (result.exit_code, result.rows[0].message) == (1, "too many")


def test_a_session_that_ended_by_itself_is_no_failure() -> None:
    result = run(server(TWO))
    assert endings(result) == [Ending.UNCHANGED, Ending.DONE]
    assert (result.ended, result.exit_code) == (1, 0)


def test_an_answer_is_not_believed_while_the_session_is_still_listed() -> None:
    backend = server()
    backend.pretends = True
    result = run(backend)
    assert endings(result) == [Ending.FAILED, Ending.FAILED]
    assert "still listed" in str(result.rows[0].message)
    assert result.exit_code == 1


def test_a_lost_answer_is_settled_by_reading() -> None:
    backend, book = server(), Notebook()
    backend.after = raising(UnclearOutcomeError("no answer"), 0)
    result = run(backend, book)
    assert endings(result) == [Ending.DONE, Ending.DONE]
    assert book.lines[1] == "s1 done ada@x.io on m1"
    assert backend.calls == 2


def test_a_call_that_never_arrived_is_sent_again_under_the_same_key() -> None:
    backend = server()
    backend.before = raising(UnclearOutcomeError("reset"), 0)
    patience = Patience(seconds=5, first_pause=0.01, longest_pause=0.01, jitter=0)
    result = run(backend, patience=patience)
    assert endings(result) == [Ending.DONE, Ending.DONE]
    first, again, other = backend.keys
    assert first == again != other


def test_one_that_fails_does_not_stop_the_next() -> None:
    backend = server()
    backend.before = raising(ApiError("forbidden", status=403), 0)
    result = run(backend)
    assert endings(result) == [Ending.FAILED, Ending.DONE]
    assert result.exit_code == 5


def test_what_the_licensing_system_refuses_ends_with_4() -> None:
    backend = server()
    backend.refuses = True
    result = run(backend)
    assert endings(result) == [Ending.REJECTED, Ending.REJECTED]
    assert (result.rows[0].code, result.rows[0].message, result.exit_code) == ("not_yours", "no", 4)
    assert backend.reads == 0


@pytest.mark.parametrize("state", [OrganizationState(101), None], ids=["unknown list", "no answer"])
def test_what_cannot_be_read_back_is_unclear(state: OrganizationState | None) -> None:
    backend = server()

    def blind(number: int, operation: Operation) -> None:
        backend.states = {} if state is None else {101: state}
        raise UnclearOutcomeError("no answer")

    backend.after = blind
    result = end_sessions(backend, 101, [ONE], patience=NO_PATIENCE)
    assert endings(result) == [Ending.UNCLEAR]
    assert "reading it back failed too" in str(result.rows[0].message)
    assert result.exit_code == 5


def test_an_answer_that_cannot_be_verified_is_unclear() -> None:
    backend = server()

    def down(organization: int) -> None:
        raise ApiError("no connection")

    backend.on_read = down
    result = run(backend)
    assert endings(result) == [Ending.UNCLEAR, Ending.UNCLEAR]
    assert "could not be read back: no connection" in str(result.rows[0].message)


@pytest.mark.parametrize(("call", "ended", "code"), [(0, 0, 5), (1, 1, 5)])
def test_an_interrupt_stops_and_is_written_down(call: int, ended: int, code: int) -> None:
    backend, book = server(), Notebook()
    backend.after = raising(KeyboardInterrupt(), call)
    result = run(backend, book)
    assert (result.interrupted, result.ended) == (True, ended)
    assert result.rows[call].ending is Ending.UNCLEAR
    assert book.lines[-1].split()[:2] == [f"s{call + 1}", "unclear"]
    assert result.exit_code == code
    if call == 0:
        assert result.rows[1].ending is None


def test_a_stop_finishes_the_call_in_flight_and_begins_no_other() -> None:
    backend, book, stop = server(), Notebook(), Stop()
    backend.before = lambda number, operation: stop.request()
    result = run(backend, book, stop=stop)
    assert endings(result) == [Ending.DONE, None]
    assert (result.interrupted, result.ended, result.exit_code) == (True, 1, 5)
    assert book.lines == ["end_session kse s1", "s1 done ada@x.io on m1"]
    # What did end is read back all the same.
    assert backend.reads == 1


def test_a_stop_before_the_first_call_ends_nothing() -> None:
    backend, stop = server(), Stop()
    stop.request()
    result = run(backend, stop=stop)
    assert (endings(result), result.exit_code, backend.calls) == ([None, None], 1, 0)


def test_a_stop_during_the_last_call_comes_too_late_to_matter() -> None:
    backend, stop = server(), Stop()
    backend.after = lambda number, operation: stop.request() if number == 1 else None
    result = run(backend, stop=stop)
    assert (result.interrupted, result.ended, result.exit_code) == (False, 2, 0)


@pytest.mark.parametrize("stopped", [False, True])
def test_an_interrupt_while_it_is_read_back_loses_nothing_that_was_done(stopped: bool) -> None:
    backend, stop = server(), Stop()

    def interrupt(organization: int) -> None:
        raise KeyboardInterrupt

    backend.on_read = interrupt
    if stopped:
        backend.before = lambda number, operation: stop.request()
    result = run(backend, stop=stop)
    assert (result.interrupted, result.ended, result.exit_code) == (True, 1 if stopped else 2, 5)


def test_a_stop_ends_the_pauses_between_tries() -> None:
    backend, stop = server(), Stop()

    def away(number: int, operation: Operation) -> None:
        stop.request()
        raise ApiError("too many", status=429, retry_after=30)

    backend.before = away
    result = run(backend, patience=Patience(), stop=stop)
    assert (endings(result), result.exit_code) == ([Ending.FAILED, None], 1)
    assert backend.calls == 1


@pytest.mark.parametrize(
    ("room", "left", "code"),
    [
        (0, [None, None], 1),
        (1, [Ending.DONE, None], 5),
        (2, [Ending.DONE, None], 5),
        (3, [Ending.DONE, Ending.DONE], 5),
    ],
)
def test_without_room_in_the_journal_no_call_is_made_and_the_account_is_true(
    room: int, left: list[Ending | None], code: int
) -> None:
    backend = server()
    result = run(backend, Notebook(room=room))
    assert (endings(result), result.exit_code) == (left, code)
    assert backend.calls == result.ended
    assert result.error == "the disk is full (make room)"
    assert not result.interrupted
