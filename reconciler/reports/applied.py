"""What an apply really did, as text for people, from its document."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from types import MappingProxyType
from typing import Any

from reconciler.reports.counts import counted
from reconciler.reports.json_text import json_text
from reconciler.reports.spans import Line, Look, Span, line, text_of
from reconciler.reports.write_notes import notes_of_account

Document = Mapping[str, Any]

_STYLES = {
    "done": "green",
    "skipped": "cyan",
    "rejected": "bold red",
    "failed": "bold red",
    "not_attempted": "yellow",
}
_OPEN = 100
_WORDS = {"skipped": "done already", "not_attempted": "not attempted"}


def _lines(document: Document) -> Iterator[Line]:
    yield line()
    idle = []
    for written in notes_of_account(document):
        yield line(Span(f"! {written.heading}:", "bold red"))
        yield from (line("  ", Span(row, "red")) for row in written.lines)
    yield from _taken(document["organizations"])
    for organization in document["organizations"]:
        told = tuple(_organization(organization))
        if told:
            yield line(Span(_title(organization), "bold"))
            yield from told
        else:
            idle.append(organization)
    if 0 < len(idle) < len(document["organizations"]):
        yield line("Nothing to do: ", ", ".join(map(_title, idle)))
    if document.get("refused"):
        yield line(Span("refused: ", "bold red"), document["refused"])
    yield line(Span(_total(document), "bold"))


def _taken(organizations: Sequence[Document]) -> Iterator[Line]:
    """Yield what was to be taken away and what became of it, before all else; too much is counted.

    Where an account is cut, it is cut at its end.
    """
    found = [(row, [one for one in row["changes"] if _takes(one)]) for row in organizations]
    found = [(row, changes) for row, changes in found if changes]
    if not found:
        return
    everything = [change for _, changes in found for change in changes]
    yield line(Span(f"Taking away: {_done(everything)}", "bold"))
    if len(everything) <= _OPEN:
        for change in everything:
            yield from _change(change)
    else:
        found.sort(key=lambda row: -len(row[1]))
        for organization, changes in found[:_OPEN]:
            yield line("  ", f"{_title(organization)}: {_done(changes)}")
        rest = [change for _, changes in found[_OPEN:] for change in changes]
        if rest:
            more = counted(len(found) - _OPEN, "more organization")
            yield line("  ", f"{more}: {_done(rest)}")
    yield line()


def _takes(change: Document) -> bool:
    return change["action"] == "remove" or bool(change.get("from"))


def _done(changes: Sequence[Document]) -> str:
    counts = Counter(change["status"] for change in changes)
    told = ", ".join(f"{counts[key]:,} {_WORDS.get(key, key)}" for key in _STYLES if counts[key])
    pairs = sum(bool(change.get("from")) for change in changes)
    kinds = ((len(changes) - pairs, "removal"), (pairs, "reassignment"))
    what = " and ".join(counted(number, noun) for number, noun in kinds if number)
    return f"{what} ({told})"


def _title(organization: Document) -> str:
    name = organization["name"]
    return f"{name} ({organization['id']})" if name else f"organization {organization['id']}"


def _organization(organization: Document) -> Iterator[Line]:
    for change in organization["changes"]:
        yield from _change(change)
    for settled in organization["settled"]:
        yield line("  ", Span("settled: ", "cyan"), settled)
    if organization["error"]:
        label = "not read: " if organization["status"] == "unread" else "error: "
        yield line("  ", Span(label, "bold red"), organization["error"])
    for stale in organization["stale"]:
        yield line("  ", Span("stale: ", "bold red"), stale["message"])
    for moved in organization["moved"]:
        yield line("  ", Span("moved: ", "yellow"), moved)
    for refused in organization["refused"]:
        yield line("  ", Span("refused: ", "bold red"), refused)
    if organization["interrupted"]:
        yield line("  ", Span("interrupted; apply again to go on", "yellow"))


def _change(change: Document) -> Iterator[Line]:
    status = change["status"]
    message = f": {change['message']}" if change.get("message") else ""
    yield line(
        "  ",
        Span(f"{_WORDS.get(status, status):<13}", _STYLES[status]),
        f"  {change['action'].replace('_', ' ')} {change['product']}  {_subject(change)}",
        message,
    )
    if change.get("given_back") is not None:
        outcome = "went back to" if change["given_back"] else "could not be given back to"
        yield line("    ", f"the seat {outcome} {change['from']}")


def _subject(change: Document) -> str:
    holder, subject = change.get("from"), change["subject"]
    return f"{holder} -> {subject}" if holder else str(subject)


def _total(document: Document) -> str:
    counts = document["counts"]
    unread = sum(row["status"] == "unread" for row in document["organizations"])
    missing = f"; {counted(unread, 'organization')} not read" if unread else ""
    if not any(counts.values()):
        return f"Nothing to apply{missing}."
    words = [f"{counts['done']} done"]
    words += [
        f"{counts[key]} {_WORDS.get(key, key)}" for key in _STYLES if key != "done" and counts[key]
    ]
    return f"Applied: {', '.join(words)}; {counted(document['writes'], 'write')}{missing}."


def _text(document: Document, look: Look) -> str:
    return text_of(_lines(document), look)


def _json(document: Document, look: Look) -> str:
    return json_text(document)


FORMATS: Mapping[str, Callable[[Document, Look], str]] = MappingProxyType(
    {"text": _text, "json": _json}
)
"""Every format in which an apply's account can be shown; a new one is a function and a row."""
