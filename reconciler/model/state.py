"""The state of one organization in the licensing system, as read; a list that is None is unknown.

All days are dates: an expiry is the last day on which a thing still holds. Backends turn the
API's date-times into such days in the workspace's time zone.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from enum import StrEnum
from types import MappingProxyType


class Role(StrEnum):
    """A member's role; only owners and admins manage licenses."""

    OWNER = "owner"
    ADMIN = "admin"
    USER = "user"
    BILLING_MANAGER = "billing_manager"


class MemberStatus(StrEnum):
    """Whether a member has accepted the invitation."""

    ACTIVE = "active"
    PENDING = "pending"


@dataclass(frozen=True, slots=True)
class Member:
    """A person of the organization; a pending one cannot hold a license."""

    email: str
    role: Role = Role.USER
    status: MemberStatus = MemberStatus.ACTIVE


@dataclass(frozen=True, slots=True)
class Subscription:
    """What was bought of one product; every number that is None was not given by the API."""

    product: str
    quota: int | None = None
    used: int | None = None
    machine_quota: int | None = None
    expires: date | None = None
    offline_allowed: bool | None = None


@dataclass(frozen=True, slots=True)
class LicensedUser:
    """A user to whom a product is granted."""

    product: str
    email: str


@dataclass(frozen=True, slots=True)
class Machine:
    """A machine registered for a product, with or without an offline license."""

    product: str
    id: str
    email: str | None = None
    name: str | None = None
    last_seen: datetime | None = None


@dataclass(frozen=True, slots=True)
class OfflineLicense:
    """An irrevocable license bound to a machine until the end of the day `expires`."""

    product: str
    machine: str
    expires: date | None = None
    email: str | None = None


@dataclass(frozen=True, slots=True)
class Session:
    """An online license in use. `id` is what the API needs to end it."""

    product: str
    machine: str
    email: str | None = None
    started_at: datetime | None = None
    id: str | None = None


@dataclass(frozen=True, slots=True)
class OrganizationState:
    """Everything read of one organization; each list covers all products, None is unknown.

    `reasons` says of an unknown list why it is, where there is more to say than that the API does
    not give it.
    """

    id: int
    name: str | None = None
    members: tuple[Member, ...] | None = None
    subscriptions: tuple[Subscription, ...] | None = None
    licensed_users: tuple[LicensedUser, ...] | None = None
    machines: tuple[Machine, ...] | None = None
    offline_licenses: tuple[OfflineLicense, ...] | None = None
    sessions: tuple[Session, ...] | None = None
    reasons: Mapping[str, str] = field(default_factory=lambda: MappingProxyType({}))

    def subscription(self, product: str) -> Subscription | None:
        """Return the product's subscription, or None where there is none or it is unknown."""
        for row in self.subscriptions or ():
            if row.product == product:
                return row
        return None


LISTS = (
    "members",
    "subscriptions",
    "licensed_users",
    "machines",
    "offline_licenses",
    "sessions",
)
"""The names of the lists of an OrganizationState, in the snapshot format's order."""
