"""Rows of a plan in Markdown: what one change says."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from reconciler.reports.markdown_cells import code, prose, table_row
from reconciler.reports.wording import ACTIONS, loses_machine, place_text, remarks

Document = Mapping[str, Any]

CHANGE_HEADER = (
    "| Change | Product | Who | Remarks | Place |",
    "| --- | --- | --- | --- | --- |",
)
_NAMED = 3


def change_row(change: Document) -> str:
    """Return a change as a row below `CHANGE_HEADER`."""
    word = ACTIONS[change["action"]]
    said = [*(prose(remark) for remark in remarks(change)), *_alarms(change)]
    name, place = f"`{word.sign}`\N{NO-BREAK SPACE}{word.name}", place_code(change.get("source"))
    return table_row((name, change["product"], who(change), "; ".join(said), place))


def who(change: Document) -> str:
    """Return who gains or loses, and until when."""
    subject = code(change["subject"]["id"])
    if change.get("from"):
        return f"{code(change['from']['id'])} → {subject}"
    return f"{subject} until {change['expires']}" if change.get("expires") else subject


def place_code(source: Document | None) -> str:
    """Return a place as code, or nothing."""
    place = place_text(source)
    return code(place) if place else ""


def _alarms(change: Document) -> Iterator[str]:
    if change.get("loses_last_license"):
        yield f"⚠️ **last {'registration' if loses_machine(change) else 'license'}**"
    machines = change.get("ends_sessions") or ()
    if machines:
        named = ", ".join(code(machine) for machine in machines[:_NAMED])
        more = f" and {len(machines) - _NAMED:,} more" if len(machines) > _NAMED else ""
        yield f"⚠️ **ends {'the session' if len(machines) == 1 else 'sessions'}** on {named}{more}"
