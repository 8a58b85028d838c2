"""The plan of one pool: eligibility, admission and pairing; the order comes later."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date
from types import MappingProxyType

from reconciler.model.desired import (
    DesiredProduct,
    OnShortage,
    UnlistedMachines,
    Wanted,
    WantedList,
)
from reconciler.model.identity import Subject
from reconciler.model.plan import (
    Action,
    Change,
    Deferral,
    Notice,
    Refusal,
    Scope,
)
from reconciler.planning.admission import NO_SEAT, Admission, admit
from reconciler.planning.changes import Maker
from reconciler.planning.demand import (
    Candidate,
    Demand,
    Reason,
    Staying,
    Waiting,
    awaits,
    demand_of,
)
from reconciler.planning.eligibility import Rules, offline_demand
from reconciler.planning.pairing import WAYS, Exchange, Handover, Leaver, Way, pair
from reconciler.planning.pools import PoolState
from reconciler.planning.seats import Tally
from reconciler.planning.shortage import shortage_of
from reconciler.products import SeatUnit


@dataclass(slots=True)
class PoolDraft:
    """What one product comes to. Built up here, then only read.

    `exchanges` are who comes and who goes, a list each, and `issued` are the offline licenses.
    `settle` makes `changes` of them all, in the order of service within each kind; `planning.order`
    puts the kinds in order. `unlisted` are registered machines that are only reported. `demands`
    are what the managed lists come to.
    """

    desired: DesiredProduct
    pool: PoolState
    maker: Maker
    exchanges: list[Exchange] = field(default_factory=list)
    issued: list[Change] = field(default_factory=list)
    changes: tuple[Change, ...] = ()
    deferred: list[Deferral] = field(default_factory=list)
    refusals: list[Refusal] = field(default_factory=list)
    notices: list[Notice] = field(default_factory=list)
    demands: list[Demand] = field(default_factory=list)
    unlisted: list[Subject] = field(default_factory=list)


def draft_pool(
    desired: DesiredProduct, pool: PoolState, rules: Rules, maker: Maker, known: Known
) -> PoolDraft:
    """Plan one product of one organization, without regard to the organization's own guards."""
    drafting = _Drafting(desired, pool, rules, maker)
    missing = drafting.unknown_lists(known)
    if missing:
        drafting.draft.refusals.append(drafting.unreadable(missing, reasons=known.reasons))
    else:
        drafting.compare()
        drafting.fill(known)
    return drafting.draft


def settle(drafts: Sequence[PoolDraft], way: Way = WAYS[0]) -> None:
    """Pair who comes with who goes in all pools of one organization, and make the changes."""
    exchanges = [exchange for draft in drafts for exchange in draft.exchanges]
    handovers = iter(pair(exchanges, way))
    for draft in drafts:
        rows = [row for _ in draft.exchanges for row in next(handovers)]
        draft.changes = tuple(_changes(draft, rows))


def _changes(draft: PoolDraft, rows: Sequence[Handover]) -> Iterator[Change]:
    make = draft.maker
    for exchange in draft.exchanges:
        yield from (make.declared(candidate) for candidate in exchange.declared)
    leavers = []
    for row in rows:
        if row.incoming is None:
            leavers.append(row.outgoing)
        elif row.outgoing is None:
            yield make.gain(row.incoming)
        else:
            yield make.automatic(row.incoming, row.outgoing.subject)
    yield from draft.issued
    for leaver in leavers:
        if leaver is not None:
            yield make.remove(leaver.subject, leaver.source, leaver.reason)


@dataclass(frozen=True, slots=True)
class Known:
    """Which of the lists that belong to no product could be read, and why others could not."""

    members: bool
    subscriptions: bool
    reasons: Mapping[str, str] = field(default_factory=lambda: MappingProxyType({}))


class _Drafting:
    def __init__(
        self, desired: DesiredProduct, pool: PoolState, rules: Rules, maker: Maker
    ) -> None:
        self.draft = PoolDraft(desired, pool, maker)
        self._desired = desired
        self._pool = pool
        self._rules = rules
        self._maker = maker
        self._candidates: list[Candidate] = []
        self._waiting: list[Waiting] = []
        self._conversions: list[Candidate] = []

    def unknown_lists(self, known: Known) -> list[str]:
        """Return the names of the lists that this product's files need and that are unknown."""
        missing = []
        users, machines, holders = self._desired.users, self._desired.machines, self._pool.holders
        if users is not None and holders is None:
            missing.append("licensed_users")
        if users is not None and holders is not None and not known.members:
            day = self._rules.day
            newcomers = (w.subject.key not in holders for w in users.wanted if w.wanted_on(day))
            if users.everyone or any(newcomers):
                missing.append("members")
        if machines is not None and self._pool.machines is None:
            missing.append("machines")
        if machines is not None and self._pool.offline is None:
            missing.append("offline_licenses")
        return missing

    def unreadable(
        self,
        missing: Sequence[str],
        withheld: tuple[Change, ...] = (),
        reasons: Mapping[str, str] = MappingProxyType({}),
    ) -> Refusal:
        product = self._desired.product
        why = "".join(f" ({reasons[name]})" for name in missing if name in reasons)
        return Refusal(
            code="unreadable",
            scope=Scope.POOL,
            product=product,
            message=f"{product}: the licensing system gives no {' and no '.join(missing)}{why}, so "
            f"nothing of {product} can be planned safely; {_way_out(missing)}",
            details={"missing": list(missing)},
            withheld=withheld,
            source=self._desired.source,
        )

    def compare(self) -> None:
        """Compare the managed lists with who holds now."""
        if self._desired.users is not None:
            users = self._users(self._desired.users)
            self.draft.demands.append(users)
            self._candidates += users.candidates
            self._waiting += users.waiting
        if self._desired.machines is not None:
            machines = self._machines(self._desired.machines)
            self.draft.demands.append(machines)
            self._candidates += machines.candidates
            self._offline(machines)

    def _users(self, wanted: WantedList) -> Demand:
        return demand_of(
            wanted,
            self._pool.holders or {},
            self._rules.day,
            seat=self._pool.product.seat is SeatUnit.USER,
            spelling=self._rules.spelling,
            obstacle=self._rules.user,
            hold=self._rules.hold,
        )

    def _machines(self, wanted: WantedList) -> Demand:
        is_seat = self._pool.product.seat is SeatUnit.MACHINE
        policy = self._rules.policy
        reported = not is_seat and policy.unlisted_machines is UnlistedMachines.REPORT
        demand = demand_of(
            wanted,
            {machine: machine for machine in self._pool.machines or ()},
            self._rules.day,
            seat=is_seat,
            spelling=lambda _: None,
            obstacle=self._rules.machine,
            hold=(lambda _: None) if reported else self._rules.hold,
        )
        if reported:
            tied = [w.candidate.holder for w in [*demand.waiting, *demand.not_due]]
            unlisted = {*demand.leaving, *(holder for holder in tied if holder is not None)}
            self.draft.unlisted = sorted(unlisted)
            demand.leaving.clear()
            demand.not_due.clear()
            demand.waiting[:] = [
                Waiting(replace(w.candidate, holder=None), w.reason) for w in demand.waiting
            ]
        return demand

    def _offline(self, machines: Demand) -> None:
        """Add what the machines want of offline licenses."""
        issue, later = offline_demand(self._rules, machines)
        self._candidates += [c for c in issue if c.seat]
        self._conversions += [c for c in issue if not c.seat]
        issued = {candidate.subject.id for candidate in issue}
        postponed = {waiting.candidate.subject.id: waiting for waiting in later}
        for waiting in machines.waiting:
            machine = waiting.candidate.subject.id
            if waiting.reason.code != "awaiting_activation":
                # The machine itself is turned away: its offline license needs no word of its own.
                postponed.pop(machine, None)
            elif machine in issued or machine in postponed:
                # A machine that is to get an offline license needs no activation on its host.
                self._release(machines, waiting, postponed.get(machine))
                continue
            self._waiting.append(waiting)
        self._waiting += postponed.values()

    def _release(self, machines: Demand, activation: Waiting, postponed: Waiting | None) -> None:
        """Let go of the holder of an activation that an offline license stands in for."""
        holder = activation.candidate.holder
        if holder is None or not activation.holder_may_go:
            return
        if postponed is None:
            machines.leaving.append(holder)
            machines.leaving.sort()
        else:
            reason = awaits(holder, postponed.candidate, postponed.reason)
            machines.staying.append(Staying(holder, reason))

    def fill(self, known: Known) -> None:
        """Share out the seats and turn the result into changes, deferrals and refusals."""
        policy = self._rules.policy
        unknown = self._unknown_terms(known)
        admission = self._admit(OnShortage.WAITLIST if unknown else policy.on_shortage)
        self._exchanges(admission)
        if unknown:
            settle([self.draft])
            self.draft.refusals.append(self.unreadable(unknown, self.draft.changes))
            self.draft.exchanges, self.draft.issued = [], []
            return
        for waiting in [*self._waiting, *admission.waiting]:
            if waiting.reason.refuse:
                change = self._maker.declared(waiting.candidate)
                self.draft.refusals.append(self._maker.refusal(waiting.reason, change))
            else:
                self.draft.deferred.append(self._maker.deferral(waiting))
        self._stays(admission)
        if admission.short:
            self._short(admission)

    def _unknown_terms(self, known: Known) -> list[str]:
        """Return what is unknown of the subscription and its seats, where a change needs to know.

        A license is given under a subscription, whether it takes a seat or not.
        """
        if self._pool.subscription is None and [*self._candidates, *self._conversions]:
            return ["subscription" if known.subscriptions else "subscriptions"]
        if not any(candidate.seat for candidate in self._candidates):
            return []
        if self._pool.quota is None:
            return ["quota"]
        uncounted = self._pool.product.offline_field and self._pool.offline is None
        if self._pool.used is None or (uncounted and self._pool.reported is None):
            return ["number of seats in use"]
        return []

    def _admit(self, on_shortage: OnShortage) -> Admission:
        not_due = [w for demand in self.draft.demands for w in demand.not_due]
        blocked = [
            waiting
            for waiting in [*self._waiting, *not_due]
            if waiting.candidate.holder is not None and waiting.holder_may_go
        ]
        leaving = [subject for demand in self.draft.demands for subject in demand.leaving]
        return admit(Tally(self._pool), self._candidates, blocked, leaving, on_shortage)

    def _exchanges(self, admission: Admission) -> None:
        """Note who comes and who goes; who of them pairs with whom is the organization's matter."""
        grants = [c for c in admission.admitted if c.action is Action.GRANT]
        tally = Tally(self._pool)
        for demand in self.draft.demands:
            kind, source = demand.wanted_list.kind, demand.wanted_list.source
            expired = {wanted.subject.key: wanted for wanted in demand.expired}
            incoming = tuple(c for c in grants if c.subject.kind is kind)
            outgoing = tuple(
                Leaver(subject, source, _why_removed(expired.get(subject.key), self._rules.day))
                for subject in demand.leaving
            )
            released = tuple(
                Leaver(subject, source, "not listed, and the pool is over its quota")
                for subject in admission.released
                if subject.kind is kind
            )
            exchange = Exchange(
                incoming,
                outgoing,
                tuple(c for c, _ in admission.transfers if c.subject.kind is kind),
                released,
                spare=tally.spare(kind),
                over=tally.over(kind),
            )
            self.draft.exchanges.append(exchange)
        self.draft.issued = self._issued(admission)

    def _issued(self, admission: Admission) -> list[Change]:
        """Return the offline licenses: those that take a seat, and those of assigned machines."""
        issued = [c for c in admission.admitted if c.action is Action.ISSUE_OFFLINE]
        gets_in = {candidate.subject.id for candidate in admission.admitted}
        gets_in |= {candidate.subject.id for candidate, _ in admission.transfers}
        for candidate in self._conversions:
            if candidate.subject.id in gets_in or candidate.subject.id in (
                self._pool.machines or ()
            ):
                issued.append(candidate)
        return [self._maker.gain(candidate) for candidate in issued]

    def _stays(self, admission: Admission) -> None:
        """Say who is due to leave and stays."""
        for demand in self.draft.demands:
            for staying in demand.staying:
                if staying.reason.refuse:
                    change = self._maker.remove(
                        staying.subject, demand.wanted_list.source, "not listed"
                    )
                    self.draft.refusals.append(self._maker.refusal(staying.reason, change))
                else:
                    self.draft.deferred.append(self._maker.stay(staying, demand.wanted_list.source))
        for waiting, holder in admission.kept:
            candidate = waiting.candidate
            reason = awaits(holder, candidate, waiting.reason)
            stays = Staying(holder, reason)
            self.draft.deferred.append(self._maker.stay(stays, candidate.wanted.source))

    def _short(self, admission: Admission) -> None:
        """Refuse, or put on the waiting list, those for whom there is no seat."""
        account = shortage_of(
            self._pool,
            self.draft.demands,
            self._candidates,
            wanted=admission.wanted or 0,
            room=admission.room or 0,
            day=self._rules.day,
        )
        if self._rules.policy.on_shortage is OnShortage.FAIL:
            # A holder who leaves all the same, as the pool is over quota, hands no seat over.
            gone = set(admission.released)
            withheld = tuple(
                self._maker.declared(replace(c, holder=None) if c.holder in gone else c)
                for c in admission.short
            )
            self.draft.refusals.append(
                Refusal(
                    code="over_quota",
                    scope=Scope.POOL,
                    product=self._desired.product,
                    message=account.message,
                    details=account.details,
                    withheld=withheld,
                    source=self._rules.policy.sources.get("on_shortage", self._desired.source),
                )
            )
            return
        for place, candidate in enumerate(admission.short):
            day = account.available_from(place)
            reason = Reason(NO_SEAT.code, account.message, day)
            self.draft.deferred.append(self._maker.deferral(Waiting(candidate, reason)))


def _way_out(missing: Sequence[str]) -> str:
    if "subscription" in missing:
        return "subscribe to it first, or leave it out of the file"
    return "leave it out of the file, or read from a source that gives it"


def _why_removed(expired: Wanted | None, day: date) -> str:
    if expired is None:
        return "not listed"
    ends = [entry.end for entry in expired.entries if entry.end is not None and entry.end < day]
    return f"listed until {max(ends)}" if ends else "not listed"
