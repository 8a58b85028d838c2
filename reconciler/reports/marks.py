"""What a report has to say of single lines of the files, before any format."""

from __future__ import annotations

import posixpath
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Any

from reconciler.model.source import Problem
from reconciler.reports.counts import counted
from reconciler.reports.takings import counts_of, folded, takings_of
from reconciler.reports.wording import (
    ACTIONS,
    code_words,
    flags,
    loser,
    refusal_source,
    remarks,
    scope_words,
    subject_text,
    title,
    unread,
)
from reconciler.reports.write_notes import write_notes

Document = Mapping[str, Any]

_TOLD = 10
# GitHub takes some 64 KB of one annotation.
_MOST_TAKEN = 500
_MOST_ORGANIZATIONS = 50


class Level(StrEnum):
    """How grave a mark is."""

    ERROR = "error"
    WARNING = "warning"
    NOTE = "note"


@dataclass(frozen=True, slots=True)
class Mark:
    """One thing to say at one place; line and column count from 1, `file` is None where unknown.

    `rule` is a code that stays the same for all marks of one kind.
    """

    level: Level
    rule: str
    title: str
    message: str
    file: str | None
    line: int = 1
    column: int = 1


def from_root(mark: Mark, folder: str) -> Mark:
    """Return a mark whose file is named from the repository's root.

    `folder` is the one from which it was named, as seen from there; empty where that is the root.
    """
    if not folder or mark.file is None or posixpath.isabs(mark.file):
        return mark
    return replace(mark, file=posixpath.normpath(posixpath.join(folder, mark.file)))


def marks_of_problems(problems: Iterable[Problem], level: Level) -> Iterator[Mark]:
    """Yield a mark for each thing that is wrong with the files."""
    rule = "invalid-configuration" if level is Level.ERROR else "odd-configuration"
    for problem in problems:
        place = problem.source
        words = "not valid" if level is Level.ERROR else "worth a look"
        yield Mark(
            level, rule, words, problem.message, place.file, place.line or 1, place.column or 1
        )


def marks_of_plans(documents: Sequence[Document]) -> Iterator[Mark]:
    """Yield what was not read and refusals as errors, then warnings, then what waits as notes.

    Before all that stands what is not written as by default.
    """
    for told in write_notes(documents):
        message = "; ".join(told.lines)
        yield Mark(Level.WARNING, "not_written_as_by_default", told.heading, message, None)
    for row in unread(documents):
        message = f"organization {row['id']}: {row['message']}"
        yield Mark(Level.ERROR, "not_read", "not read, and so not planned", message, None)
    organizations = [row for document in documents for row in document["organizations"]]
    for organization in organizations:
        name = title(organization)
        for refusal in organization["refusals"]:
            yield _refusal(refusal, name)
    for organization in organizations:
        for warning in organization["warnings"]:
            yield _mark(
                Level.WARNING,
                warning["code"],
                code_words(warning["code"]),
                f"{title(organization)}: {warning['message']}",
                warning.get("source"),
            )
    for organization in organizations:
        for row in organization["deferred"]:
            yield _deferral(row, title(organization))


def marks_of_takings(documents: Sequence[Document]) -> Iterator[Mark]:
    """Yield one warning that counts all that is taken away, by organization, the worst first."""
    rows = takings_of(documents)
    if not rows:
        return
    shown, rest = folded(rows, _MOST_ORGANIZATIONS)
    said = [f"{title(row.organization)}: {row.counts.words}" for row in shown]
    message = "\n".join([*said, rest] if rest else said)
    yield Mark(Level.WARNING, "takes_away", counts_of(rows).words, message, None)


def marks_of_changes(documents: Sequence[Document], *, taking: bool) -> Iterator[Mark]:
    """Yield a note for each line with all that it causes: the lines that take something away, or
    all others. In both, what is graver comes first.
    """
    lines: dict[tuple[str, int], list[tuple[str, Document]]] = {}
    for document in documents:
        for organization in document["organizations"]:
            for change in organization["changes"]:
                source = change.get("source")
                if source:
                    key = (source["file"], source.get("line") or 1)
                    lines.setdefault(key, []).append((title(organization), change))
    found = [
        rows
        for rows in lines.values()
        if any(loser(change) is not None for _, change in rows) is taking
    ]
    found.sort(key=lambda rows: min(_gravity(change) for _, change in rows))
    yield from map(_caused, found)


def _gravity(change: Document) -> int:
    if loser(change) is None:
        return 3
    if change.get("loses_last_license"):
        return 0
    return 1 if change.get("ends_sessions") else 2


def _caused(rows: Sequence[tuple[str, Document]]) -> Mark:
    away = sum(loser(change) is not None for _, change in rows)
    most = max(_TOLD, min(away, _MOST_TAKEN))
    if len(rows) > most:
        # What is left out takes nothing away, as far as that goes.
        rows = sorted(rows, key=lambda row: _gravity(row[1]))
    said = "\n".join(_change(name, change) for name, change in rows[:most])
    more = f"\n… and {len(rows) - most:,} more" if len(rows) > most else ""
    what = f"this line causes {counted(len(rows), 'change')}"
    if 0 < away < len(rows):
        what += f", of which {away:,} {'takes' if away == 1 else 'take'} something away"
    return _mark(Level.NOTE, "change", what, said + more, rows[0][1]["source"])


def _change(name: str, change: Document) -> str:
    word = ACTIONS[change["action"]].name
    said = "; ".join([*remarks(change), *flags(change)])
    what = f"{name}: {word} {change['product']}: {subject_text(change)}"
    return f"{what} ({said})" if said else what


def _refusal(refusal: Document, name: str) -> Mark:
    withheld = len(refusal.get("withheld") or ())
    count = f" ({counted(withheld, 'change')} withheld)" if withheld else ""
    return _mark(
        Level.ERROR,
        refusal["code"],
        f"refused: {code_words(refusal['code'])} ({scope_words(refusal)})",
        f"{name}: {refusal['message']}{count}",
        refusal_source(refusal),
    )


def _deferral(row: Document, name: str) -> Mark:
    when = f", from {row['available_from']}" if row.get("available_from") else ""
    word = ACTIONS[row["action"]].name
    return _mark(
        Level.NOTE,
        row["reason"],
        f"waits: {code_words(row['reason'])}",
        f"{name}: {word} {row['product']}: {subject_text(row)}{when}: {row.get('message') or ''}",
        row.get("source"),
    )


def _mark(level: Level, rule: str, words: str, message: str, source: Document | None) -> Mark:
    if not source:
        return Mark(level, rule, words, message, None)
    line, column = source.get("line") or 1, source.get("column") or 1
    return Mark(level, rule, words, message, source["file"], line, column)
