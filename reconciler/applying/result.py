"""What an apply really did, change by change, and the exit code that follows from it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Self

from reconciler.applying.remainder import Stale
from reconciler.model.plan import Change, OrganizationPlan, Plan, Unread


class OrganizationStatus(StrEnum):
    """What became of one organization in a word; the gravest that is true of it."""

    UNREAD = "unread"
    """It could not be read, for the plan or before its first write."""
    FAILED = "failed"
    INTERRUPTED = "interrupted"
    STALE = "stale"
    REJECTED = "rejected"
    """The licensing system said no."""
    REFUSED = "refused"
    """The plan withholds something of it."""
    NOT_ATTEMPTED = "not_attempted"
    DONE = "done"
    NOTHING_TO_DO = "nothing_to_do"


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
    read (`unread`), or not be gone on with. `refusals` are those that the plan itself holds, in
    words. `settled` tells, a line each, what became of calls that an earlier apply left open.
    `withheld` says why nothing was tried at all.
    """

    id: int
    name: str | None
    changes: tuple[ChangeResult, ...] = ()
    stale: tuple[Stale, ...] = ()
    moved: tuple[str, ...] = ()
    error: str | None = None
    unread: bool = False
    refusals: tuple[str, ...] = ()
    interrupted: bool = False
    settled: tuple[str, ...] = ()
    withheld: str | None = None

    @classmethod
    def of_unread(cls, row: Unread) -> Self:
        """Return the account of an organization that was declared and is not in the plan."""
        return cls(row.id, None, error=row.message, unread=True)

    @property
    def status(self) -> OrganizationStatus:
        """What became of it, in a word."""
        return next(status for status, _ in self._told())

    @property
    def reason(self) -> str | None:
        """Why it is not done, in a line; None where it is, or where there was nothing to do."""
        return next(reason for _, reason in self._told())

    def _told(self) -> Iterator[tuple[OrganizationStatus, str | None]]:
        """Yield what is true of it, the gravest first."""
        if self.unread:
            yield OrganizationStatus.UNREAD, self.error
        failed = self.with_status(ChangeStatus.FAILED)
        if self.error is not None or (failed and not self.interrupted):
            yield OrganizationStatus.FAILED, self.error or _first(row.message for row in failed)
        if self.interrupted:
            yield OrganizationStatus.INTERRUPTED, self._where_interrupted()
        if self.stale:
            yield OrganizationStatus.STALE, _first(row.message for row in self.stale)
        rejected = self.with_status(ChangeStatus.REJECTED)
        if rejected:
            yield OrganizationStatus.REJECTED, _first(row.message for row in rejected)
        if self.refusals:
            yield OrganizationStatus.REFUSED, _first(self.refusals)
        if self.not_attempted:
            left = _first(row.message for row in self.not_attempted)
            yield OrganizationStatus.NOT_ATTEMPTED, self.withheld or left or "left for another run"
        yield OrganizationStatus.DONE if self.changes else OrganizationStatus.NOTHING_TO_DO, None

    def _where_interrupted(self) -> str:
        over = len(self.done) + len(self.skipped)
        if not over and not self.writes and not self.failed:
            return "interrupted before its first change"
        return f"interrupted after {over} of {len(self.changes)} changes"

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
    """What became of a whole plan; `organizations` stand in its order, those not read last.

    `bug` is an error that must not happen and that ended it.
    """

    organizations: tuple[OrganizationResult, ...]
    bug: BaseException | None = None

    @classmethod
    def of(
        cls, plan: Plan, rows: Iterable[OrganizationResult], *, bug: BaseException | None = None
    ) -> Self:
        """Return the account of a plan: of what it plans, and of what could not be read for it."""
        unread = (OrganizationResult.of_unread(row) for row in plan.unread)
        return cls((*rows, *unread), bug)

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


def not_attempted(plan: Plan, why: str) -> ApplyResult:
    """Return the account of a plan that was refused as a whole: nothing was tried."""
    return ApplyResult.of(
        plan,
        (
            OrganizationResult(
                row.id,
                row.name,
                tuple(ChangeResult(change, ChangeStatus.NOT_ATTEMPTED) for change in row.changes),
                refusals=refusals_of(row),
                withheld=why,
            )
            for row in plan.organizations
        ),
    )


def not_read(plan: Plan, why: str) -> ApplyResult:
    """Return the account of a plan of which no organization could be read, for one reason."""
    return ApplyResult.of(
        plan,
        (
            replace(row, withheld=None, error=why, unread=True)
            for row in not_attempted(plan, why).organizations[: len(plan.organizations)]
        ),
    )


def refusals_of(plan: OrganizationPlan) -> tuple[str, ...]:
    """Return what an organization's plan refuses, in words."""
    return tuple(row.message for row in plan.refusals)


def _first(messages: Iterable[str | None]) -> str | None:
    """Return the first of these, with how many more there are."""
    rows = [row for row in messages if row is not None]
    if not rows:
        return None
    return rows[0] if len(rows) == 1 else f"{rows[0]} (and {len(rows) - 1} more)"
