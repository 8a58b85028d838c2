"""A step of a checklist as lines for a terminal."""

from __future__ import annotations

from collections.abc import Iterator

from reconciler.applying.checklist import NumberedStep
from reconciler.applying.markdown import address_of
from reconciler.applying.wording import plain
from reconciler.model.text import printable


def step_lines(row: NumberedStep, total: int) -> Iterator[str]:
    """Yield the lines of one step out of `total`; nothing in them can move a cursor."""
    step = row.step
    yield f"Step {row.number} of {total}. {printable(step.name)}: {step.title}"
    if row.address is not None:
        yield f"  {address_of(row.address)}"
    for task in step.tasks:
        yield f"  - {plain(task.text)}"
        yield from (f"      {printable(line)}" for line in task.copied)
    for check in step.checks:
        yield f"  - Then: {plain(check)}"
    for note in step.notes:
        yield f"  ! {plain(note)}"
