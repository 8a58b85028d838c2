"""Which changes of an organization go in one call: adjacent ones that are alike."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from reconciler.applying.operations import alike, batchable
from reconciler.applying.remainder import Step

LARGEST = 100
"""The most subjects of one call."""


def batches(steps: Iterable[Step], *, largest: int = LARGEST) -> Iterator[tuple[Step, ...]]:
    """Yield the steps in their order, those together that one call brings about.

    The seats at every prefix stay those of the plan: a server works off the subjects of a call in
    the order given. A reassign has two calls of its own. A step that is done stands alone.
    """
    batch: list[Step] = []
    for step in steps:
        if batch and not (len(batch) < largest and _joins(batch[-1], step)):
            yield tuple(batch)
            batch = []
        batch.append(step)
    if batch:
        yield tuple(batch)


def _joins(last: Step, step: Step) -> bool:
    if len(last.pending) != 1 or len(step.pending) != 1:
        return False
    one, other = last.pending[0], step.pending[0]
    return batchable(one) and alike(one, other) and one.subject.key != other.subject.key
