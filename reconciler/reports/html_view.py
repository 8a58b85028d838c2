"""What the HTML pages show, made ready for their templates."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from reconciler.products import PRODUCTS
from reconciler.reports.bars import Bar, bar_of
from reconciler.reports.charts import Chart, chart_of
from reconciler.reports.seats import seat_remarks, use_text
from reconciler.reports.takings import Taking
from reconciler.reports.wording import (
    ACTIONS,
    code_words,
    flags,
    is_unchanged,
    loser,
    place_text,
    refusal_source,
    remarks,
    scope_words,
    title,
)

Document = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Row:
    """One line of a table of changes; `kind` is what the filters go by."""

    kind: str
    sign: str
    word: str
    product: str
    holder: str | None
    subject: str
    until: str | None
    said: str
    flags: tuple[str, ...]
    place: str
    takes: bool = False


@dataclass(frozen=True, slots=True)
class Takes:
    """What one organization loses, in words and row by row."""

    title: str
    words: str
    rows: tuple[Row, ...]


@dataclass(frozen=True, slots=True)
class Remark:
    """A refusal or a warning; `rows` are the changes that a refusal withholds."""

    code: str
    scope: str
    message: str
    place: str
    rows: tuple[Row, ...] = ()


@dataclass(frozen=True, slots=True)
class Seats:
    """One pool: its numbers in words, and its bar where they are known."""

    product: str
    name: str
    use: str
    facts: tuple[str, ...]
    bar: Bar | None


@dataclass(frozen=True, slots=True)
class Section:
    """One organization."""

    id: int
    title: str
    seats: tuple[Seats, ...]
    changes: tuple[Row, ...]
    waiting: tuple[Row, ...]
    refusals: tuple[Remark, ...]
    warnings: tuple[Remark, ...]
    charts: tuple[Chart, ...]
    steady: tuple[str, ...]

    @property
    def counts(self) -> str:
        """How much there is to see, in words."""
        parts = (
            (len(self.changes), "change" if len(self.changes) == 1 else "changes"),
            (len(self.waiting), "waiting"),
            (len(self.refusals), "refused"),
            (len(self.warnings), "warning" if len(self.warnings) == 1 else "warnings"),
        )
        return ", ".join(f"{number:,} {noun}" for number, noun in parts if number)


def sections(documents: Sequence[Document]) -> Iterator[Section]:
    """Yield the organizations in which there is something to look at."""
    for document in documents:
        ahead = document.get("forecast") or {}
        forecasts = {row["id"]: row for row in ahead.get("organizations", ())}
        for organization in document["organizations"]:
            found = forecasts.get(organization["id"])
            if is_unchanged(organization) and not _speaks(found):
                continue
            yield _section(organization, found, ahead)


def unchanged(documents: Sequence[Document], found: Sequence[Section]) -> list[str]:
    """Return the titles of the organizations that are not among these sections."""
    shown = {section.id for section in found}
    return [
        title(row)
        for document in documents
        for row in document["organizations"]
        if row["id"] not in shown
    ]


def taken_of(taking: Taking) -> Takes:
    """Return what is taken away in one organization, as it is shown."""
    rows = tuple(_row(change, change["action"]) for change in taking.changes)
    return Takes(title(taking.organization), taking.counts.words, rows)


def seats_of(pool: Document) -> Seats:
    """Return one pool as it is shown."""
    key = str(pool["product"])
    product = PRODUCTS.get(key)
    name = product.name if product else key
    use = use_text(pool).replace("->", "→")
    return Seats(key, name, use, tuple(seat_remarks(pool)), bar_of(pool, name))


def _section(organization: Document, found: Document | None, ahead: Document) -> Section:
    pools = found["pools"] if found else ()
    return Section(
        id=organization["id"],
        title=title(organization),
        seats=tuple(seats_of(pool) for pool in organization["pools"]),
        changes=tuple(_row(change, change["action"]) for change in organization["changes"]),
        waiting=tuple(_waiting(row) for row in organization["deferred"]),
        refusals=tuple(_refusal(refusal) for refusal in organization["refusals"]),
        warnings=tuple(_warning(warning) for warning in organization["warnings"]),
        charts=tuple(
            chart_of(pool, ahead["as_of"], ahead["until"]) for pool in pools if _moves(pool)
        ),
        steady=tuple(str(pool["product"]) for pool in pools if not _moves(pool)),
    )


def _moves(pool: Document) -> bool:
    return len(pool["days"]) > 1 or bool(pool["first_short_day"])


def _speaks(found: Document | None) -> bool:
    """Tell whether a forecast is a reason to show an organization that nothing changes in."""
    return found is not None and any(pool["first_short_day"] for pool in found["pools"])


def _row(change: Document, kind: str) -> Row:
    word = ACTIONS[change["action"]]
    return Row(
        kind=kind,
        sign=word.sign,
        word=word.name,
        product=change["product"],
        holder=change["from"]["id"] if change.get("from") else None,
        subject=change["subject"]["id"],
        until=change.get("expires"),
        said="; ".join(remarks(change)),
        flags=tuple(flags(change)),
        place=place_text(change.get("source")),
        # What is withheld takes nothing away, as long as it is.
        takes=any(flags(change)) or (kind != "refused" and loser(change) is not None),
    )


def _waiting(row: Document) -> Row:
    when = f", from {row['available_from']}" if row.get("available_from") else ""
    message = f": {row['message']}" if row.get("message") else ""
    return Row(
        kind="waits",
        sign=">",
        word=ACTIONS[row["action"]].name,
        product=row["product"],
        holder=None,
        subject=row["subject"]["id"],
        until=row.get("expires"),
        said=f"{code_words(row['reason'])}{when}{message}",
        flags=(),
        place=place_text(row.get("source")),
    )


def _refusal(refusal: Document) -> Remark:
    return Remark(
        code=code_words(refusal["code"]),
        scope=scope_words(refusal),
        message=refusal["message"],
        place=place_text(refusal_source(refusal)),
        rows=tuple(_row(change, "refused") for change in refusal.get("withheld") or ()),
    )


def _warning(warning: Document) -> Remark:
    return Remark(
        code=code_words(warning["code"]),
        scope="",
        message=warning["message"],
        place=place_text(warning.get("source")),
    )
