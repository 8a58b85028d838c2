"""The explanation of a subject by format name: text, JSON."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from types import MappingProxyType
from typing import Any

from reconciler.reports.json_text import json_text
from reconciler.reports.spans import Line, Look, Span, line, text_of

Document = Mapping[str, Any]

_DONE = {"grant": "grant", "remove": "remove", "issue_offline": "issue an offline license to"}


def _text(page: Document, look: Look) -> str:
    return text_of(_lines(page), look)


def _json(page: Document, look: Look) -> str:
    return json_text(page)


def _lines(page: Document) -> Iterator[Line]:
    for organization in page["organizations"]:
        yield from _organization(organization)
        yield line()
    yield line(f"as of {page['as_of']}, for {page['target']}")


def _organization(organization: Document) -> Iterator[Line]:
    subject = organization["subject"]
    yield line(
        Span(subject["id"], "bold"),
        f" in {_title(organization)}",
        _membership(organization) if subject["kind"] == "user" else "",
        ", protected" if organization["protected"] else "",
    )
    for product in organization["products"]:
        yield from _product(product, subject)
    if not organization["products"]:
        yield line("  no product's list names it, and it holds no license")
    for warning in organization["warnings"]:
        place = _bracketed(warning["source"])
        yield line("  ", Span(f"warning: {warning['code']}: ", "yellow"), warning["message"], place)


def _title(organization: Document) -> str:
    name = organization["name"]
    return f"{name} ({organization['id']})" if name else f"organization {organization['id']}"


def _membership(organization: Document) -> str:
    member = organization["member"]
    if member is not None:
        return f", {member['status']} member, {member['role'].replace('_', ' ')}"
    return ", no member" if organization["members_known"] else ", members unknown"


def _product(product: Document, subject: Document) -> Iterator[Line]:
    verdict, style = _verdict(product, subject["kind"])
    yield line("  ", Span(f"{product['product']}: ", "cyan"), Span(verdict, style))
    for entry in product["entries"]:
        yield line("    ", _entry(entry), _dates(entry))
    if product["managed"] and not product["entries"]:
        yield line(f"    the list at {_place(product['managed'])} does not name it")
    for source in product["excluded"]:
        yield line(f"    left out by `except` at {_place(source)}")
    for text in _wishes(product):
        yield line("    ", text)
    for text in _held(product, subject["kind"]):
        yield line("    ", text)
    yield from _next_plan(product)


def _verdict(product: Document, kind: str) -> tuple[str, str]:
    """Return in a few words what is wanted and what is held, and the colour for it."""
    has = product["licensed" if kind == "user" else "registered"]
    word = "licensed" if kind == "user" else "registered"
    if has is None:
        wish = "wanted" if product["wanted"] else "not wanted"
        return f"{wish}; whether it is {word} is unknown", "yellow"
    holds = word if has else f"not {word}"
    if product["managed"] is None:
        return f"{holds}; the files leave this list alone", ""
    if product["wanted"]:
        return (f"{holds}, and wanted", "green") if has else (f"{holds}, but wanted", "yellow")
    return (f"{holds}, but not wanted", "yellow") if has else (f"{holds}, and not wanted", "")


def _entry(entry: Document) -> str:
    path = [_place(source) for source in entry["path"]]
    steps = path[:1]
    for number, place in enumerate(path[1:]):
        if number < len(entry["groups"]):
            steps.append(f"group {entry['groups'][number]}")
        steps.append(place)
    if entry["everyone"]:
        steps.append("members: all")
    return f"{'wanted by' if entry['wants'] else 'listed at'} {' -> '.join(steps)}"


def _dates(entry: Document) -> str:
    parts = [f"{word} {entry[word]}" for word in ("from", "until") if entry[word]]
    when = f", {' '.join(parts)}" if parts else ""
    return when if entry["wants"] else f"{when}: not on this day"


def _wishes(product: Document) -> Iterator[str]:
    if product["name"]:
        yield f"name: {product['name']}"
    if product["priority"]:
        yield f"priority {product['priority']}"
    if product["replaces"]:
        yield f"replaces {product['replaces']['id']}"
    for taker in product["replaced_by"]:
        passed = ", so `members: all` leaves it out" if product["passed_over"] else ""
        place = _place(taker["source"])
        yield f"{taker['subject']['id']} is to take its seat over ({place}){passed}"
    if product["offline_until"]:
        yield f"wants an offline license until {product['offline_until']}"
    if product["note"]:
        yield f"note: {product['note']}"


def _held(product: Document, kind: str) -> Iterator[str]:
    for row in product["machines"] or ():
        name = f" ({row['name']})" if row["name"] else ""
        seen = f", last seen {row['last_seen']}" if row["last_seen"] else ""
        if kind == "user":
            yield f"registered machine {row['machine']}{name}{seen}"
        elif name or seen:
            yield f"registered{name}{seen}"
    for row in product["offline_licenses"] or ():
        until = f" until {row['expires']}" if row["expires"] else ""
        yield f"offline license{_on(row, kind)}{until}"
    for row in product["sessions"] or ():
        since = f" since {row['started_at']}" if row["started_at"] else ""
        yield f"session{_on(row, kind)}{since}"
    unknown = [
        key.replace("_", " ") for key in ("offline_licenses", "sessions") if product[key] is None
    ]
    if unknown:
        yield f"unknown: {', '.join(unknown)}"


def _on(row: Document, kind: str) -> str:
    if kind == "user":
        return f" on {row['machine']}"
    return f" of {row['email']}" if row["email"] else ""


def _next_plan(product: Document) -> Iterator[Line]:
    start = Span("    next plan: ", "bold")
    for change in product["changes"]:
        yield line(start, Span(_change(change), "bold"), *_because(change))
    for row in product["deferred"]:
        when = f", from {row['available_from']}" if row["available_from"] else ""
        yield line(
            start,
            Span(f"waits: {_change(row)}", "blue"),
            f"  {row['reason']}{when}: {row['message']}",
            _bracketed(row["source"]),
        )
    for row in product["refusals"]:
        what = "; ".join(_change(change) for change in row["withheld"]) or product["product"]
        yield line(
            start,
            Span(f"refused: {what}", "bold red"),
            f"  {row['code']}: {row['message']}",
            _bracketed(row["source"]),
        )
    if not any(product[key] for key in ("changes", "deferred", "refusals")):
        yield line(start, "nothing to do")


def _change(row: Document) -> str:
    subject = row["subject"]["id"]
    if row.get("from"):
        return f"reassign {row['from']['id']} -> {subject}"
    until = f" until {row['expires']}" if row.get("expires") else ""
    return f"{_DONE[row['action']]} {subject}{until}"


def _because(change: Document) -> Iterator[str | Span]:
    if change.get("reason"):
        yield f"  ({change['reason']})"
    yield _bracketed(change["source"])


def _place(source: Document) -> str:
    return f"{source['file']}:{source['line']}" if source["line"] else str(source["file"])


def _bracketed(source: Document | None) -> Span:
    return Span(f"  [{_place(source)}]" if source else "", "dim")


FORMATS: Mapping[str, Callable[[Document, Look], str]] = MappingProxyType(
    {"text": _text, "json": _json}
)
"""Every format in which an explanation can be shown; a new one is a function and a row."""
