"""Hosts that came back under another ID: a machine ID is made from hardware and system.

A listed machine is gone, and one that is not listed has its name or its user. Whether the two are
one host only a person can tell, so neither of them is changed.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date

from reconciler.model.desired import Wanted, WantedList
from reconciler.model.state import Machine


@dataclass(frozen=True, slots=True)
class Reimage:
    """A listed machine that is not registered, and the unlisted one that may be its host."""

    wanted: Wanted
    found: Machine

    @property
    def question(self) -> str:
        """What a person is to decide before either of them is changed, and at which line."""
        return (
            f"{self.wanted.subject.id} ({self.wanted.name}) may be {self.found.id} now: change the "
            f"ID at {self.wanted.source}, or declare `replaces` there"
        )

    @property
    def message(self) -> str:
        """What was seen, and which line to change."""
        listed, place = self.wanted.subject.id, self.wanted.source
        return (
            f"{listed} ({self.wanted.name}) is not registered and {self.found.id} of the same name "
            f"is; if that host was set up anew, change the ID at {place} to {self.found.id}, else "
            f"declare `replaces: {self.found.id}` there"
        )


def reimages(
    listed: WantedList | None, registered: Mapping[str, Machine] | None, day: date
) -> Iterator[Reimage]:
    """Yield the listed machines that may have come back under another ID, by their place.

    Whoever declares that an ID is replaced knows of it, and has decided.
    """
    if listed is None or registered is None:
        return
    decided = {wanted.replaces.id for wanted in listed.wanted if wanted.replaces is not None}
    known = decided | {wanted.subject.id for wanted in listed.wanted}
    strangers: dict[str, list[Machine]] = {}
    for _, row in sorted(registered.items()):
        for text in {(row.name or "").casefold(), (row.email or "").casefold()}:
            if row.id not in known:
                strangers.setdefault(text, []).append(row)
    for wanted in listed.wanted:
        if wanted.name and wanted.subject.id not in registered and wanted.wanted_on(day):
            for row in strangers.get(wanted.name.casefold(), ()):
                yield Reimage(wanted, row)
