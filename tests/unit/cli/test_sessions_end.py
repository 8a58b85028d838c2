from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from reconciler.backends.protocol import Write
from reconciler.cli import sessions_end
from reconciler.cli.exits import Exit
from reconciler.cli.sessions_end import Chosen, end_chosen
from reconciler.errors import ReconcilerError
from reconciler.model.state import OrganizationState, Session
from tests.unit.applying.test_ending_sessions import Server

NAMED = Session("kse", "m1", "ada@x.io", None, "s1")
NAMELESS = Session("kre-floating", "m2", "ada@x.io")
ADA = Chosen(101, user="Ada@X.io")


def server(*sessions: Session, writes: tuple[Write, ...] = tuple(Write)) -> Server:
    return Server(OrganizationState(101, sessions=sessions), writes=writes)


def run(backend: Server, chosen: Chosen, monkeypatch: pytest.MonkeyPatch) -> Exit:
    @contextmanager
    def opened(**how: Any) -> Iterator[Server]:
        yield backend

    monkeypatch.setattr(sessions_end, "open_source", opened)
    return end_chosen(chosen, api=None, yes=True, journal=None)


def test_a_session_without_an_id_is_ended_by_hand_and_the_others_by_the_api(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    backend = server(NAMED, NAMELESS)
    assert run(backend, ADA, monkeypatch) is Exit.PENDING
    told = capsys.readouterr()
    assert "session s1 of ada@x.io on m1: ended" in told.out
    assert "names no ID for these sessions" in told.err
    assert "Katalon Runtime Engine (floating): end 1 session" in told.out
    assert backend.states[101].sessions == (NAMELESS,)


def test_what_went_wrong_by_the_api_is_not_hidden_by_the_steps(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    backend = server(NAMED, NAMELESS)
    backend.refuses = True
    assert run(backend, ADA, monkeypatch) is Exit.REFUSED
    assert "rejected: no" in capsys.readouterr().out


def test_without_the_write_nothing_is_asked_and_nothing_is_called(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    backend = server(NAMED, writes=(Write.GRANT_USERS,))
    assert run(backend, ADA, monkeypatch) is Exit.PENDING
    assert backend.calls == 0
    assert "takes no such write" in capsys.readouterr().err


def test_sessions_that_cannot_be_listed_are_a_failure(monkeypatch: pytest.MonkeyPatch) -> None:
    backend = Server(OrganizationState(101))
    with pytest.raises(ReconcilerError, match="cannot be listed"):
        run(backend, ADA, monkeypatch)


@pytest.mark.parametrize(
    ("chosen", "means"),
    [
        (Chosen(101, user="ADA@x.io"), True),
        (Chosen(101, user="bob@x.io"), False),
        (Chosen(101, machine="m1"), True),
        (Chosen(101, machine="M1"), False),
        (Chosen(101, session="s1"), True),
        (Chosen(101, session="s1", product="kse-floating"), False),
    ],
)
def test_what_is_meant_by_a_user_a_machine_and_a_session(chosen: Chosen, means: bool) -> None:
    assert chosen.means(NAMED) is means


def test_a_session_of_nobody_is_not_that_of_a_user() -> None:
    assert not Chosen(101, user="ada@x.io").means(Session("kse", "m1"))
