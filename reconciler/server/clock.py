"""The server's clock and the form of instants in its database and on the wire."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import UTC, date, datetime, time, timedelta

Clock = Callable[[], datetime]
"""Gives the present instant, with its time zone."""

_WIRE = re.compile(
    r"\d{4}-\d\d-\d\d[Tt]\d\d:\d\d(:\d\d(\.\d{1,9})?)?([Zz]|[+-]\d\d:\d\d)", re.ASCII
)
_DAY = re.compile(r"\d{4}-\d\d-\d\d", re.ASCII)


def system_clock() -> datetime:
    """Return the present instant."""
    return datetime.now(UTC)


def fixed_day(day: date) -> Clock:
    """Return a clock that stands still at noon (UTC) of this day."""
    instant = datetime.combine(day, time(12), UTC)
    return lambda: instant


def instant_text(instant: datetime) -> str:
    """Return an instant in UTC as ISO 8601, with fractions of a second only where it has some."""
    if instant.tzinfo is None:
        instant = instant.replace(tzinfo=UTC)
    return instant.astimezone(UTC).isoformat().removesuffix("+00:00") + "Z"


def second_text(instant: datetime) -> str:
    """Return an instant cut to its second, the form in which expiries are stored and compared.

    Texts of this form sort as the instants do. A license that expires at T holds while
    `second_text(now) <= T`, hence through the whole of its last second.
    """
    return instant_text(instant.replace(microsecond=0))


def end_of_day(day: date) -> str:
    """Return the last second of a day (UTC), the expiry of what ends with that day."""
    return f"{day.isoformat()}T23:59:59Z"


def parse_instant(text: str) -> datetime:
    """Return the instant that an ISO 8601 date-time with an offset names, else raise ValueError."""
    if not _WIRE.fullmatch(text):
        raise ValueError(f"{text!r} is not a date-time with an offset")
    try:
        return datetime.fromisoformat(text.upper()).astimezone(UTC)
    except OverflowError as error:
        raise ValueError(f"{text!r} lies outside of the calendar") from error


def parse_expiry(value: object) -> str:
    """Return the expiry that a snapshot gives as a day or a date-time, else raise ValueError."""
    match value:
        case datetime():
            return second_text(value)
        case date():
            return end_of_day(value)
        case str() if _DAY.fullmatch(value):
            return end_of_day(date.fromisoformat(value))
        case str():
            return second_text(parse_instant(value))
        case _:
            raise ValueError(f"{value!r} is neither a day nor a date-time")


def earlier(instant: datetime, by: timedelta) -> str:
    """Return the second that lies `by` before an instant, or the calendar's first."""
    try:
        return second_text(instant - by)
    except OverflowError:
        return second_text(datetime.min.replace(tzinfo=UTC))
