"""Order: feasible at every step, then continuous, then reassigns before grants before removes.

Feasible: a grant runs only while a seat is free; in a pool over quota the unpaired removes come
first. Continuous: whoever moves between products gains the new license before losing the old
one, wherever quota allows; where changes wait for each other in a circle, one of them runs all the
same, and its subject is named in `interrupted`.
"""

from __future__ import annotations

import heapq
from collections.abc import Mapping, Sequence, Set
from dataclasses import dataclass, field, replace
from typing import assert_never

from reconciler.model.identity import Subject
from reconciler.model.plan import Action, Change
from reconciler.planning.seats import Tally, gains

_Key = tuple[int, int, int]
"""Preference: phase, the pool's place in the catalogue, place in the pool."""


@dataclass(frozen=True, slots=True)
class Schedule:
    """The changes in order, each with its pool's use after it.

    `interrupted` holds, per subject that must lose one product before it gains another, the
    product it loses; sorted.
    """

    changes: tuple[Change, ...]
    interrupted: tuple[tuple[Subject, str], ...] = ()


@dataclass(slots=True)
class _Step:
    change: Change
    key: _Key
    waits_for: set[_Key] = field(default_factory=set)
    prefers: set[_Key] = field(default_factory=set)
    then: list[_Key] = field(default_factory=list)


def schedule(pools: Mapping[str, Sequence[Change]], tallies: Mapping[str, Tally]) -> Schedule:
    """Put the changes of one organization in order and count the seats along the way.

    `pools` holds each product's changes in their order of service; together with the tallies, which
    are used up, they must be feasible in some order, as admission sees to.
    """
    steps = _steps(pools, tallies)
    _tie(steps)
    return _Run(steps, tallies).run()


def _comes_first(change: Change, tally: Tally, gaining: Set[Subject]) -> bool:
    """Tell whether this is a removal that comes before all else, as its pool is over quota.

    Who moves and takes up no seat of this pool can go later: that brings it no seat.
    """
    kept = change.subject.compared in gaining and not tally.counts(change.subject.kind)
    return change.action is Action.REMOVE and tally.over_quota and not kept


def _phase(change: Change, *, first: bool) -> int:
    match change.action:
        case Action.REASSIGN:
            return 1
        case Action.GRANT:
            return 2
        case Action.ISSUE_OFFLINE:
            return 3
        case Action.REMOVE:
            return 0 if first else 4
        case _:
            assert_never(change.action)


def _steps(
    pools: Mapping[str, Sequence[Change]], tallies: Mapping[str, Tally]
) -> dict[_Key, _Step]:
    steps = {}
    gaining = gains(change for changes in pools.values() for change in changes)
    for number, (product, changes) in enumerate(pools.items()):
        for place, change in enumerate(changes):
            first = _comes_first(change, tallies[product], gaining)
            key = (_phase(change, first=first), number, place)
            steps[key] = _Step(change, key)
    return steps


def _tie(steps: Mapping[_Key, _Step]) -> None:
    """Note what must come before what (an offline license after its machine's grant) and what
    should (a gain in one product before the loss in another)."""
    gains: dict[Subject, list[_Step]] = {}
    grants: dict[tuple[str, Subject], _Step] = {}
    for step in steps.values():
        change = step.change
        if change.action is not Action.REMOVE:
            gains.setdefault(change.subject.compared, []).append(step)
        if change.action in {Action.GRANT, Action.REASSIGN}:
            grants[change.product, change.subject] = step
    for step in steps.values():
        change = step.change
        if change.action is Action.ISSUE_OFFLINE:
            before = grants.get((change.product, change.subject))
            if before is not None:
                step.waits_for.add(before.key)
                before.then.append(step.key)
        loser = change.subject if change.action is Action.REMOVE else change.holder
        for gain in gains.get(loser.compared, ()) if loser is not None else ():
            if gain.change.product != change.product:
                step.prefers.add(gain.key)
                gain.then.append(step.key)


class _Run:
    """One pass over the steps, always taking the most preferred one that may run."""

    def __init__(self, steps: dict[_Key, _Step], tallies: Mapping[str, Tally]) -> None:
        self._steps = steps
        self._tallies = tallies
        self._ready: dict[tuple[str, Action], list[_Key]] = {}
        self._removes: dict[str, list[_Key]] = {product: [] for product in tallies}
        self._order = sorted(steps, reverse=True)
        self._done: list[Change] = []
        self._interrupted: set[tuple[Subject, str]] = set()
        for key in self._order:
            step = steps[key]
            if step.change.action is Action.REMOVE:
                self._removes[step.change.product].append(key)
            if not step.waits_for and not step.prefers:
                self._push(step)

    def run(self) -> Schedule:
        while self._steps:
            step = self._next() or self._against_preference()
            self._take(step)
        return Schedule(tuple(self._done), tuple(sorted(self._interrupted)))

    def _push(self, step: _Step) -> None:
        queue = self._ready.setdefault((step.change.product, step.change.action), [])
        heapq.heappush(queue, step.key)

    def _next(self) -> _Step | None:
        best: _Step | None = None
        for queue in self._ready.values():
            while queue and queue[0] not in self._steps:
                heapq.heappop(queue)
            if not queue or (best is not None and best.key < queue[0]):
                continue
            step = self._steps[queue[0]]
            if self._may_run(step):
                best = step
        return best

    def _against_preference(self) -> _Step:
        """Give up one subject's continuity, to open a circle of changes that wait for each other.

        Only a change of the circle itself opens it, so that nobody else is interrupted.
        """
        step = next(s for s in self._circle() if not s.waits_for and self._may_run(s))
        loser = step.change.holder or step.change.subject
        self._interrupted.add((loser.compared, step.change.product))
        return step

    def _circle(self) -> list[_Step]:
        """Follow what the first change waits for until it comes round; the circle, sorted."""
        while self._order[-1] not in self._steps:
            self._order.pop()
        way: dict[_Key, None] = {self._order[-1]: None}
        while (key := self._waits_for(self._steps[next(reversed(way))])) not in way:
            way[key] = None
        keys = list(way)
        return [self._steps[key] for key in sorted(keys[keys.index(key) :])]

    def _waits_for(self, step: _Step) -> _Key:
        """Return the first of what keeps a change from running."""
        if step.waits_for or step.prefers:
            return min(step.waits_for or step.prefers)
        # Nothing but a seat is missing.
        return self._next_remove(step.change.product) or step.key

    def _next_remove(self, product: str) -> _Key | None:
        removes = self._removes[product]
        while removes and removes[-1] not in self._steps:
            removes.pop()
        return removes[-1] if removes else None

    def _may_run(self, step: _Step) -> bool:
        product = step.change.product
        remove = self._next_remove(product)
        if (
            remove is not None
            and remove[0] == 0 < step.key[0]
            and self._tallies[product].over_quota
        ):
            return False
        return self._tallies[product].fits(step.change)

    def _take(self, step: _Step) -> None:
        change = step.change
        del self._steps[step.key]
        tally = self._tallies[change.product]
        loser = change.subject if change.action is Action.REMOVE else change.holder
        ends = tally.ends(loser) if loser is not None else ()
        used_after = tally.run(change)
        self._done.append(replace(change, used_after=used_after, ends_sessions=ends))
        for key in step.then:
            after = self._steps.get(key)
            if after is None:
                continue
            waiting = bool(after.waits_for or after.prefers)
            after.waits_for.discard(step.key)
            after.prefers.discard(step.key)
            if waiting and not after.waits_for and not after.prefers:
                self._push(after)
