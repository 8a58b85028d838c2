"""What a plan takes away, in Markdown: all of it, or where there is too much, all its counts."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from reconciler.reports.counts import counted
from reconciler.reports.markdown_cells import prose, shortened
from reconciler.reports.markdown_rows import CHANGE_HEADER, change_row
from reconciler.reports.takings import Taking, folded
from reconciler.reports.wording import title

OPEN = 100
"""The most changes that stand there unfolded."""

_SHORTEST = 40
_TITLE = 80


@dataclass(frozen=True, slots=True)
class Taken:
    """The lines, and how many changes they had no room for."""

    lines: tuple[str, ...] = ()
    left_out: int = 0

    @property
    def size(self) -> int:
        """How many characters the lines take."""
        return _size(self.lines)


def taken(rows: Sequence[Taking], room: int) -> Taken:
    """Return what is taken away in so many characters, the worst organizations first.

    Where it all fits it is all there, folded by organization where it is very much. Else each
    organization, and were they too many, the rest of them together, is there with its counts and
    as many changes as two thirds of the room hold.
    """
    count = sum(len(row.changes) for row in rows)
    if count * _SHORTEST <= room:
        lines = tuple(line for row in rows for line in _organization(row, count > OPEN))
        if _size(lines) <= room:
            return Taken(lines)
    return _cut(rows, room * 2 // 3)


def _cut(rows: Sequence[Taking], room: int) -> Taken:
    most = _fitting([_size(tuple(_organization(row, True, 0))) for row in rows], room // 2)
    shown, rest = folded(rows, most)
    room -= sum(_size(tuple(_organization(row, True, 0))) for row in shown)
    share = room // max(1, len(shown))
    lines: list[str] = []
    left = sum(len(row.changes) for row in rows)
    for row in shown:
        count = _rows_in(row, share)
        left -= count
        lines += _organization(row, True, count)
    if rest:
        lines += [f"**{rest}**", ""]
    return Taken(tuple(lines), left)


def _organization(row: Taking, fold: bool, most: int | None = None) -> Iterator[str]:
    """Yield an organization's line and its changes; `most` says how many of those there is room."""
    name = prose(shortened(title(row.organization), _TITLE))
    yield f"**{name}**: {row.counts.words}"
    yield ""
    changes = row.changes[:most]
    if not changes:
        return
    if fold:
        yield f"<details><summary>{_summary(row)}</summary>"
        yield ""
    yield from CHANGE_HEADER
    yield from map(change_row, changes)
    yield ""
    if len(changes) < len(row.changes):
        yield f"… and {len(row.changes) - len(changes):,} more, left out here"
        yield ""
    if fold:
        yield "</details>"
        yield ""


def _summary(row: Taking) -> str:
    pairs = sum(bool(change.get("from")) for change in row.changes)
    parts = ((len(row.changes) - pairs, "removal"), (pairs, "reassignment"))
    return ", ".join(counted(number, noun) for number, noun in parts if number)


def _rows_in(row: Taking, room: int) -> int:
    """Return how many of an organization's changes so many characters hold."""
    room -= _size(tuple(_organization(row, True, 1))) + _SHORTEST
    sizes = [len(change_row(change)) + 1 for change in row.changes[1 : max(1, room // _SHORTEST)]]
    return 1 + _fitting(sizes, room) if room >= 0 else 0


def _fitting(sizes: Sequence[int], room: int) -> int:
    """Return how many of these, from the first on, so many characters hold."""
    for number, size in enumerate(sizes):
        room -= size
        if room < 0:
            return number
    return len(sizes)


def _size(lines: Sequence[str]) -> int:
    return sum(len(line) + 1 for line in lines)
