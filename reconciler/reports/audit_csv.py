"""A journal's account as CSV, a row for each subject of each call."""

from __future__ import annotations

import csv
import io
from collections.abc import Mapping
from typing import Any

from reconciler.model.text import printable
from reconciler.reports.spans import Look
from reconciler.reports.write_notes import notes_of_account

COLUMNS = (
    "at", "organization", "product", "action", "kind", "subject", "outcome", "settled", "expires",
    "change", "code", "message", "plan_digest", "revision", "dirty", "call",
)  # fmt: skip
_APPLY_COLUMNS = ("via", "tool", "target")

# What a spreadsheet would take for a formula.
_FORMULA = ("=", "+", "-", "@", "\t", "\r")


def render(document: Mapping[str, Any], look: Look) -> str:
    """Return the account as CSV with a header; no cell can become a formula."""
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow((*COLUMNS, *_APPLY_COLUMNS, "writing"))
    for event in document["events"]:
        begun = document["applies"][event["apply"]]
        row = [event[name] for name in COLUMNS] + [begun[name] for name in _APPLY_COLUMNS]
        row.append("; ".join(text for told in notes_of_account(begun) for text in told.lines))
        writer.writerow([_cell(value) for value in row])
    return out.getvalue()


def _cell(value: object) -> str:
    if value is None:
        return ""
    if isinstance(value, bool):
        return "yes" if value else "no"
    text = printable(str(value))
    return f"'{text}" if text.startswith(_FORMULA) else text
