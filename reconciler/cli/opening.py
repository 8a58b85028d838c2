"""From options, environment and workspace to an open backend."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass

from reconciler.backends.protocol import Backend
from reconciler.cli.progress import working
from reconciler.cli.secrets import redacted_data
from reconciler.cli.write_settings import WriteOptions, settled
from reconciler.errors import UsageError
from reconciler.model.settings import Settings

_NO_API = (
    "give --api URL, set RECONCILER_API_URL, or write `api: {url: …}` into reconciler.yaml; "
    "a command that only reads takes --state FILE too"
)
WORKSPACE = "the workspace file"


@dataclass(frozen=True, slots=True)
class Address:
    """Which licensing system to use, and what named it."""

    url: str
    origin: str

    @property
    def explicit(self) -> bool:
        """Whether this call named it, and not a file that a pull request can change."""
        return self.origin != WORKSPACE


def choose_address(option: str | None, environ: Mapping[str, str], settings: Settings) -> Address:
    """Return the address from `--api`, else the environment, else the workspace.

    Raises `UsageError` where none of them names one.
    """
    if option:
        return Address(option, "--api")
    if environ.get("RECONCILER_API_URL"):
        return Address(environ["RECONCILER_API_URL"], "RECONCILER_API_URL")
    if settings.api.url:
        return Address(settings.api.url, WORKSPACE)
    raise UsageError("no licensing system is named", hint=_NO_API)


@contextmanager
def open_source(
    *,
    api: str | None,
    state: str | None,
    settings: Settings,
    writing: WriteOptions = WriteOptions(),  # noqa: B008 - a frozen value
) -> Iterator[Backend]:
    """Open what `--state` or `--api` names, and close it in the end.

    Raises `ConfigurationError` for what a workspace file may not say of writes.
    """
    if api and state:
        raise UsageError("--api and --state exclude each other", hint="give one of them")
    if state and writing:
        raise UsageError(
            "nothing is written to what --state names",
            hint="give --writes and --route with an API",
        )
    backend = _open_state(state, settings) if state else _open_api(api, settings, writing)
    try:
        yield backend
    finally:
        backend.close()


def _open_state(path: str, settings: Settings) -> Backend:
    from reconciler.backends.snapshot import SnapshotBackend
    from reconciler.config.document import load_validated

    with working("loading the snapshot"):
        document = load_validated(path, "snapshot")
        return SnapshotBackend(
            redacted_data(document.data, os.environ),
            target=f"snapshot:{path}",
            timezone=settings.timezone,
            locate=document.source,
        )


def _open_api(option: str | None, settings: Settings, writing: WriteOptions) -> Backend:
    from reconciler.backends import open_backend
    from reconciler.backends.keys import KeyRing

    address = choose_address(option, os.environ, settings)
    written = settled(settings.api, writing, os.environ)
    keys = KeyRing.from_environment(os.environ, settings, address.url, address.explicit)
    return open_backend(address.url, keys=keys, settings=written, timezone=settings.timezone)
