"""Order: feasible at every step, then continuous, then reassigns before grants before removes.

Feasible: a grant runs only while a seat is free; in a pool over quota the unpaired removes come
first. Continuous: whoever moves between products gains the new license before losing the old
one, wherever quota allows; where it does not, the subject is named in `interrupted`.
"""

from __future__ import annotations

import heapq
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import assert_never

from reconciler.model.identity import Subject
from reconciler.model.plan import Action, Change
from reconciler.planning.seats import Tally

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
    for number, (product, changes) in enumerate(pools.items()):
        first = tallies[product].over_quota
        for place, change in enumerate(changes):
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
        self._first_left: dict[str, int] = {}
        self._order = sorted(steps, reverse=True)
        self._done: list[Change] = []
        self._interrupted: set[tuple[Subject, str]] = set()
        for key, step in steps.items():
            if key[0] == 0:
                product = step.change.product
                self._first_left[product] = self._first_left.get(product, 0) + 1
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
        """Give up one subject's continuity: two full pools want each other's seats."""
        while self._order[-1] not in self._steps:
            self._order.pop()
        left = (self._steps[key] for key in reversed(self._order) if key in self._steps)
        step = next(s for s in left if not s.waits_for and self._may_run(s))
        if step.prefers:
            loser = step.change.holder or step.change.subject
            self._interrupted.add((loser.compared, step.change.product))
        return step

    def _may_run(self, step: _Step) -> bool:
        product = step.change.product
        if step.key[0] != 0 and self._first_left.get(product):
            return False
        return self._tallies[product].fits(step.change)

    def _take(self, step: _Step) -> None:
        change = step.change
        del self._steps[step.key]
        if step.key[0] == 0:
            self._first_left[change.product] -= 1
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
