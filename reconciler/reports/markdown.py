"""The plan as Markdown for a comment on a pull request, never longer than such a comment may be."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from reconciler.reports.counts import counted, outcome_words, total
from reconciler.reports.markdown_cells import LONGEST, code, prose, shortened, table_row
from reconciler.reports.markdown_room import Block, Fitted, Section, fit
from reconciler.reports.markdown_rows import CHANGE_HEADER, change_row, place_code, who
from reconciler.reports.markdown_taken import taken
from reconciler.reports.seats import seat_remarks, use_text
from reconciler.reports.spans import LIMIT, Look
from reconciler.reports.takings import Counts, counts_of, takings
from reconciler.reports.wording import (
    ACTIONS,
    code_words,
    is_unchanged,
    loser,
    misleading,
    refusal_source,
    scope_words,
    title,
    unread,
)
from reconciler.reports.write_notes import WriteNote, write_notes

Document = Mapping[str, Any]

MARKER = "<!-- reconciler: changes={digest} -->"
"""The first line, for programs: it names the changes digest. No value can forge such a line."""

_DIGEST = re.compile(r"sha256:[0-9a-f]{64}")
_NAMED = 10
_TITLE = 80
_MOST_PLANS = 100
_BAR = 10
_OPEN_CHANGES = 25
_MOST_ROWS = LIMIT // 40
_COUNTED = (
    ("changes", "change"), ("deferred", None), ("refusals", "refusal"), ("warnings", "warning")
)  # fmt: skip
_KINDS = ("organizations", "changes", "waiting changes", "refusals", "withheld changes", "warnings")


def render_all(documents: Sequence[Document], look: Look) -> str:
    """Return one or several plans as one comment, of at most so many characters as it may have."""
    organizations = [row for document in documents for row in document["organizations"]]
    rows = takings(organizations)
    head = [*_markers(documents), *_headline(documents, counts_of(rows))]
    more = list(_alarms(documents))
    foot = [*_unchanged(organizations), *_facts(documents)]
    room = look.room - sum(len(row) + 1 for row in (*head, *more, *foot))
    room -= len(_left_out_at_most(look))
    # What takes something away comes first, and may have all the room that there is.
    away = taken(rows, room)
    sections = [_section(row) for row in organizations if not is_unchanged(row)]
    fitted = fit(sections, min(room - away.size, LIMIT))
    left = _left_out(fitted, away.left_out, look)
    lines = [*head, *away.lines, *more, *fitted.lines(), *left, *foot]
    return "\n".join(lines).rstrip() + "\n"


def _markers(documents: Sequence[Document]) -> Iterator[str]:
    for document in documents[:_MOST_PLANS]:
        digest = document["changes_digest"]
        if not _DIGEST.fullmatch(digest):
            raise ValueError(f"not a digest: {digest!r}")
        yield MARKER.format(digest=digest)


def _headline(documents: Sequence[Document], counts: Counts) -> Iterator[str]:
    words = [counts.words] if counts.words else []
    yield f"## License plan: {'; '.join([*words, outcome_words(total(documents))])}"
    yield ""
    yield from _writing(write_notes(documents))
    yield from _caution(counts)


def _alarms(documents: Sequence[Document]) -> Iterator[str]:
    organizations = [row for document in documents for row in document["organizations"]]
    refusals = [refusal for row in organizations for refusal in row["refusals"]]
    if refusals:
        withheld = sum(len(refusal.get("withheld") or ()) for refusal in refusals)
        what = f", {counted(withheld, 'change')} withheld" if withheld else ""
        yield "> [!WARNING]"
        yield f"> **{counted(len(refusals), 'refusal')}{what}: a person has to act first.**"
        yield ""
    yield from _misleading(misleading(documents))
    yield from _unread(unread(documents))
    if not all(document.get("live", True) for document in documents):
        yield "> [!NOTE]"
        yield "> Not applyable: it was made from a snapshot, or for another day than today."
        yield ""


def _misleading(rows: Sequence[tuple[str, str]]) -> Iterator[str]:
    """Yield the warnings without which what a reader sees stands for something else."""
    if not rows:
        return
    yield "> [!WARNING]"
    yield f"> **{counted(len(rows), 'name')} may mislead.**"
    for name, message in rows[:_NAMED]:
        yield f"> - {prose(shortened(name, _TITLE))}: {prose(shortened(message, 2 * LONGEST))}"
    if len(rows) > _NAMED:
        yield f"> - … and {len(rows) - _NAMED:,} more"
    yield ""


def _writing(found: Sequence[WriteNote]) -> Iterator[str]:
    for told in found[:_NAMED]:
        yield "> [!CAUTION]"
        yield f"> **{prose(shortened(told.heading))}:**"
        yield from (f"> - {code(shortened(row))}" for row in told.lines)
        yield ""
    if len(found) > _NAMED:
        yield f"> **… and {len(found) - _NAMED} more targets that are not written as by default**"
        yield ""


def _unread(rows: Sequence[Document]) -> Iterator[str]:
    if not rows:
        return
    yield "> [!WARNING]"
    yield f"> **{counted(len(rows), 'organization')} could not be read, and so is not planned.**"
    for row in rows[:_NAMED]:
        yield f"> - organization {row['id']}: {prose(shortened(row['message']))}"
    if len(rows) > _NAMED:
        yield f"> - … and {len(rows) - _NAMED} more"
    yield ""


def _caution(counts: Counts) -> Iterator[str]:
    if counts.words:
        yield "> [!CAUTION]"
        yield f"> **{counts.words}.**"
        yield ""


def _section(organization: Document) -> Section:
    counts = ", ".join(
        counted(len(organization[part]), noun) if noun else f"{len(organization[part])} waiting"
        for part, noun in _COUNTED
        if organization[part]
    )
    head = [f"### {prose(shortened(title(organization), _TITLE))}: {counts}", ""]
    if organization["pools"]:
        head += ["| Product | Seats | Remarks |", "| --- | --- | --- |"]
        head += [_pool(pool) for pool in organization["pools"]]
        head.append("")
    withheld = [
        change for refusal in organization["refusals"] for change in refusal.get("withheld") or ()
    ]
    # What takes something away stands above, before everything else.
    others = [change for change in organization["changes"] if loser(change) is None]
    name = "Changes" if len(others) == len(organization["changes"]) else "Further changes"
    blocks = (
        _refusals(organization["refusals"]),
        _changes("changes", name, others, 1),
        _deferrals(organization["deferred"]),
        _warnings(organization["warnings"]),
        _changes("withheld changes", "Withheld", withheld, 4),
    )
    return Section(tuple(head), tuple(block for block in blocks if block.rows))


def _pool(pool: Document) -> str:
    use = use_text(pool).replace("->", "→")
    return table_row((pool["product"], f"{_bar(pool)}{use}", ", ".join(seat_remarks(pool))))


def _bar(pool: Document) -> str:
    used, quota = pool.get("used_after"), pool.get("quota")
    if used is None or not quota:
        return ""
    full = min(_BAR, -(-used * _BAR // quota))
    return f"{'▰' * full}{'▱' * (_BAR - full)} "


def _changes(kind: str, name: str, changes: Sequence[Document], rank: int) -> Block:
    rows = tuple(change_row(change) for change in changes[:_MOST_ROWS])
    count = len(changes)
    open_rows = _OPEN_CHANGES if kind == "changes" else 0
    return Block(kind, f"{name} ({count:,})", rows, count, rank, CHANGE_HEADER, open_rows)


def _deferrals(deferred: Sequence[Document]) -> Block:
    header = ("| Waits | Product | Who | Why | From | Place |", f"|{' --- |' * 6}")
    rows = tuple(_deferral(row) for row in deferred[:_MOST_ROWS])
    count = len(deferred)
    return Block("waiting changes", f"Waiting ({count:,})", rows, count, 2, header)


def _deferral(row: Document) -> str:
    why = f"**{prose(code_words(row['reason']))}**"
    if row.get("message"):
        why += f": {prose(row['message'])}"
    name, since = ACTIONS[row["action"]].name, row.get("available_from") or ""
    return table_row((name, row["product"], who(row), why, since, place_code(row.get("source"))))


def _refusals(refusals: Sequence[Document]) -> Block:
    rows = tuple(
        f"- ⛔ **{prose(code_words(row['code']))}** ({prose(scope_words(row))}): "
        f"{prose(row['message'])} {place_code(refusal_source(row))}".rstrip()
        for row in refusals[:_MOST_ROWS]
    )
    count = len(refusals)
    return Block("refusals", f"Refused ({count:,})", rows, count, 0, open_rows=_OPEN_CHANGES)


def _warnings(warnings: Sequence[Document]) -> Block:
    rows = tuple(
        f"- **{prose(code_words(row['code']))}**: {prose(row['message'])} "
        f"{place_code(row.get('source'))}".rstrip()
        for row in warnings[:_MOST_ROWS]
    )
    return Block("warnings", f"Warnings ({len(warnings):,})", rows, len(warnings), 3)


def _left_out(fitted: Fitted, taken_away: int, look: Look) -> Iterator[str]:
    left = dict(fitted.left_out)
    if taken_away:
        left["changes"] = left.get("changes", 0) + taken_away
    counts = [f"{left[kind]:,} {kind}" for kind in _KINDS if kind in left]
    if counts:
        yield _left_out_text(", ".join(counts), look)
        yield ""


def _left_out_text(what: str, look: Look) -> str:
    where = f"see {look.whole}" if look.whole else "`reconciler report` shows it from its file"
    return f"**Left out here, for want of room:** {what}. The plan itself is whole: {where}."


def _left_out_at_most(look: Look) -> str:
    return _left_out_text(", ".join(f"{10**9:,} {kind}" for kind in _KINDS), look) + "\n\n"


def _unchanged(organizations: Sequence[Document]) -> Iterator[str]:
    names = [title(row) for row in organizations if is_unchanged(row)]
    if not names:
        return
    named = ", ".join(prose(shortened(name, _TITLE)) for name in names[:_NAMED])
    more = f" and {len(names) - _NAMED} more" if len(names) > _NAMED else ""
    yield f"Unchanged: {named}{more}"
    yield ""


def _facts(documents: Sequence[Document]) -> Iterator[str]:
    for document in documents[:_NAMED]:
        config = document.get("config") or {}
        revision = config.get("revision")
        facts = [f"As of {document['as_of']}", f"for {code(document['target'])}"]
        if revision:
            dirty = " with uncommitted edits" if config.get("dirty") else ""
            facts.append(f"files at {code(revision[:12])}{dirty}")
        facts.append(f"changes digest {code(document['changes_digest'])}")
        yield f"<sub>{' · '.join(facts)}</sub>"
        yield ""
    if len(documents) > _NAMED:
        yield f"<sub>… and {len(documents) - _NAMED} more plans</sub>"
