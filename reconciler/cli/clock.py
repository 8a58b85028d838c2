"""The only place of the command line that asks what time it is."""

from __future__ import annotations

from datetime import UTC, date, datetime
from zoneinfo import ZoneInfo


def now() -> datetime:
    """Return the present instant, in UTC, in whole seconds."""
    return datetime.now(UTC).replace(microsecond=0)


def today(timezone: str) -> date:
    """Return the present day in a time zone."""
    return now().astimezone(ZoneInfo(timezone)).date()
