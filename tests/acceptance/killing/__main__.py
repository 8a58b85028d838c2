"""`python -m tests.acceptance.killing`: kill applies and servers at every call, and count.

Exits with 1 where any end state is not the wanted one.
"""

from __future__ import annotations

import argparse
import json
import os
import socket
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from reconciler.applying.audit import audit
from reconciler.server.clock import system_clock
from reconciler.server.keys import set_owner_key
from reconciler.server.messages import Handler, Request, Response
from reconciler.server.serve import start
from reconciler.server.service import LicensingService
from reconciler.server.store import Store
from tests.acceptance.killing.children import WHERE, Ended, Point, begin, die, run, wait
from tests.acceptance.killing.world import CHANGES, Truth, copy_world, faults, write_files

APPLY = ("apply", "plan.json", "--yes", "--quiet")
KEY = "key-of-the-owner-0123456789"
_WRITES = ("licensed-users", "machine", "offline-licenses")


@dataclass
class Tally:
    """What was tried, and what went wrong."""

    kills: Counter[str] = field(default_factory=Counter)
    ends: Counter[str] = field(default_factory=Counter)
    wrong: list[str] = field(default_factory=list)

    def check(self, name: str, before: Truth, wanted: Truth, found: Truth) -> None:
        found_wrong = faults(before, wanted, found)
        self.ends["as wanted" if not found_wrong else "wrong"] += 1
        self.wrong += [f"{name}: {row}" for row in found_wrong]

    def require(self, name: str, ended: Ended, code: int = 0) -> None:
        if ended.code != code:
            self.wrong.append(f"{name}: ended with {ended.code}, not {code}: {ended.output}")


def tell(line: str) -> None:
    """Print a line at once, so that no child has it in its buffer too."""
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


def prepare(folder: Path, url: str) -> tuple[Path, Truth]:
    """Return a folder with a filled database and a plan for it, and what the database holds."""
    folder.mkdir()
    write_files(folder)
    os.environ["RECONCILER_API_URL"] = "sqlite:///e.db"
    os.environ["RECONCILER_API_KEY"] = KEY
    _must(run(folder, "load", "snapshot.json", "--db", "e.db"))
    store = Store.open(folder / "e.db", create=False)
    set_owner_key(store, KEY)
    store.close()
    if url.startswith("http"):
        server = begin(folder, lambda: serve(Path("e.db"), url, None))
        _reachable(url)
    os.environ["RECONCILER_API_URL"] = url
    planned = run(folder, "plan", "--out", "plan.json", "--allow-irrevocable")
    if url.startswith("http"):
        os.kill(server, 9)
        wait(server, folder)
    _must(planned)
    plan = json.loads((folder / "plan.json").read_text())
    changes = sum(len(row["changes"]) for row in plan["organizations"])
    if changes != CHANGES:
        raise SystemExit(f"the plan has {changes} changes, not {CHANGES}")
    return folder, Truth.of(folder / "e.db")


def _must(ended: Ended) -> None:
    if ended.code != 0:
        raise SystemExit(f"cannot prepare: {ended}")


def killed_applies(
    base: Path, before: Truth, folder: Path, *, every: int, parallel: int, tally: Tally
) -> None:
    """Kill an apply before and after each call and within journal lines; then apply again."""
    parallels = ("--parallel", str(parallel))
    whole = copy_world(base, folder / "whole")
    _must(run(whole, *APPLY, "--journal", "j.jsonl", *parallels))
    wanted = Truth.of(whole / "e.db")
    calls = sum(
        1 for row in (whole / "j.jsonl").read_text().splitlines() if '"kind":"intent"' in row
    )
    tell(f"{CHANGES} changes, {calls} calls, {sum(wanted.effects.values())} effects")
    points = [Point(number, where) for number in range(1, calls + 1) for where in WHERE]
    for place, point in enumerate(points[::every]):
        name = f"killed {point.where}, call {point.number}, {parallel} in parallel"
        first = copy_world(base, folder / f"p{parallel}-{place}")
        died = run(first, *APPLY, "--journal", "j.jsonl", *parallels, point=point)
        if not died.killed:
            tally.wrong.append(f"{name}: not killed but ended with {died.code}: {died.output}")
            continue
        tally.kills[f"apply, {point.where}"] += 1
        second = copy_world(first, folder / f"p{parallel}-{place}-without")
        tally.require(f"{name}, with journal", run(first, *APPLY, "--journal", "j.jsonl"))
        tally.check(f"{name}, with journal", before, wanted, Truth.of(first / "e.db"))
        _check_journal(name, first / "j.jsonl", tally)
        tally.require(f"{name}, without journal", run(second, *APPLY))
        tally.check(f"{name}, without journal", before, wanted, Truth.of(second / "e.db"))


def _check_journal(name: str, journal: Path, tally: Tally) -> None:
    account = audit(journal)
    outcomes = Counter(row["outcome"] for row in account["events"])
    if outcomes["open"]:
        tally.wrong.append(f"{name}: the journal still has open calls")


class DyingService:
    """A service whose process is killed at its n-th write, before or after its commit."""

    def __init__(self, service: Handler, point: Point) -> None:
        self._service = service
        self._point = point
        self._writes = 0

    def handle(self, request: Request, principal: object = None) -> Response:
        write = request.method != "GET" and any(word in request.path for word in _WRITES)
        self._writes += write
        mine = write and self._writes == self._point.number
        if mine and self._point.where == "before":
            die()
        response = self._service.handle(request)
        if mine and self._point.where == "after":
            die()
        return response


def serve(database: Path, url: str, point: Point | None) -> int:
    """Serve until killed."""
    store = Store.open(database, create=False)
    service: Handler = LicensingService(store, system_clock)
    if point is not None:
        service = DyingService(service, point)  # type: ignore[assignment]
    start(service, "127.0.0.1", int(url.rpartition(":")[2]))
    while True:
        os.read(_FOREVER[0], 1)


_FOREVER = os.pipe()


def _reachable(url: str) -> None:
    for _ in range(200):
        with socket.socket() as probe:
            probe.settimeout(0.05)
            if probe.connect_ex(("127.0.0.1", int(url.rpartition(":")[2]))) == 0:
                return
        time.sleep(0.05)
    raise SystemExit(f"no server at {url}")


def killed_servers(folder: Path, *, every: int, tally: Tally) -> None:
    """Kill the server before and after the commit of each write, and start it again."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{probe.getsockname()[1]}"
    base, before = prepare(folder / "served", url)
    wanted: Truth | None = None
    for name, point in _server_points(every):
        here = copy_world(base, folder / f"s-{name}".replace(" ", "-"))
        (here / "server").mkdir()
        database = here / "e.db"

        def serving(at: Point | None, database: Path = database) -> int:
            return serve(database, url, at)

        server = begin(here / "server", lambda serving=serving, point=point: serving(point))
        _reachable(url)
        applying = begin(here, _applying)
        died = False
        if point is not None:
            died = wait(server, here / "server").killed
            server = begin(here / "server", lambda serving=serving: serving(None))
        ended = wait(applying, here)
        os.kill(server, 9)
        wait(server, here / "server")
        found = Truth.of(database)
        if wanted is None:
            wanted = found
        tally.require(name, ended)
        tally.check(name, before, wanted, found)
        if point is not None and died:
            tally.kills[f"server, {point.where} its commit"] += 1


def _applying() -> int:
    from reconciler.cli.edge import main

    return main([*APPLY, "--journal", "j.jsonl"])


_SERVER_CALLS = 29


def _server_points(every: int) -> Iterator[tuple[str, Point | None]]:
    yield "undisturbed", None
    points = [Point(number, where) for number in range(1, _SERVER_CALLS + 1) for where in WHERE[:2]]
    for point in points[::every]:
        yield f"server killed {point.where} commit {point.number}", point


def main() -> int:
    """Kill, apply again, and tell."""
    parser = argparse.ArgumentParser(prog="python -m tests.acceptance.killing")
    parser.add_argument("--every", type=int, default=1, help="only each n-th point of a kill")
    parser.add_argument("--servers-every", type=int, default=None, help="the same for servers")
    options = parser.parse_args()
    tally = Tally()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        base, before = prepare(folder / "base", "sqlite:///e.db")
        for parallel in (1, 3):
            (folder / str(parallel)).mkdir()
            killed_applies(
                base, before, folder / str(parallel),
                every=options.every, parallel=parallel, tally=tally,
            )  # fmt: skip
        killed_servers(folder, every=options.servers_every or options.every, tally=tally)
    for kind, count in sorted(tally.kills.items()):
        tell(f"kills: {kind}: {count}")
    for kind, count in sorted(tally.ends.items()):
        tell(f"end states {kind}: {count}")
    for row in tally.wrong:
        tell(f"WRONG {row}")
    return 1 if tally.wrong or not tally.kills else 0


if __name__ == "__main__":
    sys.exit(main())
