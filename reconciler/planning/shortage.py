"""The account of a shortage: by how much a pool is short, why, and when seats come free."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

from reconciler.model.desired import WantedList
from reconciler.planning.demand import DAY, Demand
from reconciler.planning.pools import PoolState
from reconciler.products import SeatUnit


@dataclass(frozen=True, slots=True)
class Release:
    """A seat that comes free on `day`, when an offline license or a holder's entry has ended."""

    day: date
    subject: str
    offline: bool


@dataclass(frozen=True, slots=True)
class Shortage:
    """Why not everybody fits. `releases` are sorted; `deficit` is the use above the quota that
    the first releases only make up for."""

    product: str
    quota: int
    used: int
    wanted: int
    deficit: int
    pinned: tuple[tuple[str, date | None], ...]
    releases: tuple[Release, ...]
    expires: date | None

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
        parts = [
            f"{self.product}: {self.wanted} seats are wanted and {self.quota} are bought "
            f"({self.used} in use now), {self.short_by} short"
        ]
        if self.pinned:
            last = [day for _, day in self.pinned if day is not None]
            until = f" until {max(last)} at the latest" if last else ""
            count = len(self.pinned)
            held = "seat is" if count == 1 else "seats are"
            parts.append(f"{count} {held} held by offline licenses{until}")
        ending = [r for r in self.releases if not r.offline]
        if ending:
            named = ", ".join(f"{r.subject} on {r.day - DAY}" for r in ending[:3])
            more = f" and {len(ending) - 3} more" if len(ending) > 3 else ""
            parts.append(f"access ends for {named}{more}")
        day = self.available_from(self.short_by - 1) if self.short_by else None
        first = self.available_from(0)
        if first is None:
            parts.append("no date frees a seat")
        elif day is None or day == first:
            parts.append(f"the first seat comes free on {first}")
        else:
            parts.append(f"the first seat comes free on {first}, enough for all on {day}")
        parts.append(f"buy {self.short_by} or remove as many")
        return "; ".join(parts)

    @property
    def details(self) -> Mapping[str, Any]:
        """The account for machines."""
        ending = [r for r in self.releases if not r.offline]
        first = self.available_from(0)
        every = self.available_from(self.short_by - 1) if self.short_by else None
        return {
            "quota": self.quota,
            "used": self.used,
            "wanted": self.wanted,
            "short_by": self.short_by,
            "seats_to_buy": self.short_by,
            "pinned": [{"machine": name, "until": _iso(until)} for name, until in self.pinned],
            "ending": [{"subject": r.subject, "until": _iso(r.day - DAY)} for r in ending],
            "available_from": _iso(first),
            "all_fit_on": _iso(every),
        }


def shortage_of(
    pool: PoolState,
    demands: Sequence[Demand],
    *,
    wanted: int,
    room: int,
    day: date,
) -> Shortage:
    """Return the account of a pool with a known quota.

    `wanted` is the use if everybody were granted, `room` the seats left after admission.
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
        if until is not None and frees:
            releases.append(Release(until + DAY, machine, offline=True))
    return Shortage(
        product=pool.product.key,
        quota=pool.quota or 0,
        used=pool.used or 0,
        wanted=wanted,
        deficit=max(0, -room),
        pinned=pinned,
        releases=tuple(sorted(releases, key=lambda r: (r.day, r.subject))),
        expires=pool.subscription.expires if pool.subscription else None,
    )


def _ends(wanted_list: WantedList, kept: set[str], day: date) -> list[Release]:
    found = []
    for wanted in wanted_list.wanted:
        if wanted.subject.key in kept and (last := wanted.wanted_until(day)) is not None:
            found.append(Release(last + DAY, wanted.subject.id, offline=False))
    return found


def _iso(day: date | None) -> str | None:
    return None if day is None else day.isoformat()
