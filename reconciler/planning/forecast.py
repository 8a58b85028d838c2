"""Seats over time: what the files' dates, offline licenses and subscription ends come to.

It asks the planner's own questions, day by day: who is wanted, who may be granted, who stays in
any case, and how many seats there are. Each day is looked at as if its plan were made on the
state that was read and every grant were admitted, so that the seats that are wanted show, and
not those that happen to be free. Nobody joins or leaves the organization on the way.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import date

from reconciler.model.desired import DesiredOrganization
from reconciler.model.identity import email_key
from reconciler.model.state import OrganizationState
from reconciler.planning.everyone import expand
from reconciler.planning.seats_ahead import ForecastDay, SeatsAhead


@dataclass(frozen=True, slots=True)
class PoolForecast:
    """One pool over time; the first row is the first day that was asked for."""

    product: str
    days: tuple[ForecastDay, ...]
    expires: date | None

    @property
    def first_short_day(self) -> date | None:
        """The first day on which a seat is missing, or None."""
        return next((row.day for row in self.days if row.short), None)


@dataclass(frozen=True, slots=True)
class OrganizationForecast:
    """The pools of one organization; `unknown` names the products whose lists cannot be read."""

    id: int
    name: str | None
    pools: tuple[PoolForecast, ...]
    unknown: tuple[str, ...] = ()


def forecast(
    desired: DesiredOrganization,
    state: OrganizationState,
    first: date,
    last: date,
    *,
    read_on: date | None = None,
) -> OrganizationForecast:
    """Return the seats of every named product from `first` to `last`, a row a day of change.

    `read_on` is the day the state was read, where that is not `first`. Sessions come and go and
    are not foreseen: of a session product only the seats of offline licenses are counted.
    """
    members = {email_key(member.email): member for member in state.members or ()}
    found, unknown = [], []
    for named in desired.products:
        product = named
        if named.users is not None and state.members is not None:
            product = replace(named, users=expand(named.users, state.members))
        seats = SeatsAhead(replace(desired, products=(product,)), state, members, read_on or first)
        if seats.unreadable(first, last):
            unknown.append(product.product)
        else:
            days = seats.days(first, last)
            found.append(PoolForecast(product.product, days, seats.expires))
    return OrganizationForecast(
        desired.id, desired.called(state.name), tuple(found), tuple(unknown)
    )
