"""Annotations for a pull request, as the workflow commands that GitHub's runner reads in a log."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from reconciler.model.text import printable
from reconciler.reports.marks import (
    Level,
    Mark,
    from_root,
    marks_of_changes,
    marks_of_plans,
    marks_of_takings,
)
from reconciler.reports.spans import Look
from reconciler.reports.takings import headline
from reconciler.reports.wording import MISLEADING

_COMMANDS = {Level.ERROR: "error", Level.WARNING: "warning", Level.NOTE: "notice"}
# GitHub shows ten of each kind; the most that are written keep a log readable.
_MOST_NOTES = 50


def commands(marks: Iterable[Mark], look: Look) -> str:
    """Return one workflow command a mark; no value in it can end or begin another."""
    return "".join(f"{_annotation(from_root(mark, look.folder))}\n" for mark in marks)


def render_all(documents: Sequence[Mapping[str, Any]], look: Look) -> str:
    """Return the annotations of one or several plans, then their counts in a line."""
    marks = list(marks_of_plans(documents))
    errors, warnings, notes = ([mark for mark in marks if mark.level is level] for level in Level)
    # The first ten of a kind are seen. What takes something away is among them, and never cut.
    warnings.sort(key=lambda mark: mark.rule not in MISLEADING)
    warnings = [*marks_of_takings(documents), *warnings]
    first = [*errors, *warnings, *marks_of_changes(documents, taking=True)]
    told = [*marks_of_changes(documents, taking=False), *notes]
    room = max(0, _MOST_NOTES - sum(mark.level is Level.NOTE for mark in first))
    text = commands([*first, *told[:room]], look)
    more = len(told) - room
    if more > 0:
        text += f"and {more} more lines of the files that cause a change or wait\n"
    return f"{text}Plan: {headline(documents)}.\n"


def _annotation(mark: Mark) -> str:
    properties = [f"title={_property(mark.title)}"]
    if mark.file is not None:
        place = f"file={_property(mark.file)},line={mark.line},col={mark.column}"
        properties.insert(0, place)
    return f"::{_COMMANDS[mark.level]} {','.join(properties)}::{_data(mark.message)}"


def _data(text: str) -> str:
    # The escapes of workflow commands. A line break of our own stays one; what else could steer
    # a log is made visible.
    lines = (printable(line).replace("%", "%25") for line in text.split("\n"))
    return "%0A".join(lines)


def _property(text: str) -> str:
    return printable(text).replace("%", "%25").replace(":", "%3A").replace(",", "%2C")
