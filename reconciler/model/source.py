"""Where a value was written: a file, a line and a column."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, order=True)
class Source:
    """A place in a file; lines and columns count from 1, line 0 means the file as a whole."""

    file: str
    line: int = 0
    column: int = 0

    def __str__(self) -> str:
        return f"{self.file}:{self.line}:{self.column}" if self.line else self.file


@dataclass(frozen=True, slots=True, order=True)
class Problem:
    """One thing that is wrong with the files, at its place, with what to do about it."""

    source: Source
    message: str

    def __str__(self) -> str:
        # The contract is `file:line:column: message` for every problem, those of whole files too.
        place = self.source
        return f"{place.file}:{place.line or 1}:{place.column or 1}: {self.message}"
