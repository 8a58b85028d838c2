"""The embedded server over HTTP with a hand in between, that may change what it answers."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from typing import Any

from reconciler.server.asked import Asked, asked_by
from reconciler.server.keys import set_owner_key
from reconciler.server.load import load_snapshot
from reconciler.server.messages import Request, Response, respond
from reconciler.server.serve import start
from reconciler.server.service import LicensingService
from reconciler.server.store import Store
from tests.acceptance.conftest import KEY

Go = Callable[[], Response]
Hand = Callable[[Request, Asked, Go], Response]


@dataclass
class Crooked:
    """A running server; `hand` answers each request, or lets it go on to the server itself."""

    service: LicensingService
    store: Store
    hand: Hand = lambda request, asked, go: go()
    url: str = ""
    asked: list[Asked] = field(default_factory=list)

    def handle(self, request: Request, principal: Any = None) -> Response:
        asked = asked_by(request)
        self.asked.append(asked)
        return self.hand(request, asked, lambda: self.service.handle(request, principal))

    def env(self, **more: str) -> dict[str, str]:
        """What a command sees that is to use this server."""
        return {"RECONCILER_API_URL": self.url, "RECONCILER_API_KEY": KEY, **more}

    def history(self) -> list[dict[str, Any]]:
        """Return the server's own account of what was written, in order."""
        with self.store.read() as connection:
            rows = connection.execute("SELECT * FROM history ORDER BY id")
            return [dict(row) for row in rows]


def altered(response: Response, change: Callable[[Any], Any]) -> Response:
    """Return the response with its JSON changed."""
    document = change(json.loads(response.body))
    return replace(response, body=json.dumps(document).encode())


def error(status: int, message: str = "no", **headers: str) -> Response:
    """Return an error of the vendor's shape."""
    payload: Mapping[str, Any] = {"status": status, "message": message}
    return respond(status, payload, headers)


@contextmanager
def crooked(snapshot: Any, hand: Hand | None = None) -> Iterator[Crooked]:
    """Serve a snapshot's document."""
    with Store.open(":memory:", create=True) as store:
        load_snapshot(store, snapshot)
        set_owner_key(store, KEY)
        server = Crooked(LicensingService(store), store)
        if hand is not None:
            server.hand = hand
        with start(server, "127.0.0.1", 0) as running:
            server.url = running.url
            yield server
