"""The licensing rules: what a pool allows, decided on numbers and facts alone, without SQL.

The seat rules are the vendor's documented ones. The codes are this project's own.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import assert_never

from reconciler.products import Product, SeatUnit

EXCESS_MESSAGE = "The number of granted users cannot exceed the license quota."
"""The vendor's words where a pool is full."""


@dataclass(frozen=True, slots=True)
class Rejection:
    """Why one subject is turned away."""

    code: str
    message: str


@dataclass(frozen=True, slots=True)
class Subscription:
    """What an organization bought of one product; `expires` is the last second of it."""

    quota: int | None
    machine_quota: int | None
    expires: str | None
    offline_allowed: bool | None
    surplus: int


@dataclass(frozen=True, slots=True)
class Pool:
    """The seats of one product in one organization at one moment.

    `machines` are all registered ones, `converted` those of them that hold an unexpired offline
    license, `offline` all unexpired offline licenses.
    """

    product: Product
    subscription: Subscription | None = None
    licensed: int = 0
    machines: int = 0
    converted: int = 0
    offline: int = 0
    sessions: int = 0

    @property
    def used(self) -> int:
        """The seats taken, those among them that only the system itself knows of."""
        match self.product.seat:
            case SeatUnit.USER:
                holders = self.licensed
            case SeatUnit.MACHINE:
                holders = self.machines - self.converted
            case SeatUnit.SESSION:
                holders = self.sessions
            case unit:
                assert_never(unit)
        surplus = self.subscription.surplus if self.subscription else 0
        return holders + self.offline + surplus

    @property
    def quota(self) -> int | None:
        """The seats bought, or None where that is not recorded."""
        return self.subscription.quota if self.subscription else None

    def is_full(self) -> bool:
        """Tell whether no seat is left; a pool without a recorded quota has none to give."""
        return self.used >= (self.quota or 0)


@dataclass(frozen=True, slots=True)
class Standing:
    """What an organization knows of a person."""

    member: bool
    pending: bool = False


def subscription_problem(pool: Pool, now: str) -> Rejection | None:
    """Return why nothing may be granted in this pool at all."""
    name = pool.product.name
    if pool.subscription is None:
        return Rejection("no_subscription", f"The organization has no subscription to {name}.")
    if pool.subscription.expires is not None and pool.subscription.expires < now:
        return Rejection(
            "subscription_expired",
            f"The subscription to {name} ended at {pool.subscription.expires}.",
        )
    return None


def membership_problem(standing: Standing) -> Rejection | None:
    """Return why a person cannot be given a license."""
    if not standing.member:
        return Rejection("not_a_member", "The user is not a member of the organization.")
    if standing.pending:
        return Rejection("pending_member", "The user has not accepted the invitation yet.")
    return None


def seat_problem(pool: Pool) -> Rejection | None:
    """Return why one more seat cannot be taken."""
    return Rejection("over_quota", EXCESS_MESSAGE) if pool.is_full() else None


def machine_problem(pool: Pool) -> Rejection | None:
    """Return why one more machine cannot be registered."""
    limit = pool.subscription.machine_quota if pool.subscription else None
    if limit is not None and pool.machines >= limit:
        return Rejection(
            "machine_quota", f"All {limit} machines of the machine quota are registered."
        )
    return None


def grant_problem(pool: Pool, standing: Standing, now: str) -> Rejection | None:
    """Return why a user cannot be licensed. Only per-user products count licensed users."""
    problem = subscription_problem(pool, now) or membership_problem(standing)
    if problem is None and pool.product.seat is SeatUnit.USER:
        return seat_problem(pool)
    return problem


def register_problem(pool: Pool, now: str) -> Rejection | None:
    """Return why a machine cannot be registered; for a machine product that takes a seat."""
    problem = subscription_problem(pool, now)
    if problem is None and pool.product.seat is SeatUnit.MACHINE:
        problem = seat_problem(pool)
    return problem or machine_problem(pool)


def offline_problem(
    pool: Pool, *, registered: bool, holds_offline: bool, expires: str, now: str
) -> Rejection | None:
    """Return why a machine cannot get an offline license that ends at `expires`.

    For a registered machine of a machine product it takes the place of the machine's own seat;
    in every other case it takes one more.
    """
    problem = subscription_problem(pool, now)
    if problem is not None:
        return problem
    if not (pool.subscription and pool.subscription.offline_allowed):
        return Rejection(
            "offline_not_allowed", "The subscription does not include offline licenses."
        )
    if holds_offline:
        return Rejection(
            "already_offline",
            "The machine holds an offline license, which cannot be changed until it expires.",
        )
    problem = _offline_date_problem(pool, expires, now)
    if problem is not None:
        return problem
    if not (registered and pool.product.seat is SeatUnit.MACHINE):
        problem = seat_problem(pool)
    return problem or (None if registered else machine_problem(pool))


def _offline_date_problem(pool: Pool, expires: str, now: str) -> Rejection | None:
    if expires < now:
        return Rejection("invalid_date", f"The expiration date {expires} is past.")
    end = pool.subscription.expires if pool.subscription else None
    if end is not None and expires > end:
        return Rejection(
            "invalid_date",
            f"The expiration date {expires} is after the end of the subscription, {end}.",
        )
    return None


@dataclass(frozen=True, slots=True)
class Activation:
    """The facts about a machine that asks for a session.

    `licensed` tells whether the user is; `elsewhere` whether the user has a session of this
    product on another machine; `busy` whether this machine has one.
    """

    standing: Standing
    registered: bool
    licensed: bool
    elsewhere: bool
    busy: bool


def activation_problem(pool: Pool, facts: Activation, now: str) -> Rejection | None:
    """Return why a session cannot start."""
    problem = subscription_problem(pool, now) or membership_problem(facts.standing)
    if problem is not None:
        return problem
    if pool.product.users and not facts.licensed:
        return Rejection("not_licensed", "The user holds no license of this product.")
    match pool.product.seat:
        case SeatUnit.USER if facts.elsewhere:
            return Rejection(
                "in_use_elsewhere", "The account is in use on another machine at this time."
            )
        case SeatUnit.MACHINE if facts.busy:
            return Rejection(
                "session_active", "A license allows one session, and the machine runs one."
            )
        case SeatUnit.MACHINE if not facts.registered:
            problem = seat_problem(pool)
        case SeatUnit.SESSION:
            problem = seat_problem(pool)
        case _:
            pass
    return problem or (None if facts.registered else machine_problem(pool))
