"""Admission: which of the candidates get a seat, and who keeps one.

A declared transfer owns its holder's seat, ahead of priority. The others share the seats that
are free after all due removals, by rank. Nobody who is wanted and holds a seat loses it.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from operator import attrgetter

from reconciler.model.desired import OnShortage
from reconciler.model.identity import Subject
from reconciler.planning.demand import Candidate, Reason, Waiting
from reconciler.planning.seats import Tally

NO_SEAT = Reason("over_quota", "no seat is free")
NO_SLOT = Reason("machine_quota", "as many machines are registered as the machine quota allows")


@dataclass(slots=True)
class Admission:
    """Who gets in, who waits and who stays. Built up here, then only read.

    `transfers` and `admitted` get in. `short` are the candidates for whom there is no seat, in
    the order of service; `waiting` those who wait for a machine slot. `kept` are transfers that
    wait and keep their holder; `released` are holders who leave although their replacement
    waits, as the pool is over quota. `wanted` is the use if everything were granted and `room`
    the seats left in the end (negative: over quota), None where the quota is unknown.
    """

    transfers: list[tuple[Candidate, Subject]] = field(default_factory=list)
    admitted: list[Candidate] = field(default_factory=list)
    short: list[Candidate] = field(default_factory=list)
    waiting: list[Waiting] = field(default_factory=list)
    kept: list[tuple[Waiting, Subject]] = field(default_factory=list)
    released: list[Subject] = field(default_factory=list)
    wanted: int | None = None
    room: int | None = None


@dataclass(frozen=True, slots=True)
class _Tied:
    """A declared transfer with its holder and the seats that the holder's removal frees."""

    candidate: Candidate
    holder: Subject
    frees: int


class _Room:
    """Seats and machine slots that are left; None is without limit."""

    def __init__(self, tally: Tally) -> None:
        self.seats = _left(tally.quota, tally.used)
        self.slots = _left(tally.machine_quota, tally.machines)

    def obstacle(self, candidate: Candidate) -> Reason | None:
        """Return what this candidate lacks, or None."""
        if candidate.slot and self.slots is not None and self.slots < 1:
            return NO_SLOT
        if candidate.seat and self.seats is not None and self.seats < 1:
            return NO_SEAT
        return None

    def take(self, seats: int, slots: int) -> None:
        """Take what one candidate, or one holder who stays, needs."""
        if self.seats is not None:
            self.seats -= seats
        if self.slots is not None:
            self.slots -= slots


def admit(
    tally: Tally,
    candidates: Sequence[Candidate],
    blocked: Sequence[Waiting],
    leaving: Iterable[Subject],
    on_shortage: OnShortage,
) -> Admission:
    """Share out the seats of one pool.

    `tally` is the pool before any change and is used up. `blocked` are declared transfers that
    wait for another reason than seats. `leaving` are the holders who go in any case.
    """
    for subject in leaving:
        tally.lose(subject)
    transfers = _tied(tally, [Waiting(c, NO_SEAT) for c in candidates])
    waiting = _tied(tally, blocked)
    others = sorted((c for c in candidates if c.holder is None), key=_rank)

    wanted = tally.used
    if wanted is not None:
        wanted += sum(candidate.seat for candidate in candidates)
        wanted += sum(tied.frees for _, tied in waiting)
    result = Admission(wanted=wanted)
    _share(result, _Room(tally), transfers, waiting, others)
    if result.short and on_shortage is OnShortage.FAIL:
        # A refusal of all the pool's grants: what takes a seat is left out, the rest goes on.
        refused = Admission(wanted=wanted)
        free = [(w, tied) for w, tied in transfers if not tied.candidate.seat]
        held = [(w, tied) for w, tied in transfers if tied.candidate.seat]
        seatless = [c for c in others if not c.seat]
        _share(refused, _Room(tally), free, [*waiting, *held], seatless)
        stuck = {id(w.candidate) for w in result.waiting}
        refused.waiting = result.waiting
        refused.short = sorted((c for c in candidates if c.seat and id(c) not in stuck), key=_rank)
        return refused
    return result


def _share(
    result: Admission,
    room: _Room,
    transfers: Sequence[tuple[Waiting, _Tied]],
    blocked: Sequence[tuple[Waiting, _Tied]],
    others: Sequence[Candidate],
) -> None:
    stuck: list[tuple[Waiting, _Tied]] = []
    for _, tied in transfers:
        candidate = tied.candidate
        reason = room.obstacle(candidate)
        if reason is None:
            room.take(candidate.seat, candidate.slot)
            result.transfers.append((candidate, tied.holder))
        else:
            stuck.append((Waiting(candidate, reason), tied))
            _leave_out(result, candidate, reason)
    _keep_holders(result, room, [*blocked, *stuck])
    for candidate in others:
        reason = room.obstacle(candidate)
        if reason is None:
            room.take(candidate.seat, candidate.slot)
            result.admitted.append(candidate)
        else:
            _leave_out(result, candidate, reason)
    result.room = room.seats


def _leave_out(result: Admission, candidate: Candidate, reason: Reason) -> None:
    if reason is NO_SEAT:
        result.short.append(candidate)
    else:
        result.waiting.append(Waiting(candidate, reason))


def _keep_holders(result: Admission, room: _Room, blocked: Sequence[tuple[Waiting, _Tied]]) -> None:
    """Let the holders of waiting transfers keep their seats, while the pool is not over quota."""
    for waiting, tied in sorted(blocked, key=lambda pair: pair[1].candidate.rank):
        counted = tied.candidate.seat and room.seats is not None
        if counted and room.seats is not None and room.seats < tied.frees:
            result.released.append(tied.holder)
        else:
            room.take(tied.frees, tied.candidate.slot)
            result.kept.append((waiting, tied.holder))


def _tied(tally: Tally, waiting: Iterable[Waiting]) -> list[tuple[Waiting, _Tied]]:
    """Return the declared transfers among these by rank, their holders taken out of the tally."""
    tied = []
    for item in sorted(waiting, key=lambda w: w.candidate.rank):
        holder = item.candidate.holder
        if holder is not None:
            tied.append((item, _Tied(item.candidate, holder, tally.lose(holder))))
    return tied


_rank = attrgetter("rank")


def _left(limit: int | None, used: int | None) -> int | None:
    return None if limit is None or used is None else limit - used
