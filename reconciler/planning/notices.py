"""What a plan says besides its changes: things a person should know, which withhold nothing."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import date

from reconciler.model.calendar import days_on
from reconciler.model.desired import DesiredOrganization
from reconciler.model.identity import Subject, SubjectKind, email_key
from reconciler.model.plan import Notice, OrganizationPlan
from reconciler.model.scripts import mixing
from reconciler.model.source import Source
from reconciler.model.text import one_line
from reconciler.planning.demand import Demand
from reconciler.planning.pool_plan import PoolDraft
from reconciler.planning.reimages import reimages
from reconciler.planning.seats import Tally, gains, losses
from reconciler.products import SeatUnit

SOON = 30
"""How many days before an end `expiring` speaks of it."""

_EVERYONE = "members: all"


_MOST_LOOK_ALIKES = 100


def pool_notices(draft: PoolDraft, after: Tally, day: date) -> Iterator[Notice]:
    """Yield the notices of one pool, `after` being its use once the changes are made."""
    yield from _entries(draft, day)
    yield from _look_alikes(draft)
    yield from _offline_past(draft, day)
    yield from _seats(draft, after)
    yield from _machines(draft)
    yield from _reimaged(draft, day)
    yield from _expiring(draft, day)
    yield from _offline_stays(draft)


def _entries(draft: PoolDraft, day: date) -> Iterator[Notice]:
    product = draft.desired.product
    for demand in draft.demands:
        expired, upcoming = _ended(demand, day), _starting(demand, day)
        if expired:
            names = [name for name, _ in expired]
            kind = demand.wanted_list.kind
            yield Notice(
                "expired_entries",
                f"{product}: {_count(len(names), 'entry', 'entries')} of the {kind}s ended "
                f"({_some(names)}) and can be deleted from the file",
                {
                    "product": product,
                    "subjects": names,
                    "places": [str(place) for _, place in expired],
                },
                expired[0][1],
            )
        if upcoming:
            first = min(start for _, start in upcoming)
            rows = [{"subject": name, "from": start.isoformat()} for name, start in upcoming]
            yield Notice(
                "upcoming",
                f"{product}: {_count(len(rows), 'entry starts', 'entries start')} later, the "
                f"first on {first} ({_some([name for name, _ in upcoming])})",
                {"product": product, "entries": rows},
                demand.wanted_list.source,
            )


def _ended(demand: Demand, day: date) -> list[tuple[str, Source]]:
    """Return the entries of which nothing is wanted any more; a line for everyone is one."""
    lines = demand.wanted_list.expanded
    brought = {line.entry.source for line in lines}
    found = [(w.subject.id, w.source) for w in demand.expired if w.source not in brought]
    ended = (line.entry for line in lines if line.entry.end is not None and line.entry.end < day)
    return found + [(_EVERYONE, entry.source) for entry in ended]


def _starting(demand: Demand, day: date) -> list[tuple[str, date]]:
    """Return the entries that want somebody later for the first time, likewise."""
    lines = demand.wanted_list.expanded
    brought = {line.entry.source for line in lines}
    found = [(w.subject.id, start) for w, start in demand.upcoming if w.source not in brought]
    starts = (line.entry.start for line in lines)
    return found + [(_EVERYONE, start) for start in starts if start is not None and start > day]


def _look_alikes(draft: PoolDraft) -> Iterator[Notice]:
    """Speak of emails that may look like somebody else's, those that `members: all` brings too.

    Of very many the rest is counted: a list in another script is no attack, and no page holds it.
    """
    product, users = draft.desired.product, draft.desired.users
    found = [
        (subject.id, words, wanted.source)
        for wanted in (users.wanted if users is not None else ())
        for subject in (wanted.subject, wanted.replaces)
        if subject is not None and (words := mixing(subject.id)) is not None
    ]
    for email, words, source in found[:_MOST_LOOK_ALIKES]:
        details = {"product": product, "email": email}
        yield Notice("look_alike", f"{product}: {email} {words}", details, source)
    more = found[_MOST_LOOK_ALIKES:]
    if more:
        message = (
            f"{product}: {_count(len(more), 'more address mixes', 'more addresses mix')} scripts"
        )
        yield Notice("look_alike", message, {"product": product, "more": len(more)}, more[0][2])


def _offline_past(draft: PoolDraft, day: date) -> Iterator[Notice]:
    """Speak of the offline licenses that are wanted until a day that is over."""
    machines = draft.desired.machines
    rows = [
        (wanted, wanted.offline_until)
        for wanted in (machines.wanted if machines is not None else ())
        if wanted.offline_until is not None
        and wanted.offline_until < day
        # Of an entry that has ended itself, `expired_entries` speaks.
        and (wanted.wanted_on(day) or wanted.next_start(day) is not None)
    ]
    if not rows:
        return
    product = draft.desired.product
    names = [wanted.subject.id for wanted, _ in rows]
    asks = _count(len(rows), "machine asks", "machines ask")
    yield Notice(
        "offline_until_past",
        f"{product}: {asks} for an offline license until a day that is over ({_some(names)}); "
        "`offline_until` can be deleted from the file or moved to a later day",
        {
            "product": product,
            "entries": [
                {"subject": wanted.subject.id, "until": until.isoformat()} for wanted, until in rows
            ],
            "places": [str(wanted.source) for wanted, _ in rows],
        },
        rows[0][0].source,
    )


def _seats(draft: PoolDraft, after: Tally) -> Iterator[Notice]:
    pool, product = draft.pool, draft.desired.product
    counted, reported = pool.counted, pool.reported
    if pool.product.seat is not SeatUnit.SESSION and counted is not None:
        known = pool.offline is not None or pool.product.offline_field is None
        if reported is not None and reported > counted and known:
            yield Notice(
                "used_mismatch",
                f"{product}: the API reports {reported} seats in use and its lists show "
                f"{counted}; the larger number limits new grants",
                {"product": product, "reported": reported, "counted": counted},
                draft.desired.source,
            )
    if after.used is not None and after.quota is not None and after.used > after.quota:
        yield Notice(
            "over_quota",
            f"{product}: {after.used} seats stay in use and {after.quota} are bought; buy "
            f"{after.used - after.quota} or remove as many from the file",
            {"product": product, "quota": after.quota, "used": after.used},
            draft.desired.source,
        )
    limit = after.machine_quota
    if limit is not None and after.machines is not None and after.machines > limit:
        yield Notice(
            "machine_quota",
            f"{product}: {after.machines} machines are registered and the machine quota is {limit}",
            {"product": product, "machine_quota": limit, "machines": after.machines},
            draft.desired.source,
        )


def _machines(draft: PoolDraft) -> Iterator[Notice]:
    if not draft.unlisted or draft.desired.machines is None:
        return
    product = draft.desired.product
    rows = []
    for subject in draft.unlisted:
        row = (draft.pool.machines or {}).get(subject.id)
        seen = row.last_seen.isoformat() if row is not None and row.last_seen else None
        rows.append(
            {
                "machine": subject.id,
                "name": row.name if row else None,
                "email": row.email if row else None,
                "last_seen": seen,
            }
        )
    names = [subject.id for subject in draft.unlisted]
    yield Notice(
        "unlisted_machines",
        f"{product}: {_count(len(rows), 'registered machine is', 'registered machines are')} not "
        f"listed ({_some(names)}); `unlisted_machines: remove` would remove them",
        {"product": product, "machines": rows},
        draft.desired.machines.source,
    )


def _reimaged(draft: PoolDraft, day: date) -> Iterator[Notice]:
    product = draft.desired.product
    for reimage in reimages(draft.desired.machines, draft.pool.machines, day):
        yield Notice(
            "probable_reimage",
            f"{product}: {reimage.message}",
            {
                "product": product,
                "listed": reimage.wanted.subject.id,
                "registered": reimage.found.id,
                "name": reimage.wanted.name,
            },
            reimage.wanted.source,
        )


def _expiring(draft: PoolDraft, day: date) -> Iterator[Notice]:
    product = draft.desired.product
    expires = draft.pool.subscription.expires if draft.pool.subscription else None
    if expires is not None and expires <= days_on(day, SOON):
        verb = "ended" if expires < day else "ends"
        yield Notice(
            "expiring",
            f"{product}: the subscription {verb} on {expires}",
            {"product": product, "kind": "subscription", "expires": expires.isoformat()},
            draft.desired.source,
        )
    for machine, license_ in sorted((draft.pool.offline or {}).items()):
        if license_.expires is not None and license_.expires <= days_on(day, SOON):
            yield Notice(
                "expiring",
                f"{product}: the offline license of {machine} ends on {license_.expires}",
                {
                    "product": product,
                    "kind": "offline_license",
                    "machine": machine,
                    "expires": license_.expires.isoformat(),
                },
                draft.desired.source,
            )


def _offline_stays(draft: PoolDraft) -> Iterator[Notice]:
    """Speak of users who lose a license while an offline license of theirs keeps its seat."""
    lost = {s.id for s in losses(draft.changes) if s.kind is SubjectKind.USER}
    if not lost:
        return
    product = draft.desired.product
    for machine, license_ in sorted((draft.pool.offline or {}).items()):
        if license_.email is not None and email_key(license_.email) in lost:
            until = license_.expires
            yield Notice(
                "offline_seat_stays",
                f"{product}: {license_.email} loses the license, but the offline license on "
                f"{machine} keeps its seat" + (f" until {until}" if until else ""),
                {
                    "product": product,
                    "email": license_.email,
                    "machine": machine,
                    "until": until.isoformat() if until else None,
                },
                draft.desired.source,
            )


def name_notices(desired: DesiredOrganization, name: str | None) -> Iterator[Notice]:
    """Yield a notice where a file calls an organization otherwise than the API, which is `name`."""
    if desired.name is None or name is None or _spelled(desired.name) == _spelled(name):
        return
    yield Notice(
        "organization_name",
        f"the file calls organization {desired.id} {desired.name!r}, and the licensing system "
        f"calls it {name!r}; reports show the latter: look whether it is the one that is meant, "
        "and correct the file",
        {"file": desired.name, "system": name},
        desired.name_source,
    )


def _spelled(name: str) -> str:
    return unicodedata.normalize("NFC", one_line(name))


def except_notices(product: str, strangers: Sequence[tuple[str, Source]]) -> Iterator[Notice]:
    """Yield a notice for each `except` that leaves out somebody who is no member anyway."""
    for email, source in strangers:
        yield Notice(
            "except_not_a_member",
            f"{product}: {email} is left out by `except` and is no member of the organization; "
            "delete or correct it",
            {"product": product, "email": email},
            source,
        )


def continuity_notices(interrupted: Sequence[tuple[Subject, str]]) -> Iterator[Notice]:
    """Yield a notice for each subject that is without a license for a moment."""
    for subject, product in interrupted:
        yield Notice(
            "continuity",
            f"{subject.id} loses {product} before gaining another product: those who move wait "
            "for each other's seats, and no other seat is free",
            {"subject": subject.id, "product": product},
        )


def moves_between(plans: Sequence[OrganizationPlan]) -> tuple[OrganizationPlan, ...]:
    """Note in both organizations who is removed in one and granted in another.

    They are two independent subjects: nothing is withheld or ordered across organizations. Who
    gains and loses in one organization changes products there, and did not move.
    """
    losing: dict[Subject, list[int]] = {}
    gaining: dict[Subject, list[int]] = {}
    for plan in plans:
        lost, gained = losses(plan.changes).keys(), gains(plan.changes)
        for found, subjects in ((losing, lost - gained), (gaining, gained - lost)):
            for subject in subjects:
                if subject.kind is SubjectKind.USER:
                    found.setdefault(subject, []).append(plan.id)
    return tuple(_with_moves(plan, losing, gaining) for plan in plans)


def _with_moves(
    plan: OrganizationPlan,
    losing: Mapping[Subject, list[int]],
    gaining: Mapping[Subject, list[int]],
) -> OrganizationPlan:
    found = []
    for subject in sorted(losing.keys() & gaining.keys()):
        removed, granted = losing[subject], gaining[subject]
        if plan.id not in {*removed, *granted}:
            continue
        found.append(
            Notice(
                "moves_between_organizations",
                f"{subject.id} is removed in {_ids(removed)} and granted in {_ids(granted)}",
                {"subject": subject.id, "removed_in": removed, "granted_in": granted},
            )
        )
    return replace(plan, warnings=(*plan.warnings, *found)) if found else plan


def _ids(organizations: Sequence[int]) -> str:
    word = "organization" if len(organizations) == 1 else "organizations"
    return f"{word} {', '.join(map(str, organizations))}"


def _count(number: int, one: str, many: str) -> str:
    return f"{number} {one if number == 1 else many}"


def _some(names: Sequence[str]) -> str:
    more = f" and {len(names) - 3} more" if len(names) > 3 else ""
    return ", ".join(names[:3]) + more
