"""Reading organizations without any organization file: by `--org`, or all that can be seen."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from reconciler.backends.protocol import Backend
from reconciler.cli.opening import open_source
from reconciler.cli.reading import Reading, read_organizations, visible_organizations
from reconciler.config.load import load_settings
from reconciler.errors import ReconcilerError
from reconciler.model.settings import Settings


@dataclass(frozen=True, slots=True)
class Look:
    """An open backend, the workspace's settings, and what was read."""

    backend: Backend
    settings: Settings
    reading: Reading


@contextmanager
def looked(
    *, api: str | None, state: str | None = None, organizations: tuple[int, ...]
) -> Iterator[Look]:
    """Read these organizations, or all that can be seen; failures are told on standard error.

    Raises `ReconcilerError` where there is no organization at all to read.
    """
    settings = load_settings(())
    with open_source(api=api, state=state, settings=settings) as backend:
        wanted = organizations or visible_organizations(backend)
        if not wanted:
            raise ReconcilerError(
                f"{backend.target}: there is no organization whose licenses can be read",
                hint="the key's owner must be Owner or Admin of one; `reconciler doctor` tells",
            )
        parallel = 1 if state else settings.api.max_parallel
        reading = read_organizations(backend, wanted, max_parallel=parallel)
        reading.tell_failures()
        yield Look(backend, settings, reading)
