"""What the rest of a plan would do to freshly read seats, before anything is written."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import date
from typing import assert_never

from reconciler.applying.operations import Effect, Verb
from reconciler.model.identity import SubjectKind, email_key
from reconciler.model.plan import Action, Change
from reconciler.model.source import Source
from reconciler.model.state import MemberStatus, OrganizationState
from reconciler.planning.pools import PoolState, pools_of
from reconciler.planning.seats import Tally
from reconciler.products import SeatUnit

_NOWHERE = Source("")


@dataclass(frozen=True, slots=True)
class Objection:
    """Why an effect cannot happen; `code` is the licensing API's word for it."""

    code: str
    message: str


class _Holdings:
    """Who holds one product while effects happen on paper; a list that is None is unknown."""

    def __init__(self, pool: PoolState) -> None:
        self.pool = pool
        self.tally = Tally(pool)
        self.users = None if pool.holders is None else set(pool.holders)
        self.machines = None if pool.machines is None else set(pool.machines)
        self.offline: dict[str, date | None] | None = None
        if pool.offline is not None:
            self.offline = {key: row.expires for key, row in pool.offline.items()}

    def of(self, kind: SubjectKind) -> set[str] | None:
        return self.users if kind is SubjectKind.USER else self.machines


class Simulation:
    """The seats of one organization on one day, on which effects are tried before they are sent.

    `limited` are the products whose quota has to be known for a seat to be taken.
    """

    def __init__(
        self, state: OrganizationState, today: date, *, limited: Collection[str] = ()
    ) -> None:
        self._state = state
        self._today = today
        self._limited = limited
        self._pools = pools_of(state, today)
        self._holdings: dict[str, _Holdings] = {}
        self._members = None
        if state.members is not None:
            self._members = {email_key(row.email): row.status for row in state.members}

    def pool(self, product: str) -> PoolState:
        """Return the product's pool as it was read."""
        return self._pools[product]

    @property
    def knows_members(self) -> bool:
        """Whether the members could be listed."""
        return self._members is not None

    def membership(self, email: str) -> MemberStatus | None:
        """Return the member's status; None for somebody who is no member, or an unknown list."""
        return None if self._members is None else self._members.get(email_key(email))

    def shows(self, effect: Effect) -> bool | None:
        """Tell whether the effect is there already; None where the list that says so is unknown."""
        held, key = self._of(effect.product), effect.subject.key
        if effect.verb is Verb.ISSUE_OFFLINE:
            if held.offline is None:
                return None
            if key not in held.offline:
                return False
            ends = held.offline[key]
            return ends is None or effect.expires is None or ends >= effect.expires
        holders = held.of(effect.subject.kind)
        if holders is None:
            return None
        return (key in holders) is (effect.verb is Verb.GRANT)

    def objection(self, effect: Effect) -> Objection | None:
        """Return why the effect cannot happen now, or None where it can."""
        if self.shows(effect) is None:
            return Objection("unreadable", f"the list that would show it cannot be read ({effect})")
        if effect.verb is Verb.REMOVE:
            return self._removal(effect)
        found = self._subscription(effect.product)
        if found is not None:
            return found
        if effect.verb is Verb.ISSUE_OFFLINE:
            found = self._offline(effect)
        elif effect.subject.kind is SubjectKind.USER:
            found = self._member(effect)
        elif self._pools[effect.product].product.seat is not SeatUnit.MACHINE:
            found = Objection(
                "activate_on_host",
                f"a machine takes {effect.product} only by being activated on its host",
            )
        return found or self._room(effect)

    def carry_out(self, effect: Effect) -> None:
        """Let the effect happen, with the sessions that it ends."""
        held, key = self._of(effect.product), effect.subject.key
        holders = held.of(effect.subject.kind)
        held.tally.run(_alone(effect))
        match effect.verb:
            case Verb.REMOVE:
                if holders is not None:
                    holders.discard(key)
            case Verb.GRANT:
                if holders is not None:
                    holders.add(key)
            case Verb.ISSUE_OFFLINE:
                if holders is not None:
                    holders.add(key)
                if held.offline is not None:
                    held.offline[key] = effect.expires
            case _:
                assert_never(effect.verb)

    def _of(self, product: str) -> _Holdings:
        if product not in self._holdings:
            self._holdings[product] = _Holdings(self._pools[product])
        return self._holdings[product]

    def _removal(self, effect: Effect) -> Objection | None:
        offline = self._of(effect.product).offline or {}
        if effect.subject.kind is SubjectKind.USER or effect.subject.key not in offline:
            return None
        ends = offline[effect.subject.key] or "a day that is not known"
        return Objection(
            "offline_locked", f"{effect.subject.id} holds an offline license until {ends}"
        )

    def _subscription(self, product: str) -> Objection | None:
        if self._state.subscriptions is None:
            return Objection("unreadable", "the subscriptions cannot be read")
        pool = self._pools[product]
        if pool.subscription is None:
            return Objection("no_subscription", f"there is no subscription of {product}")
        if pool.expired(self._today):
            return Objection(
                "subscription_expired",
                f"the subscription of {product} ended on {pool.subscription.expires}",
            )
        return None

    def _member(self, effect: Effect) -> Objection | None:
        email = effect.subject.id
        if self._members is None or self.membership(email) is MemberStatus.ACTIVE:
            return None
        if self.membership(email) is MemberStatus.PENDING:
            return Objection("pending_member", f"{email} has not accepted the invitation yet")
        return Objection("not_a_member", f"{email} is not a member of the organization")

    def _offline(self, effect: Effect) -> Objection | None:
        held, key, last = self._of(effect.product), effect.subject.key, effect.expires
        subscription = held.pool.subscription
        if subscription is not None and subscription.offline_allowed is False:
            return Objection(
                "offline_not_allowed", f"{effect.product} does not allow offline licenses"
            )
        if key in (held.offline or {}):
            return Objection(
                "already_offline",
                f"{key} already holds an offline license that ends earlier than {last}",
            )
        ends = subscription.expires if subscription else None
        if last is not None and (last < self._today or (ends is not None and last > ends)):
            bounds = f"from {self._today} to {ends or 'the end of the subscription'}"
            return Objection("invalid_date", f"an offline license can end {bounds}, not on {last}")
        return None

    def _room(self, effect: Effect) -> Objection | None:
        held, product = self._of(effect.product), effect.product
        tally, alone = held.tally, _alone(effect)
        if tally.takes_seat(alone.action, alone.subject):
            if tally.quota is None or tally.used is None:
                if product in self._limited:
                    return Objection("unreadable", f"the seats of {product} cannot be counted")
            elif tally.used >= tally.quota:
                return Objection(
                    "over_quota",
                    f"no seat of {product} is free: {tally.used} of {tally.quota} are used",
                )
        if (
            tally.takes_slot(alone.action, alone.subject)
            and tally.machines is not None
            and tally.machine_quota is not None
            and tally.machines >= tally.machine_quota
        ):
            return Objection(
                "machine_quota",
                f"no more machines can be registered for {product}: "
                f"{tally.machines} of {tally.machine_quota} are",
            )
        return None


def _alone(effect: Effect) -> Change:
    """Return the effect as the change that the arithmetic of seats counts."""
    return Change(
        id="",
        action=Action(effect.verb.value),
        product=effect.product,
        subject=effect.subject,
        source=_NOWHERE,
        expires=effect.expires,
    )
