"""Days and instants of the wire: ISO 8601 text to the values of the state, and back."""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from reconciler.errors import UsageError
from reconciler.model.calendar import in_zone


def zone(name: str) -> ZoneInfo:
    """Return the time zone of this IANA name; raises `UsageError` where there is none."""
    try:
        return ZoneInfo(name)
    except (OSError, ValueError, LookupError) as error:
        raise UsageError(
            f"there is no time zone {name!r}", hint="use an IANA name such as Europe/Berlin"
        ) from error


def instant(text: str) -> datetime:
    """Return an ISO 8601 date-time in UTC; one without an offset is UTC. Raises `ValueError`."""
    moment = datetime.fromisoformat(text)
    if moment.tzinfo is None:
        return moment.replace(tzinfo=UTC)
    return in_zone(moment, UTC)


def last_day(text: str, where: ZoneInfo) -> date:
    """Return the last day on which something that expires then still holds. Raises `ValueError`.

    A date is that day, and so is a date-time at its very end in UTC (23:59:59, or the midnight
    after it), which is how the API writes a date: it means the same day in every time zone. Any
    other date-time is its day in the time zone given.
    """
    if len(text) == len("2027-03-31"):
        return date.fromisoformat(text)
    moment = instant(text)
    try:
        before = moment - timedelta(seconds=1)
    except OverflowError:
        return moment.date()
    if moment.time() == time() or moment.time().replace(microsecond=0) == time(23, 59, 59):
        return before.date()
    return in_zone(before, where).date()


def end_of_day(day: date) -> str:
    """Return the last second of a day in UTC, which is how the wire writes a date."""
    return wire(datetime.combine(day, time(23, 59, 59), tzinfo=UTC))


def wire(moment: datetime) -> str:
    """Return an instant as ISO 8601 text in UTC."""
    return in_zone(moment, UTC).isoformat().replace("+00:00", "Z")
