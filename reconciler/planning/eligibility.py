"""What keeps a subject from being granted, and a holder from being removed."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import date
from types import MappingProxyType

from reconciler.model.calendar import day_after
from reconciler.model.desired import NotAMember, Policy, Wanted, WantedList
from reconciler.model.identity import Subject, SubjectKind
from reconciler.model.plan import Action
from reconciler.model.state import Member, MemberStatus
from reconciler.planning.demand import Candidate, Demand, Reason, Waiting
from reconciler.planning.pools import PoolState
from reconciler.planning.reimages import reimages
from reconciler.products import SeatUnit

REIMAGE = "probable_reimage"
"""The code of what waits until a person tells whether two machines are one host."""


@dataclass(frozen=True, slots=True)
class Rules:
    """The eligibility rules of one pool on one day.

    `members` maps compared emails to members. `irrevocable` tells whether the person who plans
    allowed irrevocable operations, which the policy must allow too. `same_host` holds, by machine
    ID, why neither of two IDs that may be one host's is changed.
    """

    pool: PoolState
    members: Mapping[str, Member]
    policy: Policy
    day: date
    irrevocable: bool
    same_host: Mapping[str, Reason] = field(default_factory=lambda: MappingProxyType({}))

    def for_machines(self, listed: WantedList | None) -> Rules:
        """Return the rules for a list of machines, which hosts may have left and come back to."""
        found: dict[str, Reason] = {}
        for reimage in reimages(listed, self.pool.machines, self.day):
            reason = Reason(REIMAGE, reimage.question)
            found.setdefault(reimage.wanted.subject.id, reason)
            found.setdefault(reimage.found.id, reason)
        return replace(self, same_host=MappingProxyType(found))

    def spelling(self, key: str) -> str | None:
        """Return a member's email as the API spells it, by its compared form."""
        member = self.members.get(key)
        return None if member is None else member.email

    def set_at(self, key: str) -> str:
        """Return words that tell where a key of the policy was set, none for a default."""
        source = self.policy.sources.get(key)
        return f" ({key} is set at {source})" if source else ""

    def user(self, wanted: Wanted) -> Reason | None:
        """Return what keeps a user from being granted the product."""
        member = self.members.get(wanted.subject.key)
        if member is None:
            return Reason(
                "not_a_member",
                f"{wanted.subject.id} is not a member of the organization: invite the person "
                f"first, or remove the entry{self.set_at('not_a_member')}",
                refuse=self.policy.not_a_member is NotAMember.FAIL,
            )
        if member.status is MemberStatus.PENDING:
            return Reason("pending_member", f"{member.email} has not accepted the invitation yet")
        return self.subscription()

    def machine(self, wanted: Wanted) -> Reason | None:
        """Return what keeps a machine from being granted the product."""
        if self.pool.product.seat is SeatUnit.MACHINE:
            return self.same_host.get(wanted.subject.id) or self.subscription()
        name = f" ({wanted.name})" if wanted.name else ""
        return Reason(
            "awaiting_activation",
            f"{wanted.subject.id}{name} registers when the product is activated on that host",
        )

    def subscription(self) -> Reason | None:
        """Return the reason against any grant where the subscription has ended."""
        if not self.pool.expired(self.day) or self.pool.subscription is None:
            return None
        ended = self.pool.subscription.expires
        return Reason("subscription_expired", f"the subscription ended on {ended}")

    def hold(self, subject: Subject) -> Reason | None:
        """Return what keeps a holder from being removed."""
        if subject.key in self.policy.protected:
            message = f"{subject.id} is protected and is never removed{self.set_at('protected')}"
            return Reason("protected", message, refuse=True)
        if subject.kind is SubjectKind.MACHINE:
            license_ = (self.pool.offline or {}).get(subject.id)
            if license_ is not None:
                until = license_.expires
                return Reason(
                    "offline_locked",
                    f"{subject.id} holds an offline license"
                    + (f" until {until}" if until else "")
                    + ", which cannot be taken back",
                    day_after(until) if until else None,
                )
            return self.same_host.get(subject.id)
        return None

    def offline(self, wanted: Wanted) -> Reason | None:
        """Return what keeps an offline license from being issued to a wanted machine."""
        last = wanted.offline_until
        subscription = self.pool.subscription
        obstacle = self.subscription() or self.same_host.get(wanted.subject.id)
        if obstacle is not None:
            return obstacle
        if subscription is not None and subscription.offline_allowed is False:
            return Reason(
                "offline_not_allowed", "the subscription does not include offline licenses"
            )
        ends = subscription.expires if subscription is not None else None
        if ends is not None and last is not None and last > ends:
            return Reason(
                "subscription_expired",
                f"an offline license until {last} would outlive the subscription, which ends "
                f"on {ends}",
            )
        if not (self.policy.allow_irrevocable and self.irrevocable):
            return Reason(
                "irrevocable",
                f"an offline license for {wanted.subject.id} until {last} cannot be taken back: "
                "it needs `allow_irrevocable: true` in the policy and --allow-irrevocable"
                + self.set_at("allow_irrevocable"),
                refuse=True,
            )
        return None


def offline_demand(rules: Rules, demand: Demand) -> tuple[list[Candidate], list[Waiting]]:
    """Return the offline licenses that a list of machines lacks, and those that must wait."""
    pool, day = rules.pool, rules.day
    is_seat = pool.product.seat is SeatUnit.MACHINE
    candidates: list[Candidate] = []
    waiting: list[Waiting] = []
    for wanted in demand.wanted_list.wanted:
        last = wanted.offline_until
        if last is None or last < day or not wanted.wanted_on(day):
            continue
        registered = pool.machines is not None and wanted.subject.id in pool.machines
        candidate = Candidate(
            wanted,
            wanted.subject,
            demand.rank(wanted),
            seat=not is_seat,
            slot=not is_seat and not registered,
            action=Action.ISSUE_OFFLINE,
            expires=last,
        )
        license_ = (pool.offline or {}).get(wanted.subject.id)
        if license_ is not None:
            until = license_.expires
            if until is not None and until < last:
                reason = Reason(
                    "offline_locked",
                    f"the offline license of {wanted.subject.id} ends on {until} and can be "
                    "renewed only then",
                    day_after(until),
                )
                waiting.append(Waiting(candidate, reason))
            continue
        reason_ = rules.offline(wanted)
        if reason_ is None:
            candidates.append(candidate)
        else:
            waiting.append(Waiting(candidate, reason_))
    return candidates, waiting
