from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reconciler.backends import days
from reconciler.errors import UsageError

ZONES = st.sampled_from(
    ["UTC", "Asia/Tokyo", "America/Los_Angeles", "Asia/Kathmandu", "Europe/Berlin"]
).map(ZoneInfo)
DAYS = st.dates(date(1990, 1, 1), date(2120, 12, 31))


@given(DAYS, ZONES)
def test_a_day_survives_the_wire_in_every_time_zone(day: date, zone: ZoneInfo) -> None:
    assert days.last_day(days.end_of_day(day), zone) == day


@given(DAYS)
def test_the_wire_writes_a_day_as_its_last_second_in_utc(day: date) -> None:
    assert days.end_of_day(day) == f"{day}T23:59:59Z"


@given(DAYS, ZONES)
def test_a_date_is_that_day_everywhere(day: date, zone: ZoneInfo) -> None:
    assert days.last_day(day.isoformat(), zone) == day


@pytest.mark.parametrize(
    ("text", "zone", "day"),
    [
        ("2027-07-01T00:00:00Z", "UTC", date(2027, 6, 30)),
        ("2027-07-01T00:00:01Z", "UTC", date(2027, 7, 1)),
        ("2027-06-30T23:59:59.999Z", "UTC", date(2027, 6, 30)),
        ("2027-06-30T22:00:00.000+0000", "Europe/Berlin", date(2027, 6, 30)),
        ("2027-06-30T23:00:00+00:00", "Europe/Berlin", date(2027, 7, 1)),
        ("2027-06-30T12:00:00", "UTC", date(2027, 6, 30)),
        ("2027-06-30T23:59:59Z", "Asia/Ho_Chi_Minh", date(2027, 6, 30)),
        ("2027-07-01T00:00:00Z", "Asia/Ho_Chi_Minh", date(2027, 6, 30)),
        ("2027-06-30T23:59:59.999Z", "America/Los_Angeles", date(2027, 6, 30)),
        ("2027-06-30T18:00:00Z", "Asia/Ho_Chi_Minh", date(2027, 7, 1)),
        ("9999-12-31T23:59:59Z", "Asia/Tokyo", date(9999, 12, 31)),
        ("0001-01-01T00:00:00Z", "UTC", date(1, 1, 1)),
    ],
)
def test_an_expiry_is_the_last_day_on_which_it_holds(text: str, zone: str, day: date) -> None:
    assert days.last_day(text, ZoneInfo(zone)) == day


@pytest.mark.parametrize("text", ["", "soon", "2027-02-30", "2027-02-30T00:00:00Z", "1735689600"])
def test_what_is_no_date_is_refused(text: str) -> None:
    with pytest.raises(ValueError):  # noqa: PT011 - the standard library's own messages
        days.last_day(text, ZoneInfo("UTC"))


@given(st.datetimes(datetime(1990, 1, 1), datetime(2120, 1, 1)), ZONES)  # noqa: DTZ001
def test_an_instant_survives_the_wire(moment: datetime, zone: ZoneInfo) -> None:
    there = moment.replace(tzinfo=UTC)
    assert days.instant(days.wire(there.astimezone(zone))) == there
    assert days.instant(days.wire(there)).utcoffset() == timedelta(0)


@pytest.mark.parametrize("name", ["Mars/Olympus", "", "../../etc/passwd"])
def test_an_unknown_time_zone_is_told(name: str) -> None:
    with pytest.raises(UsageError, match="no time zone"):
        days.zone(name)
