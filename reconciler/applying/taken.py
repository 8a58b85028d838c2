"""Which seats an earlier apply took for a declared transfer and did not pass on, by its journal."""

from __future__ import annotations

from collections.abc import Iterable

from reconciler.applying.answers import Ending
from reconciler.applying.operations import Verb
from reconciler.applying.record import Intent, Item, Result, Taken
from reconciler.model.identity import Subject, SubjectKind

_Place = tuple[int, str, Subject]
"""A subject in a pool."""

_HOLDS = frozenset({Ending.DONE, Ending.UNCHANGED})


class TakenSeats:
    """Follows the outcomes of a journal in their order."""

    def __init__(self) -> None:
        self._rows: dict[_Place, Taken] = {}
        # Whose rows end with whose grant: without it each grant would look through all of them.
        self._promised: dict[_Place, dict[_Place, None]] = {}

    def follow(self, intent: Intent, results: Iterable[Result]) -> None:
        """Take note of what became of a call."""
        items = {item.id: item for item in intent.items}
        for result in results:
            item = items[result.id]
            if intent.action == Verb.REMOVE and result.ending == Ending.DONE:
                self._removed(intent, item)
            elif intent.action == Verb.GRANT and result.ending in _HOLDS:
                self._granted(intent, item)

    def rows(self, still_open: Iterable[Intent]) -> tuple[Taken, ...]:
        """Return the seats taken, and those that a call without an outcome may have taken."""
        for intent in still_open:
            if intent.successor is not None:
                self._removed(intent, intent.items[0])
        return tuple(self._rows.values())

    def _removed(self, intent: Intent, item: Item) -> None:
        holder = Subject(SubjectKind(item.kind), item.id)
        pool = intent.organization, intent.product
        place = *pool, holder.compared
        # Without a successor the plan wanted the holder to lose the seat.
        self._drop(place)
        if intent.successor is not None:
            successor = Subject(holder.kind, intent.successor)
            self._rows[place] = Taken(*pool, holder, successor, item.change)
            self._promised.setdefault((*pool, successor.compared), {})[place] = None

    def _granted(self, intent: Intent, item: Item) -> None:
        subject = Subject(SubjectKind(item.kind), item.id).compared
        here = intent.organization, intent.product, subject
        self._drop(here)
        for place in tuple(self._promised.get(here, ())):
            self._drop(place)

    def _drop(self, place: _Place) -> None:
        row = self._rows.pop(place, None)
        if row is None:
            return
        successor = *place[:2], row.successor.compared
        del self._promised[successor][place]
        if not self._promised[successor]:
            del self._promised[successor]
