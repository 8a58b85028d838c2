"""`python -m benchmarks.apply`: 1,000 changes on a slow server, and what a journal costs."""

from __future__ import annotations

import argparse
import heapq
import json
import multiprocessing
import os
import platform
import random
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

from reconciler.applying.audit import audit
from reconciler.applying.batching import batches
from reconciler.applying.executor import execute
from reconciler.applying.journal import Journal
from reconciler.applying.operations import effects_of
from reconciler.applying.record import Begin, Intent, Item, Result
from reconciler.applying.remainder import Step
from reconciler.backends import open_backend
from reconciler.backends.http import HttpTransport
from reconciler.backends.keys import KeyRing
from reconciler.backends.transport import Answer, Call
from reconciler.model.plan import OrganizationPlan, Plan
from reconciler.model.plan_document import from_document
from reconciler.model.settings import ApiSettings, Settings
from reconciler.server.clock import system_clock
from reconciler.server.keys import set_owner_key
from reconciler.server.load import load_snapshot
from reconciler.server.messages import Request, Response
from reconciler.server.serve import start
from reconciler.server.service import LicensingService
from reconciler.server.store import Store

KEY = "key-of-the-owner-0123456789"
LATENCY = 0.05
ORGANIZATIONS = 50
CHANGES = 1_000
THREADS = 64
MEMORY = Path("/dev/shm")  # noqa: S108 - a benchmark's database, gone with it
VERIFIED_LINES = 100_000


@dataclass(frozen=True, slots=True)
class Run:
    """One apply: how it was done, how long it took, and how many requests it made."""

    parallel: int
    batch: int
    journal: bool
    seconds: float
    requests: int

    @property
    def bound(self) -> float:
        """The seconds that its requests take at the least, were all threads always busy."""
        return self.requests * LATENCY / self.parallel


def floor(plan: Plan, run: Run) -> float:
    """Return the seconds that a run takes at the least, as an organization is one thread's work."""
    calls = [calls_of(row, run.batch) for row in plan.organizations]
    reads = (run.requests - sum(calls)) / len(calls)
    busy = [0.0] * run.parallel
    for number in sorted(calls, reverse=True):
        heapq.heappush(busy, heapq.heappop(busy) + number + reads)
    return max(busy) * LATENCY


def calls_of(plan: OrganizationPlan, batch: int) -> int:
    """Return how many calls an organization's changes take; a reassign takes two."""
    steps = [Step(change, effects_of(change)) for change in plan.changes]
    return sum(
        max(len(step.pending) for step in together) for together in batches(steps, largest=batch)
    )


class SlowService:
    """The licensing service behind a latency."""

    def __init__(self, service: LicensingService, seconds: float) -> None:
        self._service = service
        self._seconds = seconds

    def handle(self, request: Request, principal: Any = None) -> Response:
        """Wait, then answer."""
        time.sleep(self._seconds)
        return self._service.handle(request, principal)


def serve(snapshot: dict[str, Any], folder: str, latency: float, pipe: Connection) -> None:
    """Serve a fresh database until the other end of the pipe says anything."""
    store = Store.open(Path(folder) / "b.db", create=True)
    load_snapshot(store, snapshot)
    set_owner_key(store, KEY)
    service = SlowService(LicensingService(store, system_clock), latency)
    with start(service, "127.0.0.1", 0, threads=THREADS) as running:
        pipe.send(running.url)
        pipe.recv()
    store.close()


def sizes(total: int, organizations: int) -> list[int]:
    """Return how many changes each organization has: some few, some many, always the same."""
    chooser = random.Random(20)  # noqa: S311 - any fixed sequence will do
    weights = [chooser.uniform(0.2, 1.8) for _ in range(organizations)]
    found = [max(3, round(total * weight / sum(weights))) for weight in weights]
    found[0] += total - sum(found)
    return found


def write_world(folder: Path, total: int, organizations: int) -> dict[str, Any]:
    """Write the organizations' files, and return the snapshot that they are planned against."""
    rows = []
    for number, size in enumerate(sizes(total, organizations), start=1):
        pairs, grants = round(size * 0.4), round(size * 0.3)
        removes = size - pairs - grants
        old = [f"old{n}@x.io" for n in range(max(pairs, removes))]
        new = [f"new{n}@x.io" for n in range(pairs + grants)]
        document = {
            "version": 1,
            "organization": {"id": number},
            "policy": {"max_removals": {"count": 1000}},
            "products": {"kse": {"users": new}, "testops": {"users": ["stays@x.io"]}},
        }
        (folder / f"org{number:03}.yaml").write_text(json.dumps(document))
        licensed = [("kse", email) for email in old[:pairs]]
        licensed += [("testops", email) for email in ["stays@x.io", *old[:removes]]]
        rows.append(
            {
                "id": number,
                "members": [
                    {"email": email, "role": "user", "status": "active"}
                    for email in [*old, *new, "stays@x.io"]
                ],
                "subscriptions": [
                    {"product": "kse", "quota": pairs + grants, "expires": "2099-12-31"},
                    {"product": "testops", "quota": removes + 1, "expires": "2099-12-31"},
                ],
                "licensed_users": [{"product": name, "email": email} for name, email in licensed],
                "machines": [],
                "offline_licenses": [],
                "sessions": [],
            }
        )
    (folder / "reconciler.yaml").write_text(
        "version: 1\norganizations: ['org*.yaml']\npolicy: {max_removals: {count: 1000}}\n"
    )
    return {
        "format": "license-snapshot/1",
        "taken_at": "2026-11-24T09:00:00Z",
        "organizations": rows,
    }


def plan_of(folder: Path, snapshot: dict[str, Any]) -> Plan:
    """Plan the files against the snapshot by the real command."""
    (folder / "snapshot.json").write_text(json.dumps(snapshot))
    command = [sys.executable, "-m", "reconciler", "plan", "--state", "snapshot.json"]
    command += ["--out", "plan.json", "--output", os.devnull]
    subprocess.run(command, cwd=folder, check=True)
    return from_document(json.loads((folder / "plan.json").read_text()))


class Counter:
    """Counts the requests of all transports."""

    def __init__(self) -> None:
        self.requests = 0
        self._lock = threading.Lock()
        self._honest = HttpTransport.request

    def __enter__(self) -> Counter:
        honest, counter = self._honest, self

        def request(transport: HttpTransport, call: Call) -> Answer:
            with counter._lock:
                counter.requests += 1
            return honest(transport, call)

        HttpTransport.request = request  # type: ignore[method-assign]
        return self

    def __exit__(self, *_: object) -> None:
        HttpTransport.request = self._honest  # type: ignore[method-assign]


def apply(plan: Plan, snapshot: dict[str, Any], *, parallel: int, batch: int, journal: bool) -> Run:
    """Apply the plan to a fresh server, and measure."""
    context = multiprocessing.get_context("spawn")
    here, there = context.Pipe()
    with (
        tempfile.TemporaryDirectory() as folder,
        # The server's disk is not what is measured.
        tempfile.TemporaryDirectory(dir=MEMORY if MEMORY.is_dir() else None) as memory,
    ):
        server = context.Process(target=serve, args=(snapshot, memory, LATENCY, there))
        server.start()
        url = here.recv()
        settings = Settings(api=ApiSettings(url=url, max_parallel=parallel))
        environment = {"RECONCILER_API_KEY": KEY}
        keys = KeyRing.from_environment(environment, settings, url, explicit=True)
        backend = open_backend(url, keys=keys, settings=settings.api, timezone="UTC")
        begin = Begin(url, "benchmark", "sha256:" + "0" * 64)
        record = Journal.open(Path(folder) / "j.jsonl", begin) if journal else None
        with Counter() as counter:
            started = time.perf_counter()
            result = execute(
                plan, backend, plan_digest="b", parallel=parallel, batch=batch, record=record
            )
            seconds = time.perf_counter() - started
        backend.close()
        if record is not None:
            record.close()
        here.send("stop")
        server.join()
    if result.exit_code != 0 or len(snapshot["organizations"]) != len(result.organizations):
        raise RuntimeError(f"the apply ended with {result.exit_code}")
    return Run(parallel, batch, journal, seconds, counter.requests)


def runs(plan: Plan, snapshot: dict[str, Any], *, sequential: bool) -> Iterator[Run]:
    """Yield each measurement."""
    for parallel in (1, 8, 16) if sequential else (8, 16):
        for batch in (1, 100):
            yield apply(plan, snapshot, parallel=parallel, batch=batch, journal=False)
    yield apply(plan, snapshot, parallel=16, batch=100, journal=True)


def journal_cost(changes: int, threads: int) -> float:
    """Return the seconds that a journal takes for one change: an intent and an outcome."""
    with (
        tempfile.TemporaryDirectory() as folder,
        Journal.open(Path(folder) / "j.jsonl", Begin("t", "benchmark")) as journal,
    ):

        def work(thread: int) -> None:
            for number in range(changes // threads):
                call = f"{thread}-{number}"
                items = (Item("user", f"user{number}@example.com", call),)
                journal.intent(Intent(call, thread, "grant", "kse", items))
                journal.outcome(call, (Result(items[0].id, "done"),))

        workers = [threading.Thread(target=work, args=(n,)) for n in range(threads)]
        started = time.perf_counter()
        for worker in workers:
            worker.start()
        for worker in workers:
            worker.join()
        return (time.perf_counter() - started) / changes


def verification(lines: int) -> tuple[float, float]:
    """Return the seconds to verify a journal's chain as `audit` does, and its MiB."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "j.jsonl"
        with Journal.open(path, Begin("t", "benchmark")) as journal:
            # No line needs to reach the disk to be verified.
            journal._flush = lambda number: None  # type: ignore[method-assign]
            for number in range((lines - 1) // 2):
                items = (Item("user", f"user{number}@example.com", f"change{number}"),)
                journal.intent(Intent(f"call{number}", number % 50, "grant", "kse", items))
                journal.outcome(f"call{number}", (Result(items[0].id, "done"),))
        started = time.perf_counter()
        found = audit(path)
        seconds = time.perf_counter() - started
        if found["lines"] < lines - 1:
            raise RuntimeError("lines are missing")
        return seconds, path.stat().st_size / 1024**2


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.apply", description=main.__doc__)
    parser.add_argument("--changes", type=int, default=CHANGES)
    parser.add_argument("--organizations", type=int, default=ORGANIZATIONS)
    parser.add_argument("--no-sequential", action="store_true", help="leave out the slow ones")
    options = parser.parse_args()
    print(f"Python {platform.python_version()}, {os.cpu_count()} cores; "
          f"load {os.getloadavg()[0]:.1f}\n")  # fmt: skip
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        snapshot = write_world(folder, options.changes, options.organizations)
        plan = plan_of(folder, snapshot)
        changes = sum(len(row.changes) for row in plan.organizations)
        print(f"{changes} changes in {options.organizations} organizations, "
              f"{LATENCY * 1000:.0f} ms of latency\n")  # fmt: skip
        print("| in parallel | batched | journal | requests | seconds | bound | of it "
              "| whole organizations | of it |")  # fmt: skip
        print("| ---: | --- | --- | ---: | ---: | ---: | ---: | ---: | ---: |")
        for run in runs(plan, snapshot, sequential=not options.no_sequential):
            least = floor(plan, run)
            batched, kept = "yes" if run.batch > 1 else "no", "yes" if run.journal else "no"
            print(
                f"| {run.parallel} | {batched} | {kept} | {run.requests} | {run.seconds:.2f} "
                f"| {run.bound:.2f} | {run.bound / run.seconds:.0%} "
                f"| {least:.2f} | {least / run.seconds:.0%} |"
            )
            sys.stdout.flush()
    print()
    for threads in (1, 16):
        cost = journal_cost(2_000, threads) * 1000
        print(f"journal, {threads} thread(s): {cost:.2f} ms a change (two lines on the disk)")
    seconds, mib = verification(VERIFIED_LINES)
    print(f"audit of {VERIFIED_LINES:,} lines ({mib:.0f} MiB): {seconds:.2f} s")


if __name__ == "__main__":
    main()
