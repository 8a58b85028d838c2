"""Pairing: whose seat becomes whose.

Declared transfers are pairs already. What is left of a list's removals and grants pairs in order
of service, as many as the smaller of the two counts, where nobody moves between products.

Who moves must gain before losing, or is without a license in between. So where somebody moves,
the seats of an organization are handed on in a queue: who waits for nothing leaves first; the next
comer of that list takes the seat and may leave another list now, and so on. Where the queue ends,
people wait for each other in a circle, which is opened by what costs least: a seat that found its
newcomer goes through the circle first and comes back to that newcomer; else a seat that is spare,
which parts one pair; else one person has to leave early. Through the lists that a circle touches
the next one is opened, so that of many circles one person is interrupted.
"""

from __future__ import annotations

from collections import Counter, defaultdict, deque
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import chain, zip_longest

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

    `declared` are the transfers that are pairs already, `released` are holders who leave and get no
    successor. `spare` is how many grants could run before anybody has left, None without limit.
    `over` is by how many seats more are taken than were bought: as many removals that belong to no
    pair must come before everything else of the list.
    """

    incoming: tuple[Candidate, ...]
    outgoing: tuple[Leaver, ...]
    declared: tuple[Candidate, ...] = ()
    released: tuple[Leaver, ...] = ()
    spare: int | None = 0
    over: int = 0


@dataclass(frozen=True, slots=True)
class Way:
    """How circles are opened: no single way is the best one for all organizations.

    `through` lets a seat go through a circle although others have moved on after it was handed on;
    that is right unless the circle waits for one of them, as who gains two products may. `apart`
    parts every pair of the lists without limit.
    """

    through: bool = True
    apart: bool = False


WAYS = (Way(), Way(apart=True), Way(through=False), Way(through=False, apart=True))
"""Every way, the one first that keeps the most pairs; the first is good for nearly everybody."""


def pair(exchanges: Sequence[Exchange], way: Way = WAYS[0]) -> list[list[Handover]]:
    """Return each exchange's handovers, all of one organization's exchanges being paired at once.

    A pair is parted, into a grant and a removal, only where that opens a circle which no exchange
    of partners opens: one pair where a seat is spare, any of a list without limit.
    """
    moving = _moving(exchanges)
    if moving:
        return _Queue(exchanges, way).handovers()
    return [
        [*_in_order(e.incoming, e.outgoing), *(Handover(None, gone) for gone in e.released)]
        for e in exchanges
    ]


def _moving(exchanges: Sequence[Exchange]) -> frozenset[Subject]:
    """Return who loses something and gains something, by the compared form."""
    gaining = {c.subject.compared for e in exchanges for c in (*e.incoming, *e.declared)}
    if not gaining:
        return frozenset()
    losing = {row.subject.compared for e in exchanges for row in (*e.outgoing, *e.released)}
    losing |= {c.holder.compared for e in exchanges for c in e.declared if c.holder is not None}
    return frozenset(gaining & losing)


def _in_order(incoming: Iterable[Candidate], outgoing: Iterable[Leaver]) -> list[Handover]:
    return [Handover(*both) for both in zip_longest(incoming, outgoing)]


@dataclass(slots=True)
class _List:
    """One exchange while its seats are handed on.

    `comers` wait for a seat, by the lists that they free one in then; `leavers` until they may go.
    `rows` are done, `last` those of them whose newcomer frees nothing. While so many seats are over
    the quota, nobody takes over any, and the declared transfers in `held` wait.
    """

    exchange: Exchange
    spare: int | None
    over: int
    comers: dict[frozenset[int], deque[Candidate]] = field(default_factory=dict)
    leavers: dict[Subject, Leaver] = field(default_factory=dict)
    rows: list[Handover] = field(default_factory=list)
    last: list[int] = field(default_factory=list)
    held: list[Candidate] = field(default_factory=list)

    def wait(self, comer: Candidate, frees: frozenset[int] = frozenset()) -> None:
        """Let somebody wait for a seat."""
        self.comers.setdefault(frees, deque()).append(comer)

    def take(self, frees: frozenset[int]) -> Candidate:
        """Take out the first of those who free a seat in these lists."""
        comer = self.comers[frees].popleft()
        if not self.comers[frees]:
            del self.comers[frees]
        return comer

    def latest(self) -> int | None:
        """Return the place of the last grant or pair, None where there is none."""
        places = reversed(range(len(self.rows)))
        return next((place for place in places if self.rows[place].incoming is not None), None)


class _Queue:
    """The seats of one organization, handed on from who leaves to who comes.

    `_awaited` counts what each person is still to gain, `_losses` holds what the person may lose
    once that is 0: a seat in a list, or a declared transfer of it to somebody else.
    """

    def __init__(self, exchanges: Sequence[Exchange], way: Way) -> None:
        self._way = way
        self._lists = [_List(e, e.spare, e.over) for e in exchanges]
        self._awaited = Counter(
            candidate.subject.compared
            for e in exchanges
            for candidate in (*e.incoming, *e.declared)
        )
        self._losses: dict[Subject, list[tuple[int, Leaver | Candidate]]] = defaultdict(list)
        self._queue: deque[tuple[int, Leaver | Candidate | None]] = deque()
        for note in (self._note_losses, self._note_gains):
            for number, here in enumerate(self._lists):
                note(number, here)

    def handovers(self) -> list[list[Handover]]:
        """Hand on every seat and return who got whose, list by list."""
        self._hand_on()
        while self._open_circle():
            self._hand_on()
        for here in self._lists:
            # What still waits, waits for declared transfers, which no other partner helps.
            comers = sorted(chain(*here.comers.values()), key=lambda comer: comer.rank)
            here.rows += _in_order(comers, here.leavers.values())
        return [here.rows for here in self._lists]

    def _note_losses(self, number: int, here: _List) -> None:
        for leaver in here.exchange.outgoing:
            here.leavers[leaver.subject.compared] = leaver
        here.rows += [Handover(None, leaver) for leaver in here.exchange.released]
        for leaver in (*here.exchange.outgoing, *here.exchange.released):
            self._lose(leaver.subject.compared, number, leaver)
        for candidate in here.exchange.declared:
            if candidate.holder is not None:
                self._lose(candidate.holder.compared, number, candidate)

    def _lose(self, subject: Subject, number: int, loss: Leaver | Candidate) -> None:
        if self._awaited[subject]:
            self._losses[subject].append((number, loss))
        else:
            self._queue.append((number, loss))

    def _note_gains(self, number: int, here: _List) -> None:
        for candidate in here.exchange.incoming:
            here.wait(candidate, frozenset(self._frees(candidate.subject.compared, set())))
        # So many need nobody to leave; where users are not limited, nor a seat, so they come first.
        more = len(here.exchange.incoming)
        if here.spare is None:
            more -= 0 if self._way.apart else len(here.leavers)
            self._queue.extendleft([(number, None)] * more)
        else:
            more = max(0, min(more - len(here.leavers), here.spare))
            here.spare -= more
            self._queue.extend([(number, None)] * more)

    def _frees(self, subject: Subject, known: set[Subject]) -> Iterator[int]:
        """Yield the lists in which a seat can be had once somebody has gained everything."""
        if subject in known:
            return
        known.add(subject)
        for number, loss in self._losses.get(subject, ()):
            if isinstance(loss, Candidate):
                yield from self._frees(loss.subject.compared, known)
                continue
            yield number
            here = self._lists[number]
            for candidate in here.exchange.declared if here.over else ():
                yield from self._frees(candidate.subject.compared, known)

    def _hand_on(self) -> None:
        """Let go who may go, and give the seats to who comes next, until nobody can move."""
        while self._queue:
            number, loss = self._queue.popleft()
            here = self._lists[number]
            if isinstance(loss, Candidate):
                if here.over:
                    here.held.append(loss)
                else:
                    self._gain(loss)
            elif loss is None or here.leavers.pop(loss.subject.compared, None) is not None:
                self._give_seat(number, loss)
            else:
                self._bring_down(number)

    def _give_seat(self, number: int, leaver: Leaver | None) -> None:
        here = self._lists[number]
        if here.comers and not here.over:
            self._let_in(here, min(here.comers, key=lambda key: self._turn(here, key)), leaver)
        elif leaver is not None:
            here.rows.append(Handover(None, leaver))
            self._bring_down(number)

    def _bring_down(self, number: int) -> None:
        """Count a seat that nobody takes over; once the quota holds, the list goes on."""
        here = self._lists[number]
        here.over = max(0, here.over - 1)
        if not here.over:
            self._queue += [(number, held) for held in here.held]
            here.held = []

    def _turn(self, here: _List, frees: frozenset[int]) -> tuple[bool, tuple[int, int, int]]:
        """Return when somebody is served: who frees a seat that others need first, then by rank."""
        lists = (self._lists[number] for number in frees)
        needed = any(one.comers or one.over for one in lists)
        return not needed, here.comers[frees][0].rank

    def _let_in(self, here: _List, frees: frozenset[int], leaver: Leaver | None) -> None:
        """Give a seat to the next of those who free one in these lists."""
        comer = here.take(frees)
        if not frees:
            here.last.append(len(here.rows))
        here.rows.append(Handover(comer, leaver))
        if frees:
            self._gain(comer)

    def _gain(self, comer: Candidate) -> None:
        """Count a gain; who has nothing more to gain may leave."""
        subject = comer.subject.compared
        self._awaited[subject] -= 1
        if not self._awaited[subject]:
            self._queue += self._losses.pop(subject, ())

    def _open_circle(self) -> bool:
        """Open a circle of lists that wait for each other; tell whether there was one."""
        waiting = sorted(self._circling(), key=self._cost)
        return any(
            way(number, frees)
            for way in (self._let_wait, self._part, self._lead_through, self._leave_early)
            for number, frees in waiting
        )

    def _circling(self) -> Iterator[tuple[int, frozenset[int]]]:
        """Yield who waits in a list that a seat would come back to, by list and what they free."""
        onwards = [frozenset[int]().union(*here.comers) for here in self._lists]
        for number, here in enumerate(self._lists):
            for frees in here.comers:
                if number in _reached(frees, onwards):
                    yield number, frees

    def _cost(self, waiting: tuple[int, frozenset[int]]) -> tuple[int, int, list[int]]:
        number, frees = waiting
        first = self._lists[number].comers[frees][0]
        return self._awaited[first.subject.compared], number, sorted(frees)

    def _let_wait(self, number: int, frees: frozenset[int]) -> bool:
        """Let somebody whom nobody waits for wait until the seat has been through the circle."""
        here = self._lists[number]
        return bool(here.last) and self._give_instead(number, frees, here.last.pop())

    def _lead_through(self, number: int, frees: frozenset[int]) -> bool:
        """Send a seat that was handed on already through the circle first."""
        place = self._lists[number].latest() if self._way.through else None
        return place is not None and self._give_instead(number, frees, place)

    def _give_instead(self, number: int, frees: frozenset[int], place: int) -> bool:
        here = self._lists[number]
        row, comer = here.rows[place], here.take(frees)
        here.rows[place] = Handover(comer, row.outgoing)
        if row.incoming is not None:
            here.wait(row.incoming)
        self._gain(comer)
        return True

    def _part(self, number: int, frees: frozenset[int]) -> bool:
        """Give a spare seat to the circle; whoever leaves last gets no successor then."""
        here = self._lists[number]
        if here.spare == 0:
            return False
        if here.spare is not None:
            # Once is enough: through this row the other circles that come here open.
            here.spare = 0
        self._let_in(here, frees, None)
        return True

    def _leave_early(self, number: int, frees: frozenset[int]) -> bool:
        """Let one person go who is without a license until the seat has come round."""
        here = self._lists[number]
        comer = here.take(frees)
        here.wait(comer)
        self._queue += self._losses.pop(comer.subject.compared, ())
        return True


def _reached(starts: Iterable[int], onwards: Sequence[frozenset[int]]) -> set[int]:
    found, waiting = set[int](), list(starts)
    while waiting:
        number = waiting.pop()
        if number not in found:
            found.add(number)
            waiting += onwards[number]
    return found
