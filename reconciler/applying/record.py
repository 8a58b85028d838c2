"""What is written down of an apply: each intent before its call, the outcome after.

The journal keeps it in a file; without a journal it goes nowhere.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date
from typing import Protocol

from reconciler.model.identity import Subject
from reconciler.model.settings import Writing


@dataclass(frozen=True, slots=True)
class Begin:
    """What the calls that follow are made for; `plan_digest` is None where there is no plan.

    `via` is how changes are made: `api`, `checklist` or `sessions`; `writing` is by which routes,
    where those are not the host's defaults.
    """

    target: str
    tool: str
    plan_digest: str | None = None
    changes_digest: str | None = None
    revision: str | None = None
    dirty: bool = False
    via: str = "api"
    writing: Writing = field(default_factory=Writing)


@dataclass(frozen=True, slots=True)
class Item:
    """One subject of a call, a `user`, a `machine` or a `session`, and the change it belongs to."""

    kind: str
    id: str
    change: str | None = None


@dataclass(frozen=True, slots=True)
class Intent:
    """A call that is about to be made; `call` tells it from every other one.

    `action` is `grant`, `remove`, `issue_offline` or `end_session`. `successor` is who gets the
    seat next, where the call is the first half of a declared transfer.
    """

    call: str
    organization: int
    action: str
    product: str
    items: tuple[Item, ...]
    expires: date | None = None
    successor: str | None = None


@dataclass(frozen=True, slots=True)
class Result:
    """What became of one subject of a call.

    `ending` is `done`, `unchanged`, `rejected`, `failed`, `unclear` or, by a person, `skipped`.
    """

    id: str
    ending: str
    code: str | None = None
    message: str | None = None


@dataclass(frozen=True, slots=True)
class Taken:
    """A seat that an earlier apply took for a declared transfer, and that nobody is known to have.

    `change` is the transfer's ID in the plan that was applied.
    """

    organization: int
    product: str
    holder: Subject
    successor: Subject
    change: str | None = None


class Record(Protocol):
    """Where intents and outcomes go; safe to use from several threads.

    Both methods raise a `ReconcilerError` where it cannot be written; no call may be made then.
    """

    @property
    def open_intents(self) -> tuple[Intent, ...]:
        """The calls of earlier applies whose outcome was never written down."""
        ...

    @property
    def taken(self) -> tuple[Taken, ...]:
        """The seats that earlier applies took, or may have taken, and did not pass on."""
        ...

    def intent(self, intent: Intent) -> None:
        """Write down a call, for good, before it is made."""
        ...

    def outcome(self, call: str, results: tuple[Result, ...], *, settled: bool = False) -> None:
        """Write down what became of a call; `settled` where it was found out by reading later."""
        ...


class Unrecorded:
    """A `Record` that keeps nothing."""

    open_intents: tuple[Intent, ...] = ()
    taken: tuple[Taken, ...] = ()

    def intent(self, intent: Intent) -> None:
        """Keep nothing."""

    def outcome(self, call: str, results: tuple[Result, ...], *, settled: bool = False) -> None:
        """Keep nothing."""
