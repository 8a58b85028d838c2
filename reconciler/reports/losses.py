"""Who loses the last license or a running session: what a reviewer must not overlook."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from reconciler.reports.wording import loser

Document = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Loss:
    """One subject of one organization; `last` tells whether it holds nothing any more."""

    organization: Document
    subject: str
    last: bool
    products: tuple[str, ...]
    sessions: tuple[str, ...]


def losses(organizations: Sequence[Document]) -> Iterator[Loss]:
    """Yield a row for each subject that a change flags, in the plan's order."""
    for organization in organizations:
        lost: dict[str, list[Document]] = {}
        for change in organization["changes"]:
            name = loser(change)
            if name is not None:
                lost.setdefault(name, []).append(change)
        for name, changes in lost.items():
            last = any(change.get("loses_last_license") for change in changes)
            sessions = [
                machine for change in changes for machine in change.get("ends_sessions") or ()
            ]
            if last or sessions:
                products = dict.fromkeys(change["product"] for change in changes)
                yield Loss(organization, name, last, tuple(products), tuple(sessions))
