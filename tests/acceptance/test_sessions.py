"""`sessions` and `sessions end`, on the embedded server and where nothing can be written."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import Any

import pytest

from tests.acceptance.conftest import COMMAND, KEY, Cli, Serve, environment, without_progress
from tests.acceptance.relay import relay, slow_searches
from tests.acceptance.test_apply_journal import start, wait_for

GRID = "b2f5ff47436671b6e533d8dc3614845d"
CAROL = ("--org", "101", "--user", "CAROL@acme.example")


def active(cli: Cli, *arguments: str) -> list[dict[str, Any]]:
    page = json.loads(cli.ok("sessions", "--format", "json", *arguments))
    assert page["format"] == "license-sessions/1"
    rows: list[dict[str, Any]] = page["sessions"]
    return rows


def test_the_active_sessions_are_listed_the_oldest_first(world: Cli) -> None:
    text = world.ok("sessions")
    assert text.index("grid-a") < text.index("carol-pc")
    assert text.splitlines()[-1] == "2 active sessions."
    rows = active(world)
    assert [(row["organization"], row["machine"], row["user"]) for row in rows] == [
        (303, GRID, "mia@cedar.example"),
        (101, "f96b697d7cb7938d525a2f31aaf161d0", "carol@acme.example"),
    ]


def test_organizations_and_products_can_be_chosen(embedded: Cli) -> None:
    assert [row["organization"] for row in active(embedded, "--org", "101")] == [101]
    assert [row["organization"] for row in active(embedded, "--product", "kre-floating")] == [303]
    assert active(embedded, "--product", "testops") == []


def test_a_snapshot_can_be_looked_at_and_tells_what_it_does_not_know(examples: Cli) -> None:
    assert len(active(examples, "--state", "snapshot.yaml")) == 2
    (examples.folder / "less.yaml").write_text(
        "format: license-snapshot/1\ntaken_at: 2026-11-24T09:00:00Z\norganizations: [{id: 7}]\n"
    )
    result = examples("sessions", "--state", "less.yaml")
    assert result.code == 1
    assert "organization 7: its sessions cannot be listed" in result.out


@pytest.mark.parametrize("by", ["machine", "user", "session"])
def test_a_session_is_ended_and_its_seat_is_free_at_once(world: Cli, by: str) -> None:
    (row,) = active(world, "--org", "303")
    result = world("sessions", "end", "--org", "303", f"--{by}", row[by], "--yes")
    assert result.code == 0
    assert f"kre-floating: session {row['session']} of mia@cedar.example on {GRID}: ended" in (
        result.out
    )
    assert result.out.splitlines()[-1] == "1 session ended."
    assert "the seat is free at once" in result.err
    assert active(world, "--org", "303") == []
    page = json.loads(world.ok("show", "--org", "303", "--format", "json"))
    pools = {pool["product"]: pool for pool in page["organizations"][0]["products"]}
    assert pools["kre-floating"]["used"] == 0


def test_a_user_keeps_the_license_and_the_other_sessions_go_on(embedded: Cli) -> None:
    result = embedded("sessions", "end", *CAROL, "--yes")
    assert result.code == 0
    assert "keeps the license" in result.err
    assert [row["organization"] for row in active(embedded)] == [303]
    assert "carol@acme.example" in embedded.ok("show", "--org", "101")


def test_ending_again_has_nothing_to_do(embedded: Cli) -> None:
    embedded.ok("sessions", "end", *CAROL, "--yes")
    again = embedded("sessions", "end", *CAROL)
    assert (again.code, again.out) == (0, "")
    assert "nothing to end" in again.err


def test_of_another_product_nothing_is_ended(embedded: Cli) -> None:
    embedded.ok("sessions", "end", *CAROL, "--product", "testops", "--yes")
    assert len(active(embedded)) == 2


def test_nobody_to_ask_means_that_nothing_is_ended(embedded: Cli) -> None:
    result = embedded("sessions", "end", *CAROL, stdin="y\n")
    assert result.code == 64
    assert "carol-pc" in result.err
    assert "--yes" in result.err
    assert len(active(embedded)) == 2


@pytest.mark.skipif(sys.platform == "win32", reason="a pseudo terminal is needed")
@pytest.mark.parametrize(("reply", "code", "left"), [("y\n", 0, 1), ("n\n", 4, 2), ("\x03", 1, 2)])
def test_at_a_terminal_the_person_is_asked(embedded: Cli, reply: str, code: int, left: int) -> None:
    from tests.acceptance.terminal import at_a_terminal

    shown = at_a_terminal(
        embedded.folder, "sessions", "end", *CAROL,
        replies=[reply], question="End 1 session? [y/N]:", env=embedded.env,
    )  # fmt: skip
    assert shown.code == code
    assert "Work that is not saved there may be lost" in shown.text
    assert len(active(embedded)) == left


def test_what_was_ended_stands_in_the_journal(embedded: Cli) -> None:
    for user, organization in (("carol@acme.example", "101"), ("mia@cedar.example", "303")):
        embedded.ok(
            "sessions", "end", "--org", organization, "--user", user, "--yes",
            "--journal", "j.jsonl",
        )  # fmt: skip
    text = (embedded.folder / "j.jsonl").read_text()
    entries = [json.loads(line) for line in text.splitlines()]
    assert [row["kind"] for row in entries] == ["begin", "intent", "outcome", "end"] * 2
    assert entries[0]["via"] == "sessions"
    assert entries[1]["action"] == "end_session"
    assert "carol@acme.example on f96b697d" in entries[2]["results"][0]["message"]
    embedded.ok("audit", "j.jsonl")


SLOW = """\
version: 1
rules:
  - {fault: latency, ms: 1500, when: after, match: {operation: end_session, nth: 1}}
"""
THIRD = (
    "      - {product: kse, machine: 0cc175b9c0f1b6a831c399e269772661, email: carol@acme.example}\n"
)


@pytest.fixture
def slow(examples: Cli, serve: Serve) -> Cli:
    """A server with two sessions of carol's that answers late to the first end of one."""
    snapshot = examples.folder / "snapshot.yaml"
    first = "    sessions:\n"
    snapshot.write_text(snapshot.read_text().replace(first, first + THIRD, 1))
    (examples.folder / "slow.yaml").write_text(SLOW)
    server = serve(
        examples.folder, "--db", "s.db", "--load", "snapshot.yaml", "--faults", "slow.yaml",
        RECONCILER_API_KEY=KEY,
    )  # fmt: skip
    examples.env = {"RECONCILER_API_URL": server.url, "RECONCILER_API_KEY": KEY}
    return examples


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_finishes_the_call_in_flight_and_exits_5(
    slow: Cli, number: signal.Signals
) -> None:
    journal = slow.folder / "j.jsonl"
    with start(slow, "sessions", "end", *CAROL, "--yes", "--journal", "j.jsonl") as process:
        wait_for(journal, "intent")
        time.sleep(0.3)
        process.send_signal(number)
        out, err = process.communicate(timeout=60)
    assert process.returncode == 5
    assert "calls in flight are finished first" in err
    assert "Traceback" not in err
    assert out.count(": ended") == out.count(": not attempted") == 1
    assert out.splitlines()[-2:] == [
        "interrupted; the same command again goes on",
        "1 session ended, 1 not.",
    ]
    entries = [json.loads(line) for line in journal.read_text().splitlines()]
    assert [row["kind"] for row in entries] == ["begin", "intent", "outcome", "end"]
    assert (entries[-1]["exit_code"], entries[-1]["interrupted"]) == (5, True)
    again = slow("sessions", "end", *CAROL, "--yes", "--journal", "j.jsonl")
    assert (again.code, again.out.splitlines()[-1]) == (0, "1 session ended.")


def test_a_second_signal_stops_at_once_and_the_next_run_settles_what_is_open(slow: Cli) -> None:
    journal = slow.folder / "j.jsonl"
    with start(slow, "sessions", "end", *CAROL, "--yes", "--journal", "j.jsonl") as process:
        wait_for(journal, "intent")
        time.sleep(0.3)
        for _ in range(2):
            process.send_signal(signal.SIGTERM)
            time.sleep(0.2)
        out, err = process.communicate(timeout=60)
    assert (process.returncode, "Traceback" in err) == (5, False)
    assert ": unclear: interrupted" in out
    time.sleep(1.5)
    again = slow("sessions", "end", *CAROL, "--yes", "--journal", "j.jsonl")
    assert again.code == 0
    assert "it took effect" in again.err
    assert '"outcome": "open"' not in slow.ok("audit", "j.jsonl", "--format", "json")


def test_sigterm_while_it_reads_ends_it_like_ctrl_c(served: Cli) -> None:
    begun = threading.Event()
    with relay(served.env["RECONCILER_API_URL"], slow_searches(begun)) as url:
        served.env["RECONCILER_API_URL"] = url
        with start(served, "sessions", "end", *CAROL, "--yes", "--journal", "j.jsonl") as process:
            assert begun.wait(60)
            process.send_signal(signal.SIGTERM)
            out, err = process.communicate(timeout=60)
    assert (process.returncode, out) == (1, "")
    assert without_progress(err).splitlines()[-1] == "error: interrupted"
    assert not (served.folder / "j.jsonl").exists()


def test_an_account_that_nobody_takes_is_told_and_exits_5(embedded: Cli) -> None:
    with Path("/dev/full").open("w") as full:
        done = subprocess.run(
            [*COMMAND, "sessions", "end", *CAROL, "--yes", "--journal", "j.jsonl"],
            cwd=embedded.folder, env=environment(**embedded.env),
            stdout=full, stderr=subprocess.PIPE, text=True, check=False,
        )  # fmt: skip
    assert done.returncode == 5
    assert "the account of 1 write(s) could not be written" in done.stderr
    last = json.loads((embedded.folder / "j.jsonl").read_text().splitlines()[-1])
    assert (last["kind"], last["exit_code"]) == ("end", 5)


def test_a_journal_that_cannot_be_written_ends_nothing(embedded: Cli) -> None:
    result = embedded("sessions", "end", *CAROL, "--yes", "--journal", "missing/j.jsonl")
    assert result.code == 1
    assert len(active(embedded)) == 2


def test_where_no_session_can_be_ended_by_the_api_the_steps_are_told(embedded: Cli) -> None:
    workspace = embedded.folder / "reconciler.yaml"
    workspace.write_text(workspace.read_text() + "\napi: {writes: checklist}\n")
    result = embedded("sessions", "end", *CAROL)
    assert result.code == 2
    assert "end 1 session" in result.out
    assert "f96b697d7cb7938d525a2f31aaf161d0" in result.out
    assert "*Online Licenses* no longer lists them." in result.out
    assert len(active(embedded)) == 2


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["end", "--org", "101"], "one of --machine, --user and --session"),
        (["end", "--org", "101", "--user", "a", "--machine", "b"], "one of --machine"),
        (["end", "--user", "carol@acme.example"], "--org"),
        (["end", "--org", "101", "--user", "a", "--product", "nonsense"], "--product"),
        (["--org", "101", "end", *CAROL], "--org before `end` has no effect"),
        (["--format", "json", "end", *CAROL], "--format before `end` has no effect"),
        (["stop"], "stop"),
    ],
)
def test_wrong_usage_is_told(embedded: Cli, arguments: list[str], told: str) -> None:
    result = embedded("sessions", *arguments)
    assert result.code == 64
    assert told in result.err


def test_an_unknown_organization_is_a_failure(embedded: Cli) -> None:
    result = embedded("sessions", "end", "--org", "999", "--user", "a@x.io", "--yes")
    assert result.code == 1
    assert "999" in result.err
