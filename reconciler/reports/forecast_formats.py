"""Seats over time by format name: text, JSON."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from types import MappingProxyType
from typing import Any

from reconciler.products import PRODUCTS, SeatUnit
from reconciler.reports.counts import counted
from reconciler.reports.json_text import json_text
from reconciler.reports.seats import or_unknown
from reconciler.reports.spans import Line, Look, Span, line, text_of

Document = Mapping[str, Any]

_COLUMNS = ("wanted", "quota", "pinned", "short")


def _text(page: Document, look: Look) -> str:
    return text_of(_lines(page), look)


def _json(page: Document, look: Look) -> str:
    return json_text(page)


def _lines(page: Document) -> Iterator[Line]:
    pools = [pool for row in page["organizations"] for pool in row["pools"]]
    for organization in page["organizations"]:
        yield from _organization(organization)
        yield line()
    short = [pool for pool in pools if pool["first_short_day"]]
    if short:
        first = min(pool["first_short_day"] for pool in short)
        words = f"{len(short)} of {counted(len(pools), 'pool')} short, the first on {first}"
        yield line(Span(f"Forecast: {words}.", "bold red"))
    else:
        yield line(Span(f"Forecast: no seat is missing{_as_far_as_known(page)}.", "bold"))
    if any(PRODUCTS[pool["product"]].seat is SeatUnit.SESSION for pool in pools):
        yield line("floating pools show offline licenses alone: sessions are not foreseen")
    yield line(f"from {page['as_of']} to {page['until']}, for {page['target']}")


def _as_far_as_known(page: Document) -> str:
    unknown = any(
        row["unknown"] or any(day["quota"] is None for pool in row["pools"] for day in pool["days"])
        for row in page["organizations"]
    )
    return " in what can be read" if unknown else ""


def _organization(organization: Document) -> Iterator[Line]:
    name = organization["name"]
    title = f"{name} ({organization['id']})" if name else f"organization {organization['id']}"
    yield line(Span(title, "bold"))
    for pool in organization["pools"]:
        yield from _pool(pool)
    for product in organization["unknown"]:
        unreadable = "its lists cannot be read, so nothing can be said"
        yield line("  ", Span(f"{product}: {unreadable}", "yellow"))
    if not organization["pools"] and not organization["unknown"]:
        yield line("  no product is named")


def _pool(pool: Document) -> Iterator[Line]:
    ends = f", ends {pool['expires']}" if pool["expires"] else ""
    head = Span(pool["product"], "cyan")
    if len(pool["days"]) == 1:
        row = pool["days"][0]
        pinned = f", {row['pinned']} pinned" if row["pinned"] else ""
        short = f", {row['short']} short" if row["short"] else ""
        seats = f"  {row['wanted']} wanted of {or_unknown(row['quota'])}"
        style = "bold red" if row["short"] else ""
        yield line("  ", head, Span(f"{seats}{pinned}{short}, no change{ends}", style))
        return
    yield line("  ", head, ends)
    cells = [_cells(row) for row in pool["days"]]
    widths = [max(map(len, column)) for column in zip(_COLUMNS, *cells, strict=True)]
    yield line("    ", " " * len("2026-11-24"), _padded(_COLUMNS, widths))
    for row, found in zip(pool["days"], cells, strict=True):
        flag = "  <- first short day" if row["day"] == pool["first_short_day"] else ""
        style = "bold red" if row["short"] else ""
        yield line("    ", Span(f"{row['day']}{_padded(found, widths)}{flag}", style))


def _cells(row: Document) -> tuple[str, ...]:
    return tuple(or_unknown(row[column]) for column in _COLUMNS)


def _padded(cells: tuple[str, ...], widths: list[int]) -> str:
    return "".join(f"  {cell:>{width}}" for cell, width in zip(cells, widths, strict=True))


FORMATS: Mapping[str, Callable[[Document, Look], str]] = MappingProxyType(
    {"text": _text, "json": _json}
)
"""Every format in which a forecast can be shown; a new one is a function and a row."""
