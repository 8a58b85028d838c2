"""A licensing system in memory that enforces the vendor's rules, and plans to apply to it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta

from reconciler.applying.patience import Patience
from reconciler.backends.protocol import (
    Capabilities,
    EndSession,
    GrantMachines,
    GrantUsers,
    IssueOffline,
    Operation,
    OrganizationRef,
    Outcome,
    OutcomeStatus,
    RemoveMachine,
    RemoveUsers,
    Write,
)
from reconciler.errors import UnknownOrganizationError
from reconciler.model.identity import Subject, SubjectKind, email_key
from reconciler.model.plan import (
    Action,
    Allowed,
    Change,
    Configuration,
    OrganizationPlan,
    Pairing,
    Plan,
    Pool,
    Refusal,
)
from reconciler.model.source import Source
from reconciler.model.state import (
    LISTS,
    LicensedUser,
    Machine,
    Member,
    MemberStatus,
    OfflineLicense,
    OrganizationState,
    Role,
    Subscription,
)

TODAY = date(2026, 11, 24)
NOW = datetime(2026, 11, 24, 9, tzinfo=UTC)
TARGET = "memory://licenses"
EXCESS = "The number of granted users cannot exceed the license quota."
USER_PRODUCTS = frozenset({"kse", "testops"})
MACHINE_PRODUCT = "kre-node-locked"

BY_HAND = "; once that is mended, grant kse to carol@x.io by hand"
"""How the account ends that a seat could not be given back to carol."""

NO_PATIENCE = Patience(seconds=0, seconds_for_return=0)
"""Nothing is tried twice."""

Hook = Callable[[int, Operation], None]


class FakeBackend:
    """Backend over states in memory.

    `before` and `after` are called around the effect of each write with its number from 0; what
    they raise reaches the caller. `history` holds (organization, verb, product, subject) of each
    effect, `peaks` every use above quota (there must be none), `keys` every idempotency key.
    """

    target = TARGET

    def __init__(self, *states: OrganizationState, writes: Sequence[Write] = tuple(Write)) -> None:
        self.states = {state.id: state for state in states}
        self.before: Hook | None = None
        self.after: Hook | None = None
        self.on_read: Callable[[int], None] | None = None
        self.history: list[tuple[int, str, str, str]] = []
        self.peaks: list[tuple[int, str, int]] = []
        self.keys: list[str] = []
        self.reads = 0
        self.calls = 0
        self.live = True
        self._writes = frozenset(writes)
        self._answers: dict[str, tuple[Operation, tuple[Outcome, ...]]] = {}

    def capabilities(self) -> Capabilities:
        return Capabilities(frozenset(LISTS), self._writes, self.live)

    def organizations(self) -> tuple[OrganizationRef, ...]:
        return tuple(OrganizationRef(key, None, None) for key in sorted(self.states))

    def read(self, organization: int) -> OrganizationState:
        self.reads += 1
        if self.on_read is not None:
            self.on_read(organization)
        if organization not in self.states:
            raise UnknownOrganizationError(f"organization {organization} is not known", status=404)
        return self.states[organization]

    def write(self, operation: Operation, *, idempotency_key: str) -> tuple[Outcome, ...]:
        number, self.calls = self.calls, self.calls + 1
        self.keys.append(idempotency_key)
        if self.before is not None:
            self.before(number, operation)
        if idempotency_key in self._answers:
            known, outcomes = self._answers[idempotency_key]
            assert known == operation, "one idempotency key was used for two requests"
        else:
            outcomes = self._effect(operation)
            self._answers[idempotency_key] = operation, outcomes
        if self.after is not None:
            self.after(number, operation)
        return outcomes

    def close(self) -> None:
        """Nothing is open."""

    # What outsiders do.

    def grant(self, organization: int, product: str, *emails: str) -> None:
        state = self.states[organization]
        rows = tuple(LicensedUser(product, email) for email in emails)
        self._set(organization, licensed_users=(state.licensed_users or ()) + rows)

    def revoke(self, organization: int, product: str, *emails: str) -> None:
        gone = {email_key(email) for email in emails}
        rows = self.states[organization].licensed_users or ()
        kept = tuple(r for r in rows if r.product != product or email_key(r.email) not in gone)
        self._set(organization, licensed_users=kept)

    def leave(self, organization: int, email: str) -> None:
        state = self.states[organization]
        members = tuple(row for row in state.members or () if row.email != email)
        users = tuple(row for row in state.licensed_users or () if row.email != email)
        self._set(organization, members=members, licensed_users=users)

    # The rules.

    def used(self, organization: int, product: str) -> int:
        state = self.states[organization]
        offline = {r.machine for r in state.offline_licenses or () if r.product == product}
        users = [r for r in state.licensed_users or () if r.product == product]
        machines = {r.id for r in state.machines or () if r.product == product}
        sessions = [r for r in state.sessions or () if r.product == product]
        if product in USER_PRODUCTS:
            return len(users) + len(offline)
        if product == MACHINE_PRODUCT:
            return len(machines - offline) + len(offline)
        return len(sessions) + len(offline)

    def holders(self, organization: int, product: str) -> list[str]:
        state = self.states[organization]
        users = [r.email for r in state.licensed_users or () if r.product == product]
        machines = [r.id for r in state.machines or () if r.product == product]
        return sorted(users + machines)

    def _set(self, organization: int, **lists: object) -> None:
        self.states[organization] = replace(self.states[organization], **lists)  # type: ignore[arg-type]

    def _effect(self, operation: Operation) -> tuple[Outcome, ...]:
        match operation:
            case GrantUsers():
                return tuple(self._grant_user(operation, email) for email in operation.emails)
            case RemoveUsers():
                return tuple(self._remove_user(operation, email) for email in operation.emails)
            case GrantMachines():
                return tuple(self._grant_machine(operation, key) for key in operation.machines)
            case RemoveMachine():
                return (self._remove_machine(operation),)
            case IssueOffline():
                return (self._issue_offline(operation),)
            case EndSession():
                raise AssertionError("no plan ends a session")

    def _grant_user(self, operation: GrantUsers, email: str) -> Outcome:
        number, product = operation.organization, operation.product
        state = self.states[number]
        members = {row.email: row.status for row in state.members or ()}
        if email in self.holders(number, product):
            return Outcome(email, OutcomeStatus.UNCHANGED)
        if email not in members:
            return _rejected(email, "not_a_member", "not a member")
        if members[email] is not MemberStatus.ACTIVE:
            return _rejected(email, "pending_member", "pending")
        if product in USER_PRODUCTS and self.used(number, product) >= self._quota(number, product):
            return _rejected(email, "over_quota", EXCESS)
        self.grant(number, product, email)
        return self._done(number, "grant", product, email)

    def _remove_user(self, operation: RemoveUsers, email: str) -> Outcome:
        number, product = operation.organization, operation.product
        if email not in self.holders(number, product):
            return Outcome(email, OutcomeStatus.UNCHANGED)
        self.revoke(number, product, email)
        return self._done(number, "remove", product, email)

    def _grant_machine(self, operation: GrantMachines, machine: str) -> Outcome:
        number, product = operation.organization, operation.product
        if product != MACHINE_PRODUCT:
            return _rejected(machine, "activate_on_host", "activate it on its host")
        if machine in self.holders(number, product):
            return Outcome(machine, OutcomeStatus.UNCHANGED)
        if self.used(number, product) >= self._quota(number, product):
            return _rejected(machine, "over_quota", EXCESS)
        self._register(number, product, machine)
        return self._done(number, "grant", product, machine)

    def _remove_machine(self, operation: RemoveMachine) -> Outcome:
        number, product, machine = operation.organization, operation.product, operation.machine
        state = self.states[number]
        if machine in {r.machine for r in state.offline_licenses or () if r.product == product}:
            return _rejected(machine, "offline_locked", "it holds an offline license")
        if machine not in self.holders(number, product):
            return Outcome(machine, OutcomeStatus.UNCHANGED)
        kept = tuple(r for r in state.machines or () if (r.product, r.id) != (product, machine))
        self._set(number, machines=kept)
        return self._done(number, "remove", product, machine)

    def _issue_offline(self, operation: IssueOffline) -> Outcome:
        number, product, machine = operation.organization, operation.product, operation.machine
        state = self.states[number]
        if machine in {r.machine for r in state.offline_licenses or () if r.product == product}:
            return _rejected(machine, "already_offline", "it holds one")
        converts = product == MACHINE_PRODUCT and machine in self.holders(number, product)
        if not converts and self.used(number, product) >= self._quota(number, product):
            return _rejected(machine, "over_quota", EXCESS)
        row = OfflineLicense(product, machine, operation.expires)
        if machine not in self.holders(number, product):
            self._register(number, product, machine)
        self._set(number, offline_licenses=(*(state.offline_licenses or ()), row))
        return self._done(number, "issue_offline", product, machine)

    def _register(self, organization: int, product: str, machine: str) -> None:
        machines = self.states[organization].machines or ()
        self._set(organization, machines=(*machines, Machine(product, machine)))

    def _quota(self, organization: int, product: str) -> int:
        subscription = self.states[organization].subscription(product)
        assert subscription is not None
        assert subscription.quota is not None
        return subscription.quota

    def _done(self, organization: int, verb: str, product: str, subject: str) -> Outcome:
        self.history.append((organization, verb, product, subject))
        used = self.used(organization, product)
        if verb != "remove" and used > self._quota(organization, product):
            self.peaks.append((organization, product, used))
        return Outcome(subject, OutcomeStatus.DONE)


def _rejected(subject: str, code: str, message: str) -> Outcome:
    return Outcome(subject, OutcomeStatus.REJECTED, code, message)


def organization_state(
    number: int = 101,
    *,
    quotas: dict[str, int],
    users: dict[str, Sequence[str]] | None = None,
    machines: dict[str, Sequence[str]] | None = None,
    members: Sequence[str] = (),
    pending: Sequence[str] = (),
) -> OrganizationState:
    """Return a state in which every licensed user is an active member."""
    licensed = [(product, email) for product, emails in (users or {}).items() for email in emails]
    active = dict.fromkeys([*(email for _, email in licensed), *members])
    return OrganizationState(
        id=number,
        name=f"Organization {number}",
        members=tuple(Member(email, Role.USER) for email in active)
        + tuple(Member(email, Role.USER, MemberStatus.PENDING) for email in pending),
        subscriptions=tuple(
            Subscription(product, quota=quota, expires=date(2027, 6, 30), offline_allowed=True)
            for product, quota in quotas.items()
        ),
        licensed_users=tuple(LicensedUser(product, email) for product, email in licensed),
        machines=tuple(
            Machine(product, machine)
            for product, ids in (machines or {}).items()
            for machine in ids
        ),
        offline_licenses=(),
        sessions=(),
    )


def subject(name: str) -> Subject:
    """Return a user where the name is an email, else a machine."""
    return Subject(SubjectKind.USER if "@" in name else SubjectKind.MACHINE, name)


def change(
    action: Action,
    gains_or_loses: str,
    holder: str | None = None,
    *,
    product: str = "kse",
    pairing: Pairing | None = None,
    used_after: int | None = None,
    expires: date | None = None,
) -> Change:
    return Change(
        id=f"{action.value}-{product}-{gains_or_loses}",
        action=action,
        product=product,
        subject=subject(gains_or_loses),
        source=Source("orgs/acme.yaml", 7, 9),
        holder=None if holder is None else subject(holder),
        pairing=pairing or (Pairing.AUTOMATIC if holder is not None else None),
        used_after=used_after,
        expires=expires,
    )


def grant(name: str, **rest: object) -> Change:
    return change(Action.GRANT, name, **rest)  # type: ignore[arg-type]


def remove(name: str, **rest: object) -> Change:
    return change(Action.REMOVE, name, **rest)  # type: ignore[arg-type]


def transfer(holder: str, name: str, **rest: object) -> Change:
    """Return a declared transfer."""
    return change(Action.REASSIGN, name, holder, pairing=Pairing.DECLARED, **rest)  # type: ignore[arg-type]


def pair(holder: str, name: str, **rest: object) -> Change:
    """Return a remove and a grant that the planner paired."""
    return change(Action.REASSIGN, name, holder, **rest)  # type: ignore[arg-type]


def offline(name: str, expires: date, **rest: object) -> Change:
    return change(Action.ISSUE_OFFLINE, name, expires=expires, **rest)  # type: ignore[arg-type]


def pool(product: str = "kse", *, quota: int = 2, used: int = 2) -> Pool:
    return Pool(product, quota, used, None, None, 0, None, None, date(2027, 6, 30))


def plan_of(
    *organizations: OrganizationPlan,
    live: bool = True,
    as_of: date = TODAY,
    allowed: Allowed | None = None,
) -> Plan:
    return Plan(
        created_at=NOW,
        as_of=as_of,
        valid_until=NOW + timedelta(days=7),
        tool="reconciler 0.1.0",
        target=TARGET,
        configuration=Configuration("sha256:" + "0" * 64),
        allowed=allowed or Allowed(),
        organizations=organizations,
        live=live,
    )


def organization_plan(
    *changes: Change,
    number: int = 101,
    pools: Sequence[Pool] = (),
    refusals: Sequence[Refusal] = (),
) -> OrganizationPlan:
    return OrganizationPlan(
        number,
        f"Organization {number}",
        pools=tuple(pools),
        changes=changes,
        refusals=tuple(refusals),
    )
