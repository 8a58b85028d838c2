"""A journal's account by format name."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from textwrap import indent
from types import MappingProxyType
from typing import Any

from reconciler.reports import audit_csv, audit_text
from reconciler.reports.journaled import Account
from reconciler.reports.json_text import json_text
from reconciler.reports.spans import Look


def _json(account: Account, look: Look) -> Iterator[str]:
    """Yield what `json_text` makes of the whole document, a row at a time."""
    yield json_text(account.head).removesuffix("\n}\n")
    yield from _list("applies", account.applies())
    yield from _list("events", account.events())
    yield "\n}\n"


def _list(name: str, rows: Iterable[Mapping[str, Any]]) -> Iterator[str]:
    yield f',\n  "{name}": ['
    end = "]"
    for row in rows:
        yield (",\n" if end != "]" else "\n") + indent(json_text(row).rstrip("\n"), "    ")
        end = "\n  ]"
    yield end


FORMATS: Mapping[str, Callable[[Account, Look], Iterator[str]]] = MappingProxyType(
    {"text": audit_text.render, "csv": audit_csv.render, "json": _json}
)
"""Every format in which a journal's account can be shown; a new one is a function and a row."""
