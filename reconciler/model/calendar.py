"""Arithmetic on days and instants that ends where the calendar does, and never fails there.

The last day that can be written, 9999-12-31, is how many systems write "never": what lasts
through it does not end, so there is no day after it.
"""

from __future__ import annotations

from datetime import date, datetime, timedelta, tzinfo

_DAY = timedelta(days=1)


def day_after(day: date) -> date | None:
    """Return the next day, None after the calendar's last."""
    return day + _DAY if day < date.max else None


def day_before(day: date) -> date | None:
    """Return the day before, None before the calendar's first."""
    return day - _DAY if day > date.min else None


def days_on(day: date, count: int) -> date:
    """Return the day that lies so many (from 0) ahead, or the calendar's last."""
    return day + min(timedelta(days=count), date.max - day)


def later(moment: datetime, by: timedelta) -> datetime:
    """Return the instant that lies so much ahead, or the calendar's last."""
    try:
        return moment + by
    except OverflowError:
        return datetime.max.replace(microsecond=0, tzinfo=moment.tzinfo)


def in_zone(moment: datetime, zone: tzinfo) -> datetime:
    """Return an instant in another time zone, at the calendar's ends with the same day and time.

    What is written as the first or the last day stands for "always"; no zone moves it.
    """
    try:
        return moment.astimezone(zone)
    except OverflowError:
        return moment.replace(tzinfo=zone)
