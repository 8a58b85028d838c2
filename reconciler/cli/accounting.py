"""The end of whatever has written something: its account, and the last line of its journal.

What was done stays done. Where it cannot be told or written down any more, that is said, and
nothing is raised that would hide it.
"""

from __future__ import annotations

from collections.abc import Container
from typing import TYPE_CHECKING

from reconciler.applying.chain import JournalError
from reconciler.applying.result import ApplyResult, OrganizationStatus
from reconciler.cli.exits import Exit
from reconciler.cli.notes import note
from reconciler.cli.output import STANDARD_OUTPUT, write_data
from reconciler.cli.streams import reader_gone
from reconciler.errors import ReconcilerError

if TYPE_CHECKING:
    from reconciler.applying.journal import Journal

_NO_FAILURE = frozenset({OrganizationStatus.REFUSED, OrganizationStatus.NOT_ATTEMPTED})


def tell(text: str, target: str, *, writes: int) -> bool:
    """Write the account, and return whether that worked."""
    try:
        write_data(text, target)
        if target == STANDARD_OUTPUT and reader_gone():
            raise ReconcilerError("nobody reads standard output any more")
    except (OSError, ReconcilerError) as error:
        note(f"error: the account of {writes} write(s) could not be written: {error}")
        return False
    return True


def tell_organizations(result: ApplyResult, *, known: Container[int] = ()) -> None:
    """Say of each organization that is not done why, on standard error; `known` was told before."""
    for row in result.organizations:
        if row.reason is not None and row.id not in known:
            level = "note" if row.status in _NO_FAILURE else "error"
            named = f"organization {row.id}{f' ({row.name})' if row.name else ''}"
            note(f"{level}: {named}: {row.status.replace('_', ' ')}: {row.reason}")


def close(record: Journal | None, code: Exit, *, writes: int, interrupted: bool) -> None:
    """Write the end into the journal, where there is one and it can still be written."""
    if record is None:
        return
    try:
        record.end(exit_code=code, writes=writes, interrupted=interrupted)
    except JournalError as error:
        note(f"error: {error.message}")
        if error.hint:
            note(f"hint: {error.hint}")
