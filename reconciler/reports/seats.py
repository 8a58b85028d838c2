"""One pool in one line."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

UNKNOWN = "?"


def or_unknown(value: object) -> str:
    """Return a value as text, a question mark where it is unknown."""
    return UNKNOWN if value is None else str(value)


def seat_text(pool: Mapping[str, Any]) -> str:
    """Return a pool's use before and after, as in `kse 5/5 -> 5/5, 1 offline`."""
    quota = or_unknown(pool.get("quota"))
    used, after = pool.get("used"), pool.get("used_after")
    parts = [f"{pool['product']} {or_unknown(used)}/{quota} -> {or_unknown(after)}/{quota}"]
    peak = pool.get("peak")
    if peak is not None and peak not in {used, after}:
        parts.append(f"peak {peak}")
    if pool.get("offline"):
        parts.append(f"{pool['offline']} offline")
    if pool.get("machine_quota") is not None:
        parts.append(f"machines {or_unknown(pool.get('machines'))}/{pool['machine_quota']}")
    if pool.get("expires"):
        parts.append(f"ends {pool['expires']}")
    return ", ".join(parts)
