"""An account of what moved between a plan and the world, in lines that a person can read."""

from __future__ import annotations

from collections.abc import Mapping

from reconciler.applying.operations import Effect, Verb, effects_of
from reconciler.applying.simulation import Simulation
from reconciler.model.identity import Subject, SubjectKind
from reconciler.model.plan import Action, Change, OrganizationPlan, Pool
from reconciler.products import PRODUCTS, SeatUnit

_Pending = Mapping[str, tuple[Effect, ...]]

_MEMBERS = "members"
_SEATS = "seats used"


def moved(
    plan: OrganizationPlan, simulation: Simulation, pending: _Pending, *, subjects: bool
) -> tuple[str, ...]:
    """Return a line for each thing that is otherwise than the plan presupposes, sorted.

    `pending` maps a change to its effects that are not there yet; what is there of the plan is
    no difference. `subjects` adds the holders and members of the changes that are not done.
    """
    pictures = _Pictures()
    for pool in plan.pools:
        _compare_pool(pictures, pool, simulation, _used_by_now(plan, pool, pending))
    if subjects:
        for change in plan.changes:
            if pending[change.id]:
                _compare_subjects(pictures, change, simulation, pending[change.id])
    return pictures.differences()


class _Pictures:
    """The world as the plan presupposes it and as it was found, by place, then by thing."""

    def __init__(self) -> None:
        self._expected: dict[str, dict[str, object]] = {}
        self._found: dict[str, dict[str, object]] = {}

    def add(self, place: str, what: str, expected: object, found: object) -> None:
        self._expected.setdefault(place, {})[what] = expected
        self._found.setdefault(place, {})[what] = found

    def differences(self) -> tuple[str, ...]:
        places = [key for key, things in self._expected.items() if things != self._found[key]]
        if not places:
            return ()
        # Importing it takes longer than most applies read and compare; most find nothing moved.
        from deepdiff import DeepDiff

        tree = DeepDiff(
            {place: self._expected[place] for place in places},
            {place: self._found[place] for place in places},
            view="tree",
        )
        order = [*PRODUCTS, _MEMBERS]
        rows = []
        for level in (level for levels in tree.values() for level in levels):
            place, what = level.path(output_format="list")
            line = f"{place}: {what} was {_text(level.t1)}, is {_text(level.t2)}"
            rows.append((order.index(place), what, line))
        return tuple(line for *_, line in sorted(rows))


def _compare_pool(
    pictures: _Pictures, pool: Pool, simulation: Simulation, used: int | None
) -> None:
    place, now = pool.product, simulation.pool(pool.product)
    ends = now.subscription.expires if now.subscription else None
    pictures.add(place, "quota", pool.quota, now.quota)
    pictures.add(place, "machine quota", pool.machine_quota, now.machine_quota)
    pictures.add(place, "end of the subscription", pool.expires, ends)
    # Sessions come and go all day; that they did is no news.
    if used is not None and now.product.seat is not SeatUnit.SESSION:
        pictures.add(place, _SEATS, used, now.used)


def _used_by_now(plan: OrganizationPlan, pool: Pool, pending: _Pending) -> int | None:
    """Return the seats that would be taken if nothing but the plan's own effects had happened."""
    before = used = pool.used
    for change in plan.changes:
        if change.product != pool.product:
            continue
        after, left = change.used_after, pending[change.id]
        if used is None or before is None or after is None:
            return None
        if not left:
            used += after - before
        elif change.action is Action.REASSIGN and len(left) == 1:
            used += -1 if left[0].verb is Verb.GRANT else 1
        before = after
    return used


def _compare_subjects(
    pictures: _Pictures, change: Change, simulation: Simulation, pending: tuple[Effect, ...]
) -> None:
    for effect in effects_of(change):
        subject = effect.subject
        if effect.verb is not Verb.ISSUE_OFFLINE:
            held = effect.verb is Verb.REMOVE
            found = _holds(simulation, change.product, subject)
            pictures.add(change.product, subject.id, _held(held, subject), _held(found, subject))
        if effect in pending and effect.verb is Verb.GRANT and subject.kind is SubjectKind.USER:
            if not simulation.knows_members:
                continue
            status = simulation.membership(subject.id)
            pictures.add(_MEMBERS, subject.id, "active", status.value if status else "not one")


def _holds(simulation: Simulation, product: str, subject: Subject) -> bool | None:
    pool = simulation.pool(product)
    holders = pool.holders if subject.kind is SubjectKind.USER else pool.machines
    return None if holders is None else subject.key in holders


def _held(holds: bool | None, subject: Subject) -> str:
    if holds is None:
        return "unknown"
    word = "licensed" if subject.kind is SubjectKind.USER else "registered"
    return word if holds else f"not {word}"


def _text(value: object) -> str:
    return "unknown" if value is None else str(value)
