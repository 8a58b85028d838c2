"""Pairing: whose seat becomes whose.

Declared transfers are pairs already. What is left of a list's removals and grants pairs in order
of service, as many as the smaller of the two counts.

A pair waits where its holder is to gain another product: that gain must come first, or the person
is without a license in between. The waits form paths, which can be gone along, and circles, in
which everybody waits for the next. Two handovers of one list that exchange their partners join
what they belong to: a circle opens into a path, and two circles become one. So whatever can be
opened is, and of many circles that cannot be, one is left.
"""

from __future__ import annotations

from collections import defaultdict, deque
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from reconciler.model.identity import Subject
from reconciler.model.source import Source
from reconciler.planning.demand import Candidate


@dataclass(frozen=True, slots=True)
class Leaver:
    """A holder who is due to leave, with the place and the reason of the removal."""

    subject: Subject
    source: Source
    reason: str


@dataclass(frozen=True, slots=True)
class Handover:
    """A seat that changes hands; without `outgoing` it is a grant, without `incoming` a removal."""

    incoming: Candidate | None
    outgoing: Leaver | None


@dataclass(frozen=True, slots=True)
class Exchange:
    """Who comes to and who leaves one list of one pool, each in order of service.

    `declared` are the transfers that are pairs already. `spare` is how many grants could run before
    anybody has left, None without limit. In a `crowded` pool, which is over its quota, the removals
    that belong to no pair come before everything else.
    """

    incoming: tuple[Candidate, ...]
    outgoing: tuple[Leaver, ...]
    declared: tuple[Candidate, ...] = ()
    spare: int | None = 0
    crowded: bool = False


def pair(exchanges: Sequence[Exchange]) -> list[list[Handover]]:
    """Return each exchange's handovers, all of one organization's exchanges being paired at once.

    A pair is parted, into a grant and a removal, only where that opens a circle which no exchange
    of partners opens: one pair where a seat is spare, any of a list without limit.
    """
    moving = _moving(exchanges)
    rows = [_in_order(exchange, moving) for exchange in exchanges]
    shut = _untie(exchanges, rows) if moving else 0
    if shut and any(exchange.spare is None for exchange in exchanges):
        parted = [
            _in_order(exchange, moving) if exchange.spare is not None else _apart(exchange)
            for exchange in exchanges
        ]
        if _untie(exchanges, parted) < shut:
            return parted
    return rows


def _untie(exchanges: Sequence[Exchange], rows: list[list[Handover]]) -> int:
    """Open the circles of these handovers, joining the others; return how many stay shut."""
    waits = _Waits(exchanges, rows)
    extent = waits.extent
    while any(extent):
        waits.untie()
        # Who gains two products may stand on two circles, which takes another round.
        waits = _Waits(exchanges, rows)
        if waits.extent >= extent:
            break
        extent = waits.extent
    return waits.extent[1]


def _moving(exchanges: Sequence[Exchange]) -> frozenset[Subject]:
    """Return who loses something and gains something, by the compared form."""
    gaining = {c.subject.compared for e in exchanges for c in (*e.incoming, *e.declared)}
    if not gaining:
        return frozenset()
    losing = {leaver.subject.compared for e in exchanges for leaver in e.outgoing}
    losing |= {c.holder.compared for e in exchanges for c in e.declared if c.holder is not None}
    return frozenset(gaining & losing)


def _in_order(exchange: Exchange, moving: frozenset[Subject]) -> list[Handover]:
    outgoing: Sequence[Leaver] = exchange.outgoing
    if exchange.crowded and moving:
        # The removals without a pair come first here, so whoever must gain first is paired.
        outgoing = sorted(outgoing, key=lambda leaver: leaver.subject.compared not in moving)
    pairs = min(len(exchange.incoming), len(outgoing))
    return [
        *(Handover(*both) for both in zip(exchange.incoming, outgoing, strict=False)),
        *(Handover(candidate, None) for candidate in exchange.incoming[pairs:]),
        *(Handover(None, leaver) for leaver in outgoing[pairs:]),
    ]


def _apart(exchange: Exchange) -> list[Handover]:
    return [
        *(Handover(candidate, None) for candidate in exchange.incoming),
        *(Handover(None, leaver) for leaver in exchange.outgoing),
    ]


def _spare(exchange: Exchange, rows: Sequence[Handover]) -> int | None:
    """Return how many more grants could run before anybody has left, None without limit.

    Where a pair was parted already there are none: once is enough, as the other circles that come
    here open through the two halves.
    """
    if exchange.spare is None:
        return None
    grants = sum(row.outgoing is None for row in rows)
    removes = sum(row.incoming is None for row in rows)
    return 0 if grants and removes else exchange.spare - grants


@dataclass(frozen=True, slots=True)
class _Node:
    """One handover in the graph of waits; `place` is -1 for a declared transfer, which stays."""

    exchange: int
    place: int
    gains: Subject | None
    loses: Subject | None


class _Waits:
    """Who waits for whom among the handovers of one organization.

    Nodes are known by their number. `_before` are those that each waits for, `_after` those that
    wait for it. `_circles` holds the nodes on circles by their family, which is everything that
    is connected by waits.
    """

    def __init__(self, exchanges: Sequence[Exchange], rows: list[list[Handover]]) -> None:
        self._exchanges = exchanges
        self._rows = rows
        self._nodes = tuple(self._all())
        gaining: dict[Subject, list[int]] = defaultdict(list)
        for number, node in enumerate(self._nodes):
            if node.gains is not None:
                gaining[node.gains].append(number)
        self._before: list[Sequence[int]] = [
            gaining.get(node.loses, ()) if node.loses is not None else () for node in self._nodes
        ]
        self._after: list[list[int]] = [[] for _ in self._nodes]
        for number, before in enumerate(self._before):
            for gain in before:
                self._after[gain].append(number)
        self._spare = [_spare(*both) for both in zip(exchanges, rows, strict=True)]
        self._family = self._families()
        self._joined: dict[int, int] = {}
        self._circles: dict[int, list[int]] = defaultdict(list)
        for number in sorted(self._on_circles()):
            self._circles[self._family[number]].append(number)

    def _all(self) -> Iterator[_Node]:
        for number, exchange in enumerate(self._exchanges):
            for candidate in exchange.declared:
                holder = candidate.holder
                loses = None if holder is None else holder.compared
                yield _Node(number, -1, candidate.subject.compared, loses)
            for place, row in enumerate(self._rows[number]):
                gains = None if row.incoming is None else row.incoming.subject.compared
                loses = None if row.outgoing is None else row.outgoing.subject.compared
                yield _Node(number, place, gains, loses)

    def _families(self) -> list[int]:
        family = [-1] * len(self._nodes)
        for start in range(len(self._nodes)):
            found = [start] if family[start] < 0 else []
            while found:
                number = found.pop()
                family[number] = start
                near = (*self._before[number], *self._after[number])
                found += [other for other in near if family[other] < 0]
        return family

    def _on_circles(self) -> set[int]:
        """Peel off what waits for no circle, then what no circle waits for."""
        left = set(range(len(self._nodes)))
        for ahead, behind in ((self._before, self._after), (self._after, self._before)):
            counts = {number: sum(n in left for n in ahead[number]) for number in left}
            free = [number for number in left if not counts[number]]
            while free:
                number = free.pop()
                left.discard(number)
                for other in behind[number]:
                    if other in left:
                        counts[other] -= 1
                        if not counts[other]:
                            free.append(other)
        return left

    @property
    def extent(self) -> tuple[int, int]:
        """How many handovers stand on circles, and on how many; it shrinks as circles open."""
        return sum(map(len, self._circles.values())), len(self._circles)

    def untie(self) -> None:
        """Open the circles that can be opened, and join the others."""
        circling: dict[int, list[int]] = defaultdict(list)
        for circle in self._circles.values():
            for number in circle:
                circling[self._nodes[number].exchange].append(number)
        resting = set(range(len(self._nodes))).difference(*self._circles.values())
        anchors: dict[int, list[int]] = defaultdict(list)
        self._join(circling, anchors, self._anchor(anchors, sorted(resting)))
        for family, circle in list(self._circles.items()):
            if family in self._circles and self._part(circle):
                del self._circles[family]
                self._join(circling, anchors, self._anchor(anchors, circle))
        # No seat helps those that are left: one person of each is without a license for a moment.
        while self._circles:
            circle = self._circles.pop(next(iter(self._circles)))
            self._join(circling, anchors, self._anchor(anchors, circle))

    def _anchor(self, anchors: dict[int, list[int]], numbers: Iterable[int]) -> list[int]:
        """Let these nodes open circles in their exchanges; return where there is a new one.

        Two of different families are enough for an exchange: a circle needs one of another family.
        """
        new = []
        for number in numbers:
            node, root = self._nodes[number], self._root(number)
            known = anchors[node.exchange]
            if len(known) > 1 or root in map(self._root, known):
                continue
            alone = node.gains is None or node.loses is None
            # In a crowded pool the removals without a pair come first, so they stay who they are.
            if node.place < 0 or (alone and self._exchanges[node.exchange].crowded):
                continue
            known.append(number)
            new.append(node.exchange)
        return new

    def _join(
        self,
        circling: Mapping[int, Sequence[int]],
        anchors: dict[int, list[int]],
        reached: list[int],
    ) -> None:
        """Let the circles that come to these exchanges exchange partners with their anchors."""
        waiting = deque(reached)
        while waiting:
            exchange = waiting.popleft()
            for number in circling.get(exchange, ()):
                family = self._family[number]
                if family not in self._circles or self._nodes[number].place < 0:
                    continue
                root = self._root(number)
                others = (n for n in anchors[exchange] if self._root(n) != root)
                anchor = next(others, None)
                if anchor is not None:
                    self._exchange(number, anchor)
                    self._joined[root] = self._root(anchor)
                    waiting += self._anchor(anchors, self._circles.pop(family))

    def _root(self, number: int) -> int:
        """Return the family that a node's family has joined."""
        family = self._family[number]
        while family in self._joined:
            family = self._joined[family]
        return family

    def _exchange(self, one: int, other: int) -> None:
        """Let two handovers of one list exchange who leaves."""
        first, second = self._nodes[one], self._nodes[other]
        rows = self._rows[first.exchange]
        here, there = rows[first.place], rows[second.place]
        rows[first.place] = Handover(here.incoming, there.outgoing)
        rows[second.place] = Handover(there.incoming, here.outgoing)

    def _part(self, circle: Sequence[int]) -> bool:
        """Part one pair of a circle where its pool has a seat to spare; tell whether it has."""
        for number in circle:
            node = self._nodes[number]
            spare = self._spare[node.exchange]
            if node.place >= 0 and (spare is None or spare > 0):
                # Once is enough: through the two halves the other circles that come here open.
                self._spare[node.exchange] = 0
                rows = self._rows[node.exchange]
                row = rows[node.place]
                rows[node.place] = Handover(row.incoming, None)
                rows.append(Handover(None, row.outgoing))
                return True
        return False
