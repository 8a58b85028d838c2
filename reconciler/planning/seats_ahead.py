"""The seats of one pool on any day: wanted, pinned and bought."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import date
from typing import TypeVar, assert_never

from reconciler.model.calendar import day_after
from reconciler.model.desired import DesiredOrganization, Wanted, WantedList
from reconciler.model.identity import Subject, SubjectKind, email_key
from reconciler.model.state import (
    LicensedUser,
    Machine,
    Member,
    OfflineLicense,
    OrganizationState,
    Session,
)
from reconciler.planning.demand import Demand, boundaries, demand_of
from reconciler.planning.eligibility import Rules, offline_demand
from reconciler.planning.pools import PoolState, pools_of
from reconciler.products import PRODUCTS, SeatUnit

_Row = TypeVar("_Row", LicensedUser, Machine, OfflineLicense, Session)


@dataclass(frozen=True, slots=True)
class ForecastDay:
    """One pool from this day on, until the next row.

    `wanted` counts the seats that are wanted, `pinned` those of them that offline licenses hold;
    `quota` is 0 once the subscription has ended and None where it is unknown.
    """

    day: date
    wanted: int
    pinned: int
    quota: int | None

    @property
    def short(self) -> int | None:
        """How many seats are missing, None where the quota is unknown."""
        return None if self.quota is None else max(0, self.wanted - self.quota)


class SeatsAhead:
    """The seats of the one product that `desired` names, its `members: all` resolved."""

    def __init__(
        self,
        desired: DesiredOrganization,
        state: OrganizationState,
        members: Mapping[str, Member],
        read_on: date,
    ) -> None:
        (self._product,) = desired.products
        self._policy = desired.policy
        self._state = _only(self._product.product, state)
        self._members = members
        self._seat = PRODUCTS[self._product.product].seat
        self._read = self._pool(read_on)
        self._surplus = 0
        if self._seat is not SeatUnit.SESSION:
            # Seats that the API counts and its lists do not show have no date.
            self._surplus = max(0, (self._read.used or 0) - (self._read.counted or 0))
        self._listed = self._product.users
        self._settled = 0
        self._settle()

    def unreadable(self, first: date, last: date) -> bool:
        """Tell whether a list is unknown without which the seats cannot be counted."""
        pool, users, machines = self._read, self._listed, self._product.machines
        if users is not None:
            if pool.holders is None:
                return True
            if self._state.members is None and _newcomers(users, pool.holders, first, last):
                return True
        if machines is not None and (pool.machines is None or pool.offline is None):
            return True
        match self._seat:
            case SeatUnit.USER:
                uncounted = pool.product.offline_field is not None and pool.offline is None
                return pool.holders is None or (uncounted and pool.reported is None)
            case SeatUnit.MACHINE:
                return pool.machines is None
            case SeatUnit.SESSION:
                return pool.offline is None
            case _:
                assert_never(self._seat)

    @property
    def expires(self) -> date | None:
        """The subscription's last day, None where it has none or it is unknown."""
        return self._read.subscription.expires if self._read.subscription else None

    def days(self, first: date, last: date) -> tuple[ForecastDay, ...]:
        """Return a row for the first day and for each later one on which a number changes."""
        rows: list[ForecastDay] = []
        for day in self._boundaries(first, last):
            row = self._row(day)
            if not rows or replace(row, day=rows[-1].day) != rows[-1]:
                rows.append(row)
        return tuple(rows)

    def _settle(self) -> None:
        """Count the users for whom all days are alike, and leave the others to each day."""
        users, holders = self._product.users, self._read.holders
        if users is None or holders is None or self._seat is not SeatUnit.USER:
            return
        rules = Rules(_renewed(self._read), self._members, self._policy, date.max, True)
        dated: list[Wanted] = []
        alike: set[str] = set()
        tied: set[str] = set()
        for wanted in users.wanted:
            key = wanted.subject.key
            if wanted.replaces is None and _always(wanted):
                alike.add(key)
                self._settled += key in holders or rules.user(wanted) is None
            else:
                dated.append(wanted)
                tied.add(key)
                if wanted.replaces is not None:
                    tied.add(wanted.replaces.key)
        for key, spelled in holders.items():
            if key not in alike and key not in tied:
                alike.add(key)
                self._settled += rules.hold(Subject(SubjectKind.USER, spelled)) is not None
        licensed = self._state.licensed_users or ()
        rest = tuple(row for row in licensed if email_key(row.email) not in alike)
        self._state = replace(self._state, licensed_users=rest)
        self._product = replace(self._product, users=replace(users, wanted=tuple(dated)))

    def _boundaries(self, first: date, last: date) -> list[date]:
        days = {first, *boundaries(self._product, first)}
        ends = [row.expires for row in self._state.offline_licenses or ()]
        ends.append(self.expires)
        after = (day_after(end) for end in ends if end is not None)
        days |= {day for day in after if day is not None}
        return sorted(day for day in days if first <= day <= last)

    def _row(self, day: date) -> ForecastDay:
        pool = self._pool(day)
        rules = Rules(pool, self._members, self._policy, day, irrevocable=True)
        rules = rules.for_machines(self._product.machines)
        # An ended subscription keeps nobody from being wanted: it shows as a quota of 0.
        renewed = replace(rules, pool=_renewed(pool))
        users = self._users(pool, renewed)
        machines = self._machines(pool, renewed)
        pinned = len(pool.offline or ())
        if machines is not None:
            issued = [candidate.subject.id for candidate in offline_demand(rules, machines)[0]]
            if self._seat is SeatUnit.MACHINE:
                assigned = {candidate.subject.id for candidate in machines.candidates}
                issued = [one for one in issued if one in machines.kept or one in assigned]
            pinned += len(issued)
        match self._seat:
            case SeatUnit.USER:
                taken = pinned + self._settled + _taken(users, pool.holders)
            case SeatUnit.MACHINE:
                taken = _taken(machines, pool.machines)
            case SeatUnit.SESSION:
                taken = pinned
            case _:
                assert_never(self._seat)
        if self._seat is SeatUnit.USER and pool.offline is None:
            # Licenses that cannot be listed are the rest of the API's own number.
            pinned = self._surplus
        quota = 0 if pool.expired(day) else pool.quota
        return ForecastDay(day, taken + self._surplus, pinned, quota)

    def _users(self, pool: PoolState, rules: Rules) -> Demand | None:
        if self._product.users is None or self._seat is not SeatUnit.USER:
            return None
        return _demand(self._product.users, pool.holders or {}, rules)

    def _machines(self, pool: PoolState, rules: Rules) -> Demand | None:
        if self._product.machines is None:
            return None
        machines = {machine: machine for machine in pool.machines or ()}
        return _demand(self._product.machines, machines, rules)

    def _pool(self, day: date) -> PoolState:
        return pools_of(self._state, day)[self._product.product]


def _newcomers(users: WantedList, holders: Mapping[str, str], first: date, last: date) -> bool:
    """Tell whether somebody is to be granted the product by then, so that membership matters."""
    if users.everyone:
        return True
    return any(
        wanted.subject.key not in holders
        and (wanted.wanted_on(first) or _starts(wanted, first, last))
        for wanted in users.wanted
    )


def _starts(wanted: Wanted, first: date, last: date) -> bool:
    start = wanted.next_start(first)
    return start is not None and start <= last


def _demand(wanted_list: WantedList, holders: Mapping[str, str], rules: Rules) -> Demand:
    of_users = wanted_list.kind is SubjectKind.USER
    return demand_of(
        wanted_list,
        holders,
        rules.day,
        seat=True,
        spelling=lambda _: None,
        obstacle=rules.user if of_users else rules.machine,
        hold=rules.hold,
    )


def _taken(demand: Demand | None, holders: Iterable[str] | None) -> int:
    """Return how many hold a seat once all who are due have left and all who may have come."""
    held = len(tuple(holders or ()))
    if demand is None:
        return held
    replaced = sum(candidate.holder is not None for candidate in demand.candidates)
    return held - len(demand.leaving) - replaced + len(demand.candidates)


def _always(wanted: Wanted) -> bool:
    return any(entry.start is None and entry.end is None for entry in wanted.entries)


def _renewed(pool: PoolState) -> PoolState:
    if pool.subscription is None:
        return pool
    return replace(pool, subscription=replace(pool.subscription, expires=None))


def _only(product: str, state: OrganizationState) -> OrganizationState:
    """Return the state with the rows of one product alone: it is asked once a day of change."""
    return replace(
        state,
        licensed_users=_of(product, state.licensed_users),
        machines=_of(product, state.machines),
        offline_licenses=_of(product, state.offline_licenses),
        sessions=_of(product, state.sessions),
    )


def _of(product: str, rows: tuple[_Row, ...] | None) -> tuple[_Row, ...] | None:
    return None if rows is None else tuple(row for row in rows if row.product == product)
