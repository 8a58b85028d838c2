"""Where and how a plan would be written, where that is not what the host has by default."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from reconciler.model.settings import Writing

Document = Mapping[str, Any]

_WRITES = {
    "api": "writes go to its API, which only the embedded server takes by default",
    "checklist": "changes are made by a person, not by its API",
}


@dataclass(frozen=True, slots=True)
class WriteNote:
    """One target, and a line for each thing that is set otherwise than by default."""

    target: str
    lines: tuple[str, ...]

    @property
    def heading(self) -> str:
        """What the lines have in common, in one line."""
        return f"Changes to {self.target} are not written as by default"


def write_notes(documents: Sequence[Document]) -> list[WriteNote]:
    """Return a note for each target that is written otherwise than by default; most plans: none.

    A reader must see these before anything else: they decide what a change really does.
    """
    found = (
        WriteNote(str(document["target"]), tuple(_lines(document)))
        for document in documents
        if document.get("writes") or document.get("routes")
    )
    return list(dict.fromkeys(found))


def notes_now(target: str, writing: Writing) -> list[WriteNote]:
    """Return the same for a target as it would be written to now, without any plan."""
    return write_notes([{"target": target, "writes": writing.mode, "routes": writing.routes}])


def notes_of_account(account: Document) -> list[WriteNote]:
    """Return the same for what was applied: an account, or what began in a journal."""
    writing = account.get("writing")
    return write_notes([{**writing, "target": account["target"]}]) if writing else []


def write_differences(before: Document, after: Document) -> Iterator[str]:
    """Yield a line for each thing in which two plans are written otherwise."""
    if before["target"] != after["target"]:
        yield f"reviewed for {before['target']}, and now for {after['target']}"
    was, now = list(_lines(before)), list(_lines(after))
    yield from (f"reviewed, but not so any more: {line}" for line in was if line not in now)
    yield from (f"so now, but not reviewed: {line}" for line in now if line not in was)


def _lines(document: Document) -> Iterator[str]:
    mode = document.get("writes")
    if mode:
        yield f"writes: {mode} ({_WRITES.get(mode, 'not the default')})"
    for name, route in sorted((document.get("routes") or {}).items()):
        yield f"route of {name}: {route}"
