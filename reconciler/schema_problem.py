"""What is wrong with data that does not fit its schema."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class SchemaProblem:
    """One way in which data does not fit its schema.

    `path` leads to the value. Where `key` is set, that key of the mapping at `path` is at fault,
    not the whole mapping.
    """

    path: tuple[str | int, ...]
    message: str
    key: str | None = None
