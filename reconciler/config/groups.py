"""Named groups of users, of one file or shared by many, and who arrives in a list through them."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace
from typing import Any

from reconciler.config.document import Document
from reconciler.config.windows import Window, read_window
from reconciler.model.identity import email_key
from reconciler.model.source import Problem, Source
from reconciler.schema_messages import shown, suggestion

MAX_ARRIVALS = 500_000
"""How many users groups may bring to one file, counted as often as they are brought."""

MAX_NESTING = 50
"""How deep groups may be nested."""

MOST_WAYS = 8
"""How many of the ways in which groups bring one line are kept, where the days are the same."""

MOST_COMPARED = 100_000
"""How many names are looked at for what a misspelt group may have meant, all in all."""

Report = Callable[[Problem], None]


@dataclass(frozen=True, slots=True)
class Way:
    """The references through which a member arrives: the outermost one, and the way from there.

    A chain, since each level of nesting adds one reference for each of its members.
    """

    reference: Reference
    rest: Way | None

    def references(self) -> Iterator[Reference]:
        """Yield the references, outermost first."""
        way: Way | None = self
        while way is not None:
            yield way.reference
            way = way.rest


@dataclass(frozen=True, slots=True)
class Arrival:
    """One member of a group: the line that names it, and the way on which it comes."""

    email: str
    source: Source
    window: Window
    priority: int | None = None
    note: str | None = None
    way: Way | None = None

    def joined(self, other: Arrival) -> Arrival:
        """Return what arrives where the same line comes once more, for the same days."""
        priority = max(self.priority or 0, other.priority or 0)
        note = self.note if self.note is not None else other.note
        if priority == (self.priority or 0) and note == self.note:
            return self
        return replace(self, priority=priority, note=note)

    def through(self, reference: Reference) -> Arrival:
        """Return what arrives where this member's group is referred to."""
        return Arrival(
            email=self.email,
            source=self.source,
            window=self.window.narrowed(reference.window),
            priority=self.priority if reference.priority is None else reference.priority,
            note=self.note if self.note is not None else reference.note,
            way=Way(reference, self.way),
        )


@dataclass(frozen=True, slots=True)
class Reference:
    """A `group: NAME`, with the dates that narrow and the priority that replaces its members'."""

    group: str
    source: Source
    window: Window
    priority: int | None = None
    note: str | None = None


def read_reference(document: Document, items: list[Any], index: int, report: Report) -> Reference:
    """Return the reference that an item of a list is."""
    item = items[index]
    return Reference(
        group=item["group"],
        source=document.child_source(items, index),
        window=read_window(document, item, report),
        priority=item.get("priority"),
        note=item.get("note"),
    )


class Groups:
    """The groups of some files, read and checked; `arrivals` expands one of them.

    They may refer to those of `shared`, but not the other way round. `complete` is false where
    files with further groups could not be read: no group is called unknown then.
    """

    def __init__(
        self,
        documents: Iterable[Document],
        report: Report,
        *,
        shared: Groups | None = None,
        complete: bool = True,
    ) -> None:
        self._report = report
        self._shared = shared
        self._complete: bool = complete and (shared is None or shared._complete)
        self._places: dict[str, Source] = {}
        self._members: dict[str, tuple[Arrival | Reference, ...]] = {}
        self._expanded: dict[str, tuple[Arrival, ...]] = {}
        self._depths: dict[str, int] = {}
        self._open: dict[str, Source] = {}
        self._budget = MAX_ARRIVALS
        self._compared = 0
        for document in documents:
            self._define(document)
        for name, place in self._places.items():
            self._expand(name, place)

    def arrivals(self, reference: Reference) -> Iterator[Arrival]:
        """Yield every member that a reference brings; reports a group that is not there."""
        owner = self._owner(reference.group)
        if owner is None:
            self._report_unknown(reference)
            return
        for arrival in owner._expand(reference.group, reference.source):
            if not self._within_budget(reference):
                return
            yield arrival.through(reference)

    def members(self) -> Iterator[tuple[str, Source]]:
        """Yield every email that these groups name, with its place, those of `shared` apart."""
        for members in self._members.values():
            for member in members:
                if isinstance(member, Arrival):
                    yield member.email, member.source

    def _define(self, document: Document) -> None:
        section: dict[str, Any] = document.data.get("groups", {})
        for name, items in section.items():
            place = document.child_key_source(section, name)
            owner = self._owner(name)
            if owner is not None:
                message = f"the group {shown(name)} is defined already, in {owner._places[name]}"
                self._report(Problem(place, message))
            members = tuple(self._read(document, items))
            if name not in self._places:
                self._places[name] = place
                self._members[name] = members

    def _read(self, document: Document, items: list[Any]) -> Iterator[Arrival | Reference]:
        seen: dict[str, Source] = {}
        for index, item in enumerate(items):
            if isinstance(item, dict) and "group" in item:
                yield read_reference(document, items, index, self._report)
                continue
            fields: dict[str, Any] = {"email": item} if isinstance(item, str) else item
            email, source = fields["email"], document.child_source(items, index)
            first = seen.setdefault(email_key(email), source)
            if first is not source:
                message = f"{shown(email)} is in this group already, in {first}"
                self._report(Problem(source, message))
                continue
            yield Arrival(
                email=email,
                source=source,
                window=read_window(document, fields, self._report),
                priority=fields.get("priority"),
                note=fields.get("note"),
            )

    def _owner(self, name: str) -> Groups | None:
        """Return the groups that define a name: these, the shared ones, or none."""
        if name in self._places:
            return self
        return None if self._shared is None else self._shared._owner(name)

    def _names(self) -> list[str]:
        return [*self._places, *([] if self._shared is None else self._shared._names())]

    def _report_unknown(self, reference: Reference) -> None:
        if self._complete:
            names = self._names() if self._compared < MOST_COMPARED else []
            self._compared += len(names)
            hint = suggestion(reference.group, names)
            message = f"unknown group {shown(reference.group)}{hint}"
            self._report(Problem(reference.source, message))

    def _expand(self, name: str, place: Source) -> tuple[Arrival, ...]:
        """Return all members of one of these groups; `place` is where it is needed."""
        if name not in self._expanded:
            self._open[name] = place
            self._depths[name] = 0
            self._expanded[name] = _without_repeats(self._expand_members(name))
            del self._open[name]
        return self._expanded[name]

    def _expand_members(self, name: str) -> Iterator[Arrival]:
        for member in self._members[name]:
            if isinstance(member, Arrival):
                yield member
            elif member.group in self._open:
                message = f"the group {member.group} contains itself: {self._cycle(member)}"
                self._report(Problem(member.source, message))
            elif len(self._open) > MAX_NESTING:
                self._report_depth(member)
            else:
                yield from self._nested(name, member)

    def _nested(self, name: str, member: Reference) -> tuple[Arrival, ...]:
        arrivals = tuple(self.arrivals(member))
        owner = self._owner(member.group)
        depth = 1 if owner is None else 1 + owner._depths[member.group]
        if depth > MAX_NESTING:
            self._report_depth(member)
            return ()
        self._depths[name] = max(self._depths[name], depth)
        return arrivals

    def _report_depth(self, reference: Reference) -> None:
        message = f"groups are nested deeper than {MAX_NESTING} levels"
        self._report(Problem(reference.source, message))

    def _cycle(self, closing: Reference) -> str:
        """Return the way from a group back to itself, with the place of each reference on it."""
        names = list(self._open)
        inside = names[names.index(closing.group) + 1 :]
        steps = [f"{name} ({self._open[name]})" for name in inside]
        return " -> ".join([closing.group, *steps, closing.group])

    def _within_budget(self, reference: Reference) -> bool:
        self._budget -= 1
        if self._budget == 0:
            message = f"groups bring more than {MAX_ARRIVALS:,} users here"
            self._report(Problem(reference.source, message))
        return self._budget > 0


def _without_repeats(arrivals: Iterable[Arrival]) -> tuple[Arrival, ...]:
    """Return arrivals without those of a line that came in many ways already, for the same days.

    Otherwise groups that name each other twice would double what they bring at every level.
    """
    kept: list[Arrival] = []
    first: dict[tuple[Source, Window], int] = {}
    ways: dict[Source, int] = {}
    for arrival in arrivals:
        place = first.setdefault((arrival.source, arrival.window), len(kept))
        count = ways.get(arrival.source, 0)
        if place < len(kept) and count >= MOST_WAYS:
            kept[place] = kept[place].joined(arrival)
        else:
            ways[arrival.source] = count + 1
            kept.append(arrival)
    return tuple(kept)
