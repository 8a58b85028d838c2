"""What a report has to say of single lines of the files, before any format."""

from __future__ import annotations

import posixpath
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Any

from reconciler.model.source import Problem
from reconciler.reports.counts import counted
from reconciler.reports.wording import (
    ACTIONS,
    code_words,
    flags,
    refusal_source,
    remarks,
    scope_words,
    subject_text,
    title,
    unread,
)

Document = Mapping[str, Any]

_TOLD = 10


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
    """Yield what was not read and refusals as errors, then warnings, then what waits as notes."""
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


def marks_of_changes(documents: Sequence[Document]) -> Iterator[Mark]:
    """Yield a note for each line with all that it causes; what takes something away comes first."""
    lines: dict[tuple[str, int], list[tuple[str, Document]]] = {}
    for document in documents:
        for organization in document["organizations"]:
            for change in organization["changes"]:
                source = change.get("source")
                if source:
                    key = (source["file"], source.get("line") or 1)
                    lines.setdefault(key, []).append((title(organization), change))
    for flagged in (True, False):
        for rows in lines.values():
            if any(any(flags(change)) for _, change in rows) is flagged:
                yield _caused(rows)


def _caused(rows: Sequence[tuple[str, Document]]) -> Mark:
    said = "\n".join(_change(name, change) for name, change in rows[:_TOLD])
    more = f"\n… and {len(rows) - _TOLD} more" if len(rows) > _TOLD else ""
    what = f"this line causes {counted(len(rows), 'change')}"
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
