"""Entries of a journal as the values that were written down."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import date
from typing import Any

from reconciler.applying.answers import Ending
from reconciler.applying.record import Intent, Item, Result


def intent_of(entry: Mapping[str, Any]) -> Intent:
    """Return the intent that an entry holds."""
    expires = entry.get("expires")
    return Intent(
        call=entry["call"],
        organization=entry["organization"],
        action=entry["action"],
        product=entry["product"],
        items=tuple(Item(row["kind"], row["id"], row.get("change")) for row in entry["items"]),
        expires=date.fromisoformat(expires) if expires else None,
        successor=entry.get("successor"),
    )


def is_known(results: Iterable[Result]) -> bool:
    """Tell whether an outcome says of every subject whether it took effect."""
    return all(result.ending != Ending.UNCLEAR for result in results)


def results_of(entry: Mapping[str, Any]) -> tuple[Result, ...]:
    """Return the results that an outcome's entry holds."""
    return tuple(
        Result(row["id"], row["ending"], row.get("code"), row.get("message"))
        for row in entry["results"]
    )
