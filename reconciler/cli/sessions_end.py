"""Ending the sessions that a person chose: show them, ask, end them, read back."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import date
from itertools import count, groupby
from types import MappingProxyType

import click

from reconciler.applying.checklist import Checklist, section
from reconciler.applying.checklist_markdown import render
from reconciler.applying.ending import EndedSession, SessionsResult, end_sessions
from reconciler.applying.settling import settle_open
from reconciler.applying.steps import end_sessions as ending_step
from reconciler.applying.stopping import Stop
from reconciler.applying.wording import Words, value
from reconciler.backends.protocol import Backend, Write
from reconciler.cli import accounting
from reconciler.cli.clock import now, today
from reconciler.cli.exits import Exit
from reconciler.cli.interrupting import ending_like_ctrl_c, heard_while_asking, stopping_in_order
from reconciler.cli.notes import note
from reconciler.cli.opening import open_source
from reconciler.cli.output import STANDARD_OUTPUT, write_data
from reconciler.cli.recording import recorded
from reconciler.cli.rendering import look_of
from reconciler.cli.write_settings import WriteOptions
from reconciler.config.load import load_settings
from reconciler.errors import ReconcilerError, RefusedError, UsageError
from reconciler.model.identity import email_key
from reconciler.model.state import OrganizationState, Session
from reconciler.model.text import printable
from reconciler.products import PRODUCTS, SeatUnit
from reconciler.reports.counts import counted
from reconciler.reports.sessions_formats import FORMATS
from reconciler.reports.sessions_page import sessions_page
from reconciler.reports.write_notes import notes_now

_MEANING: Mapping[SeatUnit, str] = MappingProxyType(
    {
        SeatUnit.SESSION: "the seat is free at once, for whoever comes first",
        SeatUnit.USER: "the user keeps the license and may start again, on another machine too",
        SeatUnit.MACHINE: "the machine stays registered and keeps its seat",
    }
)


@dataclass(frozen=True, slots=True)
class Chosen:
    """Which sessions of an organization are meant; one of machine, user and session is given."""

    organization: int
    machine: str | None = None
    user: str | None = None
    session: str | None = None
    product: str | None = None

    def means(self, session: Session) -> bool:
        """Tell whether a session is one of them."""
        if self.product is not None and session.product != self.product:
            return False
        if self.user is not None:
            return session.email is not None and email_key(session.email) == email_key(self.user)
        if self.machine is not None:
            return session.machine == self.machine
        return session.id == self.session

    def __str__(self) -> str:
        named = self.user or self.machine or self.session
        of = f" of {self.product}" if self.product else ""
        return f"{named}{of} in organization {self.organization}"


@ending_like_ctrl_c()
def end_chosen(
    chosen: Chosen,
    *,
    api: str | None,
    yes: bool,
    journal: str | None,
    writing: WriteOptions = WriteOptions(),  # noqa: B008 - a frozen value
) -> Exit:
    """End the chosen sessions by the API, or print the steps by hand where it has no such write."""
    settings = load_settings(())
    with open_source(api=api, state=None, settings=settings, writing=writing) as backend:
        state = backend.read(chosen.organization)
        if state.sessions is None:
            raise ReconcilerError(
                f"{backend.target}: the sessions of organization {chosen.organization} cannot be "
                "listed",
                hint="`reconciler doctor` tells which lists can be read",
            )
        found = [session for session in state.sessions if chosen.means(session)]
        if not found:
            note(f"note: there is no active session of {chosen}; nothing to end")
            return Exit.DONE
        found.sort(key=lambda row: (row.product, row.machine, row.id or ""))
        _show(state, found)
        _show_writing(backend)
        able = Write.END_SESSION in backend.capabilities().writes
        ready = [session for session in found if able and session.id is not None]
        by_hand = [session for session in found if session not in ready]
        if ready and not yes:
            _ask(len(ready))
        day = today(settings.timezone)
        code = _end(backend, state, ready, day, journal) if ready else Exit.DONE
        if by_hand:
            _print_steps(backend.target, state, by_hand, able=able)
            return Exit.PENDING if code is Exit.DONE else code
        return code


def _show(state: OrganizationState, sessions: list[Session]) -> None:
    """Show on standard error what is going to end, and what that means."""
    from dataclasses import replace

    page = sessions_page([replace(state, sessions=tuple(sessions))], now())
    note(f"To end in organization {state.id}:")
    for line in FORMATS["text"](page, look_of("")).splitlines():
        note(line)
    note("Work that is not saved there may be lost. After that:")
    for product in dict.fromkeys(session.product for session in sessions):
        note(f"  {product}: {_MEANING[PRODUCTS[product].seat]}")


def _show_writing(backend: Backend) -> None:
    for told in notes_now(backend.target, backend.capabilities().writing):
        note(f"{told.heading}: {'; '.join(told.lines)}")


def _ask(sessions: int) -> None:
    if not (sys.stdin.isatty() and sys.stderr.isatty()):
        raise UsageError(
            "nobody is here to be asked, so nothing was ended",
            hint="look at the sessions, then run it with --yes",
        )
    with heard_while_asking():
        confirmed = click.confirm(f"End {counted(sessions, 'session')}?", err=True)
    if not confirmed:
        raise RefusedError("not ended, as you said; nothing was changed")


def _end(
    backend: Backend,
    state: OrganizationState,
    sessions: list[Session],
    day: date,
    journal: str | None,
) -> Exit:
    stop = Stop()
    with (
        stopping_in_order(stop),
        recorded(
            journal,
            target=backend.target,
            via="sessions",
            writing=backend.capabilities().writing,
        ) as record,
    ):
        for line in settle_open(record, state.id, state, day) if record is not None else ():
            note(f"note: {line}")
        result = end_sessions(backend, state.id, sessions, record=record, stop=stop)
        text = "".join(f"{printable(line)}\n" for line in _account(result))
        told = accounting.tell(text, STANDARD_OUTPUT, writes=result.ended)
        code = _exit_code(result, told=told)
        accounting.close(record, code, writes=result.ended, interrupted=result.interrupted)
    return code


def _exit_code(result: SessionsResult, *, told: bool) -> Exit:
    code = Exit(result.exit_code)
    if told or code is not Exit.DONE:
        return code
    return Exit.PARTIAL if result.ended else Exit.FAILURE


def _account(result: SessionsResult) -> Iterator[str]:
    yield from map(_told, result.rows)
    if result.error is not None:
        yield f"error: {result.error}"
    if result.interrupted:
        yield "interrupted; the same command again goes on"
    left = len(result.rows) - sum(row.gone for row in result.rows)
    yield f"{counted(result.ended, 'session')} ended" + (f", {left} not." if left else ".")


def _told(row: EndedSession) -> str:
    session = row.session
    user = f" of {session.email}" if session.email else ""
    called = f"{session.product}: session {session.id}{user} on {session.machine}"
    word = {"done": "ended", "unchanged": "had ended already"}
    ending = row.ending.value if row.ending else "not attempted"
    why = f": {row.message}" if row.message else ""
    return f"{called}: {word.get(ending, ending)}{why}"


def _print_steps(
    target: str, state: OrganizationState, sessions: Iterable[Session], *, able: bool
) -> None:
    """Print the steps for the sessions that no call can end."""
    if able:
        note("note: the licensing system names no ID for these sessions; they are ended by hand")
    else:
        note(f"note: {target} takes no such write from here; these are the steps by hand")
    steps = [
        ending_step(product, tuple(rows))
        for product, rows in groupby(sessions, key=lambda session: session.product)
    ]
    origin: Words = ("Sessions to end at ", value(target), ".")
    one = section(target, state.id, state.name, steps, count(1))
    write_data(render(Checklist(origin, (one,))), STANDARD_OUTPUT)
