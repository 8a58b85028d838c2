"""The days on which an entry wants its subject."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import date
from functools import lru_cache
from typing import Any

from reconciler.config.document import Document
from reconciler.model.source import Problem


@dataclass(frozen=True, slots=True)
class Window:
    """A first and a last day, both inclusive; None is open."""

    start: date | None = None
    end: date | None = None

    @property
    def empty(self) -> bool:
        """Whether no day at all is in it."""
        return self.start is not None and self.end is not None and self.end < self.start

    def narrowed(self, other: Window) -> Window:
        """Return the days that are in both."""
        if other is ALWAYS:
            return self
        starts = [day for day in (self.start, other.start) if day is not None]
        ends = [day for day in (self.end, other.end) if day is not None]
        return Window(max(starts, default=None), min(ends, default=None))


ALWAYS = Window()


class Days:
    """The days of many windows together."""

    def __init__(self, windows: Iterable[Window]) -> None:
        self._begins: list[date] = []
        self._ends: list[date] = []
        for begin, end in sorted(_span(window) for window in windows if not window.empty):
            if self._ends and begin <= self._ends[-1]:
                self._ends[-1] = max(self._ends[-1], end)
            else:
                self._begins.append(begin)
                self._ends.append(end)

    def meet(self, window: Window) -> bool:
        """Tell whether any day is in both."""
        if window.empty:
            return False
        begin, end = _span(window)
        # The last stretch that begins before this window is over ends as the latest of them.
        place = bisect_right(self._begins, end)
        return place > 0 and self._ends[place - 1] >= begin


def _span(window: Window) -> tuple[date, date]:
    return window.start or date.min, window.end or date.max


@lru_cache(maxsize=4096)
def day(text: str) -> date:
    """Return the day of a date that fits the schema; long lists hold few different ones."""
    return date.fromisoformat(text)


def read_window(
    document: Document, item: dict[str, Any], report: Callable[[Problem], None]
) -> Window:
    """Return the days between `from` and `until`; reports where they are the wrong way round."""
    if "from" not in item and "until" not in item:
        return ALWAYS
    window = Window(
        day(item["from"]) if "from" in item else None,
        day(item["until"]) if "until" in item else None,
    )
    if window.empty:
        message = f"`until` ({window.end}) is before `from` ({window.start})"
        report(Problem(document.child_source(item, "until"), message))
    return window
