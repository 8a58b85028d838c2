"""The steps of a checklist: changes in order, put together where a page takes several."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import count, groupby

from reconciler.applying.wording import Words, joined, label, strong, value
from reconciler.model.identity import SubjectKind
from reconciler.model.plan import Action, Change
from reconciler.model.state import Session
from reconciler.products import PRODUCTS, SeatUnit


@dataclass(frozen=True, slots=True)
class Task:
    """One thing to do in the page; `copied` are lines to copy there as they are."""

    text: Words
    copied: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Step:
    """One visit to a product's page; `changes` are those that are made once it is done."""

    product: str
    title: str
    tasks: tuple[Task, ...]
    checks: tuple[Words, ...] = ()
    notes: tuple[Words, ...] = ()
    changes: tuple[Change, ...] = ()

    @property
    def name(self) -> str:
        """The product's name as its page shows it; a key that is not in the catalogue as it is."""
        product = PRODUCTS.get(self.product)
        return product.name if product else self.product


def steps_of(changes: Iterable[Change], quotas: Mapping[str, int | None]) -> Iterator[Step]:
    """Return one organization's changes as steps, in their order.

    Adjacent changes of one kind in one pool are one step where the page takes several emails;
    each machine is a step of its own. `quotas` are those of the products.
    """
    alone = count()

    def kind(change: Change) -> tuple[str, Action, int]:
        several = change.subject.kind is SubjectKind.USER
        return change.product, change.action, -1 if several else next(alone)

    for (product, action, _), found in groupby(changes, kind):
        together = tuple(found)
        users = together[0].subject.kind is SubjectKind.USER
        title, tasks, checks = _PARTS[action, users](together)
        available = _available(quotas.get(product), together[-1])
        yield Step(
            product=product,
            title=title,
            tasks=tasks,
            checks=(*checks, available) if available else checks,
            notes=tuple(_notes(together)),
            changes=together,
        )


def end_sessions(product: str, sessions: Sequence[Session]) -> Step:
    """Return the step that ends sessions of one product; they are told by their machines."""
    machines = tuple(dict.fromkeys(session.machine for session in sessions))
    users = dict.fromkeys(session.email for session in sessions if session.email)
    note: Words = ("The work of ", *joined(map(value, users)), " stops there.")
    return Step(
        product=product,
        title="end 1 session" if len(sessions) == 1 else f"end {len(sessions)} sessions",
        tasks=(
            Task(
                ("Remove the license from these machine IDs under ", label("Online Licenses"), ":"),
                machines,
            ),
        ),
        checks=((label("Online Licenses"), " no longer lists them."),),
        notes=(note,) if users else (),
    )


_Parts = tuple[str, tuple[Task, ...], tuple[Words, ...]]

_LICENSED = label("Licensed Users")
_MACHINES = label("Registered Machines")
_ASSIGN: Words = ("nter these emails and choose ", label("Assign License"), ":")
_REVOKE: Words = ("elect these ", _LICENSED, " and choose ", label("Revoke License"), ":")
_REGISTERED: Words = (_MACHINES, " lists the activated machine ID.")


def _grant_users(changes: Sequence[Change]) -> _Parts:
    tasks = (Task(("E", *_ASSIGN), _subjects(changes)),)
    return f"grant to {_users(changes)}", tasks, ((_LICENSED, " lists them."),)


def _remove_users(changes: Sequence[Change]) -> _Parts:
    tasks = (Task(("S", *_REVOKE), _subjects(changes)),)
    return f"remove from {_users(changes)}", tasks, ((_LICENSED, " no longer lists them."),)


def _reassign_users(changes: Sequence[Change]) -> _Parts:
    tasks = (
        Task(("First s", *_REVOKE), _holders(changes)),
        Task(("Then e", *_ASSIGN), _subjects(changes)),
    )
    check: Words = (_LICENSED, " lists everybody of the second list and nobody of the first.")
    seats = "1 seat" if len(changes) == 1 else f"{len(changes)} seats"
    return f"transfer {seats}", tasks, (check,)


def _grant_machine(changes: Sequence[Change]) -> _Parts:
    return "assign a machine", (_activation(changes[0]),), (_REGISTERED,)


def _remove_machine(changes: Sequence[Change]) -> _Parts:
    tasks = (Task(("Remove this machine ID from ", _MACHINES, ":"), _subjects(changes)),)
    return "remove a machine", tasks, ((_MACHINES, " no longer lists it."),)


def _reassign_machine(changes: Sequence[Change]) -> _Parts:
    tasks = (
        Task(("First remove this machine ID from ", _MACHINES, ":"), _holders(changes)),
        _activation(changes[0], "Then activate"),
    )
    gone: Words = ("The first machine is gone from it.",)
    return "transfer a machine's seat", tasks, (_REGISTERED, gone)


def _issue_offline(changes: Sequence[Change]) -> _Parts:
    expires = value(str(changes[0].expires))
    text: Words = (
        "Create an offline license that ends with ",
        expires,
        " for this machine ID (",
        strong("it cannot be taken back"),
        "):",
    )
    check: Words = (label("Offline Licenses"), " lists the machine ID until ", expires, ".")
    return "issue an offline license", (Task(text, _subjects(changes)),), (check,)


_PARTS = {
    (Action.GRANT, True): _grant_users,
    (Action.GRANT, False): _grant_machine,
    (Action.REMOVE, True): _remove_users,
    (Action.REMOVE, False): _remove_machine,
    (Action.REASSIGN, True): _reassign_users,
    (Action.REASSIGN, False): _reassign_machine,
    (Action.ISSUE_OFFLINE, False): _issue_offline,
}


def _activation(change: Change, word: str = "Activate") -> Task:
    product = PRODUCTS.get(change.product)
    name = product.name if product else value(change.product)
    return Task(
        (f"{word} ", name, " on the host with this machine ID, as the page cannot assign it:"),
        (change.subject.id,),
    )


def _subjects(changes: Sequence[Change]) -> tuple[str, ...]:
    return tuple(change.subject.id for change in changes)


def _holders(changes: Sequence[Change]) -> tuple[str, ...]:
    return tuple(change.holder.id for change in changes if change.holder is not None)


def _users(changes: Sequence[Change]) -> str:
    return "1 user" if len(changes) == 1 else f"{len(changes)} users"


def _available(quota: int | None, last: Change) -> Words | None:
    """Return what *Available Licenses* must show after the step, where that can be foretold."""
    product = PRODUCTS.get(last.product)
    if quota is None or last.used_after is None or product is None:
        return None
    if product.seat is SeatUnit.SESSION:
        return None
    return (label("Available Licenses"), f" is {max(0, quota - last.used_after)}.")


def _notes(changes: Sequence[Change]) -> Iterator[Words]:
    for change in changes:
        loser = value((change.holder or change.subject).id)
        if change.reason:
            yield ("For ", value(change.subject.id), ": ", value(change.reason), ".")
        if change.loses_last_license:
            yield ("After this plan, ", loser, " holds no license.")
        if change.ends_sessions:
            machines = joined(map(value, change.ends_sessions))
            yield ("This ends the session of ", loser, " on ", *machines, ".")
