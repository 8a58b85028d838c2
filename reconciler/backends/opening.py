"""From a URL to the backend behind it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path

from reconciler.backends.addresses import http_address, shown
from reconciler.backends.keys import KeyRing
from reconciler.backends.protocol import Backend
from reconciler.errors import UsageError
from reconciler.model.settings import ApiSettings

Opener = Callable[[str, KeyRing, ApiSettings, str], Backend]

_SQLITE = "sqlite:///"


def open_backend(url: str, *, keys: KeyRing, settings: ApiSettings, timezone: str) -> Backend:
    """Return the backend for a URL, whose scheme tells which one; nothing is sent yet.

    Raises `UsageError` for a URL that cannot be used, `RouteError` for a route that cannot.
    """
    scheme = url.partition(":")[0].lower()
    opener = BACKENDS.get(scheme)
    if opener is None:
        raise UsageError(
            f"{shown(url)} is not the URL of a licensing system",
            hint="use https://…, http://127.0.0.1:PORT or sqlite:///FILE",
        )
    return opener(url, keys, settings, timezone)


def _open_http(url: str, keys: KeyRing, settings: ApiSettings, timezone: str) -> Backend:
    # Imported here: requests takes a tenth of a second, which `--state` need not wait for.
    from reconciler.backends.http import http_connections
    from reconciler.backends.testops import KatalonBackend

    address = http_address(url)
    connections = http_connections(
        address, keys, timeout=settings.timeout, parallel=settings.max_parallel
    )
    return KatalonBackend(address, connections, settings=settings, timezone=timezone)


def _open_sqlite(url: str, keys: KeyRing, settings: ApiSettings, timezone: str) -> Backend:
    from reconciler.backends.embedded import EmbeddedConnections
    from reconciler.backends.testops import KatalonBackend

    file = url[len(_SQLITE) :] if url.startswith(_SQLITE) else ""
    if not file:
        raise UsageError(
            f"{shown(url)} does not name a database",
            hint="sqlite:///relative.db or sqlite:////absolute.db",
        )
    connections = EmbeddedConnections.open(Path(file), url, redaction=keys.redaction)
    try:
        return KatalonBackend(url, connections, settings=settings, timezone=timezone)
    except BaseException:
        connections.close()
        raise


BACKENDS: Mapping[str, Opener] = {
    "https": _open_http,
    "http": _open_http,
    "sqlite": _open_sqlite,
}
"""The backends by URL scheme."""
