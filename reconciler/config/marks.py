"""Where each value of a document stands, kept in a few bytes a value.

A document of 100,000 entries has a million values, so places are numbers in one array. Each
container (told apart by identity) knows where its own begin: for a list the places of its items,
for a mapping a key's and its value's by turns.
"""

from __future__ import annotations

from array import array
from collections.abc import Sequence

_FEW_KEYS = 16

Container = dict[str, object] | list[object]
Step = str | int


class Marks:
    """The places of one document's values, as the numbers that its parser gave.

    Holds for as long as the containers live and are not changed.
    """

    __slots__ = ("_places", "_positions", "_starts", "root")

    def __init__(self, root: int = 0) -> None:
        self.root = root
        self._places = array("Q")
        self._starts: dict[int, int] = {}
        self._positions: dict[int, dict[str, int]] = {}

    def add(self, container: object, places: Sequence[int]) -> None:
        """Record the places of a container's children, when all of them are known."""
        if places:
            self._starts[id(container)] = len(self._places)
            self._places.extend(places)

    def value(self, container: Container, step: Step) -> int:
        """Return the place of a child's value."""
        start = self._starts[id(container)]
        if isinstance(container, dict):
            return self._places[start + 2 * self._position(container, step) + 1]
        return self._places[start + int(step)]

    def key(self, container: Container, step: Step) -> int:
        """Return the place of a mapping's key; of an item, where it is a list."""
        if isinstance(container, dict):
            start = self._starts[id(container)]
            return self._places[start + 2 * self._position(container, step)]
        return self.value(container, step)

    def _position(self, mapping: dict[str, object], step: Step) -> int:
        if len(mapping) <= _FEW_KEYS:
            return list(mapping).index(str(step))
        positions = self._positions.get(id(mapping))
        if positions is None:
            positions = {key: index for index, key in enumerate(mapping)}
            self._positions[id(mapping)] = positions
        return positions[str(step)]
