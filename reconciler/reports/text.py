"""The plan as text for people, from its JSON document alone."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from reconciler.reports.counts import counted
from reconciler.reports.seats import seat_text
from reconciler.reports.spans import Line, Look, Span, line, text_of
from reconciler.reports.takings import counts_of, folded, headline, takings_of
from reconciler.reports.wording import (
    ACTIONS,
    code_words,
    flags,
    is_unchanged,
    place_text,
    refusal_source,
    remarks,
    scope_words,
    subject_text,
    title,
)
from reconciler.reports.write_notes import write_notes

Document = Mapping[str, Any]

_STYLES = {"grant": "green", "remove": "red", "reassign": "yellow", "issue_offline": "magenta"}
_WORD_WIDTH = max(len(word.name) for word in ACTIONS.values())
_NAMED_UNCHANGED = 10
_OPEN = 100
_IN_SIGHT = 20


def render_all(documents: Sequence[Document], look: Look) -> str:
    """Return one or several plans as text; plain text never depends on the terminal.

    What takes something away stands first, after where it is written if that is unusual; on a
    terminal, where the first lines are out of sight, last.
    """
    written, plans = list(_writing(documents)), list(_plans(documents))
    taken = list(_taken(documents, _OPEN))
    if look.width is None:
        return text_of([*written, *taken, *([line()] if taken else []), *plans], look)
    last = [line(), *_taken(documents, _IN_SIGHT)] if taken else []
    return text_of([*written, *plans, *last], look)


def taken_text(documents: Sequence[Document], look: Look) -> str:
    """Return what takes something away alone, for the lines above a question; may be empty."""
    return text_of(_taken(documents, _IN_SIGHT), look)


def _plans(documents: Sequence[Document]) -> Iterator[Line]:
    for document in documents:
        yield from _organizations(document["organizations"])
        yield from _unread(document)
    for document in documents:
        yield from _summary(document)


def _taken(documents: Sequence[Document], most: int) -> Iterator[Line]:
    """Yield what is taken away, or where that is too much, its counts by organization."""
    rows = takings_of(documents)
    if not rows:
        return
    yield line(Span(f"Takes away: {counts_of(rows).words}", "bold red"))
    if sum(len(row.changes) for row in rows) <= most:
        for row in rows:
            if len(rows) > 1:
                yield line("  ", Span(title(row.organization), "bold"), f": {row.counts.words}")
            for change in row.changes:
                yield from _change(change, "    " if len(rows) > 1 else "  ")
        return
    shown, rest = folded(rows, most)
    for row in shown:
        yield line("  ", Span(title(row.organization), "bold"), f": {row.counts.words}")
    if rest:
        yield line("  ", Span(rest, "bold"))


def _writing(documents: Sequence[Document]) -> Iterator[Line]:
    for told in write_notes(documents):
        yield line(Span(f"! {told.heading}:", "bold red"))
        for row in told.lines:
            yield line("  ", Span(row, "red"))


def _unread(document: Document) -> Iterator[Line]:
    rows = document.get("unread", ())
    for row in rows:
        head = Span(f"! not read: organization {row['id']}", "red")
        yield line(head, f": {row['message']}; nothing of it is planned")
    if rows:
        yield line()


def _organizations(organizations: Sequence[Document]) -> Iterator[Line]:
    for organization in organizations:
        if not is_unchanged(organization):
            yield from _organization(organization)
            yield line()
    unchanged = [title(row) for row in organizations if is_unchanged(row)]
    if unchanged:
        named = ", ".join(unchanged[:_NAMED_UNCHANGED])
        more = len(unchanged) - _NAMED_UNCHANGED
        yield line("unchanged: ", f"{named} and {more} more" if more > 0 else named)
        yield line()


def _organization(organization: Document) -> Iterator[Line]:
    yield line(Span(title(organization), "bold"))
    for pool in organization["pools"]:
        yield line("  ", Span(seat_text(pool), "cyan"))
    for change in organization["changes"]:
        yield from _change(change, "  ")
    for deferral in organization["deferred"]:
        yield from _deferral(deferral)
    for refusal in organization["refusals"]:
        yield from _refusal(refusal)
    for warning in organization["warnings"]:
        yield line(
            "  ",
            Span(f"warning: {code_words(warning['code'])}: ", "yellow"),
            warning["message"],
            _place(warning.get("source")),
        )


def _change(change: Document, indent: str) -> Iterator[Line]:
    word, style = ACTIONS[change["action"]], _STYLES[change["action"]]
    said = "; ".join(remarks(change))
    yield line(
        indent,
        Span(f"{word.sign} {word.name:<{_WORD_WIDTH}}", style),
        f"  {change['product']}  ",
        Span(subject_text(change), "bold"),
        f"  ({said})" if said else "",
        _place(change.get("source")),
    )
    for flag in flags(change):
        yield line(indent, "    ", Span(flag, "red"))


def _deferral(deferral: Document) -> Iterator[Line]:
    when = f", from {deferral['available_from']}" if deferral.get("available_from") else ""
    message = deferral.get("message")
    yield line(
        "  ",
        Span(f"> waits: {ACTIONS[deferral['action']].name}", "blue"),
        f"  {deferral['product']}  ",
        Span(subject_text(deferral), "bold"),
        f"  {code_words(deferral['reason'])}{when}",
        f": {message}" if message else "",
        _place(deferral.get("source")),
    )


def _refusal(refusal: Document) -> Iterator[Line]:
    yield line(
        "  ",
        Span(f"! refused: {code_words(refusal['code'])} ({scope_words(refusal)}): ", "bold red"),
        refusal["message"],
        _place(refusal_source(refusal)),
    )
    withheld = refusal.get("withheld") or ()
    if withheld:
        yield line("    ", f"withheld: {counted(len(withheld), 'change')}")
    for change in withheld:
        yield from _change(change, "      ")


def _place(source: Document | None) -> Span:
    place = place_text(source)
    return Span(f"  [{place}]" if place else "", "dim")


def _summary(document: Document) -> Iterator[Line]:
    yield line(Span(f"Plan: {headline([document])}.", "bold"))
    yield line(f"as of {document['as_of']}, for {document['target']}")
    yield from _writing([document])
    if not document.get("live", True):
        yield line("not applyable: it was made from a snapshot, or for another day")
    yield line(f"changes digest {document['changes_digest']}")
