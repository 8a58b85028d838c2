"""Serving over real sockets: starting, stopping, signals, and addresses that do not work."""

from __future__ import annotations

import signal
import subprocess
import sys
import threading
import tomllib
from datetime import date
from pathlib import Path

import pytest
import requests
from packaging.requirements import Requirement

from reconciler.server.clock import fixed_day, system_clock
from reconciler.server.messages import Request, Response, respond
from reconciler.server.serve import ServeError, start
from reconciler.server.service import LicensingService, Principal
from reconciler.server.store import Store
from tests.server.world import running, snapshot

ROOT = Path(__file__).parents[2]


def test_a_server_that_is_closed_answers_no_more_and_frees_its_port() -> None:
    with running(snapshot()) as world:
        url = world.url
        port = int(url.rpartition(":")[2])
        session = world.client()
        assert session.get("/api/v1/users/me").status_code == 200
    with pytest.raises(requests.ConnectionError):
        requests.get(url, timeout=5)
    with (
        Store.open(":memory:", create=True) as store,
        start(LicensingService(store), "127.0.0.1", port) as server,
    ):
        assert server.url == url
        server.close()


def test_a_request_that_is_being_answered_ends_before_the_server_does() -> None:
    begun, go_on = threading.Event(), threading.Event()

    class Slow:
        def handle(self, request: Request, principal: Principal | None = None) -> Response:
            begun.set()
            go_on.wait(10)
            return respond(200, {"done": True})

    answers: list[int] = []
    server = start(Slow(), "127.0.0.1", 0)
    client = threading.Thread(
        target=lambda: answers.append(requests.get(server.url, timeout=10).status_code)
    )
    client.start()
    assert begun.wait(10)
    closing = threading.Thread(target=server.close)
    closing.start()
    closing.join(0.3)
    assert closing.is_alive()
    go_on.set()
    client.join(10)
    closing.join(10)
    assert answers == [200]


def test_an_address_in_use_is_told_with_what_to_do() -> None:
    with running(snapshot()) as world:
        port = int(world.url.rpartition(":")[2])
        with pytest.raises(ServeError, match=f"Cannot listen on 127.0.0.1:{port}") as caught:
            start(world.service, "127.0.0.1", port)
    assert "--port" in str(caught.value.hint)


def test_what_prepares_runs_once_the_port_is_taken_and_frees_it_where_it_fails() -> None:
    def fail() -> None:
        raise ServeError("not prepared")

    with Store.open(":memory:", create=True) as store:
        service = LicensingService(store)
        with pytest.raises(ServeError, match="not prepared"):
            start(service, "127.0.0.1", 0, prepare=fail)
        with start(service, "127.0.0.1", 0) as server:
            port = int(server.url.rpartition(":")[2])
            # Nothing is prepared for a port that is taken.
            with pytest.raises(ServeError, match="Cannot listen"):
                start(service, "127.0.0.1", port, prepare=fail)


@pytest.mark.parametrize(("host", "port"), [("127.0.0.1", 65536), ("127.0.0.999", 0)])
def test_an_address_that_is_none_is_told(host: str, port: int) -> None:
    with (
        Store.open(":memory:", create=True) as store,
        pytest.raises(ServeError, match="Cannot listen on"),
    ):
        start(LicensingService(store), host, port)


@pytest.mark.parametrize("host", ["0.0.0.0", "localhost", "::1"])  # noqa: S104
def test_the_url_is_one_that_can_be_asked_from_here(host: str) -> None:
    with Store.open(":memory:", create=True) as store:
        try:
            server = start(LicensingService(store), host, 0)
        except ServeError:
            pytest.skip(f"{host} does not exist on this machine")
        with server:
            assert requests.get(f"{server.url}/api/v1/users/me", timeout=5).status_code == 401


def test_without_the_web_framework_the_error_says_how_to_install_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setitem(sys.modules, "waitress.server", None)
    with (
        Store.open(":memory:", create=True) as store,
        pytest.raises(ServeError, match="needs waitress") as caught,
    ):
        start(LicensingService(store), "127.0.0.1", 0)
    # Their names, not this project's, which an index may have from somebody else.
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    extra = [Requirement(row).name for row in project["optional-dependencies"]["server"]]
    assert str(caught.value.hint).endswith(f"pip install {' '.join(extra)}")


_PROGRAM = """
import sys
from reconciler.server.serve import run
from reconciler.server.service import LicensingService
from reconciler.server.store import Store

with Store.open(sys.argv[1], create=True) as store:
    run(LicensingService(store), "127.0.0.1", 0, ready=lambda url: print(url, flush=True))
print("closed")
"""


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_run_serves_until_a_signal_and_then_ends_in_order(
    number: signal.Signals, tmp_path: Path
) -> None:
    command = [sys.executable, "-W", "error", "-c", _PROGRAM, str(tmp_path / "state.db")]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        url = process.stdout.readline().strip()
        assert requests.get(url, timeout=5).status_code == 404
        process.send_signal(number)
        rest, _ = process.communicate(timeout=30)
    assert (process.returncode, rest) == (0, "closed\n")


def test_a_fixed_day_stands_still_at_noon() -> None:
    clock = fixed_day(date(2026, 11, 24))
    assert clock().isoformat() == clock().isoformat() == "2026-11-24T12:00:00+00:00"


def test_the_system_clock_tells_its_time_zone() -> None:
    assert system_clock().utcoffset() is not None
