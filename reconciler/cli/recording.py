"""The journal of changes that are not made by the executor: by hand, or by ending sessions."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from reconciler import __version__
from reconciler.applying.record import Begin
from reconciler.model.settings import Writing

if TYPE_CHECKING:
    from reconciler.applying.journal import Journal


@contextmanager
def recorded(
    path: str | None,
    *,
    target: str,
    via: str,
    writing: Writing,
    plan: Mapping[str, Any] | None = None,
) -> Iterator[Journal | None]:
    """Open the journal that `--journal` names, for this plan's document where there is one.

    Yields None where no journal is named. Raises `JournalError` where it cannot be written.
    """
    if path is None:
        yield None
        return
    from reconciler.applying.journal import Journal
    from reconciler.config.links import check_link

    check_link(path)
    config = plan["config"] if plan else {}
    begin = Begin(
        target=target,
        tool=f"reconciler {__version__}",
        plan_digest=plan["digest"] if plan else None,
        changes_digest=plan["changes_digest"] if plan else None,
        revision=config.get("revision"),
        dirty=bool(config.get("dirty")),
        via=via,
        writing=writing,
    )
    with Journal.open(path, begin) as journal:
        yield journal
