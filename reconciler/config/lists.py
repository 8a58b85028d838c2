"""One list of a product, as written, to the subjects that it wants."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date
from typing import Any

from reconciler.config.document import Document
from reconciler.config.groups import MOST_WAYS, Groups, read_reference
from reconciler.config.windows import ALWAYS, Days, Window, day, read_window
from reconciler.model.desired import Entry, Everyone, Wanted, WantedList
from reconciler.model.identity import Subject, SubjectKind, email_key, machine, user
from reconciler.model.source import Problem, Source
from reconciler.schema_messages import shown

Report = Callable[[Problem], None]

_USUAL_MACHINE_ID = re.compile("[0-9a-f]{32}")


class UserList:
    """Reads lists of users, with the groups that they may name."""

    def __init__(self, document: Document, groups: Groups, report: Report, warn: Report) -> None:
        self._document = document
        self._groups = groups
        self._report = report
        self._warn = warn

    def read(self, section: dict[str, Any]) -> WantedList:
        """Return the `users` of a product's section."""
        items: list[Any] = section["users"]
        wanted = _Collected(SubjectKind.USER, self._report)
        for index, item in enumerate(items):
            if isinstance(item, str):
                entry = Entry(self._document.child_source(items, index))
                wanted.add(email_key(item), user(item), entry)
            elif "email" in item:
                self._add_user(wanted, items, index)
            elif "group" in item:
                self._add_group(wanted, items, index)
            else:
                self._add_everyone(wanted, items, index)
        source = self._document.child_key_source(section, "users")
        return wanted.finished(source)

    def _add_user(self, wanted: _Collected, items: list[Any], index: int) -> None:
        item = items[index]
        window = read_window(self._document, item, self._report)
        replaces = user(item["replaces"]) if "replaces" in item else None
        wanted.add(
            email_key(item["email"]),
            user(item["email"]),
            Entry(self._document.child_source(items, index), window.start, window.end),
            priority=int(item.get("priority", 0)),
            note=item.get("note"),
            replaces=replaces,
        )
        if replaces is not None:
            source = self._document.child_source(item, "replaces")
            wanted.replaced(email_key(item["email"]), replaces, source)

    def _add_group(self, wanted: _Collected, items: list[Any], index: int) -> None:
        reference = read_reference(self._document, items, index, self._report)
        for arrival in self._groups.arrivals(reference):
            window = arrival.window
            if window.empty:
                message = f"no day is left on which the group wants {shown(arrival.email)}"
                self._warn(Problem(reference.source, message))
                continue
            way = tuple(arrival.way.references()) if arrival.way is not None else ()
            path = tuple(step.source for step in way)
            groups = tuple(step.group for step in way)
            wanted.add(
                email_key(arrival.email),
                user(arrival.email),
                Entry(arrival.source, window.start, window.end, path, groups),
                priority=int(arrival.priority or 0),
                note=arrival.note,
            )

    def _add_everyone(self, wanted: _Collected, items: list[Any], index: int) -> None:
        item = items[index]
        window = read_window(self._document, item, self._report)
        wanted.add_everyone(
            Entry(self._document.child_source(items, index), window.start, window.end),
            priority=int(item.get("priority", 0)),
            note=item.get("note"),
            excluded=tuple(self._excluded(item.get("except", []))),
        )

    def _excluded(self, emails: list[Any]) -> Iterator[tuple[Subject, Source]]:
        seen: dict[str, Source] = {}
        for index, email in enumerate(emails):
            source = self._document.child_source(emails, index)
            first = seen.setdefault(email_key(email), source)
            if first is source:
                yield user(email), source
            else:
                message = f"{shown(email)} is excepted already, in {first}"
                self._report(Problem(source, message))


class MachineList:
    """Reads lists of machines."""

    def __init__(self, document: Document, report: Report, warn: Report) -> None:
        self._document = document
        self._report = report
        self._warn = warn

    def read(self, section: dict[str, Any]) -> WantedList:
        """Return the `machines` of a product's section."""
        items: list[Any] = section["machines"]
        wanted = _Collected(SubjectKind.MACHINE, self._report)
        for index, item in enumerate(items):
            self._add(wanted, items, index, {"id": item} if isinstance(item, str) else item)
        source = self._document.child_key_source(section, "machines")
        return wanted.finished(source)

    def _add(self, wanted: _Collected, items: list[Any], index: int, item: dict[str, Any]) -> None:
        source = self._document.child_source(items, index)
        identity: str = item["id"]
        if not _USUAL_MACHINE_ID.fullmatch(identity):
            message = f"{shown(identity)} is no usual machine ID (32 lowercase hex digits)"
            self._warn(Problem(source, message))
        window = read_window(self._document, item, self._report)
        offline = day(item["offline_until"]) if "offline_until" in item else None
        if offline is not None and window.end is not None and offline > window.end:
            message = f"the offline license outlasts `until` ({window.end}) and cannot be ended"
            self._warn(Problem(self._document.child_source(item, "offline_until"), message))
        replaces = machine(item["replaces"]) if "replaces" in item else None
        wanted.add(
            identity,
            machine(identity),
            Entry(source, window.start, window.end),
            priority=int(item.get("priority", 0)),
            note=item.get("note"),
            name=item.get("name"),
            offline_until=offline,
            replaces=replaces,
        )
        if replaces is not None:
            place = self._document.child_source(item, "replaces")
            wanted.replaced(identity, replaces, place)


_MOST_TWICE = 100_000
"""After how many duplicates of a list no more are told."""


@dataclass(slots=True)
class _Gathered:
    """What the entries of one subject say together; `typed` is the one that no group brought."""

    subject: Subject
    order: int
    priority: int
    note: str | None
    replaces: Subject | None
    name: str | None
    offline_until: date | None
    entries: list[Entry] = field(default_factory=list)
    typed: Entry | None = None
    ways: dict[Source, int] = field(default_factory=dict)
    days: set[tuple[Source, date | None, date | None]] = field(default_factory=set)

    def take(self, entry: Entry) -> None:
        """Take one more entry; of those that groups bring, as many as groups keep themselves."""
        if entry.path:
            days = (entry.source, entry.start, entry.end)
            count = self.ways.get(entry.source, 0)
            if days in self.days and count >= MOST_WAYS:
                return
            self.days.add(days)
            self.ways[entry.source] = count + 1
        else:
            self.typed = entry
        self.entries.append(entry)

    def wanted(self) -> Wanted:
        """Return it as the list wants it."""
        return Wanted(
            subject=self.subject,
            entries=tuple(self.entries),
            order=self.order,
            priority=self.priority,
            replaces=self.replaces,
            note=self.note,
            name=self.name,
            offline_until=self.offline_until,
        )


class _Collected:
    """The subjects of a list, and its `members: all`, in the order in which they first occur."""

    def __init__(self, kind: SubjectKind, report: Report) -> None:
        self._kind = kind
        self._report = report
        self._wanted: dict[str, _Gathered] = {}
        self._everyone: list[Everyone] = []
        self._twice = 0
        self._replaces: dict[str, tuple[Subject, Source]] = {}

    def add(
        self,
        key: str,
        subject: Subject,
        entry: Entry,
        *,
        priority: int = 0,
        note: str | None = None,
        replaces: Subject | None = None,
        name: str | None = None,
        offline_until: date | None = None,
    ) -> None:
        """Take one entry; a subject that is there already gets one more, or is a duplicate."""
        known = self._wanted.get(key)
        if known is None:
            order = self._next_order()
            known = _Gathered(subject, order, priority, note, replaces, name, offline_until)
            self._wanted[key] = known
        elif known.typed is not None and not entry.path:
            self._twice += 1
            if self._twice <= _MOST_TWICE:
                message = f"{shown(subject.id)} is in this list already, in {known.typed.source}"
                self._report(Problem(entry.source, message))
            return
        else:
            known.priority = max(known.priority, priority)
            known.note = known.note if known.note is not None else note
            known.replaces = known.replaces or replaces
        known.take(entry)

    def add_everyone(self, entry: Entry, **fields: Any) -> None:
        """Take a `members: all`, of which there may be one."""
        if self._everyone:
            message = f"`members: all` is in this list already, in {self._everyone[0].entry.source}"
            self._report(Problem(entry.source, message))
            return
        self._everyone.append(Everyone(entry, self._next_order(), **fields))

    def replaced(self, key: str, holder: Subject, source: Source) -> None:
        """Remember where a subject says whose seat it takes."""
        self._replaces.setdefault(key, (holder, source))

    def finished(self, source: Source) -> WantedList:
        """Return the list, its declared transfers checked."""
        wanted = {key: gathered.wanted() for key, gathered in self._wanted.items()}
        for problem in self._transfer_problems(wanted):
            self._report(problem)
        return WantedList(self._kind, source, tuple(wanted.values()), tuple(self._everyone))

    def _next_order(self) -> int:
        return len(self._wanted) + len(self._everyone)

    def _transfer_problems(self, wanted: Mapping[str, Wanted]) -> Iterator[Problem]:
        takers: dict[str, Source] = {}
        days: dict[str, Days] = {}
        for key, (holder, source) in self._replaces.items():
            if holder.key == key:
                yield Problem(source, f"{shown(holder.id)} cannot replace itself")
                continue
            first = takers.setdefault(holder.key, source)
            if first is not source:
                message = f"{shown(holder.id)} is replaced already, in {first}"
                yield Problem(source, message)
            stays = wanted.get(holder.key)
            if stays is None:
                continue
            if holder.key not in days:
                days[holder.key] = Days(map(_window, stays.entries))
            if any(map(days[holder.key].meet, map(_window, wanted[key].entries))):
                message = (
                    f"{shown(holder.id)} cannot be replaced while it stays in the list, "
                    f"in {stays.source}"
                )
                yield Problem(source, message)


def _window(entry: Entry) -> Window:
    if entry.start is None and entry.end is None:
        return ALWAYS
    return Window(entry.start, entry.end)
