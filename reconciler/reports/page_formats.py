"""The License Management page by format name: text, JSON, Markdown, HTML."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from types import MappingProxyType
from typing import Any

from reconciler.reports.counts import counted
from reconciler.reports.json_text import json_text
from reconciler.reports.markdown_cells import code, prose, table_row
from reconciler.reports.seats import or_unknown
from reconciler.reports.spans import Line, Look, Span, line, text_of

Document = Mapping[str, Any]

_LISTS = (
    ("licensed_users", "Licensed users"),
    ("online_licenses", "Online licenses"),
    ("offline_licenses", "Offline licenses"),
    ("registered_machines", "Registered machines"),
)
_COLUMNS = ("Product", "Subscribed", "Available", "Machine quota", "Expires")


def _title(organization: Document) -> str:
    name = organization["name"]
    return f"{name} ({organization['id']})" if name else f"organization {organization['id']}"


def _numbers(product: Document) -> tuple[str, ...]:
    """Return the page's columns of one product, in the order of the vendor's page."""
    machine_quota, expires = product["machine_quota"], product["expires"]
    return (
        str(product["product"]),
        or_unknown(product["quota"]),
        or_unknown(product["available"]),
        "-" if machine_quota is None else str(machine_quota),
        "-" if expires is None else str(expires),
    )


def _row_text(item: Any) -> str:
    """Return one row of a list: an email, or a machine with what is known of it."""
    if isinstance(item, str):
        return item
    remarks = [str(item[key]) for key in ("name", "email") if item.get(key)]
    return f"{item['machine']}  {', '.join([*remarks, *_times(item)])}".rstrip()


def _times(item: Document) -> list[str]:
    words = (("expires", "until"), ("started_at", "since"), ("last_seen", "last seen"))
    return [f"{word} {item[key]}" for key, word in words if item.get(key)]


def _text_lines(page: Document) -> Iterator[Line]:
    for organization in page["organizations"]:
        yield line(Span(_title(organization), "bold"), _members(organization))
        table = [_COLUMNS, *(_numbers(product) for product in organization["products"])]
        widths = [max(len(cells[i]) for cells in table) for i in range(len(_COLUMNS))]
        for cells in table:
            padded = (cell.ljust(width) for cell, width in zip(cells, widths, strict=True))
            yield line("  ", "  ".join(padded))
        for product in organization["products"]:
            yield from _lists(product)
        yield line()


def _members(organization: Document) -> str:
    members = organization["members"]
    if members is None:
        return ", members unknown"
    pending = f", {members['pending']} pending" if members["pending"] else ""
    return f", {counted(members['active'], 'member')}{pending}"


def _lists(product: Document) -> Iterator[Line]:
    for key, title in _LISTS:
        items = product[key]
        if items is None:
            yield line("  ", Span(f"{product['product']}: {title}: unknown", "yellow"))
        elif items:
            yield line("  ", Span(f"{product['product']}: {title} ({len(items)})", "cyan"))
            for item in items:
                yield line("    ", _row_text(item))


def _text(page: Document, look: Look) -> str:
    return text_of(_text_lines(page), look)


def _json(page: Document, look: Look) -> str:
    return json_text(page)


def _markdown(page: Document, look: Look) -> str:
    return "\n".join(_markdown_lines(page)) + "\n"


def _markdown_lines(page: Document) -> Iterator[str]:
    for organization in page["organizations"]:
        yield f"## {prose(_title(organization))}"
        yield ""
        yield table_row(_COLUMNS)
        yield "|" + " --- |" * len(_COLUMNS)
        for product in organization["products"]:
            yield table_row(_numbers(product))
        yield ""
        for product in organization["products"]:
            yield from _markdown_lists(product)


def _row_markdown(item: Any) -> str:
    if isinstance(item, str):
        return code(item)
    remarks = [code(item[key]) for key in ("name", "email") if item.get(key)]
    return " ".join([code(item["machine"]), ", ".join([*remarks, *_times(item)])]).rstrip()


def _markdown_lists(product: Document) -> Iterator[str]:
    for key, title in _LISTS:
        items = product[key]
        if items is None:
            yield f"**{product['product']}: {title}**: unknown\n"
        elif items:
            yield f"**{product['product']}: {title}** ({len(items)})\n"
            yield from (f"- {_row_markdown(item)}" for item in items)
            yield ""


def _html(page: Document, look: Look) -> str:
    from reconciler.reports.html import license_page

    return license_page(page)


FORMATS: Mapping[str, Callable[[Document, Look], str]] = MappingProxyType(
    {"text": _text, "json": _json, "markdown": _markdown, "html": _html}
)
"""Every format in which the page can be shown; a new one is a function and a row."""
