"""A checklist as Markdown, with boxes to tick."""

from __future__ import annotations

from collections.abc import Iterator

from reconciler.applying.checklist import END, Checklist, NumberedStep, title
from reconciler.applying.markdown import block, code, link, sentence
from reconciler.products import PRODUCTS

HEADING = "# License changes to make by hand"
"""The first line of every checklist in Markdown, by which one is told from an account."""


def render(checklist: Checklist) -> str:
    """Return the checklist as Markdown."""
    return "\n".join(_lines(checklist))


def _lines(checklist: Checklist) -> Iterator[str]:
    yield HEADING
    yield ""
    for paragraph in checklist.before():
        yield sentence(paragraph)
        yield ""
    for section in checklist.sections:
        yield f"## {sentence(title(section.id, section.name))}"
        yield ""
        for row in section.steps:
            yield from _step(row)
    if checklist.others:
        yield "## Not among these steps"
        yield ""
        yield from (f"- {sentence(words)}" for words in checklist.others)
        yield ""
    if checklist.sections:
        yield sentence(END)
        yield ""


def _step(row: NumberedStep) -> Iterator[str]:
    step = row.step
    name = step.name if step.product in PRODUCTS else code(step.product)
    yield f"### {row.number}. {name}: {step.title}"
    yield ""
    if row.address is not None:
        yield f"Page: {link('License Management', row.address)}"
        yield ""
    for task in step.tasks:
        yield f"- [ ] {sentence(task.text)}"
        if task.copied:
            yield ""
            yield from block(task.copied, indent="  ")
            yield ""
    for check in step.checks:
        yield f"- [ ] Verify: {sentence(check)}"
    yield ""
    if step.notes:
        yield from (f"> {sentence(note)}  " for note in step.notes)
        yield ""
