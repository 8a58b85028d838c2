"""What moved between the plan that was reviewed and the one that is made now."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from reconciler.cli.forges.protocol import Document
from reconciler.errors import ReconcilerError
from reconciler.model.plan_document import changes_digest, from_document
from reconciler.reports.write_notes import write_differences, write_notes

_WORDS = {
    "grant": "grant",
    "remove": "remove",
    "reassign": "reassign",
    "issue_offline": "issue offline",
}


def moved_lines(reviewed: Document | None, fresh: Document, expected: str) -> tuple[str, ...]:
    """Return what a person has to look at, one line each.

    Without the reviewed plan, or where it is not the one of this digest, only the fresh plan's
    changes can be told.
    """
    now = list(_changes(fresh))
    if reviewed is None or not _is_of(reviewed, expected):
        lines = [f"{told.heading}: {line}" for told in write_notes([fresh]) for line in told.lines]
        lines += [f"planned now: {line}" for line in sorted(now, key=_gives)] or [
            "nothing is planned now"
        ]
        return ("the reviewed plan itself is not at hand any more", *lines)
    then = list(_changes(reviewed))
    gone = [f"reviewed, but not planned any more: {line}" for line in then if line not in now]
    new = [f"planned now, but not reviewed: {line}" for line in now if line not in then]
    written = list(write_differences(reviewed, fresh))
    lines = [*written, *sorted(gone + new, key=_gives)]
    return tuple(lines) or ("the same changes, in another order",)


def _gives(line: str) -> bool:
    """Put what takes something away first: of many lines the last are cut."""
    return not re.search(r"(^|: )(remove|reassign) ", line)


def _is_of(document: Document, digest: str) -> bool:
    # The digest comes from the comment; a plan that says it has this digest must really have it.
    try:
        return changes_digest(from_document(document)) == digest
    except (ReconcilerError, KeyError, TypeError, ValueError, AttributeError):
        return False


def _changes(document: Document) -> Iterator[str]:
    for organization in document["organizations"]:
        name = organization.get("name")
        place = f"{name} ({organization['id']})" if name else f"organization {organization['id']}"
        for change in organization["changes"]:
            yield f"{_change(change)} in {place}"


def _change(change: Any) -> str:
    subject, holder = change["subject"]["id"], change.get("from")
    who = f"{holder['id']} -> {subject}" if holder else str(subject)
    until = f" until {change['expires']}" if change.get("expires") else ""
    return f"{_WORDS.get(change['action'], change['action'])} {change['product']} {who}{until}"
