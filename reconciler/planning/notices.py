"""What a plan says besides its changes: things a person should know, which withhold nothing."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import date, timedelta

from reconciler.model.identity import Subject, SubjectKind, email_key
from reconciler.model.plan import Notice, OrganizationPlan
from reconciler.model.source import Source
from reconciler.planning.pool_plan import PoolDraft
from reconciler.planning.seats import Tally, gains, losses
from reconciler.products import SeatUnit

SOON = timedelta(days=30)
"""How long before an end `expiring` speaks of it."""


def pool_notices(draft: PoolDraft, after: Tally, day: date) -> Iterator[Notice]:
    """Yield the notices of one pool, `after` being its use once the changes are made."""
    yield from _entries(draft)
    yield from _offline_past(draft, day)
    yield from _seats(draft, after)
    yield from _machines(draft)
    yield from _reimaged(draft, day)
    yield from _expiring(draft, day)
    yield from _offline_stays(draft)


def _entries(draft: PoolDraft) -> Iterator[Notice]:
    product = draft.desired.product
    for demand in draft.demands:
        kind, source = demand.wanted_list.kind, demand.wanted_list.source
        if demand.expired:
            names = [wanted.subject.id for wanted in demand.expired]
            places = [str(wanted.source) for wanted in demand.expired]
            yield Notice(
                "expired_entries",
                f"{product}: {_count(len(names), 'entry', 'entries')} of the {kind}s ended "
                f"({_some(names)}) and can be deleted from the file",
                {"product": product, "subjects": names, "places": places},
                demand.expired[0].source,
            )
        if demand.upcoming:
            first = min(day for _, day in demand.upcoming)
            rows = [
                {"subject": wanted.subject.id, "from": day.isoformat()}
                for wanted, day in demand.upcoming
            ]
            names = [wanted.subject.id for wanted, _ in demand.upcoming]
            yield Notice(
                "upcoming",
                f"{product}: {_count(len(rows), 'entry starts', 'entries start')} later, the "
                f"first on {first} ({_some(names)})",
                {"product": product, "entries": rows},
                source,
            )


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
    """Speak of a listed machine that is gone while an unlisted one has its name or its user.

    A machine ID is made from the host's hardware and system, so a new system changes it.
    """
    listed = draft.desired.machines
    registered = draft.pool.machines
    if listed is None or registered is None:
        return
    known = {wanted.subject.id for wanted in listed.wanted}
    strangers = [row for machine, row in sorted(registered.items()) if machine not in known]
    for wanted in listed.wanted:
        gone = wanted.subject.id not in registered and wanted.wanted_on(day)
        if not gone or wanted.name is None:
            continue
        name = wanted.name.casefold()
        for row in strangers:
            same = name in {(row.name or "").casefold(), (row.email or "").casefold()}
            # Whoever declared the replacement knows of the new ID already.
            declared = wanted.replaces is not None and wanted.replaces.id == row.id
            if declared or not same:
                continue
            yield Notice(
                "probable_reimage",
                f"{draft.desired.product}: {wanted.subject.id} ({wanted.name}) is not registered "
                f"and {row.id} of the same name is; if that host was set up anew, change the ID "
                f"at {wanted.source} to {row.id}",
                {
                    "product": draft.desired.product,
                    "listed": wanted.subject.id,
                    "registered": row.id,
                    "name": wanted.name,
                },
                wanted.source,
            )


def _expiring(draft: PoolDraft, day: date) -> Iterator[Notice]:
    product = draft.desired.product
    expires = draft.pool.subscription.expires if draft.pool.subscription else None
    if expires is not None and expires <= day + SOON:
        verb = "ended" if expires < day else "ends"
        yield Notice(
            "expiring",
            f"{product}: the subscription {verb} on {expires}",
            {"product": product, "kind": "subscription", "expires": expires.isoformat()},
            draft.desired.source,
        )
    for machine, license_ in sorted((draft.pool.offline or {}).items()):
        if license_.expires is not None and license_.expires <= day + SOON:
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
    lost = {s.id for s in losses(tuple(draft.changes)) if s.kind is SubjectKind.USER}
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
            f"{subject.id} loses {product} before gaining another product, as the pools are full "
            "and wait for each other",
            {"subject": subject.id, "product": product},
        )


def moves_between(plans: Sequence[OrganizationPlan]) -> tuple[OrganizationPlan, ...]:
    """Note in both organizations who is removed in one and granted in another.

    They are two independent subjects: nothing is withheld or ordered across organizations.
    """
    losing: dict[Subject, list[int]] = {}
    gaining: dict[Subject, list[int]] = {}
    for plan in plans:
        for subject in losses(plan.changes):
            if subject.kind is SubjectKind.USER:
                losing.setdefault(subject, []).append(plan.id)
        for subject in gains(plan.changes):
            if subject.kind is SubjectKind.USER:
                gaining.setdefault(subject, []).append(plan.id)
    return tuple(_with_moves(plan, losing, gaining) for plan in plans)


def _with_moves(
    plan: OrganizationPlan,
    losing: Mapping[Subject, list[int]],
    gaining: Mapping[Subject, list[int]],
) -> OrganizationPlan:
    found = []
    for subject in sorted(losing.keys() & gaining.keys()):
        removed, granted = losing[subject], gaining[subject]
        if len({*removed, *granted}) < 2 or plan.id not in {*removed, *granted}:
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
