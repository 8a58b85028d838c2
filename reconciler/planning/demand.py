"""Eligibility: who of the wanted may have what on a day, and who is due to leave."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import date

from reconciler.model.calendar import day_after
from reconciler.model.desired import DesiredProduct, Wanted, WantedList
from reconciler.model.identity import Subject, SubjectKind
from reconciler.model.plan import Action


@dataclass(frozen=True, slots=True)
class Reason:
    """Why something cannot be had; `refuse` tells whether a person must act (a refusal)."""

    code: str
    message: str
    available_from: date | None = None
    refuse: bool = False


@dataclass(frozen=True, slots=True)
class Candidate:
    """A wanted change that nothing but seats can hold back.

    `rank` is the order of service: higher priority first, then the place in the files. `seat` and
    `slot` tell whether it takes a seat and registers one more machine. `holder` is whose seat it
    takes over, for a declared transfer. `expires` is an offline license's last day.
    """

    wanted: Wanted
    subject: Subject
    rank: tuple[int, int, int]
    seat: bool
    slot: bool
    action: Action = Action.GRANT
    holder: Subject | None = None
    expires: date | None = None


@dataclass(frozen=True, slots=True)
class Waiting:
    """A candidate that cannot run today, with its reason.

    `holder_may_go` is false where the holder of a declared transfer cannot be removed at all.
    """

    candidate: Candidate
    reason: Reason
    holder_may_go: bool = True


@dataclass(frozen=True, slots=True)
class Staying:
    """A subject due to leave that cannot, with its reason."""

    subject: Subject
    reason: Reason


@dataclass(slots=True)
class Demand:
    """What one managed list comes to on a day. Built up here, then only read.

    `kept` holds the compared forms of wanted holders. `leaving` excludes the holders of
    `candidates`, `waiting` and `not_due`, whose seats are spoken for.
    """

    wanted_list: WantedList
    kept: set[str] = field(default_factory=set)
    candidates: list[Candidate] = field(default_factory=list)
    waiting: list[Waiting] = field(default_factory=list)
    not_due: list[Waiting] = field(default_factory=list)
    leaving: list[Subject] = field(default_factory=list)
    staying: list[Staying] = field(default_factory=list)
    expired: list[Wanted] = field(default_factory=list)
    upcoming: list[tuple[Wanted, date]] = field(default_factory=list)

    def rank(self, wanted: Wanted) -> tuple[int, int, int]:
        """Return the order of service of one of the list's subjects, the first served first."""
        return (-wanted.priority, self.wanted_list.source.line, wanted.order)


def demand_of(
    wanted_list: WantedList,
    holders: Mapping[str, str],
    day: date,
    *,
    seat: bool,
    spelling: Callable[[str], str | None],
    obstacle: Callable[[Wanted], Reason | None],
    hold: Callable[[Subject], Reason | None],
) -> Demand:
    """Compare one managed list with who holds now.

    `holders` maps compared forms to the API's spelling, as `spelling` does for anybody it knows.
    `seat` tells whether the product counts this kind of subjects. `obstacle` says what keeps a
    wanted subject from being granted, `hold` what keeps a holder from being removed; both are
    asked only where there is such a change.
    """
    demand = Demand(wanted_list)
    newcomers: list[tuple[str, Wanted]] = []
    absent: list[Wanted] = []
    for wanted in wanted_list.wanted:
        key = wanted.subject.key
        if not wanted.wanted_on(day):
            absent.append(wanted)
        elif key in holders:
            demand.kept.add(key)
        else:
            newcomers.append((key, wanted))
    leaving = {key: spelled for key, spelled in holders.items() if key not in demand.kept}
    kind = wanted_list.kind
    slot = kind is SubjectKind.MACHINE

    for wanted in absent:
        start = wanted.next_start(day)
        if start is None:
            demand.expired.append(wanted)
            continue
        demand.upcoming.append((wanted, start))
        holder = _take(leaving, wanted, kind)
        if holder is not None:
            reason = Reason("not_due", f"starts {start}", start)
            rank = demand.rank(wanted)
            candidate = Candidate(wanted, wanted.subject, rank, seat, slot, holder=holder)
            may_go = hold(holder) is None
            demand.not_due.append(Waiting(candidate, reason, may_go))
            if not may_go:
                demand.staying.append(Staying(holder, awaits(holder, candidate, reason)))

    for key, wanted in newcomers:
        subject = Subject(kind, spelling(key) or wanted.subject.id)
        holder = _take(leaving, wanted, kind)
        candidate = Candidate(wanted, subject, demand.rank(wanted), seat, slot, holder=holder)
        _newcomer(demand, candidate, obstacle(wanted), None if holder is None else hold(holder))

    for _, spelled in sorted(leaving.items()):
        subject = Subject(kind, spelled)
        locked = hold(subject)
        if locked is None:
            demand.leaving.append(subject)
        else:
            demand.staying.append(Staying(subject, locked))
    return demand


def _newcomer(
    demand: Demand, candidate: Candidate, obstacle: Reason | None, locked: Reason | None
) -> None:
    """Sort in one wanted subject that holds nothing yet; `locked` is what keeps its holder."""
    reason = obstacle or locked
    if reason is None:
        demand.candidates.append(candidate)
        return
    # The refusal of the transfer speaks of a protected holder too; any other holder that cannot
    # go is told of for itself.
    told = obstacle is None and locked is not None and locked.refuse
    if candidate.holder is not None and locked is not None and not told:
        demand.staying.append(Staying(candidate.holder, locked))
    demand.waiting.append(Waiting(candidate, reason, locked is None))


def _take(leaving: dict[str, str], wanted: Wanted, kind: SubjectKind) -> Subject | None:
    """Take the declared holder out of those who leave, if there still is one."""
    if wanted.replaces is None:
        return None
    spelled = leaving.pop(wanted.replaces.key, None)
    return None if spelled is None else Subject(kind, spelled)


def awaits(holder: Subject, candidate: Candidate, why: Reason) -> Reason:
    """Return the reason for which a holder stays until the replacement can be granted."""
    return Reason(
        "awaits_replacement",
        f"{holder.id} stays until {candidate.subject.id} can be granted: {why.message}",
        why.available_from,
    )


def boundaries(product: DesiredProduct, day: date) -> set[date]:
    """Return the days after `day` on which an entry of this product begins or has ended."""
    days: set[date | None] = set()
    for wanted_list in (product.users, product.machines):
        for wanted in wanted_list.wanted if wanted_list else ():
            for entry in wanted.entries:
                if entry.start is not None:
                    days.add(entry.start)
                if entry.end is not None:
                    days.add(day_after(entry.end))
            if wanted.offline_until is not None:
                days.add(day_after(wanted.offline_until))
    return {found for found in days if found is not None and found > day}
