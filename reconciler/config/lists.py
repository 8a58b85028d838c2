"""One list of a product, as written, to the subjects that it wants."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

from reconciler.config.document import Document
from reconciler.config.groups import Groups, read_reference
from reconciler.config.windows import ALWAYS, Window, day, read_window
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
            wanted.add(
                email_key(arrival.email),
                user(arrival.email),
                Entry(arrival.source, window.start, window.end, arrival.path, arrival.groups),
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


class _Collected:
    """The subjects of a list, and its `members: all`, in the order in which they first occur."""

    def __init__(self, kind: SubjectKind, report: Report) -> None:
        self._kind = kind
        self._report = report
        self._wanted: dict[str, Wanted] = {}
        self._everyone: list[Everyone] = []
        self._replaces: dict[str, tuple[Subject, Source]] = {}

    def add(self, key: str, subject: Subject, entry: Entry, **fields: Any) -> None:
        """Take one entry; a subject that is there already gets one more, or is a duplicate."""
        known = self._wanted.get(key)
        if known is None:
            self._wanted[key] = Wanted(subject, (entry,), self._next_order(), **fields)
            return
        first = next((other for other in known.entries if not other.path), None)
        if first is not None and not entry.path:
            message = f"{shown(subject.id)} is in this list already, in {first.source}"
            self._report(Problem(entry.source, message))
            return
        self._wanted[key] = replace(
            known,
            entries=(*known.entries, entry),
            priority=max(known.priority, fields.get("priority", 0)),
            note=known.note if known.note is not None else fields.get("note"),
            replaces=known.replaces or fields.get("replaces"),
        )

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
        for problem in self._transfer_problems():
            self._report(problem)
        wanted = tuple(self._wanted.values())
        return WantedList(self._kind, source, wanted, tuple(self._everyone))

    def _next_order(self) -> int:
        return len(self._wanted) + len(self._everyone)

    def _transfer_problems(self) -> Iterator[Problem]:
        takers: dict[str, Source] = {}
        for key, (holder, source) in self._replaces.items():
            if holder.key == key:
                yield Problem(source, f"{shown(holder.id)} cannot replace itself")
                continue
            first = takers.setdefault(holder.key, source)
            if first is not source:
                message = f"{shown(holder.id)} is replaced already, in {first}"
                yield Problem(source, message)
            stays = self._wanted.get(holder.key)
            if stays is not None and _meet(self._wanted[key], stays):
                message = (
                    f"{shown(holder.id)} cannot be replaced while it stays in the list, "
                    f"in {stays.source}"
                )
                yield Problem(source, message)


def _meet(one: Wanted, other: Wanted) -> bool:
    """Tell whether there is a day on which both are wanted."""
    return any(
        _window(first).overlaps(_window(second))
        for first in one.entries
        for second in other.entries
    )


def _window(entry: Entry) -> Window:
    if entry.start is None and entry.end is None:
        return ALWAYS
    return Window(entry.start, entry.end)
