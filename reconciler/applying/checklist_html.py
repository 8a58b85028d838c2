"""A checklist as one HTML page: no script, no network, and nothing of a value is markup."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Iterable, Iterator, Mapping
from html import escape
from types import MappingProxyType

from reconciler.applying.checklist import END, Checklist, NumberedStep, Section, title
from reconciler.applying.markdown import address_of
from reconciler.applying.wording import Tone, Words
from reconciler.model.text import printable
from reconciler.products import PRODUCTS

_TITLE = "License changes to make by hand"

# A block that is clicked is selected whole, and what is ticked is counted, both without a script.
_STYLE = """
:root { color-scheme: light dark; --line: #8886; --soft: #8882; --warn: #c60; }
body { font: 1rem/1.5 system-ui, sans-serif; max-width: 50rem; margin: 2rem auto; padding: 0 1rem;
  counter-reset: ticked; overflow-wrap: anywhere; }
h1 { line-height: 1.2; }
h2 { border-bottom: 1px solid var(--line); margin-top: 2.5rem; }
section section { border: 1px solid var(--line); border-radius: .5rem; padding: 0 1rem 1rem;
  margin: 1rem 0; }
code, pre { font-family: ui-monospace, monospace; background: var(--soft); border-radius: .25rem;
  padding: .1em .3em; }
pre { padding: .5rem; margin: .25rem 0 .5rem 1.75rem; white-space: pre-wrap; user-select: all; }
label { display: block; padding: .2rem 0 .2rem 1.75rem; text-indent: -1.75rem; }
input { width: 1.1rem; height: 1.1rem; margin: 0 .65rem 0 0; vertical-align: -.15rem; }
input:checked { counter-increment: ticked; }
input:checked + span { opacity: .6; text-decoration: line-through; }
.note { border-left: .25rem solid var(--warn); padding-left: .75rem; margin: .5rem 0; }
.ticked::before { content: counter(ticked); }
@media print { a::after { content: " (" attr(href) ")"; } section section { break-inside: avoid; } }
"""


def render(checklist: Checklist) -> str:
    """Return the checklist as a page that needs nothing but itself."""
    return "\n".join(_page(checklist)) + "\n"


def _page(checklist: Checklist) -> Iterator[str]:
    policy = f"default-src 'none'; style-src 'sha256-{_digest(_STYLE)}'; base-uri 'none'; " + (
        "form-action 'none'"
    )
    yield "<!doctype html>"
    yield '<html lang="en"><head><meta charset="utf-8">'
    yield f'<meta http-equiv="Content-Security-Policy" content="{policy}">'
    yield '<meta name="viewport" content="width=device-width, initial-scale=1">'
    yield '<meta name="referrer" content="no-referrer">'
    yield f"<title>{_TITLE}</title>"
    yield f"<style>{_STYLE}</style></head><body><main>"
    yield f"<h1>{_TITLE}</h1>"
    yield from (f"<p>{_sentence(paragraph)}</p>" for paragraph in checklist.before())
    boxes = 0
    for section in checklist.sections:
        yield from _section(section)
        boxes += sum(len(row.step.tasks) + len(row.step.checks) for row in section.steps)
    if checklist.others:
        yield "<section><h2>Not among these steps</h2>"
        yield from _list(checklist.others)
        yield "</section>"
    if checklist.sections:
        yield f'<p>Ticked: <span class="ticked"></span> of {boxes}.</p>'
        yield f"<p>{_sentence(END)}</p>"
    yield "</main></body></html>"


def _section(section: Section) -> Iterator[str]:
    yield f"<section><h2>{_sentence(title(section.id, section.name))}</h2>"
    for row in section.steps:
        yield "<section>"
        yield from _step(row)
        yield "</section>"
    yield "</section>"


def _step(row: NumberedStep) -> Iterator[str]:
    step = row.step
    name = escape(step.name) if step.product in PRODUCTS else _code(step.product)
    yield f"<h3>{row.number}. {name}: {escape(step.title)}</h3>"
    if row.address is not None:
        address = escape(address_of(row.address))
        link = f'<a href="{address}" target="_blank" rel="noopener noreferrer">License Management'
        yield f"<p>Page: {link}</a></p>"
    for task in step.tasks:
        yield _box(_sentence(task.text))
        if task.copied:
            lines = "\n".join(escape(printable(line)) for line in task.copied)
            yield f"<pre>{lines}</pre>"
    for check in step.checks:
        yield _box(f"Verify: {_sentence(check)}")
    yield from (f'<p class="note">{_sentence(note)}</p>' for note in step.notes)


def _box(text: str) -> str:
    return f'<label><input type="checkbox"><span>{text}</span></label>'


def _list(rows: Iterable[Words]) -> Iterator[str]:
    yield "<ul>"
    yield from (f"<li>{_sentence(words)}</li>" for words in rows)
    yield "</ul>"


def _sentence(words: Words) -> str:
    parts = []
    for part in words:
        if isinstance(part, str):
            parts.append(escape(part))
        elif part.tone is Tone.VALUE:
            parts.append(_code(part.text))
        else:
            tag = _TAGS[part.tone]
            parts.append(f"<{tag}>{escape(part.text)}</{tag}>")
    return "".join(parts)


_TAGS: Mapping[Tone, str] = MappingProxyType({Tone.LABEL: "em", Tone.STRONG: "strong"})


def _code(text: str) -> str:
    return f"<code>{escape(printable(text))}</code>"


def _digest(style: str) -> str:
    return base64.b64encode(hashlib.sha256(style.encode()).digest()).decode()
