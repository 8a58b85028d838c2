"""Connections whose answers have to be whole within a time, however slowly they trickle in.

A time-out of a socket is one for each piece of an answer: a server that sends a byte now and
then would be waited for without an end.
"""

from __future__ import annotations

import http.client
import io
import socket
import time
from typing import Any, ClassVar

from requests.adapters import HTTPAdapter
from urllib3 import PoolManager


class SlowAnswerError(TimeoutError):
    """An answer began in time and was not whole in time."""


class PromptAdapter(HTTPAdapter):
    """A requests adapter that gives an answer `seconds` to arrive whole, its headers included."""

    def __init__(self, seconds: float, **options: Any) -> None:
        self._seconds = seconds
        super().__init__(**options)

    def init_poolmanager(self, *arguments: Any, **options: Any) -> None:
        """Make the connection pools, for which requests calls this."""
        super().init_poolmanager(*arguments, **options)
        _hasten(self.poolmanager, self._seconds)

    def proxy_manager_for(self, proxy: str, **options: Any) -> Any:
        """Return the connection pools by way of a proxy; requests asks for each request."""
        known = proxy in self.proxy_manager
        manager = super().proxy_manager_for(proxy, **options)
        if not known:
            _hasten(manager, self._seconds)
        return manager


def _hasten(manager: PoolManager, seconds: float) -> None:
    response = type("Response", (_PromptResponse,), {"within": seconds})
    # Each kind of pool that is there is kept as it is otherwise: a proxy may bring its own.
    manager.pool_classes_by_scheme = {
        scheme: _hastened(pool, response) for scheme, pool in manager.pool_classes_by_scheme.items()
    }


def _hastened(pool: type[Any], response: type[http.client.HTTPResponse]) -> type[Any]:
    connection = type("Connection", (pool.ConnectionCls,), {"response_class": response})
    return type("Pool", (pool,), {"ConnectionCls": connection})


class _PromptResponse(http.client.HTTPResponse):
    within: ClassVar[float]

    def __init__(self, sock: socket.socket, *arguments: Any, **named: Any) -> None:
        super().__init__(sock, *arguments, **named)
        self.fp = io.BufferedReader(_PromptReader(sock, self.fp.detach(), self.within))


class _PromptReader(io.RawIOBase):
    """The bytes of one answer, until its time is up."""

    def __init__(self, sock: socket.socket, received: Any, seconds: float) -> None:
        super().__init__()
        self._sock = sock
        self._received = received
        self._until = time.monotonic() + seconds

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int | None:
        usual = self._sock.gettimeout()
        left = self._until - time.monotonic()
        if left <= 0:
            raise SlowAnswerError
        try:
            self._sock.settimeout(left if usual is None else min(usual, left))
            count: int | None = self._received.readinto(buffer)
            return count
        except TimeoutError as error:
            if time.monotonic() < self._until:
                raise
            raise SlowAnswerError from error
        finally:
            self._sock.settimeout(usual)

    def close(self) -> None:
        self._received.close()
        super().close()
