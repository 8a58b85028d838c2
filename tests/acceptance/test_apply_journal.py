"""`apply --journal`, two applies at once, and what happens where the journal cannot be written."""

from __future__ import annotations

import json
import os
import signal
import sqlite3
import subprocess
import threading
import time
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest

from tests.acceptance.conftest import COMMAND, KEY, Cli, Serve, environment, without_progress
from tests.acceptance.relay import relay, slow_searches
from tests.acceptance.terminal import at_a_terminal


def start(cli: Cli, *arguments: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [*COMMAND, *arguments],
        cwd=cli.folder,
        env=environment(**cli.env),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def kinds(path: Path) -> list[str]:
    return [json.loads(line)["kind"] for line in path.read_text().splitlines()]


def wait_for(path: Path, kind: str, count: int = 1) -> None:
    for _ in range(600):
        if path.exists() and path.read_text().count(f'"kind":"{kind}"') >= count:
            return
        time.sleep(0.05)
    raise AssertionError(f"no {kind} in {path}")


def test_the_journal_holds_every_call_and_no_key(served: Cli) -> None:
    served.ok("apply", "--yes", "--journal", "j.jsonl")
    journal = served.folder / "j.jsonl"
    found = kinds(journal)
    assert (found[0], found[-1]) == ("begin", "end")
    assert found.count("intent") == found.count("outcome") >= 10
    assert KEY not in journal.read_text()
    assert journal.stat().st_mode & 0o777 == 0o600


def test_of_two_applies_at_once_one_wins_and_the_other_says_so(embedded: Cli) -> None:
    journal = embedded.folder / "j.jsonl"
    with start(embedded, "apply", "--yes", "--journal", "j.jsonl", "--max-rate", "5") as first:
        wait_for(journal, "begin")
        second = embedded("apply", "--yes", "--journal", "j.jsonl")
        assert second.code == 1
        assert "another process is writing this journal" in second.err
        out, err = first.communicate(timeout=60)
        assert (first.returncode, err) == (0, err)
        assert "10 done" in out
    assert kinds(journal).count("begin") == 1


@pytest.mark.parametrize("journal", ["missing/j.jsonl", ".", "/dev/full"])
def test_where_the_journal_cannot_be_written_no_call_is_made(embedded: Cli, journal: str) -> None:
    result = embedded("apply", "--yes", "--journal", journal)
    assert result.code == 1
    assert journal in result.err
    assert embedded("plan", "--detailed-exitcode").code == 2
    assert "Plan: 6 grants, 4 reassignments" in embedded.ok("plan")


SMALL_DISK = """
import resource, sys
sys.dont_write_bytecode = True  # What is cut short is to be the journal alone.
resource.setrlimit(resource.RLIMIT_FSIZE, (700, resource.RLIM_INFINITY))
from reconciler.cli.edge import main
sys.exit(main(sys.argv[1:]))
"""


def test_a_disk_that_becomes_full_before_the_first_call_leaves_all_as_it_was(served: Cli) -> None:
    # Room for the line that begins the journal, and for a part of the first intent.
    done = subprocess.run(
        [COMMAND[0], "-c", SMALL_DISK, "apply", "--yes", "--journal", "j.jsonl"],
        cwd=served.folder,
        env=environment(**served.env),
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 1
    assert "j.jsonl: the journal cannot be written: File too large" in done.stdout
    assert "make room, then run it again with the same journal" in done.stdout
    assert "make room, then run it again with the same journal" in done.stderr
    assert "0 done, 10 not attempted; 0 writes" in done.stdout
    assert kinds(served.folder / "j.jsonl") == ["begin"]
    assert "Plan: 6 grants, 4 reassignments" in served.ok("plan")
    served.ok("apply", "--yes", "--journal", "j.jsonl")


def test_a_damaged_journal_stops_the_apply_before_any_call(embedded: Cli) -> None:
    embedded.ok("apply", "--yes", "--journal", "j.jsonl", "--org", "101")
    journal = embedded.folder / "j.jsonl"
    journal.write_text(journal.read_text().replace("carol@", "caro1@", 1))
    result = embedded("apply", "--yes", "--journal", "j.jsonl")
    assert result.code == 1
    assert "j.jsonl:2: the journal is damaged at this line" in result.err
    assert "4 changes" not in result.out
    assert embedded("plan", "--detailed-exitcode").code == 2


def test_a_journal_of_another_licensing_system_is_refused(embedded: Cli) -> None:
    embedded.ok("apply", "--yes", "--journal", "j.jsonl")
    embedded.ok("load", "snapshot.yaml", "--db", "other.db")
    result = embedded("apply", "--yes", "--journal", "j.jsonl", "--api", "sqlite:///other.db")
    assert result.code == 1
    assert "is about sqlite:///e.db, not about sqlite:///other.db" in result.err


def test_ctrl_c_finishes_what_is_in_flight_and_exits_5(embedded: Cli) -> None:
    journal = embedded.folder / "j.jsonl"
    with start(embedded, "apply", "--yes", "--journal", "j.jsonl", "--max-rate", "4") as process:
        wait_for(journal, "outcome", 2)
        process.send_signal(signal.SIGINT)
        out, err = process.communicate(timeout=60)
    assert process.returncode == 5
    assert "interrupted; apply again to go on" in out
    assert "calls in flight are finished first" in err
    found = kinds(journal)
    assert found.count("intent") == found.count("outcome")
    assert json.loads(journal.read_text().splitlines()[-1])["interrupted"] is True
    assert "not attempted" in out
    assert "Traceback" not in err
    embedded.ok("apply", "--yes", "--journal", "j.jsonl")
    assert embedded("plan", "--detailed-exitcode").code == 0


@pytest.fixture
def frozen(examples: Cli, serve: Serve) -> tuple[Cli, subprocess.Popen[str]]:
    """The examples on a server of their own, which can be stopped in the middle."""
    server = serve(
        examples.folder, "--db", "s.db", "--load", "snapshot.yaml", RECONCILER_API_KEY=KEY
    )
    examples.env = {"RECONCILER_API_URL": server.url, "RECONCILER_API_KEY": KEY}
    return examples, server.process


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_second_signal_stops_at_once_and_the_journal_shows_what_is_open(
    frozen: tuple[Cli, subprocess.Popen[str]], number: signal.Signals
) -> None:
    cli, server = frozen
    journal = cli.folder / "j.jsonl"
    with start(cli, "apply", "--yes", "--journal", "j.jsonl", "--max-rate", "4") as process:
        wait_for(journal, "outcome", 2)
        server.send_signal(signal.SIGSTOP)
        try:
            wait_for(journal, "intent", journal.read_text().count('"kind":"outcome"') + 1)
            begun = time.monotonic()
            process.send_signal(number)
            time.sleep(0.5)
            assert process.poll() is None
            process.send_signal(number)
            out, err = process.communicate(timeout=20)
            assert time.monotonic() - begun < 15
        finally:
            server.send_signal(signal.SIGCONT)
    assert process.returncode == 5
    assert "its outcome is not known" in out
    assert "Traceback" not in err
    found = kinds(journal)
    assert found.count("intent") > found.count("outcome")
    again = cli("apply", "--yes", "--journal", "j.jsonl")
    assert again.code == 0
    assert "left open by an earlier apply" in again.err
    assert cli("plan", "--detailed-exitcode").code == 0
    assert '"outcome": "open"' not in cli.ok("audit", "j.jsonl", "--format", "json")


BUSY = """\
version: 1
rules:
  - match: {operation: grant_users, organization: 101, nth: [1, 2, 3]}
    fault: error
    status: 429
    retry_after: 1
  - match: {operation: grant_users, organization: 101, nth: 4}
    fault: error
    status: 429
    retry_after: 120
"""


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_while_a_transfer_waits_for_its_grant_leaves_nobody_without_the_seat(
    examples: Cli, serve: Serve, number: signal.Signals
) -> None:
    (examples.folder / "faults.yaml").write_text(BUSY)
    server = serve(
        examples.folder, "--db", "s.db", "--load", "snapshot.yaml", "--faults", "faults.yaml",
        RECONCILER_API_KEY=KEY,
    )  # fmt: skip
    examples.env = {"RECONCILER_API_URL": server.url, "RECONCILER_API_KEY": KEY}
    journal = examples.folder / "j.jsonl"
    with start(
        examples, "apply", "--yes", "--journal", "j.jsonl", "--org", "101", "--parallel", "1"
    ) as process:
        # The remove is done, and the grant after it is turned away for now.
        wait_for(journal, "intent", 2)
        time.sleep(0.3)
        process.send_signal(number)
        out, err = process.communicate(timeout=60)
    assert process.returncode == 5
    assert "Traceback" not in err
    assert "the seat was given back to carol@acme.example" in out
    with closing(sqlite3.connect(examples.folder / "s.db")) as connection:
        rows = connection.execute(
            "SELECT action, subject FROM history WHERE organization_id = 101 ORDER BY rowid"
        ).fetchall()
    assert [row for row in rows if row[1] == "carol@acme.example"][-1][0] == "grant_user"


def leave(cli: Cli, email: str) -> None:
    with closing(sqlite3.connect(cli.folder / "s.db", timeout=10)) as database:
        for table in ("licensed_users", "members"):
            database.execute(f"DELETE FROM {table} WHERE email = ?", (email,))  # noqa: S608
        database.commit()


@pytest.fixture
def half_done(examples: Cli, serve: Serve) -> Cli:
    """An apply was killed once it had taken Carol's seat, and Bob, who was to get it, has left."""
    (examples.folder / "faults.yaml").write_text(
        "version: 1\nrules:\n"
        "  - {fault: latency, ms: 3000, match: {operation: grant_users, organization: 101, nth: 1}}"
    )
    server = serve(
        examples.folder, "--db", "s.db", "--load", "snapshot.yaml", "--faults", "faults.yaml",
        RECONCILER_API_KEY=KEY,
    )  # fmt: skip
    examples.env = {"RECONCILER_API_URL": server.url, "RECONCILER_API_KEY": KEY}
    acme = examples.folder / "orgs" / "acme.yaml"
    text = acme.read_text()
    # Nobody else waits for a free seat.
    acme.write_text(text[: text.index("      - email: gina")] + text[text.index("  testops") :])
    examples.ok("plan", "--org", "101", "--out", "plan.json")
    journal = examples.folder / "j.jsonl"
    with start(examples, "apply", "plan.json", "--yes", "--journal", "j.jsonl") as process:
        wait_for(journal, "intent", 2)
        process.kill()
        process.communicate()
    leave(examples, "bob@acme.example")
    return examples


def seats(cli: Cli) -> list[str]:
    page = json.loads(cli.ok("show", "--org", "101", "--format", "json"))
    (kse,) = [row for row in page["organizations"][0]["products"] if row["product"] == "kse"]
    users: list[str] = kse["licensed_users"]
    return users


@pytest.mark.parametrize("what", [("plan.json",), ("--org", "101")], ids=["same", "fresh"])
def test_the_seat_of_a_killed_transfer_goes_back_where_the_journal_knows_of_it(
    half_done: Cli, what: tuple[str, ...]
) -> None:
    assert "carol@acme.example" not in seats(half_done)
    result = half_done("apply", *what, "--yes", "--journal", "j.jsonl")
    assert result.code == 5
    assert "stale: grant kse to bob@acme.example: bob@acme.example is not a member" in result.out
    assert "the seat was given back to carol@acme.example" in result.out
    assert "carol@acme.example" in seats(half_done)
    assert "carol@acme.example  got kse" in half_done.ok("audit", "j.jsonl")
    # From now on the plan, whichever it is, is no more than refused or stale.
    assert half_done("apply", *what, "--yes", "--journal", "j.jsonl").code == 4


def test_without_the_journal_the_account_names_who_has_no_seat(half_done: Cli) -> None:
    result = half_done("apply", "plan.json", "--yes")
    assert result.code == 4
    assert "carol@acme.example has no seat any more" in result.out
    assert "carol@acme.example" not in seats(half_done)


def test_sigterm_while_it_is_planned_ends_it_like_ctrl_c(served: Cli) -> None:
    begun = threading.Event()
    with relay(served.env["RECONCILER_API_URL"], slow_searches(begun)) as url:
        served.env["RECONCILER_API_URL"] = url
        with start(served, "apply", "--yes", "--journal", "j.jsonl") as process:
            assert begun.wait(60)
            process.send_signal(signal.SIGTERM)
            out, err = process.communicate(timeout=60)
    assert (process.returncode, out) == (1, "")
    assert without_progress(err).splitlines()[-1] == "error: interrupted"
    assert not (served.folder / "j.jsonl").exists()


def _content(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError:  # It has ended meanwhile.
        return b""


def test_sigterm_at_the_question_ends_it_like_ctrl_c(embedded: Cli) -> None:
    question = "change(s)? [y/N]"

    def killed() -> str:
        (pid,) = [
            int(row.parent.name)
            for row in Path("/proc").glob("[0-9]*/cmdline")
            if str(embedded.folder / "j.jsonl").encode() in _content(row).split(b"\0")
        ]
        os.kill(pid, signal.SIGTERM)
        return ""

    shown = at_a_terminal(
        embedded.folder, "apply", "--journal", str(embedded.folder / "j.jsonl"),
        replies=[killed], question=question, env=embedded.env,
    )  # fmt: skip
    assert shown.code == 1
    assert shown.text.rstrip().endswith("error: interrupted")
    assert not (embedded.folder / "j.jsonl").exists()


def test_an_answer_that_takes_its_time_is_heard(embedded: Cli) -> None:
    def slowly() -> str:
        time.sleep(0.8)
        return "y\n"

    shown = at_a_terminal(
        embedded.folder, "apply", "--org", "101",
        replies=[slowly], question="change(s)? [y/N]", env=embedded.env,
    )  # fmt: skip
    assert shown.code == 0, shown.text


def nobody_listens() -> int:
    reading, writing = os.pipe()
    os.close(reading)
    return writing


@pytest.mark.parametrize(
    "errors", [nobody_listens, lambda: os.open("/dev/full", os.O_WRONLY)], ids=["gone", "full"]
)
def test_what_cannot_be_told_on_standard_error_keeps_no_change_from_being_made(
    examples: Cli, serve: Serve, errors: Callable[[], int]
) -> None:
    # So slow that there is progress to tell.
    (examples.folder / "slow.yaml").write_text(
        "version: 1\nrules:\n  - {fault: latency, ms: 400, match: {operation: writes}}\n"
    )
    server = serve(
        examples.folder, "--db", "s.db", "--load", "snapshot.yaml", "--faults", "slow.yaml",
        RECONCILER_API_KEY=KEY,
    )  # fmt: skip
    descriptor = errors()
    done = subprocess.run(
        [*COMMAND, "apply", "--yes", "--journal", "j.jsonl"],
        cwd=examples.folder,
        env=environment(RECONCILER_API_URL=server.url, RECONCILER_API_KEY=KEY),
        stdout=subprocess.PIPE,
        stderr=descriptor,
        text=True,
        check=False,
    )
    os.close(descriptor)
    assert done.returncode == 0
    assert "Applied: 10 done; 14 writes." in done.stdout
    assert kinds(examples.folder / "j.jsonl")[-1] == "end"


def test_quiet_shows_no_progress(embedded: Cli) -> None:
    result = embedded("apply", "--yes", "--quiet", "--max-rate", "8")
    assert (result.code, result.err) == (0, "")


@pytest.mark.parametrize(
    "arguments",
    [
        ("--parallel", "0"),
        ("--max-rate", "0"),
        ("--max-rate", "nan"),
        ("--max-rate", "1e-12"),
        ("--format", "html", "--via", "api"),
    ],
)
def test_bounds_and_formats_that_make_no_sense_are_wrong_usage(
    embedded: Cli, arguments: tuple[str, ...]
) -> None:
    assert embedded("apply", "--yes", *arguments).code == 64


def test_two_applies_without_a_common_journal_do_no_harm(served: Cli) -> None:
    with (
        start(served, "apply", "--yes", "--max-rate", "10") as one,
        start(served, "apply", "--yes", "--max-rate", "10") as other,
    ):
        codes = {process.wait(timeout=60) for process in (one, other)}
        for process in (one, other):
            process.communicate()
    assert codes <= {0, 1, 4, 5}
    served.ok("apply", "--yes")
    assert served("plan", "--detailed-exitcode").code == 0
    with closing(sqlite3.connect(served.folder / "s.db")) as connection:
        over = connection.execute("SELECT count(*) FROM history WHERE used_after > quota")
        assert over.fetchone() == (0,)
        done = connection.execute(
            "SELECT organization_id, feature, action, subject FROM history"
            " WHERE status NOT IN ('unchanged', 'rejected')"
        ).fetchall()
    # Fourteen that were sent, and the session of somebody who lost a license.
    assert len(done) == len(set(done)) == 15
