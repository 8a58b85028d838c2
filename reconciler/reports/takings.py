"""What a plan takes away, which a reviewer must never overlook: by organization, worst first."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from reconciler.model.identity import email_key
from reconciler.reports.counts import counted, outcome_words, total
from reconciler.reports.wording import loser

Document = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Counts:
    """How much is taken away; a person in two organizations counts in each.

    `people` lose a license and gain none, `last` of them the last; `machines` lose a registration;
    `moving` subjects lose something and gain another. A pair counts like a removal.
    """

    people: int = 0
    last: int = 0
    machines: int = 0
    moving: int = 0
    sessions: int = 0

    def __add__(self, other: Counts) -> Counts:
        return Counts(
            self.people + other.people,
            self.last + other.last,
            self.machines + other.machines,
            self.moving + other.moving,
            self.sessions + other.sessions,
        )

    @property
    def words(self) -> str:
        """The counts as a sentence without its end; empty where nothing is taken away."""
        parts = []
        if self.people:
            lose = "1 person loses" if self.people == 1 else f"{self.people:,} people lose"
            parts.append(f"{lose} a license, {self._last_words()}")
        if self.machines:
            one = self.machines == 1
            lose = "loses its registration" if one else "lose their registration"
            parts.append(f"{counted(self.machines, 'machine')} {lose}")
        if self.moving:
            move = "1 moves" if self.moving == 1 else f"{self.moving:,} move"
            parts.append(f"{move} from one product to another")
        if self.sessions:
            end = "ends" if self.sessions == 1 else "end"
            parts.append(f"{counted(self.sessions, 'online session')} {end}")
        return "; ".join(parts)

    def _last_words(self) -> str:
        if self.people == 1:
            return "their last" if self.last else "not their last"
        return f"{self.last:,} of them their last" if self.last else "none of them their last"


@dataclass(frozen=True, slots=True)
class Taking:
    """What is taken away in one organization: the changes, in the order of execution."""

    organization: Document
    changes: tuple[Document, ...]
    counts: Counts


def takings(organizations: Iterable[Document]) -> list[Taking]:
    """Return the organizations in which something is taken away, the worst first."""
    found = []
    for organization in organizations:
        changes = tuple(row for row in organization["changes"] if loser(row) is not None)
        if changes:
            counts = _counts(changes, organization["changes"])
            found.append(Taking(organization, changes, counts))
    return sorted(found, key=_gravity)


def takings_of(documents: Sequence[Document]) -> list[Taking]:
    """Return the same of all organizations of several plans."""
    return takings(row for document in documents for row in document["organizations"])


def counts_of(rows: Iterable[Taking]) -> Counts:
    """Return the counts of several organizations, added up."""
    return sum((row.counts for row in rows), Counts())


def headline(documents: Sequence[Document]) -> str:
    """Return what several plans do and what they take away, in counts."""
    words = counts_of(takings_of(documents)).words
    done = outcome_words(total(documents))
    return f"{done}; {words}" if words else done


def folded(rows: Sequence[Taking], most: int) -> tuple[Sequence[Taking], str]:
    """Return the worst organizations, and words that count all that the others lose."""
    rest = rows[most:]
    if not rest:
        return rows, ""
    more = counted(len(rest), "more organization")
    return rows[:most], f"{more}: {counts_of(rest).words}"


def _gravity(row: Taking) -> tuple[int, int, int, int, int]:
    counts = row.counts
    return (-counts.last, -counts.people, -counts.machines, -counts.moving, row.organization["id"])


def _counts(changes: Sequence[Document], every: Sequence[Document]) -> Counts:
    gaining = {_key(row["subject"]) for row in every if row["action"] != "remove"}
    lost: dict[tuple[str, str], bool] = {}
    for row in changes:
        key = _key(row.get("from") or row["subject"])
        lost[key] = lost.get(key, False) or bool(row.get("loses_last_license"))
    alone = {key: last for key, last in lost.items() if key not in gaining}
    people = [last for (kind, _), last in alone.items() if kind == "user"]
    return Counts(
        people=len(people),
        last=sum(people),
        machines=len(alone) - len(people),
        moving=len(lost) - len(alone),
        sessions=sum(len(row.get("ends_sessions") or ()) for row in changes),
    )


def _key(subject: Document) -> tuple[str, str]:
    kind = str(subject["kind"])
    return kind, email_key(subject["id"]) if kind == "user" else str(subject["id"])
