"""A journal's account as text for people, grouped by what was applied."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from itertools import islice
from typing import Any

from reconciler.reports.counts import counted
from reconciler.reports.journaled import Account
from reconciler.reports.spans import Line, Look, Span, line, text_of
from reconciler.reports.write_notes import notes_of_account

Document = Mapping[str, Any]

_SOME = 100
_GAINS = {"grant": "got", "issue_offline": "got an offline license of"}
_LOSSES = {"remove": "lost", "end_session": "had a session ended of"}
_WORDS = _GAINS | _LOSSES
_UNKNOWN = "whether it took effect is not known: apply with this journal to settle it"
_STYLES = {"done": "green", "unchanged": "cyan", "skipped": "yellow"}


def render(account: Account, look: Look) -> Iterator[str]:
    """Yield the account as text, some lines at a time."""
    lines = _lines(account)
    while some := tuple(islice(lines, _SOME)):
        yield text_of(some, look)


def _lines(account: Account) -> Iterator[Line]:
    for begun, events in account.by_apply():
        yield line(Span(_title(begun), "bold"))
        for told in notes_of_account(begun):
            yield line("  ", Span(f"! {told.heading}: {'; '.join(told.lines)}", "bold red"))
        none = True
        for event in events:
            none = False
            yield _event(event)
        if none:
            yield line("  no call was made")
        yield line("  ", _end(begun["end"]))
        yield line()
    head = account.head
    if head["cut"]:
        bytes_cut = counted(head["cut"], "byte")
        yield line(f"The last line was cut short by a crash ({bytes_cut}); it is left out.")
    words = f"{counted(head['lines'], 'line')}, the chain is sound"
    yield line(Span(words, "bold"), f"; the last line's digest is {head['last_digest']}")


def _title(begun: Document) -> str:
    what = f"plan {begun['plan_digest']}" if begun["plan_digest"] else "no plan"
    revision = f"revision {begun['revision']}" if begun["revision"] else "no git revision"
    dirty = " with uncommitted changes" if begun["dirty"] else ""
    return f"{begun['at']}  {begun['via']}, {what}, {revision}{dirty}, {begun['target']}"


def _event(event: Document) -> Line:
    outcome, settled = event["outcome"], " (found out later)" if event["settled"] else ""
    verb = _WORDS.get(event["action"], event["action"])
    until = f" until {event['expires']}" if event["expires"] else ""
    if outcome == "done":
        said = f"{verb} {event['product']}{until}{settled}"
    else:
        said = f"{event['action'].replace('_', ' ')} {event['product']}{until}{settled}"
    return line(
        f"  {event['at']}  {event['organization']}  ",
        Span(f"{outcome:<9}", _STYLES.get(outcome, "bold red")),
        f"  {event['subject']}  {said}{_why(event)}",
    )


def _why(event: Document) -> str:
    if event["outcome"] in {"open", "unclear"}:
        return f": {_UNKNOWN}"
    return f": {event['message']}" if event["message"] else ""


def _end(end: Document | None) -> str:
    if end is None:
        return "it did not come to its end, or goes on"
    interrupted = ", interrupted" if end["interrupted"] else ""
    writes = counted(end["writes"], "write")
    return f"ended {end['at']}{interrupted}: exit {end['exit_code']}, {writes}"
