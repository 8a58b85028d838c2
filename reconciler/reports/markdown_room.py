"""Fitting a report into so many characters: which rows are shown, and how many are left out."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

_FIRST_SHARE = 25
_FRAME = len(
    "<details><summary></summary>\n\n\n… and 1000000000 more, left out here\n\n</details>\n\n"
)


@dataclass(frozen=True, slots=True)
class Block:
    """A titled list or table of one kind; `rows` are whole lines of Markdown.

    `count` is how many rows there are, of which only as many are given as could fit at all.
    `rank` says which blocks are filled first. A block of more than `open_rows` rows is folded.
    """

    kind: str
    title: str
    rows: tuple[str, ...]
    count: int
    rank: int
    header: tuple[str, ...] = ()
    open_rows: int = 0

    @property
    def frame(self) -> int:
        """How many characters the block takes besides its rows."""
        header = sum(len(row) + 1 for row in self.header)
        return len(self.title) + header + _FRAME

    def lines(self, taken: int) -> Iterator[str]:
        """Yield the block with its first rows; nothing where there are none."""
        if not taken:
            return
        folded = self.count > self.open_rows
        yield f"<details><summary>{self.title}</summary>" if folded else f"**{self.title}**"
        yield ""
        yield from self.header
        yield from self.rows[:taken]
        yield ""
        if taken < self.count:
            yield f"… and {self.count - taken:,} more, left out here"
            yield ""
        if folded:
            yield "</details>"
            yield ""


@dataclass(frozen=True, slots=True)
class Section:
    """One organization: lines that always stand together, then blocks that may be cut."""

    head: tuple[str, ...]
    blocks: tuple[Block, ...]

    @property
    def size(self) -> int:
        """How many characters the head takes."""
        return sum(len(row) + 1 for row in self.head)


@dataclass(slots=True)
class Fitted:
    """The sections that fit, with the rows taken of each block, and what was left out by kind."""

    sections: list[Section] = field(default_factory=list)
    taken: dict[tuple[int, int], int] = field(default_factory=dict)
    left_out: dict[str, int] = field(default_factory=dict)

    def lines(self) -> Iterator[str]:
        """Yield everything that was taken."""
        for number, section in enumerate(self.sections):
            yield from section.head
            for index, block in enumerate(section.blocks):
                yield from block.lines(self.taken[number, index])


def fit(sections: Sequence[Section], room: int) -> Fitted:
    """Take as much of the sections as so many characters hold.

    Blocks of a low rank come first; among those of one rank each gets its first rows before any
    gets the rest.
    """
    found = Fitted()
    heads = room * 2 // 3
    for section in sections:
        if section.size > heads:
            break
        heads -= section.size
        room -= section.size
        found.sections.append(section)
    blocks = [
        (block.rank, number, index)
        for number, section in enumerate(found.sections)
        for index, block in enumerate(section.blocks)
    ]
    found.taken = {(number, index): 0 for _, number, index in blocks}
    for rank in sorted({rank for rank, _, _ in blocks}):
        for share in (_FIRST_SHARE, None):
            for _, number, index in (row for row in blocks if row[0] == rank):
                block, place = found.sections[number].blocks[index], (number, index)
                room = _take(block, place, share, found, room)
    _count(found, sections)
    return found


def _take(block: Block, place: tuple[int, int], share: int | None, found: Fitted, room: int) -> int:
    """Take rows of one block, up to `share` in all, and return the room that is left."""
    taken = found.taken[place]
    wanted = len(block.rows) if share is None else min(share, len(block.rows))
    if wanted <= taken:
        return room
    if not taken:
        room -= block.frame
    while taken < wanted and len(block.rows[taken]) + 1 <= room:
        room -= len(block.rows[taken]) + 1
        taken += 1
    if not taken:
        room += block.frame
    found.taken[place] = taken
    return room


def _count(found: Fitted, sections: Sequence[Section]) -> None:
    """Count what was left out, of whole sections too."""
    left: dict[str, int] = {}
    for number, section in enumerate(sections):
        shown = number < len(found.sections)
        if not shown:
            left["organizations"] = left.get("organizations", 0) + 1
        for index, block in enumerate(section.blocks):
            rest = block.count - (found.taken[number, index] if shown else 0)
            if rest:
                left[block.kind] = left.get(block.kind, 0) + rest
    found.left_out = left
