"""The rules of a sound plan, stated anew and without the planner's code.

`check` takes the state, what is wanted and the plan of one organization, plays the changes one by
one over plain sets, and returns the rules that are broken. It is the planner's check: `plan` and
`apply` run it before anything is written, so a bug in either shows before it costs a seat.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import date

from reconciler.model.desired import (
    DesiredOrganization,
    Everyone,
    NotAMember,
    OnShortage,
    UnlicensedMembers,
    UnlistedMachines,
    Wanted,
    WantedList,
)
from reconciler.model.identity import Subject, SubjectKind, email_key
from reconciler.model.plan import Action, Allowed, Change, OrganizationPlan, Pairing, Scope
from reconciler.model.state import MemberStatus, OrganizationState
from reconciler.products import PRODUCTS, SeatUnit

Key = tuple[str, str]
"""A kind and a compared form: who holds something."""

Rank = tuple[int, int, int, str]
"""The order of service: priority first (negated), then the place in the files."""

FIRST: Rank = (-(2**63), 0, 0, "")
"""A rank before every other."""


@dataclass(frozen=True, slots=True)
class Case:
    """What a plan of one organization is judged by; None is a state that was read on `as_of`."""

    state: OrganizationState
    desired: DesiredOrganization
    as_of: date
    allowed: Allowed
    read_on: date | None = None


def check(case: Case, plan: OrganizationPlan) -> tuple[str, ...]:
    """Return the rules that this plan breaks, in words; none when it is sound."""
    return tuple(dict.fromkeys(_Check(case, plan).broken()))


@dataclass(slots=True)
class _World:
    """One product while the changes are played."""

    product: str
    quota: int | None
    machine_quota: int | None
    users: set[Key]
    machines: set[Key]
    offline: dict[str, date | None]
    sessions: list[tuple[str, Key | None]]
    surplus: int = 0
    start: frozenset[Key] = field(default_factory=frozenset)

    @property
    def unit(self) -> SeatUnit:
        return PRODUCTS[self.product].seat

    @property
    def used(self) -> int:
        match self.unit:
            case SeatUnit.USER:
                taken = len(self.users) + len(self.offline)
            case SeatUnit.MACHINE:
                taken = len(self.machines)
            case _:
                taken = len(self.sessions) + len(self.offline)
        return taken + self.surplus

    def holds(self, key: Key) -> bool:
        return key in self.users or key in self.machines

    def gain(self, key: Key) -> None:
        (self.users if key[0] == SubjectKind.USER else self.machines).add(key)

    def lose(self, key: Key) -> None:
        self.users.discard(key)
        self.machines.discard(key)
        self.sessions = [
            (machine, owner)
            for machine, owner in self.sessions
            if key not in {owner, (SubjectKind.MACHINE, machine)}
        ]


def _key(subject: Subject) -> Key:
    kind = subject.kind
    return (kind, email_key(subject.id) if kind is SubjectKind.USER else subject.id)


class _Check:
    def __init__(self, case: Case, plan: OrganizationPlan) -> None:
        self.case, self.plan = case, plan
        self.state, self.desired, self.day = case.state, case.desired, case.as_of
        self.policy = case.desired.policy
        self.worlds = {row.product: self._world(row.product) for row in case.desired.products}
        self.lines: dict[tuple[str, Key], Wanted] = {}
        self.wanted: dict[tuple[str, Key], Wanted] = {}
        self.ranks: dict[tuple[str, Key], tuple[int, int, str]] = {}
        self.lists: dict[tuple[str, str], WantedList] = {}
        for row in case.desired.products:
            for one in (row.users, row.machines):
                if one is None:
                    continue
                self.lists[row.product, one.kind] = one
                for wanted in one.wanted:
                    place = (row.product, _key(wanted.subject))
                    self.lines[place] = wanted
                    if any(entry.wants(self.day) for entry in wanted.entries):
                        self.wanted[place] = wanted
        # Whose seat somebody is to have today is not wanted by a line for everyone.
        self.replaced = {
            (product, _key(wanted.replaces))
            for (product, _), wanted in self.wanted.items()
            if wanted.replaces is not None
        }
        self.active = {
            ("user", email_key(row.email))
            for row in self.state.members or ()
            if row.status is MemberStatus.ACTIVE
        }
        for row in case.desired.products:
            for line in row.users.everyone if row.users is not None else ():
                left_out = {_key(subject) for subject, _ in line.excluded}
                for key in self.active - left_out:
                    self._everybody(row.product, key, line)
        self.same_host = {
            (row.product, key)
            for row in case.desired.products
            for key in self._reimaged(row.product, row.machines)
        }
        self.told = {(d.product, d.action, _key(d.subject)): d for d in plan.deferred}
        self.last_served: dict[str, Rank] = {}
        self.withheld = [change for refusal in plan.refusals for change in refusal.withheld]
        self.kept_back = {(c.product, c.action, _key(c.subject)) for c in self.withheld}
        self.shut = {r.product for r in plan.refusals if r.code == "unreadable"}

    def _everybody(self, product: str, key: Key, line: Everyone) -> None:
        listed = self.lines.get((product, key))
        if listed is None:
            listed = Wanted(Subject(SubjectKind.USER, key[1]), (line.entry,), line.order)
            place = (-line.priority, line.order, key[1])
        else:
            place = (-listed.priority, listed.order, "")
        known = self.ranks.get((product, key), place)
        self.ranks[product, key] = (min(known[0], -line.priority), known[1], known[2])
        if line.entry.wants(self.day) and (product, key) not in self.replaced:
            self.wanted.setdefault((product, key), listed)

    def _world(self, product: str) -> _World:
        state, day = self.state, self.day
        subscription = state.subscription(product)
        licenses = [row for row in state.offline_licenses or () if row.product == product]
        offline = {
            row.machine: row.expires
            for row in licenses
            if row.expires is None or row.expires >= day
        }
        world = _World(
            product,
            subscription.quota if subscription else None,
            subscription.machine_quota if subscription else None,
            {
                ("user", email_key(r.email))
                for r in state.licensed_users or ()
                if r.product == product
            },
            {("machine", r.id) for r in state.machines or () if r.product == product}
            | ({("machine", name) for name in offline} if state.machines is not None else set()),
            offline,
            [
                (row.machine, ("user", email_key(row.email)) if row.email else None)
                for row in state.sessions or ()
                if row.product == product
            ],
        )
        reported = (subscription.used if subscription else None) or 0
        if world.unit is not SeatUnit.MACHINE:
            reported -= sum(self._over_since(row.expires) for row in licenses)
        world.surplus = max(0, reported - world.used)
        world.start = frozenset(world.users | world.machines)
        return world

    def _reimaged(self, product: str, listed: WantedList | None) -> Iterator[Key]:
        """Yield the machines of which two may be one host, so that a person has to decide."""
        world, rows = self.worlds[product], listed.wanted if listed is not None else ()
        shown = [
            (row.id, {row.name, row.email})
            for row in self.state.machines or ()
            if row.product == product
        ]
        known = {machine for machine, _ in shown}
        # Of a machine that is missing there, its offline license is all there is to see.
        shown += [
            (row.machine, {row.email})
            for row in self.state.offline_licenses or ()
            if row.product == product and row.machine in world.offline and row.machine not in known
        ]
        called: dict[str, set[str]] = {}
        for machine, texts in shown:
            for text in texts:
                called.setdefault((text or "").casefold(), set()).add(machine)
        spoken = {row.subject.id for row in rows} | {r.replaces.id for r in rows if r.replaces}
        for row in rows:
            key = _key(row.subject)
            if row.name and (product, key) in self.wanted and not world.holds(key):
                for machine in called.get(row.name.casefold(), set()) - spoken:
                    yield from (key, (SubjectKind.MACHINE, machine))

    def _over_since(self, end: date | None) -> bool:
        """Tell whether an offline license held when the state was read and has ended by now."""
        read_on = self.case.read_on or self.day
        return end is not None and read_on <= end < self.day

    def broken(self) -> Iterator[str]:
        stops = [refusal for refusal in self.plan.refusals if refusal.scope is Scope.ORGANIZATION]
        if stops and self.plan.changes:
            yield f"{stops[0].code} refuses the organization, and yet there are changes"
        for change in self.plan.changes:
            yield from self._step(change)
        if not stops:
            yield from self._removals()
            yield from self._unlicensed()
            yield from self._complete()
            yield from self._justified()
        yield from self._paired()
        yield from self._ordered()

    def _step(self, change: Change) -> Iterator[str]:
        name = f"{change.action} {change.subject.id} ({change.product})"
        world = self.worlds.get(change.product)
        if world is None or (change.product, change.subject.kind) not in self.lists:
            yield f"{name}: that list is not managed"
            return
        if change.product in self.shut:
            yield f"{name}: the product cannot be read"
        gains = None if change.action is Action.REMOVE else _key(change.subject)
        loser = change.subject if change.action is Action.REMOVE else change.holder
        if loser is not None:
            yield from self._loses(name, world, _key(loser))
        if gains is not None:
            yield from self._gains(name, world, gains, change)
        if change.used_after is not None and change.used_after != world.used:
            yield f"{name}: says {change.used_after} seats are used after it, it is {world.used}"

    def _loses(self, name: str, world: _World, key: Key) -> Iterator[str]:
        if not world.holds(key):
            yield f"{name}: {key[1]} holds nothing to lose"
        if (world.product, key) in self.wanted:
            yield f"{name}: {key[1]} is wanted and loses it"
        if key[1] in self.policy.protected:
            yield f"{name}: {key[1]} is protected"
        if key[0] == "machine" and key[1] in world.offline:
            yield f"{name}: {key[1]} holds an offline license"
        if (world.product, key) in self.same_host:
            yield f"{name}: {key[1]} may be the same host"
        reported = self.policy.unlisted_machines is UnlistedMachines.REPORT
        if key[0] == "machine" and reported and world.unit is not SeatUnit.MACHINE:
            yield f"{name}: the policy only reports unlisted machines"
        world.lose(key)

    def _gains(self, name: str, world: _World, key: Key, change: Change) -> Iterator[str]:
        wanted = self.wanted.get((world.product, key))
        if wanted is None:
            yield f"{name}: nobody wants it on {self.day}"
        if (world.product, key) in self.same_host:
            yield f"{name}: {key[1]} may be the same host"
        yield from self._obstacle(name, world, key)
        before, machines = world.used, len(world.machines)
        if change.action is Action.ISSUE_OFFLINE:
            if not (self.policy.allow_irrevocable and self.case.allowed.irrevocable):
                yield f"{name}: irrevocable operations are not allowed"
            if key[1] in world.offline or wanted is None or wanted.offline_until != change.expires:
                yield f"{name}: no such offline license is wanted"
            if world.unit is SeatUnit.MACHINE and not world.holds(key):
                yield f"{name}: the machine has no seat to convert"
            world.offline[key[1]] = change.expires
        elif world.holds(key):
            yield f"{name}: holds it already"
        elif key[0] == "machine" and world.unit is not SeatUnit.MACHINE:
            yield f"{name}: the host registers itself"
        world.gain(key)
        if world.used > before and (world.quota is None or world.used > world.quota):
            yield f"{name}: no seat is free ({before} of {world.quota} used)"
        limit = world.machine_quota
        if limit is not None and len(world.machines) > max(limit, machines):
            yield f"{name}: the machine quota of {limit} is reached"

    def _obstacle(self, name: str, world: _World, key: Key) -> Iterator[str]:
        subscription = self.state.subscription(world.product)
        if subscription is None:
            yield f"{name}: no subscription is known"
        elif subscription.expires and subscription.expires < self.day:
            yield f"{name}: the subscription has ended"
        if key[0] == "user" and key not in self.active:
            yield f"{name}: is not an active member"

    def _removals(self) -> Iterator[str]:
        lost = {_key(c.holder or c.subject) for c in self.plan.changes if _takes(c)}
        lost -= {_key(c.subject) for c in self.plan.changes if c.action is not Action.REMOVE}
        if self.plan.losing != len(lost):
            yield f"says that {self.plan.losing} are losing, it is {len(lost)}"
        acting = [lost_from for lost_from in self.lists if self._acts(*lost_from)]
        at_start = {
            key for product, kind in acting for key in self.worlds[product].start if key[0] == kind
        }
        rule, ceiling = self.policy.max_removals, self.case.allowed.removals
        limit = max(rule.count, int(rule.percent * len(at_start) // 100))
        if len(lost) > (limit if ceiling is None else ceiling):
            yield f"{len(lost)} lose something, which is more than is allowed"
        for product, kind in acting:
            world = self.worlds[product]
            before = {key for key in world.start if key[0] == kind}
            after = {key for key in world.users | world.machines if key[0] == kind}
            if not ceiling and len(before) >= 2 and not after:
                yield f"empties the {kind}s of {product}"

    def _unlicensed(self) -> Iterator[str]:
        failing = self.policy.unlicensed_members is UnlicensedMembers.FAIL
        unknown = self.state.members is None or self.state.licensed_users is None
        of_users = any(kind == "user" for _, kind in self.lists)
        if self.plan.changes and failing and unknown and of_users:
            yield "there are changes, and who is without a license cannot be checked"

    def _acts(self, product: str, kind: str) -> bool:
        if kind == "user" or PRODUCTS[product].seat is SeatUnit.MACHINE:
            return True
        return self.policy.unlisted_machines is UnlistedMachines.REMOVE

    def _complete(self) -> Iterator[str]:
        """Whoever is wanted holds in the end or is spoken of, and the other way round."""
        let_stay = {(c.product, _key(c.holder or c.subject)) for c in self.withheld if _takes(c)}
        for (product, key), wanted in self.wanted.items():
            world, last = self.worlds[product], wanted.offline_until
            holds = world.holds(key)
            lacks = last is not None and last >= self.day and key[1] not in world.offline
            if (holds and not lacks) or product in self.shut:
                continue
            grant = self._spoken(product, key, Action.GRANT)
            offline = self._spoken(product, key, Action.ISSUE_OFFLINE)
            assigned = world.unit is SeatUnit.MACHINE
            if not holds and not grant and (assigned or not offline):
                yield f"{key[1]} is wanted in {product} and nothing is said of it"
            if lacks and not offline and (holds or not assigned):
                yield f"{key[1]} wants an offline license ({product}), nothing is said of it"
        for product, kind in self.lists:
            if product in self.shut or not self._acts(product, kind):
                continue
            world = self.worlds[product]
            for key in world.users if kind == "user" else world.machines:
                if (product, key) in self.wanted:
                    continue
                spoken = (product, key) in let_stay or (product, "remove", key) in self.told
                if not spoken:
                    yield f"{key[1]} is not wanted in {product}, stays, and nothing is said of it"
                elif self._over_quota(world, kind) and not self._locked(world, key):
                    yield f"{key[1]} is not wanted in {product} and stays although it is over quota"

    def _spoken(self, product: str, key: Key, action: Action) -> bool:
        """Tell whether the plan says why this gain does not happen."""
        if (product, action, key) in self.told:
            return True
        same = {action, Action.REASSIGN} if action is Action.GRANT else {action}
        return any((product, one, key) in self.kept_back for one in same)

    def _over_quota(self, world: _World, kind: str) -> bool:
        return world.unit == kind and world.quota is not None and world.used > world.quota

    def _locked(self, world: _World, key: Key) -> bool:
        locked = key[0] == "machine" and key[1] in world.offline
        undecided = (world.product, key) in self.same_host
        return locked or undecided or key[1] in self.policy.protected

    def _justified(self) -> Iterator[str]:
        """Nobody waits without the reason that is given."""
        for (product, action, key), row in self.told.items():
            world = self.worlds[product]
            full = world.quota is not None and world.used >= world.quota
            limit = world.machine_quota
            subscription = self.state.subscription(product)
            active = key in self.active
            just = {
                "over_quota": full and self.policy.on_shortage is OnShortage.WAITLIST,
                "machine_quota": limit is not None and len(world.machines) >= limit,
                "not_a_member": not active and self.policy.not_a_member is NotAMember.DEFER,
                "pending_member": not active,
                "subscription_expired": subscription is not None
                and subscription.expires is not None
                and subscription.expires < (row.expires or self.day),
                "awaits_replacement": action == "remove" and world.holds(key),
                "probable_reimage": (product, key) in self.same_host,
            }.get(row.reason, True)
            if not just:
                yield f"{key[1]} waits for {row.reason} in {product}, which is not so"
            if row.reason == "over_quota" and self._rank(product, key) < self._last_served(product):
                yield f"somebody was served in {product} ahead of {key[1]}"

    def _last_served(self, product: str) -> Rank:
        """The rank of the last one, of those who had no declared transfer, that took a seat."""
        if product not in self.last_served:
            served = [
                self._rank(product, _key(change.subject))
                for change in self.plan.changes
                if change.product == product
                and change.pairing is not Pairing.DECLARED
                and self._took_seat(change)
            ]
            self.last_served[product] = max(served, default=FIRST)
        return self.last_served[product]

    def _took_seat(self, change: Change) -> bool:
        match PRODUCTS[change.product].seat:
            case SeatUnit.USER:
                return change.action is not Action.REMOVE
            case SeatUnit.MACHINE:
                return change.action in {Action.GRANT, Action.REASSIGN}
            case _:
                return change.action is Action.ISSUE_OFFLINE

    def _rank(self, product: str, key: Key) -> Rank:
        wanted = self.wanted.get((product, key))
        if wanted is None:
            return FIRST
        listed = (-wanted.priority, wanted.order, "")
        priority, place, email = self.ranks.get((product, key), listed)
        return (priority, self.lists[product, key[0]].source.line, place, email)

    def _paired(self) -> Iterator[str]:
        gained = {_key(c.subject) for c in self.plan.changes if c.action is not Action.REMOVE}
        moving = gained & {_key(c.holder or c.subject) for c in self.plan.changes if _takes(c)}
        for product, kind in self.lists:
            rows = [c for c in self.plan.changes if c.product == product and c.subject.kind == kind]
            grants = sum(c.action is Action.GRANT for c in rows)
            removes = [_key(c.subject) for c in rows if c.action is Action.REMOVE]
            parted = min(grants, len(removes))
            # For the sake of those who move a pair may be parted: one of what the quota counts,
            # whose holder moves, and any of the rest.
            limited = PRODUCTS[product].seat == kind
            if (
                parted > (0 if moving.isdisjoint(removes) else 1)
                if limited
                else parted and not moving
            ):
                yield f"{product}: a remove and a grant of {kind}s are not paired"
            for change in rows:
                wanted = self.wanted.get((product, _key(change.subject)))
                declared = wanted.replaces if wanted is not None else None
                named = declared is not None and change.holder is not None
                same = named and _key(declared) == _key(change.holder)  # type: ignore[arg-type]
                if (change.pairing is Pairing.DECLARED) != same and change.holder is not None:
                    yield f"{change.subject.id}: that transfer is not the declared one"

    def _ordered(self) -> Iterator[str]:
        """Nobody is without a license unless that is said."""
        rows = list(enumerate(self.plan.changes))
        said = {
            str((warning.details or {}).get("subject"))
            for warning in self.plan.warnings
            if warning.code == "continuity"
        }
        lost = {(_key(c.holder or c.subject), c.product): n for n, c in rows if _takes(c)}
        for number, change in rows:
            key = _key(change.subject)
            for product in self.worlds if change.action is not Action.REMOVE else ():
                before = lost.get((key, product), number)
                if product != change.product and before < number and key[1] not in said:
                    yield f"{key[1]} loses {product} before gaining {change.product}, unsaid"


def _takes(change: Change) -> bool:
    return change.action in {Action.REMOVE, Action.REASSIGN}
