"""What the steps of a checklist take away, told before the first of them."""

from __future__ import annotations

from collections.abc import Sequence

from reconciler.applying.wording import Words, joined, strong, value
from reconciler.model.identity import Subject, SubjectKind
from reconciler.model.plan import Change

_NAMED = 100
_ORGANIZATIONS = 100

Part = tuple[Words, Sequence[Change]]


def taken_words(parts: Sequence[Part]) -> tuple[Words, ...]:
    """Return a paragraph for each organization in which somebody loses something, worst first.

    `parts` are the organizations' titles with their changes. Everybody is named, unless they are
    very many: then they are counted, and all of them are.
    """
    found = [(title, _losers(changes)) for title, changes in parts]
    found = [(title, losers) for title, losers in found if losers]
    # Sorting is stable, so that equals stay in the plan's order.
    found.sort(key=lambda row: (-sum(row[1].values()), -len(row[1])))
    named = sum(len(losers) for _, losers in found) <= _NAMED
    told = [_told(title, losers, named=named) for title, losers in found[:_ORGANIZATIONS]]
    rest = found[_ORGANIZATIONS:]
    if rest:
        counts = _counts([last for _, losers in rest for last in losers.values()])
        told.append((strong(f"In {len(rest):,} more organizations: {counts}."),))
    return tuple(told)


def _losers(changes: Sequence[Change]) -> dict[Subject, bool]:
    """Return who loses something, and whether it is a person's last license."""
    found: dict[Subject, bool] = {}
    for change in changes:
        loser = change.loser
        if loser is not None:
            last = change.loses_last_license and loser.kind is SubjectKind.USER
            found[loser] = found.get(loser, False) or last
    return found


def _told(title: Words, losers: dict[Subject, bool], *, named: bool) -> Words:
    names = joined(value(subject.id) for subject in losers) if named else ()
    head = (strong("Takes away"), " in ", *title, ": ", strong(_counts(list(losers.values()))))
    return (*head, ": ", *names, ".") if names else (*head, ".")


def _counts(lasts: Sequence[bool]) -> str:
    lose = "1 loses something" if len(lasts) == 1 else f"{len(lasts):,} lose something"
    return f"{lose}, {sum(lasts):,} of them the last license" if any(lasts) else lose
