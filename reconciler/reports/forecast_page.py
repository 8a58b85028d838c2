"""Seats over time as data: the published format of `forecast`."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date
from typing import Any

from reconciler.planning.forecast import OrganizationForecast, PoolForecast
from reconciler.planning.seats_ahead import ForecastDay

FORMAT = "license-forecast/1"

Document = dict[str, Any]


def page_of(
    forecasts: Iterable[OrganizationForecast], *, first: date, last: date, target: str
) -> Document:
    """Return the document of these organizations from the first to the last day."""
    return {
        "format": FORMAT,
        "as_of": first.isoformat(),
        "until": last.isoformat(),
        "target": target,
        "organizations": [_organization(row) for row in forecasts],
    }


def _organization(row: OrganizationForecast) -> Document:
    return {
        "id": row.id,
        "name": row.name,
        "unknown": list(row.unknown),
        "pools": [_pool(pool) for pool in row.pools],
    }


def _pool(pool: PoolForecast) -> Document:
    return {
        "product": pool.product,
        "expires": _iso(pool.expires),
        "first_short_day": _iso(pool.first_short_day),
        "days": [_day(row) for row in pool.days],
    }


def _day(row: ForecastDay) -> Document:
    return {
        "day": row.day.isoformat(),
        "wanted": row.wanted,
        "quota": row.quota,
        "pinned": row.pinned,
        "short": row.short,
    }


def _iso(day: date | None) -> str | None:
    return None if day is None else day.isoformat()
