"""Addresses in a file that may look like other addresses."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import islice
from typing import Any

from reconciler.config.document import Document
from reconciler.model.scripts import mixing
from reconciler.model.source import Problem
from reconciler.schema_messages import shown

_PROSE = frozenset({"name", "note"})
_DOMAINS = "allowed_domains"
_MOST = 1_000


def look_alikes(document: Document) -> Iterator[Problem]:
    """Yield a warning for each email and each domain of a file that mixes letters of scripts.

    The document must fit its schema: text with an `@` that is no name and no note is an email. Of
    very many the rest is counted in one warning, at the first that is not told.
    """
    found = _mixed(document)
    yield from islice(found, _MOST)
    more = list(found)
    if more:
        yield Problem(more[0].source, f"{len(more):,} more from here on mix letters of scripts")


def _mixed(document: Document) -> Iterator[Problem]:
    seen: set[int] = set()
    waiting: list[tuple[Any, bool]] = [(document.data, False)]
    while waiting:
        container, domains = waiting.pop()
        # What is named by several aliases is one value, and looked through once.
        if id(container) in seen:
            continue
        seen.add(id(container))
        rows = container.items() if isinstance(container, dict) else enumerate(container)
        for step, value in rows:
            if isinstance(value, dict | list):
                waiting.append((value, step == _DOMAINS))
            elif isinstance(value, str) and not value.isascii() and step not in _PROSE:
                words = mixing(value) if domains or "@" in value else None
                if words is not None:
                    message = f"{shown(value)} {words}"
                    yield Problem(document.child_source(container, step), message)
