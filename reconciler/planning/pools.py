"""One product of one organization, as read: who holds what, and how many seats that takes."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import date
from typing import TypeVar

from reconciler.model.identity import email_key
from reconciler.model.state import (
    LicensedUser,
    Machine,
    OfflineLicense,
    OrganizationState,
    Session,
    Subscription,
)
from reconciler.products import PRODUCTS, Product, SeatUnit

_Row = TypeVar("_Row", LicensedUser, Machine, OfflineLicense, Session)


@dataclass(frozen=True, slots=True)
class PoolState:
    """The lists of one product; one that is None is unknown.

    `holders` maps the compared form of an email to the API's spelling. `machines` holds every
    registered machine, those with an offline license among them. `offline` maps a machine to its
    license, and holds only licenses that have not ended.
    """

    product: Product
    subscription: Subscription | None
    holders: Mapping[str, str] | None
    machines: Mapping[str, Machine] | None
    offline: Mapping[str, OfflineLicense] | None
    sessions: tuple[Session, ...] | None

    @property
    def quota(self) -> int | None:
        """The number of seats bought, None where the API does not say."""
        return self.subscription.quota if self.subscription else None

    @property
    def machine_quota(self) -> int | None:
        """The most machines that may be registered, None where there is no such limit."""
        return self.subscription.machine_quota if self.subscription else None

    @property
    def counted(self) -> int | None:
        """The seats taken by what the lists show; None where a list that counts is unknown."""
        offline = len(self.offline) if self.offline is not None else None
        match self.product.seat:
            case SeatUnit.USER:
                # Offline licenses that cannot be listed are the rest of the API's own `used`.
                return None if self.holders is None else len(self.holders) + (offline or 0)
            case SeatUnit.MACHINE:
                # An offline license converts its machine's seat, so each machine counts once.
                return None if self.machines is None else len(self.machines)
            case SeatUnit.SESSION:
                if self.sessions is None or offline is None:
                    return None
                return len(self.sessions) + offline

    @property
    def used(self) -> int | None:
        """The seats taken: the API's own number where it is larger than what the lists show."""
        known = [n for n in (self.counted, self.reported) if n is not None]
        return max(known, default=None)

    @property
    def reported(self) -> int | None:
        """The API's own number of seats taken."""
        return self.subscription.used if self.subscription else None

    @property
    def offline_count(self) -> int | None:
        """The number of offline licenses, None where neither the lists nor the numbers tell it."""
        return self._unlisted() if self.offline is None else len(self.offline)

    @property
    def unlisted(self) -> int:
        """The seats that offline licenses hold which are not listed, as far as they are known."""
        return (self._unlisted() or 0) if self.offline is None else 0

    def _unlisted(self) -> int | None:
        """Return the seats that the API counts as used and that no licensed user holds."""
        of_users = self.product.seat is SeatUnit.USER and self.product.offline_field is not None
        if not of_users or self.holders is None or self.reported is None:
            return None
        return max(0, self.reported - len(self.holders))

    def expired(self, day: date) -> bool:
        """Tell whether the subscription had ended before this day."""
        expires = self.subscription.expires if self.subscription else None
        return expires is not None and expires < day


def pools_of(
    state: OrganizationState, day: date, read_on: date | None = None
) -> Mapping[str, PoolState]:
    """Return every product's pool, in the catalogue's order, as of this day.

    `read_on` is the day the state was read, where that is not `day`: the API's own number of
    seats counts the offline licenses of that day, and those that have ended since give theirs
    back.

    An offline license whose machine is missing from the registered ones counts as registered, as
    the snapshot format says that the machines with an offline license are among them.
    """
    users = _by_product(state.licensed_users)
    machines = _by_product(state.machines)
    offline = _by_product(state.offline_licenses)
    sessions = _by_product(state.sessions)
    pools = {}
    for key, product in PRODUCTS.items():
        licenses = None
        if offline is not None:
            licenses = {
                row.machine: row
                for row in offline.get(key, ())
                if row.expires is None or row.expires >= day
            }
        ended = 0
        # A machine keeps its seat when its offline license ends: it stays registered.
        if read_on is not None and product.seat is not SeatUnit.MACHINE:
            ends = (row.expires for row in (offline or {}).get(key, ()) if row.expires is not None)
            ended = sum(read_on <= end < day for end in ends)
        registered = None
        if machines is not None:
            registered = {row.id: row for row in machines.get(key, ())}
            for row in (licenses or {}).values():
                registered.setdefault(row.machine, Machine(key, row.machine, row.email))
        pools[key] = PoolState(
            product=product,
            subscription=_as_of(state.subscription(key), ended),
            holders=_holders(users, key),
            machines=registered,
            offline=licenses,
            sessions=None if sessions is None else tuple(sessions.get(key, ())),
        )
    return pools


def _as_of(subscription: Subscription | None, ended: int) -> Subscription | None:
    """Return the subscription without the seats of so many offline licenses."""
    if not ended or subscription is None or subscription.used is None:
        return subscription
    return replace(subscription, used=max(0, subscription.used - ended))


def _holders(users: Mapping[str, list[LicensedUser]] | None, key: str) -> Mapping[str, str] | None:
    if users is None:
        return None
    return {email_key(row.email): row.email for row in users.get(key, ())}


def _by_product(rows: tuple[_Row, ...] | None) -> Mapping[str, list[_Row]] | None:
    if rows is None:
        return None
    grouped: dict[str, list[_Row]] = defaultdict(list)
    for row in rows:
        grouped[row.product].append(row)
    return grouped
