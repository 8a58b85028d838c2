"""The plan as text for people, from its JSON document alone."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from reconciler.reports.counts import counted, outcome_words
from reconciler.reports.seats import seat_text
from reconciler.reports.spans import Line, Look, Span, line, text_of

Document = Mapping[str, Any]

_SIGNS = {
    "grant": ("+", "grant", "green"),
    "remove": ("-", "remove", "red"),
    "reassign": ("~", "reassign", "yellow"),
    "issue_offline": ("!", "issue offline", "magenta"),
}
_WORD_WIDTH = len("issue offline")


def render_all(documents: Sequence[Document], look: Look) -> str:
    """Return one or several plans as text; plain text never depends on the terminal."""
    return text_of(_plans(documents), look)


def _plans(documents: Sequence[Document]) -> Iterator[Line]:
    for document in documents:
        yield from _organizations(document["organizations"])
    for document in documents:
        yield from _summary(document)


def _organizations(organizations: Sequence[Document]) -> Iterator[Line]:
    unchanged = []
    for organization in organizations:
        if any(organization[part] for part in ("changes", "deferred", "refusals", "warnings")):
            yield from _organization(organization)
            yield line()
        else:
            unchanged.append(_title(organization))
    if unchanged:
        yield line("unchanged: ", ", ".join(unchanged))
        yield line()


def _title(organization: Document) -> str:
    name = organization.get("name")
    return f"{name} ({organization['id']})" if name else f"organization {organization['id']}"


def _organization(organization: Document) -> Iterator[Line]:
    yield line(Span(_title(organization), "bold"))
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
            Span(f"warning: {warning['code']}: ", "yellow"),
            warning["message"],
            _place(warning.get("source")),
        )


def _change(change: Document, indent: str) -> Iterator[Line]:
    sign, word, style = _SIGNS[change["action"]]
    subject = _subject(change)
    if change["action"] == "issue_offline":
        subject += f" until {change['expires']}"
    yield line(
        indent,
        Span(f"{sign} {word:<{_WORD_WIDTH}}", style),
        f"  {change['product']}  ",
        Span(subject, "bold"),
        _remark(change),
        _place(change.get("source")),
    )
    if change.get("loses_last_license"):
        loser = change["from"] if change["action"] == "reassign" else change["subject"]
        yield line(indent, "    ", Span(f"{loser['id']} loses the last license", "red"))
    if change.get("ends_sessions"):
        machines = ", ".join(change["ends_sessions"])
        yield line(indent, "    ", Span(f"ends the online session on {machines}", "red"))


def _subject(change: Document) -> str:
    subject = str(change["subject"]["id"])
    return f"{change['from']['id']} -> {subject}" if change.get("from") else subject


def _remark(change: Document) -> str:
    remarks = []
    if change.get("pairing") == "declared":
        remarks.append("declared transfer")
    if change.get("reason"):
        remarks.append(change["reason"])
    if change.get("cause") in {"drift", "date"}:
        remarks.append(f"cause: {change['cause']}")
    return f"  ({'; '.join(remarks)})" if remarks else ""


def _deferral(deferral: Document) -> Iterator[Line]:
    _, word, _ = _SIGNS[deferral["action"]]
    when = f", from {deferral['available_from']}" if deferral.get("available_from") else ""
    message = deferral.get("message")
    yield line(
        "  ",
        Span(f"> waits: {word}", "blue"),
        f"  {deferral['product']}  ",
        Span(deferral["subject"]["id"], "bold"),
        f"  {deferral['reason']}{when}",
        f": {message}" if message else "",
        _place(deferral.get("source")),
    )


def _refusal(refusal: Document) -> Iterator[Line]:
    what = f" {refusal['product']}" if refusal.get("product") else ""
    yield line(
        "  ",
        Span(f"! refused: {refusal['code']} ({refusal['scope']}{what}): ", "bold red"),
        refusal["message"],
        _place(refusal.get("source")),
    )
    withheld = refusal.get("withheld") or ()
    if withheld:
        yield line("    ", f"withheld: {counted(len(withheld), 'change')}")
    for change in withheld:
        yield from _change(change, "      ")


def _place(source: Document | None) -> Span:
    if not source:
        return Span("")
    place = source["file"]
    if source.get("line"):
        place += f":{source['line']}:{source.get('column') or 1}"
    return Span(f"  [{place}]", "dim")


def _summary(document: Document) -> Iterator[Line]:
    summary = document["summary"]
    yield line(Span(f"Plan: {outcome_words(summary)}.", "bold"))
    if summary.get("losing"):
        yield line(f"{counted(summary['losing'], 'subject')} would lose without gaining another.")
    yield line(f"as of {document['as_of']}, for {document['target']}")
    if not document.get("live", True):
        yield line("not applyable: it was made from a snapshot, or for another day")
    yield line(f"changes digest {document['changes_digest']}")
