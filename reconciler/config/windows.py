"""The days on which an entry wants its subject."""

from __future__ import annotations

from collections.abc import Callable
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

    def overlaps(self, other: Window) -> bool:
        """Tell whether any day is in both."""
        return not self.narrowed(other).empty


ALWAYS = Window()


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
