"""The forecast as data and as text."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import date

from reconciler.planning.forecast import OrganizationForecast, PoolForecast
from reconciler.planning.seats_ahead import ForecastDay
from reconciler.reports.forecast_formats import FORMATS
from reconciler.reports.forecast_page import page_of
from reconciler.reports.spans import Look

FIRST, LATER, LAST = date(2026, 11, 24), date(2027, 2, 1), date(2027, 11, 24)
KSE = PoolForecast(
    "kse",
    (ForecastDay(FIRST, 5, 2, 5), ForecastDay(LATER, 12, 1, 5)),
    expires=date(2028, 6, 30),
)
STEADY = PoolForecast("testops", (ForecastDay(FIRST, 3, 0, 4),), None)
ACME = OrganizationForecast(101, "Acme QA", (KSE, STEADY))


def shown(*organizations: OrganizationForecast, look: Look | None = None) -> str:
    page = page_of(organizations, first=FIRST, last=LAST, target="snapshot:s.yaml")
    return FORMATS["text"](page, look or Look())


def test_json_is_the_published_format() -> None:
    page = page_of([replace(ACME, unknown=("kre-devops",))], first=FIRST, last=LAST, target="t")
    assert json.loads(FORMATS["json"](page, Look())) == {
        "format": "license-forecast/1",
        "as_of": "2026-11-24",
        "until": "2027-11-24",
        "target": "t",
        "organizations": [
            {
                "id": 101,
                "name": "Acme QA",
                "unknown": ["kre-devops"],
                "pools": [
                    {
                        "product": "kse",
                        "expires": "2028-06-30",
                        "first_short_day": "2027-02-01",
                        "days": [
                            {
                                "day": "2026-11-24",
                                "wanted": 5,
                                "quota": 5,
                                "pinned": 2,
                                "short": 0,
                            },
                            {
                                "day": "2027-02-01",
                                "wanted": 12,
                                "quota": 5,
                                "pinned": 1,
                                "short": 7,
                            },
                        ],
                    },
                    {
                        "product": "testops",
                        "expires": None,
                        "first_short_day": None,
                        "days": [
                            {
                                "day": "2026-11-24",
                                "wanted": 3,
                                "quota": 4,
                                "pinned": 0,
                                "short": 0,
                            }
                        ],
                    },
                ],
            }
        ],
    }


def test_a_pool_that_changes_is_a_table_and_one_that_does_not_is_a_line() -> None:
    assert shown(ACME) == (
        "Acme QA (101)\n"
        "  kse, ends 2028-06-30\n"
        "                wanted  quota  pinned  short\n"
        "    2026-11-24       5      5       2      0\n"
        "    2027-02-01      12      5       1      7  <- first short day\n"
        "  testops  3 wanted of 4, no change\n"
        "\n"
        "Forecast: 1 of 2 pools short, the first on 2027-02-01.\n"
        "from 2026-11-24 to 2027-11-24, for snapshot:s.yaml\n"
    )


def test_a_steady_shortage_is_told_in_its_line() -> None:
    short = PoolForecast("kse", (ForecastDay(FIRST, 5, 1, 4),), date(2028, 1, 1))
    text = shown(replace(ACME, pools=(short,)))
    assert "  kse  5 wanted of 4, 1 pinned, 1 short, no change, ends 2028-01-01\n" in text
    assert "Forecast: the pool short" not in text
    assert "Forecast: 1 of 1 pool short, the first on 2026-11-24.\n" in text


def test_what_is_unknown_is_said() -> None:
    unknown = PoolForecast("kse", (ForecastDay(FIRST, 5, 0, None),), None)
    text = shown(OrganizationForecast(7, None, (unknown,), ("testops",)))
    assert text.startswith("organization 7\n")
    assert "  kse  5 wanted of ?, no change\n" in text
    assert "  testops: its lists cannot be read, so nothing can be said\n" in text
    assert "no seat is missing in what can be read" in text


def test_an_organization_without_products_is_said_to_name_none() -> None:
    text = shown(OrganizationForecast(7, "Seven", ()))
    assert "  no product is named\n" in text
    assert "Forecast: no seat is missing.\n" in text


def test_floating_pools_come_with_what_is_left_out_of_them() -> None:
    note = "sessions are not foreseen"
    floating = replace(STEADY, product="kse-floating")
    assert note not in shown(ACME)
    assert note in shown(replace(ACME, pools=(floating,)))


def test_a_name_cannot_move_the_cursor() -> None:
    text = shown(replace(ACME, name="Acme\x1b[2J\u202e"))
    assert "Acme\\x1b[2J\\u202e (101)" in text


def test_shortage_stands_out_where_there_are_colours() -> None:
    text = shown(ACME, look=Look(colours=True))
    assert "\x1b[1;31m2027-02-01" in text
    assert "\x1b[1;31m2026-11-24" not in text
