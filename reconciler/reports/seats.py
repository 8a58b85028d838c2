"""One pool in one line."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

UNKNOWN = "?"


def or_unknown(value: object) -> str:
    """Return a value as text, a question mark where it is unknown."""
    return UNKNOWN if value is None else str(value)


def use_text(pool: Mapping[str, Any]) -> str:
    """Return a pool's use before and after, as in `5/5 -> 5/5`."""
    quota = or_unknown(pool.get("quota"))
    used, after = pool.get("used"), pool.get("used_after")
    return f"{or_unknown(used)}/{quota} -> {or_unknown(after)}/{quota}"


def seat_remarks(pool: Mapping[str, Any]) -> list[str]:
    """Return what else there is to a pool: its peak, offline licenses, machines and end."""
    found = []
    peak = pool.get("peak")
    if peak is not None and peak not in {pool.get("used"), pool.get("used_after")}:
        found.append(f"peak {peak}")
    if pool.get("offline"):
        until = f" until {pool['offline_until']}" if pool.get("offline_until") else ""
        last = " at the latest" if until and pool["offline"] > 1 else ""
        found.append(f"{pool['offline']} offline{until}{last}")
    if pool.get("machine_quota") is not None:
        found.append(f"machines {or_unknown(pool.get('machines'))}/{pool['machine_quota']}")
    if pool.get("expires"):
        found.append(f"ends {pool['expires']}")
    return found


def seat_text(pool: Mapping[str, Any]) -> str:
    """Return a pool in one line, as in `kse 5/5 -> 5/5, 1 offline until 2027-01-31`."""
    return ", ".join([f"{pool['product']} {use_text(pool)}", *seat_remarks(pool)])
