"""The account of a shortage: by how much a pool is short, why, and when seats come free."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from reconciler.model.calendar import day_after, day_before
from reconciler.model.desired import WantedList
from reconciler.model.identity import Subject, SubjectKind, email_key
from reconciler.model.plan import Action
from reconciler.model.state import Session
from reconciler.planning.demand import Candidate, Demand, Staying
from reconciler.planning.eligibility import REIMAGE
from reconciler.planning.pools import PoolState
from reconciler.products import SeatUnit


@dataclass(frozen=True, slots=True)
class Release:
    """A seat that comes free on `day`, when an offline license or a holder's entry has ended."""

    day: date
    subject: str
    offline: bool

    @property
    def last_day(self) -> date | None:
        """The last day on which the seat is still taken."""
        return day_before(self.day)


@dataclass(frozen=True, slots=True)
class Shortage:
    """Why not everybody fits. `releases` are sorted; `deficit` is the use above the quota that
    the first releases only make up for. `unlisted` are seats of offline licenses that are not in
    `pinned`, as they cannot be listed. `all_fit_on` is the first day on which everybody who is
    wanted then would fit. `sessions` are those that hold seats and go on, the oldest first: None
    where they are unknown, or where the product counts none."""

    product: str
    quota: int
    used: int
    wanted: int
    deficit: int
    pinned: tuple[tuple[str, date | None], ...]
    releases: tuple[Release, ...]
    expires: date | None
    all_fit_on: date | None
    unlisted: int = 0
    by_session: bool = False
    sessions: tuple[Session, ...] | None = None

    @property
    def short_by(self) -> int:
        """How many seats are missing, which is how many to buy."""
        return max(0, self.wanted - self.quota)

    def available_from(self, place: int) -> date | None:
        """Return the first day on which the one at this place of the queue (from 0) may fit."""
        index = place + self.deficit
        if index >= len(self.releases):
            return None
        day = self.releases[index].day
        return None if self.expires is not None and day > self.expires else day

    @property
    def message(self) -> str:
        """The account in one readable paragraph."""
        bought = "1 is bought" if self.quota == 1 else f"{self.quota} are bought"
        seats = "1 seat is" if self.wanted == 1 else f"{self.wanted} seats are"
        parts = [
            f"{self.product}: {seats} wanted and {bought} ({self.used} in use now), "
            f"{self.short_by} short"
        ]
        if self.pinned:
            last = [day for _, day in self.pinned if day is not None]
            until = f" until {max(last)} at the latest" if last else ""
            count = len(self.pinned)
            held = "seat is" if count == 1 else "seats are"
            parts.append(f"{count} {held} held by offline licenses{until}")
        if self.unlisted:
            held = "seat is" if self.unlisted == 1 else "seats are"
            parts.append(
                f"{self.unlisted} {held} held by offline licenses that cannot be listed, nobody "
                "can say until when"
            )
        if self.sessions:
            parts.append(_active(self.sessions))
        ending = [r for r in self.releases if not r.offline]
        if ending:
            named = ", ".join(f"{r.subject} on {r.last_day}" for r in ending[:3])
            more = f" and {len(ending) - 3} more" if len(ending) > 3 else ""
            parts.append(f"access ends for {named}{more}")
        first = self.available_from(0)
        if first is None:
            parts.append("no date frees a seat")
        elif self.all_fit_on is None:
            parts.append(f"the first seat comes free on {first}, not enough for all on any day")
        else:
            parts.append(f"the first seat comes free on {first}, all fit on {self.all_fit_on}")
        way_out = "end as many sessions" if self.by_session else "remove as many"
        parts.append(f"buy {self.short_by} or {way_out}")
        return "; ".join(parts)

    @property
    def details(self) -> Mapping[str, Any]:
        """The account for machines."""
        ending = [r for r in self.releases if not r.offline]
        first = self.available_from(0)
        return {
            "quota": self.quota,
            "used": self.used,
            "wanted": self.wanted,
            "short_by": self.short_by,
            "seats_to_buy": self.short_by,
            "pinned": [
                *({"machine": name, "until": _iso(until)} for name, until in self.pinned),
                *({"machine": None, "until": None} for _ in range(self.unlisted)),
            ],
            "ending": [{"subject": r.subject, "until": _iso(r.last_day)} for r in ending],
            "available_from": _iso(first),
            "all_fit_on": _iso(self.all_fit_on),
            **({"sessions": self._session_rows()} if self.by_session else {}),
        }

    def _session_rows(self) -> list[Mapping[str, str | None]] | None:
        if self.sessions is None:
            return None
        return [
            {"machine": row.machine, "user": row.email, "started_at": _iso(row.started_at)}
            for row in self.sessions
        ]


def shortage_of(
    pool: PoolState,
    demands: Sequence[Demand],
    candidates: Sequence[Candidate],
    *,
    wanted: int,
    room: int,
    day: date,
) -> Shortage:
    """Return the account of a pool with a known quota.

    `candidates` are all who ask for a seat, those who get one among them. `wanted` is the use if
    everybody were granted, `room` the seats left after admission.
    """
    pinned = tuple(
        (machine, license_.expires) for machine, license_ in sorted((pool.offline or {}).items())
    )
    releases = []
    for demand in demands:
        if pool.product.seat is not SeatUnit.SESSION:
            releases.extend(_ends(demand.wanted_list, demand.kept, day))
    unlisted = {s.subject.id for demand in demands for s in demand.staying}
    for machine, until in pinned:
        # For a machine product the seat is the machine's: only one that is to go gives it back.
        frees = pool.product.seat is not SeatUnit.MACHINE or machine in unlisted
        free_on = day_after(until) if until is not None and frees else None
        if free_on is not None:
            releases.append(Release(free_on, machine, offline=True))
    ordered = tuple(sorted(releases, key=lambda r: (r.day, r.subject)))
    expires = pool.subscription.expires if pool.subscription else None
    by_session = pool.product.seat is SeatUnit.SESSION
    days = [release.day for release in ordered if expires is None or release.day <= expires]
    fits = (on for on in days if _seats(pool, demands, candidates, on) <= (pool.quota or 0))
    return Shortage(
        product=pool.product.key,
        quota=pool.quota or 0,
        used=pool.used or 0,
        wanted=wanted,
        deficit=max(0, -room),
        pinned=pinned,
        releases=ordered,
        expires=expires,
        all_fit_on=next(fits, None),
        unlisted=pool.unlisted,
        by_session=by_session,
        sessions=_going_on(pool, demands, candidates) if by_session else None,
    )


def _going_on(
    pool: PoolState, demands: Sequence[Demand], candidates: Sequence[Candidate]
) -> tuple[Session, ...] | None:
    """Return the sessions of those who are not due to leave, the oldest first."""
    if pool.sessions is None:
        return None
    gone = {subject.compared for demand in demands for subject in demand.leaving}
    gone |= {c.holder.compared for c in candidates if c.holder is not None}

    def stays(row: Session) -> bool:
        owner = None if row.email is None else Subject(SubjectKind.USER, email_key(row.email))
        return gone.isdisjoint({owner, Subject(SubjectKind.MACHINE, row.machine)})

    def age(row: Session) -> tuple[bool, float, str, str]:
        start = row.started_at
        return (start is None, start.timestamp() if start else 0, row.machine, row.email or "")

    return tuple(sorted(filter(stays, pool.sessions), key=age))


def _active(sessions: Sequence[Session]) -> str:
    named = []
    for row in sessions[:3]:
        since = None if row.started_at is None else f"since {_iso(row.started_at)}"
        known = ", ".join(text for text in (row.email, since) if text)
        named.append(f"{row.machine} ({known})" if known else row.machine)
    more = f" and {len(sessions) - 3} more" if len(sessions) > 3 else ""
    one = len(sessions) == 1
    count = "1 session is" if one else f"{len(sessions)} sessions are"
    return (
        f"{count} active: {', '.join(named)}{more}; end {'it' if one else 'one'} with "
        "`reconciler sessions end`"
    )


def _seats(
    pool: PoolState, demands: Sequence[Demand], candidates: Sequence[Candidate], day: date
) -> int:
    """Return the seats wanted on a later day: by who holds, asks for or starts to want one."""
    is_seat = SubjectKind.USER if pool.product.seat is SeatUnit.USER else SubjectKind.MACHINE
    asking = {c.subject.key for c in candidates if c.action is Action.GRANT}
    taken: set[str] = set()
    for demand in demands:
        if demand.wanted_list.kind is not is_seat or pool.product.seat is SeatUnit.SESSION:
            continue
        starting = {wanted.subject.key for wanted, _ in demand.upcoming}
        may_hold = demand.kept | asking | starting
        for wanted in demand.wanted_list.wanted:
            if wanted.subject.key in may_hold and wanted.wanted_on(day):
                taken.add(wanted.subject.key)
        taken |= {s.subject.key for s in demand.staying if s.reason.refuse or _undecided(s)}
    offline = {
        machine
        for machine, row in (pool.offline or {}).items()
        if row.expires is None or row.expires >= day
    }
    offline |= {c.subject.id for c in candidates if c.expires is not None and c.expires >= day}
    if pool.product.seat is SeatUnit.MACHINE:
        return len(taken | offline)
    return len(taken) + len(offline) + pool.unlisted


def _undecided(staying: Staying) -> bool:
    """Tell whether a holder stays until a person decides, on whatever day that is."""
    return staying.reason.code == REIMAGE


def _ends(wanted_list: WantedList, kept: set[str], day: date) -> list[Release]:
    found = []
    for wanted in wanted_list.wanted:
        last = wanted.wanted_until(day) if wanted.subject.key in kept else None
        free_on = day_after(last) if last is not None else None
        if free_on is not None:
            found.append(Release(free_on, wanted.subject.id, offline=False))
    return found


def _iso(time: date | datetime | None) -> str | None:
    return None if time is None else time.isoformat().replace("+00:00", "Z")
