"""What the reports on a journal need of its account."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Protocol

Document = Mapping[str, Any]


class Account(Protocol):
    """The account of a journal, of which no part is kept longer than it is looked at."""

    @property
    def head(self) -> Document:
        """Return what stands over it."""
        ...

    def applies(self) -> Iterator[Document]:
        """Yield what began, in order."""
        ...

    def events(self) -> Iterator[Document]:
        """Yield what became of each subject of each call."""
        ...

    def by_apply(self) -> Iterator[tuple[Document, Iterator[Document]]]:
        """Yield each apply with its events, in order."""
        ...

    def begun(self, place: int) -> Document:
        """Return what began the apply of this number."""
        ...
