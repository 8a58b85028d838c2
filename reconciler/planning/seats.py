"""The arithmetic of seats: what each change does to a pool's use, one change after the other.

The rules: a user product counts licensed users and offline licenses; a machine product counts
registered machines, an offline license converting its machine's seat; a session product counts
sessions and offline licenses, its users are not limited. Registered machines never pass the
machine quota, where there is one.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from typing import assert_never

from reconciler.model.identity import Subject, SubjectKind, email_key
from reconciler.model.plan import Action, Change
from reconciler.planning.pools import PoolState
from reconciler.products import SeatUnit


class Tally:
    """The running use of one pool; `used` and `machines` are None where they are unknown."""

    def __init__(self, pool: PoolState) -> None:
        self._seat = pool.product.seat
        self.quota = pool.quota
        self.machine_quota = pool.machine_quota
        self.used = pool.used
        self.machines = None if pool.machines is None else len(pool.machines)
        self._registered = set(pool.machines or ())
        self._sessions_of: dict[tuple[SubjectKind, str], set[int]] = {}
        self._machine_of: list[str] = []
        for number, session in enumerate(pool.sessions or ()):
            self._machine_of.append(session.machine)
            of = self._sessions_of
            of.setdefault((SubjectKind.MACHINE, session.machine), set()).add(number)
            if session.email is not None:
                of.setdefault((SubjectKind.USER, email_key(session.email)), set()).add(number)
        self._ended: set[int] = set()
        self.peak = self.used

    @property
    def over_quota(self) -> bool:
        """Whether more seats are taken than were bought."""
        return self.used is not None and self.quota is not None and self.used > self.quota

    def over(self, kind: SubjectKind) -> int:
        """Return how many seats, of those that this kind of subjects take, are above the quota."""
        if not self.counts(kind) or self.used is None or self.quota is None:
            return 0
        return max(0, self.used - self.quota)

    def spare(self, kind: SubjectKind) -> int | None:
        """Return how many grants to subjects of this kind may run now, None without limit."""
        limits = []
        if self.counts(kind) and self.quota is not None and self.used is not None:
            limits.append(self.quota - self.used)
        machines = kind is SubjectKind.MACHINE
        if machines and self.machine_quota is not None and self.machines is not None:
            limits.append(self.machine_quota - self.machines)
        return max(0, min(limits)) if limits else None

    def takes_seat(self, action: Action, subject: Subject) -> bool:
        """Tell whether this change needs a free seat when it runs (a reassign brings its own)."""
        match action:
            case Action.GRANT:
                return self.counts(subject.kind)
            case Action.ISSUE_OFFLINE:
                return self._seat is not SeatUnit.MACHINE or subject.id not in self._registered
            case Action.REMOVE | Action.REASSIGN:
                return False
            case _:
                assert_never(action)

    def takes_slot(self, action: Action, subject: Subject) -> bool:
        """Tell whether this change registers one more machine (a reassign brings its own slot)."""
        gains = action in {Action.GRANT, Action.ISSUE_OFFLINE}
        machine = subject.kind is SubjectKind.MACHINE
        return gains and machine and subject.id not in self._registered

    def fits(self, change: Change) -> bool:
        """Tell whether the change may run now: no grant into a full pool, no machine too many."""
        freed = 0
        if change.action is Action.REASSIGN and change.holder is not None:
            freed = 1 if self.counts(change.holder.kind) else 0
        seat = freed or self.takes_seat(change.action, change.subject)
        left = None if self.used is None or self.quota is None else self.quota - self.used
        if seat and left is not None and left + freed < 1:
            return False
        if self.machine_quota is None or self.machines is None:
            return True
        if change.action is Action.REASSIGN and change.subject.kind is SubjectKind.MACHINE:
            return self.machines - 1 < self.machine_quota
        slot = self.takes_slot(change.action, change.subject)
        return not slot or self.machines < self.machine_quota

    def ends(self, subject: Subject) -> tuple[str, ...]:
        """Return the machines whose sessions end when this subject is removed, sorted."""
        running = self._sessions_of.get((subject.kind, subject.key), set()) - self._ended
        return tuple(sorted({self._machine_of[number] for number in running}))

    def run(self, change: Change) -> int | None:
        """Count one change and return the pool's use after it."""
        match change.action:
            case Action.GRANT:
                self._gain(change.subject)
            case Action.REMOVE:
                self.lose(change.subject)
            case Action.REASSIGN:
                if change.holder is not None:
                    self.lose(change.holder)
                self._gain(change.subject)
            case Action.ISSUE_OFFLINE:
                if self.takes_seat(change.action, change.subject):
                    self._add(1)
                self._register(change.subject)
            case _:
                assert_never(change.action)
        if self.used is not None and self.peak is not None:
            self.peak = max(self.peak, self.used)
        return self.used

    def counts(self, kind: SubjectKind) -> bool:
        """Tell whether this kind of subject is what the product's quota counts."""
        match self._seat:
            case SeatUnit.USER:
                return kind is SubjectKind.USER
            case SeatUnit.MACHINE:
                return kind is SubjectKind.MACHINE
            case SeatUnit.SESSION:
                return False
            case _:
                assert_never(self._seat)

    def _gain(self, subject: Subject) -> None:
        if self.counts(subject.kind):
            self._add(1)
        if subject.kind is SubjectKind.MACHINE:
            self._register(subject)

    def lose(self, subject: Subject) -> int:
        """Count the removal of a holder and return the seats it freed, its sessions among them."""
        before = self.used
        running = self._sessions_of.get((subject.kind, subject.key), set()) - self._ended
        self._ended |= running
        if self.counts(subject.kind):
            self._add(-1)
        elif self._seat is SeatUnit.SESSION:
            self._add(-len(running))
        if subject.kind is SubjectKind.MACHINE and subject.id in self._registered:
            self._registered.discard(subject.id)
            if self.machines is not None:
                self.machines -= 1
        return 0 if before is None or self.used is None else before - self.used

    def _register(self, subject: Subject) -> None:
        if subject.id not in self._registered:
            self._registered.add(subject.id)
            if self.machines is not None:
                self.machines += 1

    def _add(self, seats: int) -> None:
        if self.used is not None:
            self.used += seats


def losses(changes: tuple[Change, ...]) -> Counter[Subject]:
    """Return how many products each subject loses in these changes, by its compared form."""
    lost: Counter[Subject] = Counter()
    for change in changes:
        if change.action is Action.REMOVE:
            lost[change.subject.compared] += 1
        elif change.action is Action.REASSIGN and change.holder is not None:
            lost[change.holder.compared] += 1
    return lost


def gains(changes: Iterable[Change]) -> set[Subject]:
    """Return the subjects that gain something in these changes, by their compared form."""
    return {change.subject.compared for change in changes if change.action is not Action.REMOVE}
