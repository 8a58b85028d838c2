"""The plan as a value; `reports/plan_json.py` writes it as the published format."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from enum import StrEnum
from typing import Any

from reconciler.model.identity import Subject, SubjectKind
from reconciler.model.settings import Writing
from reconciler.model.source import Source


class Action(StrEnum):
    """What a change does; a reassign is a remove and a grant in one pool, in that order."""

    GRANT = "grant"
    REMOVE = "remove"
    REASSIGN = "reassign"
    ISSUE_OFFLINE = "issue_offline"


class Pairing(StrEnum):
    """Whether the files declared a transfer (`replaces`) or the planner made the pair."""

    DECLARED = "declared"
    AUTOMATIC = "automatic"


class Cause(StrEnum):
    """What brought a change about: this revision of the files, drift before it, or a date."""

    CHANGE = "change"
    DRIFT = "drift"
    DATE = "date"


class Scope(StrEnum):
    """How much of an organization a refusal withholds."""

    CHANGE = "change"
    POOL = "pool"
    ORGANIZATION = "organization"


@dataclass(frozen=True, slots=True)
class Change:
    """One change, ready to run or withheld.

    `subject` gains (grant, reassign, issue_offline) or loses (remove); `holder` is the one who
    loses in a reassign (`from` in the plan's JSON). `ends_sessions` are machine IDs. `used_after`
    is the pool's use after it, None for a change that is withheld. `expires` is the last day of
    an offline license.
    """

    id: str
    action: Action
    product: str
    subject: Subject
    source: Source
    holder: Subject | None = None
    pairing: Pairing | None = None
    loses_last_license: bool = False
    ends_sessions: tuple[str, ...] = ()
    used_after: int | None = None
    expires: date | None = None
    cause: Cause = Cause.CHANGE
    reason: str | None = None

    @property
    def loser(self) -> Subject | None:
        """Who loses in this change, in the compared form; None where nobody does."""
        found = self.subject if self.action is Action.REMOVE else self.holder
        return None if found is None else found.compared


@dataclass(frozen=True, slots=True)
class Deferral:
    """A wanted change that must wait; `available_from` is the first day it may run, if known."""

    action: Action
    product: str
    subject: Subject
    reason: str
    message: str
    source: Source
    available_from: date | None = None
    expires: date | None = None
    cause: Cause = Cause.CHANGE


@dataclass(frozen=True, slots=True)
class Refusal:
    """A rule that withholds changes until a person acts."""

    code: str
    scope: Scope
    message: str
    product: str | None = None
    details: Mapping[str, Any] | None = None
    withheld: tuple[Change, ...] = ()
    source: Source | None = None
    cause: Cause = Cause.CHANGE


@dataclass(frozen=True, slots=True)
class Notice:
    """Something a person should know; it withholds nothing (`warnings` in the plan's JSON)."""

    code: str
    message: str
    details: Mapping[str, Any] | None = None
    source: Source | None = None


@dataclass(frozen=True, slots=True)
class Pool:
    """The seats of one product before, while and after the changes; None is unknown.

    `offline_until` is the last day on which an offline license of the pool ends; None where there
    is none, or where the end of one is unknown.
    """

    product: str
    quota: int | None
    used: int | None
    used_after: int | None
    peak: int | None
    offline: int | None
    machine_quota: int | None
    machines: int | None
    expires: date | None
    offline_until: date | None = None


@dataclass(frozen=True, slots=True)
class OrganizationPlan:
    """The plan of one organization; `changes` stand in the order of execution.

    `losing` are the subjects that lose a license or registration and gain no other.
    """

    id: int
    name: str | None
    pools: tuple[Pool, ...] = ()
    changes: tuple[Change, ...] = ()
    deferred: tuple[Deferral, ...] = ()
    refusals: tuple[Refusal, ...] = ()
    warnings: tuple[Notice, ...] = ()
    losing: int = 0

    @property
    def complete(self) -> bool:
        """Whether nothing waits and nothing was refused."""
        return not self.deferred and not self.refusals

    @property
    def losing_last(self) -> int:
        """How many people lose the last license that they hold; a pair counts like a removal."""
        losers = {change.loser for change in self.changes if change.loses_last_license}
        return sum(loser is not None and loser.kind is SubjectKind.USER for loser in losers)


@dataclass(frozen=True, slots=True)
class Allowed:
    """What the person who planned allowed: a ceiling of removals, irrevocable operations."""

    removals: int | None = None
    irrevocable: bool = False


@dataclass(frozen=True, slots=True)
class Configuration:
    """Which files the plan was made from."""

    digest: str
    revision: str | None = None
    dirty: bool = False


@dataclass(frozen=True, slots=True)
class Unread:
    """An organization that could not be read, so that nothing of it is planned."""

    id: int
    message: str


@dataclass(frozen=True, slots=True)
class Plan:
    """A whole plan. `live` is false where it was made from a snapshot or for another day.

    `unread` are the declared organizations that are missing from it, sorted by ID. `writing` is
    how it is written, as far as that is not what the target has by default.
    """

    created_at: datetime
    as_of: date
    valid_until: datetime
    tool: str
    target: str
    configuration: Configuration
    allowed: Allowed
    organizations: tuple[OrganizationPlan, ...]
    live: bool = True
    unread: tuple[Unread, ...] = ()
    writing: Writing = field(default_factory=Writing)

    @property
    def applyable(self) -> bool:
        """Whether at least one change may run against a live target."""
        return self.live and any(organization.changes for organization in self.organizations)

    @property
    def complete(self) -> bool:
        """Whether every organization was read, and nothing waits or was refused in any."""
        return not self.unread and all(organization.complete for organization in self.organizations)
