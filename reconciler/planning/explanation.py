"""Why one subject has or lacks a license: the entries, the state, and what the plan does next."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date

from reconciler.model.desired import DesiredOrganization, Wanted, WantedList
from reconciler.model.identity import Subject, SubjectKind, email_key
from reconciler.model.plan import Change, Deferral, Notice, OrganizationPlan, Refusal, Scope
from reconciler.model.source import Source
from reconciler.model.state import Machine, Member, OfflineLicense, OrganizationState, Session
from reconciler.planning.everyone import expand
from reconciler.planning.pools import PoolState, pools_of


@dataclass(frozen=True, slots=True)
class EntryReason:
    """One entry that speaks of the subject.

    `path` leads to it, outermost first; `groups` are the groups that its places refer to, all but
    the last of them. `everyone` tells that it is a `members: all`.
    """

    path: tuple[Source, ...]
    groups: tuple[str, ...]
    start: date | None
    end: date | None
    wants: bool
    everyone: bool = False


@dataclass(frozen=True, slots=True)
class Holding:
    """What the licensing system shows of the subject in one product.

    `licensed` is about a user, `registered` about a machine; None is unknown, or not asked. The
    lists are those of the machine, or those that name the user; None is unknown.
    """

    licensed: bool | None
    registered: bool | None
    machines: tuple[Machine, ...] | None
    offline: tuple[OfflineLicense, ...] | None
    sessions: tuple[Session, ...] | None

    @property
    def anything(self) -> bool:
        """Whether the licensing system shows anything at all."""
        rows = (self.machines, self.offline, self.sessions)
        return bool(self.licensed or self.registered or any(rows))


@dataclass(frozen=True, slots=True)
class ProductReason:
    """One product: what the files want, what the licensing system holds, what happens next.

    `managed` is the list's key, None where the product is not named or its list of this kind is
    not managed. `excluded` are the places where an `except` leaves the subject out.
    `replaced_by` are those who are to take the subject's seat over; `passed_over` tells that a
    `members: all` does not want the subject for that reason.
    """

    product: str
    managed: Source | None
    entries: tuple[EntryReason, ...]
    excluded: tuple[Source, ...]
    wanted: bool
    holding: Holding
    priority: int
    replaces: Subject | None
    replaced_by: tuple[Wanted, ...]
    passed_over: bool
    note: str | None
    name: str | None
    offline_until: date | None
    changes: tuple[Change, ...]
    deferred: tuple[Deferral, ...]
    refusals: tuple[Refusal, ...]

    @property
    def speaks(self) -> bool:
        """Whether the files, the state or the plan have a word on the subject here."""
        words = (self.entries, self.excluded, self.replaced_by, self.changes, self.deferred)
        return self.holding.anything or any(words) or any(row.withheld for row in self.refusals)


@dataclass(frozen=True, slots=True)
class Explanation:
    """One subject in one organization; products without any word of it are left out.

    `members_known` tells whether the list of members could be read. `protected` tells that the
    policy keeps the subject from being removed.
    """

    organization: int
    name: str | None
    subject: Subject
    member: Member | None
    members_known: bool
    protected: bool
    products: tuple[ProductReason, ...]
    warnings: tuple[Notice, ...]


def explain(
    subject: Subject,
    desired: DesiredOrganization,
    state: OrganizationState,
    plan: OrganizationPlan,
    day: date,
) -> Explanation:
    """Return all that the files, the state and the plan say of one subject."""
    rows = state.members or ()
    members = {email_key(row.email): row for row in rows}
    named = {product.product: product for product in desired.products}
    of_users = subject.kind is SubjectKind.USER
    found = []
    for key, pool in pools_of(state, day).items():
        product = named.get(key)
        wanted_list = None
        if product is not None:
            wanted_list = product.users if of_users else product.machines
        reason = _product(subject, pool, wanted_list, members=rows, plan=plan, day=day)
        if reason.speaks:
            found.append(reason)
    return Explanation(
        organization=desired.id,
        name=plan.name,
        subject=subject,
        member=members.get(subject.key) if of_users else None,
        members_known=state.members is not None,
        protected=subject.key in desired.policy.protected,
        products=tuple(found),
        warnings=tuple(row for row in plan.warnings if _speaks_of(row.details, subject)),
    )


def _product(
    subject: Subject,
    pool: PoolState,
    wanted_list: WantedList | None,
    *,
    members: Sequence[Member],
    plan: OrganizationPlan,
    day: date,
) -> ProductReason:
    product = pool.product.key
    wanted: Wanted | None = None
    takers: tuple[Wanted, ...] = ()
    excluded: tuple[Source, ...] = ()
    if wanted_list is not None:
        wanted = _find(subject, wanted_list, members)
        takers = tuple(w for w in wanted_list.wanted if _is(w.replaces, subject))
        excluded = tuple(
            source
            for line in wanted_list.everyone
            for left_out, source in line.excluded
            if _is(left_out, subject)
        )
    entries = tuple(_entries(wanted, wanted_list, day)) if wanted and wanted_list else ()
    everyone = wanted_list.everyone if wanted_list is not None else ()
    return ProductReason(
        product=product,
        managed=None if wanted_list is None else wanted_list.source,
        entries=entries,
        excluded=excluded,
        wanted=any(entry.wants for entry in entries),
        holding=_holding(subject, pool),
        priority=0 if wanted is None else wanted.priority,
        replaces=None if wanted is None else wanted.replaces,
        replaced_by=takers,
        passed_over=not excluded
        and any(line.entry.wants(day) for line in everyone)
        and any(taker.wanted_on(day) for taker in takers)
        and any(email_key(row.email) == subject.key for row in members),
        note=None if wanted is None else wanted.note,
        name=None if wanted is None else wanted.name,
        offline_until=None if wanted is None else wanted.offline_until,
        changes=tuple(c for c in plan.changes if c.product == product and _in(subject, [c])),
        deferred=tuple(
            row for row in plan.deferred if row.product == product and _is(row.subject, subject)
        ),
        refusals=tuple(row for row in plan.refusals if _withholds(row, product, subject)),
    )


def _find(subject: Subject, wanted_list: WantedList, members: Sequence[Member]) -> Wanted | None:
    for wanted in expand(wanted_list, members).wanted:
        if _is(wanted.subject, subject):
            return wanted
    return None


def _entries(wanted: Wanted, wanted_list: WantedList, day: date) -> Iterator[EntryReason]:
    lines = {line.entry.source for line in wanted_list.everyone}
    for entry in wanted.entries:
        yield EntryReason(
            path=(*entry.path, entry.source),
            groups=entry.groups,
            start=entry.start,
            end=entry.end,
            wants=entry.wants(day),
            everyone=entry.source in lines,
        )


def _holding(subject: Subject, pool: PoolState) -> Holding:
    holders, machines, offline, sessions = pool.holders, pool.machines, pool.offline, pool.sessions
    of_user = subject.kind is SubjectKind.USER

    def own(row: Machine | OfflineLicense | Session) -> bool:
        if of_user:
            return row.email is not None and email_key(row.email) == subject.key
        return (row.id if isinstance(row, Machine) else row.machine) == subject.id

    return Holding(
        licensed=subject.key in holders if of_user and holders is not None else None,
        registered=subject.id in machines if not of_user and machines is not None else None,
        machines=None if machines is None else tuple(row for row in machines.values() if own(row)),
        offline=None if offline is None else tuple(row for row in offline.values() if own(row)),
        sessions=None if sessions is None else tuple(row for row in sessions if own(row)),
    )


def _is(one: Subject | None, subject: Subject) -> bool:
    return one is not None and one.compared == subject.compared


def _in(subject: Subject, changes: Iterable[Change]) -> bool:
    return any(_is(change.subject, subject) or _is(change.holder, subject) for change in changes)


def _withholds(refusal: Refusal, product: str, subject: Subject) -> bool:
    """Tell whether a refusal stands in the subject's way here.

    One of a whole pool that could not even be compared withholds whatever there might be.
    """
    if refusal.scope is Scope.POOL and not refusal.withheld:
        return refusal.product == product
    return _in(subject, (change for change in refusal.withheld if change.product == product))


def _speaks_of(details: object, subject: Subject) -> bool:
    match details:
        case str():
            return _is(replace(subject, id=details), subject)
        case Mapping():
            return any(_speaks_of(value, subject) for value in details.values())
        case list() | tuple():
            return any(_speaks_of(value, subject) for value in details)
        case _:
            return False
