"""`members: all`: the active members of the organization put in the place of the line."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace

from reconciler.model.calendar import day_after, day_before
from reconciler.model.desired import Entry, Everyone, Wanted, WantedList
from reconciler.model.identity import email_key, user
from reconciler.model.source import Source
from reconciler.model.state import Member, MemberStatus


def expand(wanted_list: WantedList, members: Sequence[Member]) -> WantedList:
    """Return the list with every `members: all` resolved to the members there are.

    A member who is listed as well is wanted while either line wants it, with the higher
    priority; one whom a listed entry replaces is left out on the days of that entry. Members are
    put in by email, so that the API's order does not matter.
    """
    if not wanted_list.everyone:
        return wanted_list
    active = {
        email_key(member.email): member
        for member in members
        if member.status is MemberStatus.ACTIVE
    }
    found = {wanted.subject.key: ((wanted.order, 0), wanted) for wanted in wanted_list.wanted}
    replaced = replaced_in(wanted_list)
    for line in wanted_list.everyone:
        excluded = {subject.key for subject, _ in line.excluded}
        for place, key in enumerate(sorted(active.keys() - excluded)):
            entries = entries_for(line, key, replaced)
            known = found.get(key)
            if entries or known is not None:
                found[key] = _joined(known, line, entries, place, active[key])
    ordered = sorted(found.values(), key=lambda pair: pair[0])
    return replace(
        wanted_list,
        wanted=tuple(replace(wanted, order=order) for order, (_, wanted) in enumerate(ordered)),
        everyone=(),
        expanded=wanted_list.everyone,
    )


def replaced_in(wanted_list: WantedList) -> Mapping[str, tuple[Entry, ...]]:
    """Return whom a list replaces, by compared form, with the entries of those who do."""
    return {
        wanted.replaces.key: wanted.entries
        for wanted in wanted_list.wanted
        if wanted.replaces is not None
    }


def entries_for(
    line: Everyone, key: str, replaced: Mapping[str, tuple[Entry, ...]]
) -> tuple[Entry, ...]:
    """Return the days on which a line wants one of its members: none, or its own in parts.

    A transfer that is declared is meant: while an entry replaces the member, the line does not
    want that member, as if its `except` named it.
    """
    left: tuple[Entry, ...] = (line.entry,)
    for other in replaced.get(key, ()):
        left = tuple(part for entry in left for part in _outside(entry, other))
    return left


def _outside(entry: Entry, other: Entry) -> Iterator[Entry]:
    """Yield the days of one entry before and after those of another."""
    if other.start is not None and (last := day_before(other.start)) is not None:
        before = replace(entry, end=last if entry.end is None else min(entry.end, last))
        if before.start is None or before.start <= last:
            yield before
    if other.end is not None and (first := day_after(other.end)) is not None:
        after = replace(entry, start=first if entry.start is None else max(entry.start, first))
        if after.end is None or after.end >= first:
            yield after


def _joined(
    known: tuple[tuple[int, int], Wanted] | None,
    line: Everyone,
    entries: tuple[Entry, ...],
    place: int,
    member: Member,
) -> tuple[tuple[int, int], Wanted]:
    if known is None:
        wanted = Wanted(
            subject=user(member.email),
            entries=entries,
            order=line.order,
            priority=line.priority,
            note=line.note,
        )
        return (line.order, place), wanted
    order, listed = known
    return order, replace(
        listed,
        entries=(*listed.entries, *entries),
        priority=max(listed.priority, line.priority),
        note=listed.note if listed.note is not None else line.note,
    )


def excluded_strangers(
    wanted_list: WantedList, members: Sequence[Member]
) -> tuple[tuple[str, Source], ...]:
    """Return who is named in `except` and is no member at all, with the place."""
    known = {email_key(member.email) for member in members}
    return tuple(
        (subject.id, source)
        for line in wanted_list.everyone
        for subject, source in line.excluded
        if subject.key not in known
    )
