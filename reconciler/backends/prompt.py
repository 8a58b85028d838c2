"""Connections whose answers have to be whole within a time, however slowly they trickle in.

A time-out of a socket is one for each piece of an answer: a server that sends a byte now and
then would be waited for without an end. A server that speaks TLS where plain HTTP is meant, or
plain HTTP where TLS is meant, is found out at once.
"""

from __future__ import annotations

import http.client
import io
import socket
import ssl
import time
from typing import Any, ClassVar

from requests.adapters import HTTPAdapter
from urllib3 import PoolManager
from urllib3.connection import HTTPSConnection
from urllib3.exceptions import ConnectTimeoutError

_USUAL_HANDSHAKE = 2.0
"""Seconds; a TLS handshake that takes longer makes one wonder who is there."""


class SlowAnswerError(TimeoutError):
    """An answer began in time and was not whole in time."""


class PlainServerError(OSError):
    """A port that was to speak TLS speaks plain HTTP; nothing but a greeting was sent."""


class TlsServerError(OSError):
    """A port that was to speak plain HTTP speaks TLS."""


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
    kinds: tuple[type[Any], ...] = (pool.ConnectionCls,)
    if issubclass(pool.ConnectionCls, HTTPSConnection):
        kinds = (_PromptHandshake, *kinds)
    connection = type("Connection", kinds, {"response_class": response})
    return type("Pool", (pool,), {"ConnectionCls": connection})


class _PromptHandshake(HTTPSConnection):
    def connect(self) -> None:
        """Connect; raises `PlainServerError` where the other side speaks no TLS.

        A server of plain HTTP says nothing to a TLS greeting, in which it waits for the end of a
        request. So one that is slow is asked plainly, without the key, before it is waited for.
        """
        patience = self.timeout
        if self.proxy is not None or not isinstance(patience, int | float):
            super().connect()
            return
        self.timeout = min(patience, _USUAL_HANDSHAKE)
        try:
            super().connect()
        except ssl.SSLCertVerificationError:
            raise
        except (ssl.SSLError, ConnectionError, TimeoutError, ConnectTimeoutError) as error:
            self.close()
            if not isinstance(error, ConnectTimeoutError) and _speaks_plainly(self.host, self.port):
                raise PlainServerError from error
            if not isinstance(error, TimeoutError | ConnectTimeoutError):
                raise
            self.timeout = patience
            super().connect()
        self.timeout = patience
        self.sock.settimeout(patience)


def _speaks_plainly(host: str, port: int) -> bool:
    try:
        with socket.create_connection((host.strip("[]"), port), _USUAL_HANDSHAKE) as probe:
            probe.sendall(b"GET / HTTP/1.0\r\n\r\n")
            return probe.recv(5) == b"HTTP/"
    except OSError:
        return False


class _PromptResponse(http.client.HTTPResponse):
    within: ClassVar[float]

    def __init__(self, sock: socket.socket, *arguments: Any, **named: Any) -> None:
        super().__init__(sock, *arguments, **named)
        self.fp = io.BufferedReader(_PromptReader(sock, self.fp.detach(), self.within))

    def begin(self) -> None:
        """Read the head of the answer."""
        try:
            super().begin()
        except http.client.BadStatusLine as error:
            if str(error.args[0]).startswith(_TLS_ALERT):
                raise TlsServerError from error
            raise


_TLS_ALERT = "\x15\x03"
"""How a TLS server's answer to plain HTTP begins."""


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
