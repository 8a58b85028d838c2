"""The steps of a checklist: a plan's changes in order, put together where a page takes several."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import count, groupby
from typing import Any

from reconciler.applying.markdown import code
from reconciler.products import PRODUCTS, SeatUnit

Document = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Task:
    """One thing to do in the page; `copied` are lines to copy there as they are."""

    text: str
    copied: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Step:
    """One visit to a product's page; every text is Markdown, safe as it stands."""

    product: str
    title: str
    tasks: tuple[Task, ...]
    checks: tuple[str, ...]
    notes: tuple[str, ...]


def steps_of(organization: Document) -> Iterator[Step]:
    """Return the organization's changes as steps, in the plan's order.

    Adjacent changes of one kind in one pool are one step where the page takes several emails;
    each machine is a step of its own.
    """
    pools = {pool["product"]: pool for pool in organization["pools"]}
    alone = count()

    def kind(change: Document) -> tuple[Any, ...]:
        several = change["subject"]["kind"] == "user"
        return change["product"], change["action"], -1 if several else next(alone)

    for (product, action, _), found in groupby(organization["changes"], kind):
        changes = list(found)
        user = changes[0]["subject"]["kind"] == "user"
        title, tasks, checks = _PARTS[action, user](changes)
        available = _available(pools.get(product), changes[-1])
        yield Step(
            product=product,
            title=title,
            tasks=tasks,
            checks=(*checks, available) if available else checks,
            notes=tuple(_notes(changes)),
        )


_Parts = tuple[str, tuple[Task, ...], tuple[str, ...]]


def _grant_users(changes: Sequence[Document]) -> _Parts:
    tasks = (Task("Enter these emails and choose *Assign License*:", _subjects(changes)),)
    return f"grant to {_users(changes)}", tasks, ("*Licensed Users* lists them.",)


def _remove_users(changes: Sequence[Document]) -> _Parts:
    tasks = (
        Task("Select these *Licensed Users* and choose *Revoke License*:", _subjects(changes)),
    )
    return f"remove from {_users(changes)}", tasks, ("*Licensed Users* no longer lists them.",)


def _reassign_users(changes: Sequence[Document]) -> _Parts:
    holders = tuple(change["from"]["id"] for change in changes)
    tasks = (
        Task("First select these *Licensed Users* and choose *Revoke License*:", holders),
        Task("Then enter these emails and choose *Assign License*:", _subjects(changes)),
    )
    checks = ("*Licensed Users* lists everybody of the second list and nobody of the first.",)
    seats = "1 seat" if len(changes) == 1 else f"{len(changes)} seats"
    return f"transfer {seats}", tasks, checks


def _grant_machine(changes: Sequence[Document]) -> _Parts:
    return "assign a machine", (_activation(changes[0]),), (_REGISTERED,)


def _remove_machine(changes: Sequence[Document]) -> _Parts:
    tasks = (Task("Remove this machine ID from *Registered Machines*:", _subjects(changes)),)
    return "remove a machine", tasks, ("*Registered Machines* no longer lists it.",)


def _reassign_machine(changes: Sequence[Document]) -> _Parts:
    holder = (changes[0]["from"]["id"],)
    tasks = (
        Task("First remove this machine ID from *Registered Machines*:", holder),
        _activation(changes[0], "Then activate"),
    )
    return "transfer a machine's seat", tasks, (_REGISTERED, "The first machine is gone from it.")


def _issue_offline(changes: Sequence[Document]) -> _Parts:
    expires = code(str(changes[0]["expires"]))
    tasks = (
        Task(
            f"Create an offline license that ends with {expires} for this machine ID "
            "(**it cannot be taken back**):",
            _subjects(changes),
        ),
    )
    checks = (f"*Offline Licenses* lists the machine ID until {expires}.",)
    return "issue an offline license", tasks, checks


_REGISTERED = "*Registered Machines* lists the activated machine ID."
_PARTS = {
    ("grant", True): _grant_users,
    ("grant", False): _grant_machine,
    ("remove", True): _remove_users,
    ("remove", False): _remove_machine,
    ("reassign", True): _reassign_users,
    ("reassign", False): _reassign_machine,
    ("issue_offline", False): _issue_offline,
}


def _activation(change: Document, word: str = "Activate") -> Task:
    product = PRODUCTS.get(change["product"])
    name = product.name if product else code(change["product"])
    return Task(
        f"{word} {name} on the host with this machine ID, as the page cannot assign it:",
        (change["subject"]["id"],),
    )


def _subjects(changes: Sequence[Document]) -> tuple[str, ...]:
    return tuple(change["subject"]["id"] for change in changes)


def _users(changes: Sequence[Document]) -> str:
    return "1 user" if len(changes) == 1 else f"{len(changes)} users"


def _available(pool: Document | None, last: Document) -> str | None:
    """Return what *Available Licenses* must show after the step, where that can be foretold."""
    quota, used = (pool or {}).get("quota"), last.get("used_after")
    product = PRODUCTS.get(last["product"])
    if quota is None or used is None or product is None or product.seat is SeatUnit.SESSION:
        return None
    return f"*Available Licenses* is {max(0, quota - used)}."


def _notes(changes: Sequence[Document]) -> Iterator[str]:
    for change in changes:
        subject = (change.get("from") or change["subject"])["id"]
        reason = change.get("reason")
        if reason:
            yield f"For {code(change['subject']['id'])}: {code(reason)}."
        if change.get("loses_last_license"):
            yield f"After this, {code(subject)} holds no license."
        machines = change.get("ends_sessions")
        if machines:
            listed = ", ".join(code(machine) for machine in machines)
            yield f"This ends the session of {code(subject)} on {listed}."
