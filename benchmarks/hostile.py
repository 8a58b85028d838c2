"""`python -m benchmarks.hostile`: what files cost that are made to cost much, at their true sizes.

Each row is one whole command on one generated file, in a process that may have 3 GB of address
space. Refused or read, it should end within 5 seconds and 600 MiB; the sizes are large, so look at
it on a machine that is idle. Only an audit, which has every line of a journal to verify, takes the
time of its length.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import asdict
from pathlib import Path
from types import MappingProxyType

from benchmarks.measuring import KIB_PER_MIB
from reconciler.applying.chain import FORMAT, START, seal
from reconciler.applying.record import Begin, Intent, Item, Result

_MB = 1_000_000
_MIB = 1024 * 1024
_MOST_SECONDS = 120
_LIMIT = 3_000_000  # KiB, for `ulimit -v`
_HEAD = "version: 1\norganization: {id: 101}\n"
_USERS = _HEAD + "products:\n  kse:\n    users:\n"
_STATE = '{"format": "license-snapshot/1", "organizations": '

Pieces = Iterator[str | bytes]


def _nested_anchors() -> Pieces:
    yield _HEAD + "x0: &a0 [a]\n"
    for number in range(1, 46):
        yield f"x{number}: &a{number} [*a{number - 1}, '{'y' * 66_000}']\n"


def _keys_twice() -> Pieces:
    yield _HEAD
    for number in range(1_000_000):
        yield f"k{number}: 1\n"
    for number in range(1_100):
        yield f"k{number}: 1\n"


def _long_value() -> Pieces:
    yield _STATE + '[{"id": 101, "members": [{"email": "a@x.io", "role": "'
    for _ in range(60):
        yield "r" * _MB
    yield '"}]}]}'


def _long_list() -> Pieces:
    yield _STATE + "["
    for _ in range(60):
        yield "1," * (_MB // 2)
    yield "1]}"


def _empty_lists() -> Pieces:
    yield _STATE + "["
    for _ in range(200):
        yield "[]," * (_MB // 3)
    yield "[]]}"


def _users() -> Pieces:
    yield _USERS
    for number in range(400_000):
        yield f"      - user-{number:07}@example.com\n"


def _short_emails() -> Pieces:
    yield _USERS
    for number in range(1_000_000):
        yield f"      - {number:x}@b.c\n"


def _brackets() -> Pieces:
    yield _HEAD + "x: "
    yield "[" * (19 * _MIB)


def _plan() -> Pieces:
    yield '{"format": "license-plan/1", "organizations": ['
    for _ in range(200):
        yield '{"id":1},' * (_MB // 9)
    yield "{}]}"


def _nested_groups() -> Pieces:
    yield "version: 1\norganization: {id: 101}\ngroups:\n  g0: [a@example.com]\n"
    for number in range(1, 49):
        yield f"  g{number}: [{{group: g{number - 1}}}, {{group: g{number - 1}}}]\n"
    yield "products: {kse: {users: [{group: g48}]}}\n"


def _journal() -> Pieces:
    begin = asdict(Begin(target="https://licenses.example", tool="reconciler"))
    line, digest = seal({"at": "t", "kind": "begin", "format": FORMAT, **begin}, START)
    yield line
    size, number = len(line), 0
    while size < 255 * _MIB:
        number += 1
        user = f"user-{number}@example.com"
        call = asdict(Intent(f"{number:032x}", 101, "grant", "kse", (Item("user", user),)))
        done = {"call": call["call"], "results": [asdict(Result(user, "done"))], "settled": False}
        for entry in ({"kind": "intent", **call}, {"kind": "outcome", **done}):
            line, digest = seal({"at": "2026-11-24T09:00:00.000Z", **entry}, digest)
            size += len(line)
            yield line


CASES: Mapping[str, tuple[Callable[[], Pieces], tuple[str, ...]]] = MappingProxyType(
    {
        "45 nested anchors in 3 MB": (_nested_anchors, ("validate", "FILE")),
        "a million keys, 1,100 of them twice": (_keys_twice, ("validate", "FILE")),
        "a value of 60 MB where a word is due": (_long_value, ("plan", "--state", "FILE", "ORG")),
        "a list of 30 million numbers": (_long_list, ("plan", "--state", "FILE", "ORG")),
        "200 MB of `[]` in a snapshot": (_empty_lists, ("plan", "--state", "FILE", "ORG")),
        "400,000 users in an organization file": (_users, ("validate", "FILE")),
        "a million users of short names": (_short_emails, ("validate", "FILE")),
        "19 MiB of brackets": (_brackets, ("validate", "FILE")),
        "groups nested 49 deep, each twice": (_nested_groups, ("validate", "FILE")),
        "a plan of 22 million organizations": (_plan, ("report", "FILE")),
        "a journal of 255 MiB, audited": (_journal, ("audit", "FILE")),
        "a journal of 255 MiB, as JSON": (_journal, ("audit", "FILE", "--format", "json")),
    }
)
"""Each file's pieces, and the command that reads it."""


def main() -> None:
    """Measure what files cost that are made to cost much, and print."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.hostile", description=main.__doc__)
    parser.add_argument("--only", default="", help="the rows whose name holds this")
    only = parser.parse_args().only
    print("| file | seconds | of the processor | peak MiB | exit | told |")
    print("| --- | ---: | ---: | ---: | ---: | --- |")
    for name, (pieces, words) in CASES.items():
        if only in name:
            with tempfile.TemporaryDirectory() as folder:
                print(f"| {name} | {_row(Path(folder), pieces(), words)} |", flush=True)


def _row(folder: Path, pieces: Pieces, words: tuple[str, ...]) -> str:
    file, organization, told = folder / "file", folder / "org.yaml", folder / "told"
    organization.write_text(_HEAD, encoding="utf-8")
    with file.open("wb") as stream:
        for piece in pieces:
            stream.write(piece if isinstance(piece, bytes) else piece.encode())
    places = {"FILE": str(file), "ORG": str(organization)}
    command = str(Path(sys.executable).with_name("reconciler"))
    limited = f'ulimit -v {_LIMIT}; exec timeout {_MOST_SECONDS} "$@"'
    start = time.perf_counter()
    # An audit says much, and of what is refused one line tells why.
    with told.open("wb") as said:
        process = subprocess.Popen(
            ["/bin/sh", "-c", limited, "-", command, *(places.get(word, word) for word in words)],
            stdout=subprocess.DEVNULL if words[0] == "audit" else said,
            stderr=said,
        )
        _, status, usage = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
    seconds = time.perf_counter() - start
    with told.open(encoding="utf-8", errors="replace") as lines:
        sense = (line.strip() for line in lines if not line.startswith("loading"))
        first = next(sense, "").replace(f"{folder}/", "")[:90].replace("|", "\\|")
    # `timeout` waits for the command, so the peak is that of the larger of both.
    peak = usage.ru_maxrss / (KIB_PER_MIB if sys.platform != "darwin" else KIB_PER_MIB**2)
    busy = usage.ru_utime + usage.ru_stime
    return f"{seconds:.1f} | {busy:.1f} | {peak:.0f} | {process.returncode} | {json.dumps(first)}"


if __name__ == "__main__":
    main()
