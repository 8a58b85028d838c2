"""Numbers in words."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

_ACTIONS = (
    ("grant", "grant"),
    ("remove", "removal"),
    ("reassign", "reassignment"),
    ("issue_offline", "offline license"),
)


def counted(number: int, noun: str) -> str:
    """Return a number with its noun, in the plural where it is not one."""
    return f"{number} {noun}" if number == 1 else f"{number:,} {noun}s"


def outcome_words(summary: Mapping[str, Any]) -> str:
    """Return the counts of a plan's summary, or that there is nothing to do."""
    found = [counted(summary[key], noun) for key, noun in _ACTIONS if summary.get(key)]
    words = ", ".join(found) if found else "no change"
    for key in ("deferred", "refused"):
        if summary.get(key):
            words += f", {summary[key]:,} {key}"
    return f"{words} in {counted(summary['organizations'], 'organization')}"


def total(documents: Sequence[Mapping[str, Any]]) -> Mapping[str, int]:
    """Return the summaries of several plans' documents, added up."""
    found: dict[str, int] = {}
    for document in documents:
        for key, number in document["summary"].items():
            if isinstance(number, int):
                found[key] = found.get(key, 0) + number
    return found
