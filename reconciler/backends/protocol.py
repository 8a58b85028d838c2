"""What a source of licensing state can do; each implementation is one file beside this one."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date, datetime
from enum import StrEnum
from typing import Protocol

from reconciler.model.settings import Writing
from reconciler.model.state import OrganizationState, Role


class Write(StrEnum):
    """The writes a backend may offer."""

    GRANT_USERS = "grant_users"
    REMOVE_USERS = "remove_users"
    GRANT_MACHINES = "grant_machines"
    REMOVE_MACHINE = "remove_machine"
    ISSUE_OFFLINE = "issue_offline"
    END_SESSION = "end_session"


@dataclass(frozen=True, slots=True)
class Capabilities:
    """What a backend can read and write.

    `reads` holds names out of `model.state.LISTS`. `writes` is empty for a read-only backend and
    for a host whose writes go by checklist. `live` tells whether it is the system itself;
    `taken_at` when what it reads was so, None where that is now, or not known. `writing` is what
    the settings change in how this host is written to.
    """

    reads: frozenset[str]
    writes: frozenset[Write]
    live: bool
    taken_at: datetime | None = None
    writing: Writing = field(default_factory=Writing)


@dataclass(frozen=True, slots=True)
class OrganizationRef:
    """An organization that the key's owner belongs to; `role` is None where it is not given."""

    id: int
    name: str | None
    role: Role | None


@dataclass(frozen=True, slots=True)
class GrantUsers:
    """Grant a product to users; they are granted in this order while seats last."""

    organization: int
    product: str
    emails: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class RemoveUsers:
    """Take a product from users."""

    organization: int
    product: str
    emails: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class GrantMachines:
    """Register machines, which for a machine product assigns them a seat each."""

    organization: int
    product: str
    machines: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class RemoveMachine:
    """Remove a registered machine."""

    organization: int
    product: str
    machine: str


@dataclass(frozen=True, slots=True)
class IssueOffline:
    """Create an offline license until the end of the day `expires`; it cannot be taken back."""

    organization: int
    product: str
    machine: str
    expires: date


@dataclass(frozen=True, slots=True)
class EndSession:
    """End one session, which frees its license."""

    organization: int
    product: str
    machine: str
    session: str


Operation = GrantUsers | RemoveUsers | GrantMachines | RemoveMachine | IssueOffline | EndSession


class OutcomeStatus(StrEnum):
    """What became of one subject of an operation."""

    DONE = "done"
    UNCHANGED = "unchanged"
    REJECTED = "rejected"


@dataclass(frozen=True, slots=True)
class Outcome:
    """The answer for one subject, an email or a machine ID.

    `code` and `message` say why it was rejected.
    """

    subject: str
    status: OutcomeStatus
    code: str | None = None
    message: str | None = None


class Backend(Protocol):
    """One licensing system.

    Every method raises `ApiError` (or one of its kinds) with a message for a person. `target` is
    the address without credentials, as it stands in plans.
    """

    @property
    def target(self) -> str:
        """The address, without credentials."""
        ...

    def capabilities(self) -> Capabilities:
        """Return what can be read and written here."""
        ...

    def organizations(self) -> tuple[OrganizationRef, ...]:
        """Return the organizations that can be seen, sorted by ID."""
        ...

    def read(self, organization: int) -> OrganizationState:
        """Return the state of one organization; a list that cannot be had is None.

        Raises `UnknownOrganizationError`, `ForbiddenError`, `IncompleteListingError`.
        """
        ...

    def write(self, operation: Operation, *, idempotency_key: str) -> tuple[Outcome, ...]:
        """Run one operation and return an outcome a subject, in the operation's order.

        Raises `UnclearOutcomeError` where it is not known whether the write took effect, and any
        other `ApiError` where it did not.
        """
        ...

    def close(self) -> None:
        """Let go of connections; the backend is not used afterwards."""
        ...
