"""The pause that a server asks for."""

from __future__ import annotations

import time
from collections.abc import Mapping
from email.utils import mktime_tz, parsedate_tz

_A_YEAR = 366 * 24 * 3600.0


def retry_after(headers: Mapping[str, str]) -> float | None:
    """Return the seconds for which Retry-After asks, None where it does not or is not legible.

    It is a number of seconds or an HTTP date; a date that has gone by asks for none. Nobody is
    asked to wait for longer than a year.
    """
    text = headers.get("retry-after", "").strip()
    if text.isascii() and text.isdigit():
        return min(float(text), _A_YEAR)
    moment = parsedate_tz(text)
    if moment is None:
        return None
    try:
        return min(max(0.0, mktime_tz(moment) - time.time()), _A_YEAR)
    except (ArithmeticError, ValueError):
        return None
