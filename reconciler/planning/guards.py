"""The guards of a whole organization: how many may lose something, and who must be licensed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from reconciler.model.desired import Policy, UnlicensedMembers, UnlistedMachines
from reconciler.model.identity import Subject, SubjectKind
from reconciler.model.plan import Change, Notice, Refusal, Scope
from reconciler.model.source import Source
from reconciler.model.state import Member, MemberStatus
from reconciler.planning.demand import Demand
from reconciler.planning.pool_plan import PoolDraft
from reconciler.planning.pools import PoolState
from reconciler.planning.seats import gains, losses
from reconciler.products import SeatUnit


@dataclass(frozen=True, slots=True)
class Losses:
    """What an organization's changes take away.

    `losing` are the subjects that lose a license or registration without gaining another, sorted;
    `subjects` is how many hold anything in the managed lists; `emptied` names the lists of two or
    more that nobody is left in. `place` is the key of the first list that is emptied, or else of
    the first that somebody leaves.
    """

    losing: tuple[Subject, ...]
    subjects: int
    emptied: tuple[str, ...]
    place: Source | None = None


def losses_of(changes: Sequence[Change], drafts: Sequence[PoolDraft], policy: Policy) -> Losses:
    """Return what these changes of one organization take away."""
    changes = tuple(changes)
    losing = sorted(set(losses(changes)) - gains(changes))
    holders: set[tuple[SubjectKind, str]] = set()
    emptied: dict[str, Source] = {}
    left: list[Source] = []
    for draft in drafts:
        for demand in draft.demands:
            if not _acts_on(draft, demand, policy):
                continue
            kind, source = demand.wanted_list.kind, demand.wanted_list.source
            held = _held(draft, demand)
            holders.update((kind, key) for key in held)
            here = _changes_of(draft, demand, changes)
            lost = losses(here)
            if lost:
                left.append(source)
            if len(held) >= 2 and not gains(here) and len(lost) >= len(held):
                emptied[f"the {kind}s of {draft.desired.product}"] = source
    place = next(iter([*emptied.values(), *left]), None)
    return Losses(tuple(losing), len(holders), tuple(emptied), place)


def _held(draft: PoolDraft, demand: Demand) -> Sequence[str]:
    pool = draft.pool
    found = pool.holders if demand.wanted_list.kind is SubjectKind.USER else pool.machines
    return tuple(found or ())


def _acts_on(draft: PoolDraft, demand: Demand, policy: Policy) -> bool:
    """Tell whether this list can take something from its holders at all."""
    if demand.wanted_list.kind is SubjectKind.USER or draft.pool.product.seat is SeatUnit.MACHINE:
        return True
    return policy.unlisted_machines is UnlistedMachines.REMOVE


def _changes_of(
    draft: PoolDraft, demand: Demand, changes: tuple[Change, ...]
) -> tuple[Change, ...]:
    return tuple(
        change
        for change in changes
        if change.product == draft.desired.product
        and change.subject.kind is demand.wanted_list.kind
    )


def check_removals(
    found: Losses, policy: Policy, ceiling: int | None, total: int
) -> Refusal | None:
    """Return the refusal of an organization that would lose too much.

    `ceiling` is what the person who plans allowed for the whole plan, `total` what it comes to. A
    ceiling of 0 allows nothing, and so no emptying either.
    """
    count = len(found.losing)
    details: dict[str, object] = {
        "losing": [subject.id for subject in found.losing],
        "subjects": found.subjects,
        "emptied": list(found.emptied),
        "allowed": ceiling,
    }
    if ceiling is None:
        limit = policy.max_removals.limit(found.subjects)
        details["limit"] = limit
        if count > limit:
            return _above_limit(found, policy, limit, total, details)
    elif count and total > ceiling:
        message = (
            f"{count} would lose a license or registration here, {total} in the whole plan, "
            f"and --allow-removals allows {ceiling}: review the plan, then allow {total} or list "
            "those who should stay"
        )
        return _organization("max_removals", message, details, found.place)
    if found.emptied and not ceiling:
        message = (
            f"nobody would be left in {' and '.join(found.emptied)}: emptying a list always "
            f"needs --allow-removals (here: --allow-removals {max(total, 1)})"
        )
        return _organization("max_removals", message, details, found.place)
    return None


def _above_limit(
    found: Losses, policy: Policy, limit: int, total: int, details: dict[str, object]
) -> Refusal:
    """Return the refusal of the policy's limit, at the place that set it, if one did."""
    rule, source = policy.max_removals, policy.sources.get("max_removals")
    message = (
        f"{len(found.losing)} would lose a license or registration, more than max_removals allows "
        f"({limit}: the larger of {rule.count} and {rule.percent:g} % of {found.subjects}, "
        f"{f'set at {source}' if source else 'the default'}): review the plan, then allow it with "
        f"--allow-removals {total}"
    )
    return _organization("max_removals", message, details, source or found.place)


def _organization(
    code: str, message: str, details: dict[str, object], source: Source | None
) -> Refusal:
    return Refusal(code, Scope.ORGANIZATION, message, details=details, source=source)


def check_unlicensed(
    members: Mapping[str, Member] | None,
    pools: Sequence[PoolState],
    changes: Sequence[Change],
    policy: Policy,
) -> Refusal | Notice | None:
    """Say which active members hold no license of any product once these changes are made.

    `members` are by their compared email, None where they are unknown. What cannot be checked is
    told like what was found: a rule that fails then fails too.
    """
    rule = policy.unlicensed_members
    if rule is UnlicensedMembers.IGNORE:
        return None
    if members is None or any(pool.holders is None for pool in pools):
        unknown = ["members"] if members is None else []
        unknown += ["licensed users"] if any(pool.holders is None for pool in pools) else []
        message = (
            f"the API does not tell the {' and the '.join(unknown)}, so it cannot be checked "
            "whether every active member holds a license"
        )
        return _unlicensed(policy, message, {"unknown": unknown})
    changes = tuple(changes)
    licensed = set[str]().union(*(pool.holders or () for pool in pools))
    for subject, count in losses(changes).items():
        if subject.kind is SubjectKind.USER:
            held = sum(subject.id in (pool.holders or ()) for pool in pools)
            if held <= count:
                licensed.discard(subject.id)
    licensed |= {s.id for s in gains(changes) if s.kind is SubjectKind.USER}
    unlicensed = [members[key] for key in members.keys() - licensed]
    without = sorted(m.email for m in unlicensed if m.status is MemberStatus.ACTIVE)
    if not without:
        return None
    named = ", ".join(without[:3]) + (f" and {len(without) - 3} more" if len(without) > 3 else "")
    is_are = "active member is" if len(without) == 1 else "active members are"
    message = (
        f"{len(without)} {is_are} without any license ({named}); the vendor's terms ask that an "
        "organization license all of its users"
    )
    return _unlicensed(policy, message, {"emails": without})


def _unlicensed(policy: Policy, message: str, details: dict[str, object]) -> Refusal | Notice:
    source = policy.sources.get("unlicensed_members")
    if policy.unlicensed_members is UnlicensedMembers.FAIL:
        hint = "; `unlicensed_members: warn` would let the changes through"
        tail = hint if "unknown" in details else ""
        return _organization("unlicensed_members", message + tail, details, source)
    return Notice("unlicensed_members", message, details, source)
