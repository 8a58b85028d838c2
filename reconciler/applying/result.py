"""What an apply really did, change by change, and the exit code that follows from it."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from reconciler.applying.remainder import Stale
from reconciler.model.plan import Change, Plan


class ChangeStatus(StrEnum):
    """What became of one change."""

    DONE = "done"
    SKIPPED = "skipped"
    """It was done already when the state was read, or when the call came."""
    REJECTED = "rejected"
    """The licensing system said no."""
    FAILED = "failed"
    """A call failed, or its outcome is not known, or the apply was interrupted within it."""
    NOT_ATTEMPTED = "not_attempted"


@dataclass(frozen=True, slots=True)
class ChangeResult:
    """One change with what became of it.

    `writes` counts the effects that took place, those of a half-done change and of a seat given
    back among them. `unclear` tells that one more may have. `given_back` tells whether the seat
    of a failed transfer went back to its holder; None where there was nothing to give back.
    """

    change: Change
    status: ChangeStatus
    code: str | None = None
    message: str | None = None
    writes: int = 0
    unclear: bool = False
    given_back: bool | None = None


@dataclass(frozen=True, slots=True)
class OrganizationResult:
    """What became of one organization's plan; `changes` stand in the plan's order.

    `stale` and `moved` are those of the remainder; `error` says why the organization could not be
    read, or not be gone on with. `refusals` counts those that the plan itself holds. `settled`
    tells, a line each, what became of calls that an earlier apply left open.
    """

    id: int
    name: str | None
    changes: tuple[ChangeResult, ...] = ()
    stale: tuple[Stale, ...] = ()
    moved: tuple[str, ...] = ()
    error: str | None = None
    refusals: int = 0
    interrupted: bool = False
    settled: tuple[str, ...] = ()

    def with_status(self, *statuses: ChangeStatus) -> tuple[ChangeResult, ...]:
        """Return the changes that ended in one of these ways."""
        return tuple(row for row in self.changes if row.status in statuses)

    @property
    def done(self) -> tuple[ChangeResult, ...]:
        """The changes that this apply carried out."""
        return self.with_status(ChangeStatus.DONE)

    @property
    def skipped(self) -> tuple[ChangeResult, ...]:
        """The changes that were done already."""
        return self.with_status(ChangeStatus.SKIPPED)

    @property
    def failed(self) -> tuple[ChangeResult, ...]:
        """The changes that were rejected or that failed, each with its message."""
        return self.with_status(ChangeStatus.REJECTED, ChangeStatus.FAILED)

    @property
    def not_attempted(self) -> tuple[ChangeResult, ...]:
        """The changes that stand after the one where the organization stopped."""
        return self.with_status(ChangeStatus.NOT_ATTEMPTED)

    @property
    def writes(self) -> int:
        """How many effects took place."""
        return sum(row.writes for row in self.changes)

    @property
    def refused(self) -> bool:
        """Whether the plan, the world or the licensing system withheld anything."""
        rejected = self.with_status(ChangeStatus.REJECTED)
        return bool(self.refusals or self.stale or rejected)

    @property
    def broken(self) -> bool:
        """Whether anything failed or was interrupted."""
        failed = self.with_status(ChangeStatus.FAILED)
        return bool(self.error is not None or failed or self.interrupted)


@dataclass(frozen=True, slots=True)
class ApplyResult:
    """What became of a whole plan; `organizations` stand in the plan's order."""

    organizations: tuple[OrganizationResult, ...]

    @property
    def interrupted(self) -> bool:
        """Whether somebody stopped it."""
        return any(row.interrupted for row in self.organizations)

    @property
    def writes(self) -> int:
        """How many effects took place in all."""
        return sum(row.writes for row in self.organizations)

    @property
    def unclear(self) -> bool:
        """Whether a write may have taken effect that could not be read back."""
        return any(change.unclear for row in self.organizations for change in row.changes)

    @property
    def exit_code(self) -> int:
        """0 all done; 5 partly; where nothing was written, 1 after a failure, else 4.

        A write whose outcome is not known counts as written: to say that nothing changed would be
        a guess.
        """
        refused = any(row.refused for row in self.organizations)
        broken = any(row.broken for row in self.organizations)
        if not refused and not broken:
            return 0
        if self.writes or self.unclear:
            return 5
        return 1 if broken else 4


def not_attempted(plan: Plan) -> ApplyResult:
    """Return the account of a plan that was refused as a whole: nothing was tried."""
    return ApplyResult(
        tuple(
            OrganizationResult(
                row.id,
                row.name,
                tuple(ChangeResult(change, ChangeStatus.NOT_ATTEMPTED) for change in row.changes),
                refusals=len(row.refusals),
            )
            for row in plan.organizations
        )
    )
