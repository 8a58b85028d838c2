"""A licensing server that misbehaves by rules, and clients that lose no time over it."""

from __future__ import annotations

import contextlib
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from reconciler.backends.http import HttpTransport, KeyedConnections
from reconciler.backends.keys import KeyRing
from reconciler.backends.retries import read_retry
from reconciler.backends.testops import KatalonBackend
from reconciler.model.settings import ApiSettings, Settings
from reconciler.model.state import OrganizationState
from reconciler.server.access import Principal
from reconciler.server.asked import Asked
from reconciler.server.faults import Faults, Verdict, read_faults
from reconciler.server.faulty import FaultyService
from reconciler.server.keys import set_owner_key
from reconciler.server.load import load_snapshot
from reconciler.server.messages import Handler, Request, Response
from reconciler.server.serve import start
from reconciler.server.service import LicensingService
from reconciler.server.store import Store
from tests.unit.backends.vendor import DirectTransport

KEY = "owner-key-of-the-faults-0123456789"
NOON = datetime(2026, 11, 24, 12, tzinfo=UTC)
QUICK = read_retry(backoff_factor=0, backoff_jitter=0)
"""The retries of the product without its pauses."""


class _Counted(Faults):
    """Faults that count how often each has happened."""

    def __init__(self, happened: Counter[str], faults: Faults) -> None:
        self._happened = happened
        self._counted = faults

    def verdict(self, asked: Asked) -> Verdict:
        verdict = self._counted.verdict(asked)
        if verdict.rule is not None:
            when = " after the write" if verdict.rule.after and asked.writes else ""
            self._happened[f"fault {verdict.rule.fault}{when}"] += 1
        return verdict


class Switched:
    """A handler that can be put behind other faults at any time, or behind none."""

    def __init__(self, service: LicensingService) -> None:
        self.service = service
        self.now: Handler = service
        self.slept: list[float] = []
        self.happened: Counter[str] = Counter()

    def misbehave(self, *rules: dict[str, Any], seed: int = 0) -> None:
        faults = _Counted(self.happened, read_faults({"rules": list(rules), "seed": seed}))
        self.now = FaultyService(self.service, faults, sleep=self.slept.append)

    def behave(self) -> None:
        self.now = self.service

    def handle(self, request: Request, principal: Any = None) -> Response:
        return self.now.handle(request, principal)


@dataclass
class Misbehaving:
    """A running server, its faults, and what happened behind them."""

    store: Store
    faults: Switched
    url: str

    def history(self) -> list[dict[str, Any]]:
        with self.store.read() as connection:
            return [dict(row) for row in connection.execute("SELECT * FROM history ORDER BY id")]

    @contextlib.contextmanager
    def client(self, *, page_size: int = 2, timeout: float = 5.0) -> Iterator[KatalonBackend]:
        """A backend of the product over real HTTP, with short pages and without pauses."""
        keys = KeyRing.from_environment(
            {"RECONCILER_API_KEY": KEY}, Settings(), self.url, explicit=True
        )
        connections = KeyedConnections(
            keys, lambda key: HttpTransport(self.url, key, timeout=timeout, retry=QUICK)
        )
        backend = KatalonBackend(
            self.url, connections, settings=ApiSettings(), timezone="UTC", page_size=page_size
        )
        try:
            yield backend
        finally:
            backend.close()

    def past(self) -> KatalonBackend:
        """A backend past the network and all faults."""
        return KatalonBackend(
            self.url, _Past(self.faults.service), settings=ApiSettings(), timezone="UTC"
        )

    def truth(self, organization: int) -> OrganizationState:
        """The state as it is."""
        return self.past().read(organization)


class _Past(DirectTransport):
    """A way to the service past the faults and the network."""

    def __init__(self, service: LicensingService) -> None:
        owner = Principal.synthetic_owner()

        def answer(received: Any) -> Any:
            body = None if received.body == b"null" else received.body
            return service.handle(
                Request(received.method, received.path, received.query, {}, body), owner
            )

        super().__init__(answer)


@contextlib.contextmanager
def misbehaving(document: dict[str, Any], *rules: dict[str, Any]) -> Iterator[Misbehaving]:
    with Store.open(":memory:", create=True) as store:
        load_snapshot(store, document)
        set_owner_key(store, KEY)
        switched = Switched(LicensingService(store, lambda: NOON))
        switched.misbehave(*rules)
        with start(switched, "127.0.0.1", 0) as server:
            yield Misbehaving(store, switched, server.url)
