"""Seats of declared transfers that cannot be finished, given back to their former holders."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace

from reconciler.applying.answers import Ending, text_of
from reconciler.applying.events import Event, EventKind
from reconciler.applying.operations import Effect, Verb, effects_of
from reconciler.applying.patience import Trying
from reconciler.applying.record import Taken
from reconciler.applying.remainder import Stale, Step
from reconciler.applying.sending import Part, Sender
from reconciler.applying.simulation import Objection, Simulation
from reconciler.errors import ApiError
from reconciler.model.identity import Subject, SubjectKind, email_key
from reconciler.model.plan import Action, Change, Deferral, OrganizationPlan, Pairing
from reconciler.model.source import Source
from reconciler.model.state import OrganizationState

_LEFT = frozenset({"not_a_member", "pending_member"})


@dataclass(frozen=True, slots=True)
class Return:
    """What became of a seat: whether its former holder has it, and that in words.

    `given_back` is None where there was nothing to give back, or that is not known yet.
    """

    given_back: bool | None
    note: str


def give_back(sender: Sender, change_id: str, holder: Subject, failed: Effect) -> Return:
    """Grant the seat of a failed transfer to its former holder, where that is possible.

    What stands against it has to be read twice: a host may list writes later than it makes them.
    """
    trying = sender.shared.patience.begin_return(sender.shared.stop)
    try:
        view = _view(sender, trying, holder, failed)
        while not view.free:
            trying.look_again()
            before, view = view, _view(sender, trying, holder, failed)
            if view == before:
                return view.told()
    except ApiError as error:
        return _lost(Effect(Verb.GRANT, failed.product, holder), text_of(error))
    part = Part(change_id, view.effect)
    (answer,) = sender.send([part], "give_back", trying, begun=True)
    if answer.holds:
        return Return(True, f"the seat was given back to {view.effect.subject.id}")
    if answer.ending is Ending.UNCLEAR:
        return Return(None, f"{_unknown(view.effect.subject)}: {answer.message}")
    return _lost(view.effect, answer.message)


@dataclass(frozen=True, slots=True)
class _View:
    """What one reading tells of a seat that is to go back by `effect`; `instead` has it if any."""

    effect: Effect
    instead: Subject | None
    seated: bool
    objection: Objection | None

    @property
    def free(self) -> bool:
        """Whether nothing stands against giving it back."""
        return self.instead is None and not self.seated and self.objection is None

    def told(self) -> Return:
        """Return what stands against it."""
        if self.instead is not None:
            return Return(None, f"{self.instead.id} has the seat by now")
        if self.seated or self.objection is None:
            return Return(True, f"{self.effect.subject.id} has a seat again")
        return _lost(self.effect, self.objection.message, left=self.objection.code in _LEFT)


def _view(sender: Sender, trying: Trying, holder: Subject, failed: Effect) -> _View:
    state = _read(sender, trying)
    simulation = Simulation(state, sender.shared.today)
    effect = Effect(Verb.GRANT, failed.product, _spelled(holder, state))
    return _View(
        effect,
        failed.subject if simulation.shows(failed) else None,
        bool(simulation.shows(effect)),
        simulation.objection(effect),
    )


def _read(sender: Sender, trying: Trying) -> OrganizationState:
    while True:
        try:
            return sender.shared.read(sender.organization)
        except ApiError as error:
            if not trying.pause(error):
                raise


def _spelled(holder: Subject, state: OrganizationState) -> Subject:
    """Return a user as the members are spelled, which is how the licensing system knows them."""
    if holder.kind is SubjectKind.USER:
        for member in state.members or ():
            if email_key(member.email) == holder.key:
                return Subject(holder.kind, member.email)
    return holder


def _lost(effect: Effect, why: str | None, *, left: bool = False) -> Return:
    """Return that it could not be, and what a person can do: nothing for somebody who has left."""
    name = effect.subject.id
    hint = "" if left else f"; once that is mended, grant {effect.product} to {name} by hand"
    return Return(False, f"the seat could not be given back to {name}: {why}{hint}")


def _unknown(holder: Subject) -> str:
    return f"whether the seat went back to {holder.id} is not known"


class Returns:
    """Gives back what an earlier apply took from one organization's holders, as the record knows.

    What became of each is remembered, so that an account can be given at any moment.
    """

    def __init__(self, plan: OrganizationPlan, sender: Sender) -> None:
        self._plan = plan
        self._sender = sender
        self._taken = tuple(
            row for row in sender.shared.record.taken if row.organization == plan.id
        )
        self._resumed: dict[str, Taken] = {}
        self._shown: dict[str, Taken] = {}
        self._made: dict[str, Return] = {}
        self._withheld: list[Stale] = []

    @property
    def due(self) -> bool:
        """Whether a seat may have to go back for what the plan wants and withholds."""
        return any(map(self._waits, self._taken))

    @property
    def changes(self) -> tuple[Change, ...]:
        """The transfers that are no changes of the plan, and whose seat went back, or may have."""
        changes = (row.change for row in self._withheld)
        return tuple(change for change in changes if self._sender.touched(change.id))

    def resume(self, steps: Iterable[Step]) -> None:
        """Find out which changes, of which only the grant is left, a seat was taken for.

        In a plan that was made after the seat was taken, such a change is a plain grant.
        """
        by_grant = {_gain(row): row for row in self._taken}
        for step in steps:
            change, verbs = step.change, [effect.verb for effect in step.pending]
            row = by_grant.get((change.product, change.subject.compared))
            if row is None or not _is_of(row, change.holder):
                continue
            if verbs == [Verb.GRANT]:
                self._resumed[change.id] = row
            elif verbs == [Verb.REMOVE, Verb.GRANT]:
                self._shown[change.id] = row

    def loser(self, change: Change) -> Subject | None:
        """Return who lost a seat to this change in an earlier apply, and has none so far.

        Where the holder was listed and the removal found nobody, it was the list that was late.
        """
        row = self._resumed.get(change.id)
        endings = [answer.ending for answer in self._sender.of(change.id)]
        if row is None and endings[:1] == [Ending.UNCHANGED]:
            row = self._shown.get(change.id)
        return row.holder if row else None

    def make_for_stale(self, stale: Iterable[Stale]) -> None:
        """Give back the seats of those changes that no longer hold."""
        for row in stale:
            if row.change.id in self._resumed:
                self._make(row.change, self._resumed[row.change.id])

    def make_for_withheld(self, state: OrganizationState) -> tuple[str, ...]:
        """Give back the seats of transfers that are wanted, cannot be made, and so are not planned.

        To be called once the plan is carried out, which may have given the seat to somebody else;
        `state` is what it was carried out on. Returns a line, which is also reported, for each
        that did not come to a call.
        """
        lines: list[str] = []
        simulation = Simulation(state, self._sender.shared.today)
        for row in self._taken:
            failed = Effect(Verb.GRANT, row.product, row.successor)
            back = Effect(Verb.GRANT, row.product, row.holder)
            objection = simulation.objection(failed)
            seated = simulation.shows(failed) or simulation.shows(back)
            if objection is None or seated or not self._waits(row):
                continue
            change = _transfer(row)
            self._withheld.append(Stale.of(change, failed, objection, lost=row.holder))
            self._make(change, row)
            if not self._sender.touched(change.id):
                (told,) = self._noted(self._withheld[-1:])
                lines.append(f"left half done by an earlier apply: {told.message}")
                self._sender.shared.report(Event(EventKind.SETTLED, self._plan.id, text=lines[-1]))
        return tuple(lines)

    def of(self, change: Change) -> Return | None:
        """Return what became of the seat that was to go back, None where there is none."""
        return self._made.get(change.id)

    def told(self, stale: Iterable[Stale]) -> tuple[Stale, ...]:
        """Return these, with what became of the seats, and those that are not of the plan."""
        shown = (row for row in self._withheld if self._sender.touched(row.change.id))
        return self._noted((*stale, *shown))

    def _noted(self, stale: Iterable[Stale]) -> tuple[Stale, ...]:
        return tuple(
            replace(row, reason=f"{row.reason}; {self._made[row.change.id].note}", lost=None)
            if row.change.id in self._made
            else row
            for row in stale
        )

    def _make(self, change: Change, row: Taken) -> None:
        self._sender.shared.stop.check()
        self._made[change.id] = Return(None, _unknown(row.holder))
        failed = Effect(Verb.GRANT, row.product, change.subject)
        self._made[change.id] = give_back(self._sender, change.id, row.holder, failed)

    def _waits(self, row: Taken) -> bool:
        """Tell whether the plan wants the transfer's grant, but has it wait or withholds it."""
        waiting: list[Change | Deferral] = list(self._plan.deferred)
        for refusal in self._plan.refusals:
            waiting += refusal.withheld
        return any(
            one.action in {Action.GRANT, Action.REASSIGN}
            and (one.product, one.subject.compared) == _gain(row)
            for one in waiting
        )


def successor(step: Step, effect: Effect) -> Subject | None:
    """Return who gets the seat next, where the effect is the first half of a declared transfer."""
    change = step.change
    first = effect.verb is Verb.REMOVE and len(step.pending) == len(effects_of(change))
    return change.subject if first and change.pairing is Pairing.DECLARED else None


def _gain(row: Taken) -> tuple[str, Subject]:
    return row.product, row.successor.compared


def _is_of(row: Taken, holder: Subject | None) -> bool:
    return holder is None or holder.compared == row.holder.compared


def _transfer(row: Taken) -> Change:
    return Change(
        id=row.change or "",
        action=Action.REASSIGN,
        product=row.product,
        subject=row.successor,
        source=Source(""),
        holder=row.holder,
        pairing=Pairing.DECLARED,
    )
