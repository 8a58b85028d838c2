"""Serving the licensing service over HTTP, in the background or until a signal."""

from __future__ import annotations

import logging
import queue
import signal
import socket
import threading
from collections.abc import Callable
from contextlib import suppress
from types import FrameType
from typing import Any

from reconciler.errors import ReconcilerError
from reconciler.server.messages import Handler

THREADS = 8
"""How many requests are answered at a time."""

THREADS_THAT_WAIT = 64
"""The same for a server that makes its requests wait, each of them on a thread."""


class ServeError(ReconcilerError):
    """The server cannot start."""


class RunningServer:
    """A server that answers in the background until it is closed; `url` is where."""

    def __init__(self, server: Any, url: str) -> None:
        self.url = url
        self._server = server
        self._thread = threading.Thread(target=self._loop, name="licensing-server", daemon=True)
        self._stopping = False
        self._thread.start()

    def __enter__(self) -> RunningServer:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _loop(self) -> None:
        while not self._stopping:
            self._server.asyncore.loop(timeout=0.5, use_poll=True, map=self._server._map, count=1)

    def close(self) -> None:
        """Let the requests that are being answered end, then close all connections."""
        if self._stopping:
            return
        self._stopping = True
        self._server.pull_trigger()
        self._thread.join()
        # Only now: while the loop or a request runs, they own the sockets and wake each other.
        self._server.task_dispatcher.shutdown()
        self._server.asyncore.close_all(self._server._map)


def start(
    service: Handler,
    host: str,
    port: int,
    *,
    threads: int = THREADS,
    prepare: Callable[[], None] = lambda: None,
) -> RunningServer:
    """Start serving in the background; with port 0 a free one is taken.

    `prepare` is called once the address is taken and before the first request is answered, so that
    a start that fails has done nothing. Raises ServeError where the address is in use or the web
    framework is not installed.
    """
    try:
        import waitress.server  # type: ignore[import-untyped]  # noqa: F401 - told by its own name

        from reconciler.server.app import create_app
        from reconciler.server.connections import Listener
    except ImportError as error:
        raise ServeError(
            f"The server needs {error.name}, which is not installed.",
            hint="Install what serve needs: pip install flask waitress",
        ) from error
    # Requests that wait for a thread are what the threads' number is for, and half an answer is
    # sent on purpose: neither is news.
    logging.getLogger("waitress").setLevel(logging.ERROR)
    listening = _listen(host, port)
    try:
        prepare()
    except BaseException:
        listening.close()
        raise
    server = Listener(create_app(service), listening, threads=threads)
    return RunningServer(server, _url(host, listening.getsockname()[1]))


def run(
    service: Handler,
    host: str,
    port: int,
    *,
    ready: Callable[[str], None] = lambda _: None,
    threads: int = THREADS,
    prepare: Callable[[], None] = lambda: None,
) -> None:
    """Serve until SIGINT or SIGTERM, calling `ready` with the URL once connections are taken.

    `prepare` is that of `start`. Must run in the main thread.
    """
    # The one queue whose put may interrupt its own get, as a signal handler does.
    signals: queue.SimpleQueue[int] = queue.SimpleQueue()

    def stop(number: int, _frame: FrameType | None) -> None:
        signals.put(number)

    former = {number: signal.signal(number, stop) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        with start(service, host, port, threads=threads, prepare=prepare) as server:
            ready(server.url)
            while True:
                # In turns, since not every system lets a signal interrupt a wait.
                with suppress(queue.Empty):
                    signals.get(timeout=1)
                    break
    finally:
        for number, handler in former.items():
            signal.signal(number, handler)


def _listen(host: str, port: int) -> socket.socket:
    if not 0 <= port <= 65535:
        # The system's resolver would quietly take the number modulo 65536.
        raise ServeError(f"Cannot listen on {host}:{port}: a port is a number from 0 to 65535.")
    try:
        family, kind, protocol, _, address = socket.getaddrinfo(
            host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        )[0]
        listening = socket.socket(family, kind, protocol)
    except OSError as error:
        raise ServeError(f"Cannot listen on {host}:{port}: {error}.") from error
    try:
        listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listening.bind(address)
        listening.listen(128)
    except OSError as error:
        listening.close()
        raise ServeError(
            f"Cannot listen on {host}:{port}: {error.strerror}.",
            hint="Choose another --port; 0 takes any free one.",
        ) from error
    return listening


def _url(host: str, port: int) -> str:
    # A server that listens everywhere is reached from here on the loopback.
    name = {"": "127.0.0.1", "0.0.0.0": "127.0.0.1", "::": "[::1]"}.get(host)  # noqa: S104
    return f"http://{name or (f'[{host}]' if ':' in host else host)}:{port}"
