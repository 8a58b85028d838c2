"""The geometry of a bar of seats, in hundredths of its length."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class Bar:
    """A bar: `level` names its colour, lengths and places are from 0 to 100.

    `label` is what a screen reader says. `before` and `quota` are marks on the bar, None where they
    would say nothing.
    """

    level: str
    label: str
    used: float
    offline: float
    before: float | None
    quota: float | None


def bar_of(pool: Mapping[str, Any], name: str) -> Bar | None:
    """Return the bar of a pool's use after the changes; None where quota or use is unknown."""
    quota, after = pool.get("quota"), pool.get("used_after")
    if quota is None or after is None:
        return None
    before = pool.get("used")
    whole = max(quota, after, before or 0, 1)
    moved = before is not None and before != after
    return Bar(
        level=_level(after, quota),
        label=f"{name}: {after} of {quota} seats in use{f', {before} before' if moved else ''}",
        used=_part(after, whole),
        offline=_part(min(pool.get("offline") or 0, after), whole),
        before=_part(before, whole) if before is not None and moved else None,
        quota=_part(quota, whole) if max(after, before or 0) > quota else None,
    )


def _level(used: int, quota: int) -> str:
    if used > quota:
        return "over"
    if used == quota:
        return "full"
    return "near" if used * 10 >= quota * 9 else "free"


def _part(count: int, whole: int) -> float:
    return round(100 * count / whole, 2)
