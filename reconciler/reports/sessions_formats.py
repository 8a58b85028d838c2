"""The active sessions by format name: text, JSON."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from types import MappingProxyType
from typing import Any

from reconciler.model.text import printable
from reconciler.reports.counts import counted
from reconciler.reports.json_text import json_text
from reconciler.reports.spans import Line, Look, Span, line, text_of

Document = Mapping[str, Any]

_COLUMNS = ("started", "age", "idle", "organization", "product", "machine", "user", "session")
_UNKNOWN = "-"


def _text(page: Document, look: Look) -> str:
    return text_of(_lines(page), look)


def _json(page: Document, look: Look) -> str:
    return json_text(page)


def _lines(page: Document) -> Iterator[Line]:
    rows = [tuple(printable(cell) for cell in cells(row)) for row in page["sessions"]]
    if rows:
        table = [_COLUMNS, *rows]
        widths = [max(len(row[i]) for row in table) for i in range(len(_COLUMNS))]
        for number, row in enumerate(table):
            padded = "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True))
            yield line(Span(padded.rstrip(), "bold" if number == 0 else ""))
    yield line(f"{counted(len(rows), 'active session')}.")
    for organization in page["unknown"]:
        yield line(Span(f"organization {organization}: its sessions cannot be listed", "yellow"))


def cells(row: Document) -> tuple[str, ...]:
    """Return one session as the cells of its row in the text."""
    name = row["machine_name"]
    return (
        row["started_at"] or _UNKNOWN,
        duration(row["age_seconds"]),
        duration(row["idle_seconds"]),
        str(row["organization"]),
        row["product"],
        f"{row['machine']} ({name})" if name else row["machine"],
        row["user"] or _UNKNOWN,
        row["session"] or _UNKNOWN,
    )


def duration(seconds: int | None) -> str:
    """Return a time in its two largest units, as in `3 h 20 min`."""
    if seconds is None:
        return _UNKNOWN
    minutes = seconds // 60
    hours, days = minutes // 60, minutes // 1440
    if days:
        return f"{days} d {hours % 24} h"
    return f"{hours} h {minutes % 60} min" if hours else f"{minutes} min"


FORMATS: Mapping[str, Callable[[Document, Look], str]] = MappingProxyType(
    {"text": _text, "json": _json}
)
"""Every format in which the sessions can be shown; a new one is a function and a row."""
