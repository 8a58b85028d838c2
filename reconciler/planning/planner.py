"""The planner: the state and the desired state in, the plan out; pure and deterministic."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, datetime, time, timedelta, tzinfo
from typing import TypeVar

from reconciler.model.calendar import day_after, in_zone, later
from reconciler.model.desired import DesiredOrganization
from reconciler.model.identity import Subject, SubjectKind, email_key
from reconciler.model.plan import (
    Action,
    Allowed,
    Change,
    Configuration,
    Deferral,
    Notice,
    OrganizationPlan,
    Plan,
    Pool,
    Refusal,
    Unread,
)
from reconciler.model.settings import Writing
from reconciler.model.state import Member, OrganizationState
from reconciler.planning.changes import Maker
from reconciler.planning.demand import boundaries
from reconciler.planning.eligibility import Rules
from reconciler.planning.everyone import excluded_strangers, expand
from reconciler.planning.guards import Losses, check_removals, check_unlicensed, losses_of
from reconciler.planning.notices import (
    continuity_notices,
    except_notices,
    moves_between,
    name_notices,
    pool_notices,
)
from reconciler.planning.order import Schedule, schedule
from reconciler.planning.pairing import WAYS, Way
from reconciler.planning.pool_plan import Known, PoolDraft, draft_pool, settle
from reconciler.planning.pools import PoolState, pools_of
from reconciler.planning.seats import Tally, gains, losses
from reconciler.products import PRODUCTS

_Row = TypeVar("_Row", Refusal, Notice)


@dataclass(frozen=True, slots=True)
class PlanRequest:
    """Everything a plan is made from.

    `states` must hold every organization of `desired`. `created_at` is an aware time. `as_of` is
    the day in `timezone` for which is planned. `live` tells whether the plan may be applied.
    `unread` are organizations that are declared and could not be read. `read_on` is the day in
    `timezone` on which the states were so, None for that of `created_at`. `writing` is how the
    target is written to, as far as that is not its default.
    """

    desired: tuple[DesiredOrganization, ...]
    states: Mapping[int, OrganizationState]
    as_of: date
    created_at: datetime
    tool: str
    target: str
    configuration: Configuration
    allowed: Allowed
    live: bool
    timezone: tzinfo
    unread: tuple[Unread, ...] = ()
    read_on: date | None = None
    writing: Writing = field(default_factory=Writing)

    @property
    def day_of_states(self) -> date:
        """The day on which the states were as they are given."""
        return self.read_on or in_zone(self.created_at, self.timezone).date()


@dataclass(frozen=True, slots=True)
class _Draft:
    """One organization before its guards."""

    desired: DesiredOrganization
    name: str | None
    members: Mapping[str, Member] | None
    every_pool: tuple[PoolState, ...]
    pools: tuple[PoolDraft, ...]
    changes: tuple[Change, ...]
    before: Mapping[str, Tally]
    after: Mapping[str, Tally]
    notices: tuple[Notice, ...]
    losses: Losses


def make_plan(request: PlanRequest) -> Plan:
    """Plan every organization of the request, sorted by ID."""
    drafts = [
        _draft(desired, request.states[desired.id], request)
        for desired in sorted(request.desired, key=lambda organization: organization.id)
    ]
    total = sum(len(draft.losses.losing) for draft in drafts)
    organizations = [_finish(draft, request, total) for draft in drafts]
    return Plan(
        created_at=request.created_at,
        as_of=request.as_of,
        valid_until=_valid_until(drafts, request),
        tool=request.tool,
        target=request.target,
        configuration=request.configuration,
        allowed=request.allowed,
        organizations=moves_between(organizations),
        live=request.live,
        unread=request.unread,
        writing=request.writing,
    )


def _draft(desired: DesiredOrganization, state: OrganizationState, request: PlanRequest) -> _Draft:
    pools = pools_of(state, request.as_of, request.day_of_states)
    members = {email_key(member.email): member for member in state.members or ()}
    known = Known(
        members=state.members is not None,
        subscriptions=state.subscriptions is not None,
        reasons=state.reasons,
    )
    drafts = []
    notices = [*name_notices(desired, state.name)]
    for named in desired.products:
        pool = pools[named.product]
        product = named
        if named.users is not None and state.members is not None:
            notices += except_notices(named.product, excluded_strangers(named.users, state.members))
            product = replace(named, users=expand(named.users, state.members))
        rules = Rules(pool, members, desired.policy, request.as_of, request.allowed.irrevocable)
        rules = rules.for_machines(named.machines)
        drafts.append(draft_pool(product, pool, rules, Maker(desired.id, product.product), known))
    before = {draft.desired.product: Tally(draft.pool) for draft in drafts}
    order, after = _arranged(drafts)
    changes = _with_last_licenses(order.changes, tuple(pools.values()))
    return _Draft(
        desired=desired,
        name=desired.called(state.name),
        members=members if known.members else None,
        every_pool=tuple(pools.values()),
        pools=tuple(drafts),
        changes=changes,
        before=before,
        after=after,
        notices=(*notices, *continuity_notices(order.interrupted)),
        losses=losses_of(changes, drafts, desired.policy),
    )


def _arranged(drafts: Sequence[PoolDraft]) -> tuple[Schedule, Mapping[str, Tally]]:
    """Return the changes in an order that interrupts as few as possible, and the use after them."""

    def arrange(way: Way) -> tuple[Schedule, Mapping[str, Tally]]:
        settle(drafts, way)
        after = {draft.desired.product: Tally(draft.pool) for draft in drafts}
        return schedule({draft.desired.product: draft.changes for draft in drafts}, after), after

    found: list[tuple[Schedule, Mapping[str, Tally]]] = []
    for way in WAYS:
        found.append(arrange(way))
        if not found[-1][0].interrupted:
            break
    best = min(range(len(found)), key=lambda place: len(found[place][0].interrupted))
    # What the drafts hold is the last way's.
    return found[best] if best == len(found) - 1 else arrange(WAYS[best])


def _with_last_licenses(
    changes: tuple[Change, ...], pools: Sequence[PoolState]
) -> tuple[Change, ...]:
    """Mark the change after which a subject holds nothing in the organization any more."""
    gaining = gains(changes)
    last = {
        subject
        for subject, count in losses(changes).items()
        if subject not in gaining and _held_in(pools, subject) <= count
    }
    if not last:
        return changes

    # The last one alone: with every earlier one the subject still holds something.
    marked = list(changes)
    for place in reversed(range(len(marked))):
        change = marked[place]
        loser = change.subject if change.action is Action.REMOVE else change.holder
        if loser is not None and loser.compared in last:
            last.discard(loser.compared)
            marked[place] = replace(change, loses_last_license=True)
    return tuple(marked)


def _held_in(pools: Sequence[PoolState], subject: Subject) -> int:
    if subject.kind is SubjectKind.USER:
        return sum(subject.id in (pool.holders or ()) for pool in pools)
    return sum(subject.id in (pool.machines or ()) for pool in pools)


def _finish(draft: _Draft, request: PlanRequest, total: int) -> OrganizationPlan:
    """Put one organization's guards to its changes; a refusal of theirs withholds all of them."""
    policy = draft.desired.policy
    refusals = [refusal for pool in draft.pools for refusal in pool.refusals]
    notices = [*draft.notices]
    stops: list[Refusal] = []
    removals = check_removals(draft.losses, policy, request.allowed.removals, total)
    if removals is not None:
        stops.append(removals)
    if any(product.users is not None for product in draft.desired.products):
        unlicensed = _unlicensed(draft, draft.changes)
        if isinstance(unlicensed, Refusal):
            stops.append(unlicensed)
        elif stops:
            # Nothing will be changed, so what is said is of the state as it is.
            unlicensed = _unlicensed(draft, ())
        if isinstance(unlicensed, Notice):
            notices.append(unlicensed)
    changes, after = draft.changes, draft.after
    if stops:
        withheld = tuple(replace(change, used_after=None) for change in changes)
        refusals += [replace(stop, withheld=withheld) for stop in stops]
        changes, after = (), draft.before
    for pool in draft.pools:
        tally = after[pool.desired.product]
        notices += [*pool.notices, *pool_notices(pool, tally, request.as_of)]
    deferred = [deferral for pool in draft.pools for deferral in pool.deferred]
    return OrganizationPlan(
        id=draft.desired.id,
        name=draft.name,
        pools=tuple(_pool(pool, after[pool.desired.product]) for pool in draft.pools),
        changes=changes,
        deferred=tuple(sorted(deferred, key=_deferral_order)),
        refusals=tuple(sorted(_placed(refusals, draft), key=_refusal_order)),
        warnings=tuple(sorted(_placed(notices, draft), key=_notice_order)),
        losing=len(draft.losses.losing) if changes else 0,
    )


def _placed(rows: Sequence[_Row], draft: _Draft) -> list[_Row]:
    """Return the rows with a place each: what no line of the files is the reason of is the
    organization's."""
    return [row if row.source else replace(row, source=draft.desired.source) for row in rows]


def _unlicensed(draft: _Draft, changes: tuple[Change, ...]) -> Refusal | Notice | None:
    return check_unlicensed(draft.members, draft.every_pool, changes, draft.desired.policy)


def _pool(draft: PoolDraft, after: Tally) -> Pool:
    pool = draft.pool
    return Pool(
        product=draft.desired.product,
        quota=pool.quota,
        used=pool.used,
        used_after=after.used,
        peak=after.peak,
        offline=pool.offline_count,
        machine_quota=pool.machine_quota,
        machines=None if pool.machines is None else len(pool.machines),
        expires=pool.subscription.expires if pool.subscription else None,
        offline_until=_offline_until(pool),
    )


def _offline_until(pool: PoolState) -> date | None:
    """Return the last day on which an offline license ends, None where that is unknown."""
    ends = [row.expires for row in (pool.offline or {}).values()]
    known = [day for day in ends if day is not None]
    return max(known) if known and len(known) == len(ends) else None


_PRODUCT_ORDER = {key: number for number, key in enumerate(PRODUCTS)}


def _deferral_order(deferral: Deferral) -> tuple[int, str, int, str, str]:
    """Sort by product, then by place in the files."""
    source = deferral.source
    product = _PRODUCT_ORDER[deferral.product]
    return (product, source.file, source.line, deferral.action, deferral.subject.key)


def _refusal_order(refusal: Refusal) -> tuple[int, str, str, int]:
    """Sort the widest first: organization, then products in order, then place in the files."""
    product = -1 if refusal.product is None else _PRODUCT_ORDER[refusal.product]
    source = refusal.source
    return (product, refusal.code, source.file if source else "", source.line if source else 0)


def _notice_order(notice: Notice) -> tuple[str, str]:
    return (notice.code, notice.message)


def _valid_until(drafts: Sequence[_Draft], request: PlanRequest) -> datetime:
    """Return the earlier of the plan's greatest age and the next day that alters it."""
    ages = [draft.desired.policy.max_plan_age for draft in drafts]
    latest = later(request.created_at, min(ages, default=timedelta(days=7)))
    days: set[date] = set()
    for draft in drafts:
        for pool in draft.pools:
            days |= boundaries(pool.desired, request.as_of)
            days |= {day for day in map(day_after, _ends(pool)) if day and day > request.as_of}
    if not days:
        return latest
    next_day = datetime.combine(min(days), time(), request.timezone)
    return min(latest, next_day.astimezone(request.created_at.tzinfo))


def _ends(draft: PoolDraft) -> list[date]:
    """Return the last days of the subscription and of the offline licenses."""
    subscription = draft.pool.subscription
    found = [row.expires for row in (draft.pool.offline or {}).values() if row.expires]
    if subscription is not None and subscription.expires is not None:
        found.append(subscription.expires)
    return found
