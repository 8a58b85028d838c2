"""The geometry of a chart of seats over time: paths and marks for an inline SVG."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

WIDTH, HEIGHT = 640, 150
LEFT, RIGHT, TOP, BOTTOM = 34, 8, 18, 22

_MOST_TICKS = 7
_MOST_STEPS = 4

Document = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Tick:
    """A mark on an axis with its label; `at` is where it stands."""

    at: float
    label: str


@dataclass(frozen=True, slots=True)
class Box:
    """A time of missing seats: from the seats that are bought up to those that are wanted."""

    x: float
    y: float
    width: float
    height: float


@dataclass(frozen=True, slots=True)
class Chart:
    """One pool over time. Paths are SVG's; `quota` is empty where it is unknown throughout."""

    product: str
    title: str
    wanted: str
    area: str
    pinned: str
    quota: str
    short: tuple[Box, ...]
    first_short: Tick | None
    days: tuple[Tick, ...]
    seats: tuple[Tick, ...]
    rows: Sequence[Document]


@dataclass(frozen=True, slots=True)
class _Scale:
    first: date
    days: int
    top: int

    def x(self, day: str) -> float:
        """Return where a day stands."""
        passed = (date.fromisoformat(day) - self.first).days
        return round(LEFT + (WIDTH - LEFT - RIGHT) * passed / self.days, 1)

    def y(self, seats: int) -> float:
        """Return where a number of seats stands."""
        return round(HEIGHT - BOTTOM - (HEIGHT - TOP - BOTTOM) * seats / self.top, 1)


def chart_of(pool: Document, first: str, until: str) -> Chart:
    """Return the chart of a forecast's pool, from its first to its last day."""
    rows = pool["days"]
    start = date.fromisoformat(first)
    most = max(max(row["wanted"], row["quota"] or 0) for row in rows)
    days = max(1, (date.fromisoformat(until) - start).days)
    scale = _Scale(start, days, max(1, most))
    wanted = _steps(rows, "wanted", scale, until)
    end = f"V{scale.y(0)}H{LEFT}Z"
    pinned = any(row["pinned"] for row in rows)
    short_day = pool["first_short_day"]
    return Chart(
        product=pool["product"],
        title=_title(pool, first, until),
        wanted=wanted,
        area=f"{wanted}{end}",
        pinned=f"{_steps(rows, 'pinned', scale, until)}{end}" if pinned else "",
        quota=_steps(rows, "quota", scale, until),
        short=tuple(_short(rows, scale, until)),
        first_short=Tick(scale.x(short_day), short_day) if short_day else None,
        days=tuple(_day_ticks(start, date.fromisoformat(until), scale)),
        seats=tuple(_seat_ticks(scale)),
        rows=rows,
    )


def _title(pool: Document, first: str, until: str) -> str:
    short = pool["first_short_day"]
    said = f"a seat is missing from {short}" if short else "no seat is missing"
    return f"Seats of {pool['product']} from {first} to {until}: {said}"


def _steps(rows: Sequence[Document], key: str, scale: _Scale, until: str) -> str:
    """Return a path that holds each row's value until the next; unknown values leave a gap."""
    path, drawing = "", False
    ends = [*(row["day"] for row in rows[1:]), until]
    for row, end in zip(rows, ends, strict=True):
        if row[key] is None:
            drawing = False
            continue
        y = scale.y(row[key])
        path += f"V{y}" if drawing else f"M{scale.x(row['day'])} {y}"
        path += f"H{scale.x(end)}"
        drawing = True
    return path


def _short(rows: Sequence[Document], scale: _Scale, until: str) -> Iterator[Box]:
    """Yield each time of missing seats."""
    ends = [*(row["day"] for row in rows[1:]), until]
    for row, end in zip(rows, ends, strict=True):
        if row["short"]:
            x, y = scale.x(row["day"]), scale.y(row["wanted"])
            height = scale.y(row["wanted"] - row["short"]) - y
            yield Box(x, y, round(max(1.0, scale.x(end) - x), 1), round(height, 1))


def _day_ticks(first: date, last: date, scale: _Scale) -> Iterator[Tick]:
    """Yield the first days of months, as many as there is room for."""
    months = [
        date(year, month, 1)
        for year in range(first.year, last.year + 1)
        for month in range(1, 13)
        if first <= date(year, month, 1) <= last
    ]
    every = max(1, -(-len(months) // _MOST_TICKS))
    for month in months[::every]:
        yield Tick(scale.x(month.isoformat()), month.isoformat()[:7])


def _seat_ticks(scale: _Scale) -> Iterator[Tick]:
    step = max(1, -(-scale.top // _MOST_STEPS))
    for seats in range(0, scale.top + 1, step):
        yield Tick(scale.y(seats), str(seats))
