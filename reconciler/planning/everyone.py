"""`members: all`: the active members of the organization put in the place of the line."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from reconciler.model.desired import Everyone, Wanted, WantedList
from reconciler.model.identity import email_key, user
from reconciler.model.source import Source
from reconciler.model.state import Member, MemberStatus


def expand(wanted_list: WantedList, members: Sequence[Member]) -> WantedList:
    """Return the list with every `members: all` resolved to the members there are.

    A member who is listed as well is wanted while either line wants it, with the higher
    priority. Members are put in by email, so that the API's order does not matter.
    """
    if not wanted_list.everyone:
        return wanted_list
    active = {
        email_key(member.email): member
        for member in members
        if member.status is MemberStatus.ACTIVE
    }
    found = {wanted.subject.key: ((wanted.order, 0), wanted) for wanted in wanted_list.wanted}
    for line in wanted_list.everyone:
        excluded = {subject.key for subject, _ in line.excluded}
        for place, key in enumerate(sorted(active.keys() - excluded)):
            found[key] = _joined(found.get(key), line, place, active[key])
    ordered = sorted(found.values(), key=lambda pair: pair[0])
    return replace(
        wanted_list,
        wanted=tuple(replace(wanted, order=order) for order, (_, wanted) in enumerate(ordered)),
        everyone=(),
    )


def _joined(
    known: tuple[tuple[int, int], Wanted] | None, line: Everyone, place: int, member: Member
) -> tuple[tuple[int, int], Wanted]:
    if known is None:
        wanted = Wanted(
            subject=user(member.email),
            entries=(line.entry,),
            order=line.order,
            priority=line.priority,
            note=line.note,
        )
        return (line.order, place), wanted
    order, listed = known
    return order, replace(
        listed,
        entries=(*listed.entries, line.entry),
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
