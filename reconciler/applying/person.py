"""Who does the steps of a checklist, as the walk through them sees it."""

from __future__ import annotations

from contextlib import AbstractContextManager
from enum import Enum, auto
from typing import Protocol

from reconciler.applying.checklist import NumberedStep, Section
from reconciler.applying.wording import Words


class Reply(Enum):
    """What the person answers to a step."""

    CHECK = auto()
    SKIP = auto()
    QUIT = auto()


class Person(Protocol):
    """Who does the steps; what is told here is for a terminal."""

    def begin(self, section: Section) -> None:
        """Hear which organization comes next."""
        ...

    def step(self, row: NumberedStep, total: int) -> None:
        """See a step."""
        ...

    def reply(self, *, again: bool) -> Reply:
        """Answer once the step is done, or is not to be done; `again` tells of a second look."""
        ...

    def tell(self, words: Words) -> None:
        """Hear a line."""
        ...

    def checking(self) -> AbstractContextManager[None]:
        """Wait while the licensing system is read."""
        ...
