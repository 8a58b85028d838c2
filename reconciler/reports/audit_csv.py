"""A journal's account as CSV, a row for each subject of each call."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Iterator

from reconciler.model.text import printable
from reconciler.reports.journaled import Account
from reconciler.reports.spans import Look
from reconciler.reports.write_notes import notes_of_account

COLUMNS = (
    "at", "organization", "product", "action", "kind", "subject", "outcome", "settled", "expires",
    "change", "code", "message", "plan_digest", "revision", "dirty", "call",
)  # fmt: skip
_APPLY_COLUMNS = ("via", "tool", "target")

# What a spreadsheet would take for a formula.
_FORMULA = ("=", "+", "-", "@", "\t", "\r")


def render(account: Account, look: Look) -> Iterator[str]:
    """Yield the account as CSV with a header, row by row; no cell can become a formula."""
    yield _row((*COLUMNS, *_APPLY_COLUMNS, "writing"))
    for event in account.events():
        begun = account.begun(event["apply"])
        cells = [event[name] for name in COLUMNS] + [begun[name] for name in _APPLY_COLUMNS]
        cells.append("; ".join(text for told in notes_of_account(begun) for text in told.lines))
        yield _row(map(_cell, cells))


def _row(cells: Iterable[str]) -> str:
    out = io.StringIO()
    csv.writer(out, lineterminator="\n").writerow(cells)
    return out.getvalue()


def _cell(value: object) -> str:
    if value is None:
        return ""
    if isinstance(value, bool):
        return "yes" if value else "no"
    text = printable(str(value))
    return f"'{text}" if text.startswith(_FORMULA) else text
