"""The journal file: sound lines, one writer, repairs, and what it does when the disk does not."""

from __future__ import annotations

import json
import os
import re
import resource
import stat
import subprocess
import sys
import threading
import time
from datetime import date
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reconciler.applying.chain import START, JournalError, seal, sound_lines
from reconciler.applying.journal import Journal
from reconciler.applying.record import Begin, Intent, Item, Result
from reconciler.applying.taken import TakenSeats

BEGIN = Begin(
    target="https://licenses.example", tool="reconciler 0.1.0", plan_digest="sha256:" + "a" * 64
)
GRANT = Intent("c1", 101, "grant", "kse", (Item("user", "bob@x.io", "ch1"),))
OFFLINE = Intent(
    "c2", 101, "issue_offline", "kse", (Item("machine", "m1", "ch2"),), expires=date(2027, 3, 31)
)
DONE = (Result("bob@x.io", "done"),)


def write(path: Path, *calls: Intent, begin: Begin = BEGIN) -> None:
    with Journal.open(path, begin) as journal:
        for call in calls:
            journal.intent(call)
            journal.outcome(call.call, tuple(Result(item.id, "done") for item in call.items))
        journal.end(exit_code=0, writes=len(calls), interrupted=False)


def kinds(path: Path) -> list[str]:
    with path.open("rb") as stream:
        return [line.entry["kind"] for line in sound_lines(stream, "j")]


def test_it_begins_with_what_is_applied_and_holds_each_call_and_its_outcome(tmp_path: Path) -> None:
    path = tmp_path / "j.jsonl"
    write(path, GRANT)
    entries = [json.loads(line) for line in path.read_text().splitlines()]
    assert [row["kind"] for row in entries] == ["begin", "intent", "outcome", "end"]
    assert entries[0]["format"] == "license-journal/1"
    assert entries[0]["plan_digest"] == BEGIN.plan_digest
    assert entries[1]["items"] == [{"kind": "user", "id": "bob@x.io", "change": "ch1"}]
    assert [row["previous"] for row in entries] == [START, *(row["digest"] for row in entries[:3])]


def test_only_its_owner_may_read_it(tmp_path: Path) -> None:
    path = tmp_path / "j.jsonl"
    write(path)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_a_later_apply_goes_on_with_the_same_chain(tmp_path: Path) -> None:
    path = tmp_path / "j.jsonl"
    write(path, GRANT)
    write(path, OFFLINE)
    assert kinds(path) == ["begin", "intent", "outcome", "end"] * 2


def test_calls_without_an_outcome_or_with_an_unclear_one_stay_open(tmp_path: Path) -> None:
    path = tmp_path / "j.jsonl"
    with Journal.open(path, BEGIN) as journal:
        assert journal.open_intents == ()
        journal.intent(GRANT)
        journal.intent(OFFLINE)
        journal.outcome("c1", (Result("bob@x.io", "unclear"),))
    with Journal.open(path, BEGIN) as journal:
        assert journal.open_intents == (GRANT, OFFLINE)
        journal.outcome("c1", DONE, settled=True)
        journal.outcome("c2", (Result("m1", "failed"),), settled=True)
    with Journal.open(path, BEGIN) as journal:
        assert journal.open_intents == ()


def test_values_cannot_break_a_line_or_hide_in_it(tmp_path: Path) -> None:
    path = tmp_path / "j.jsonl"
    name = 'a"\n\u2028\u202e\x1b[2J\ud800,"digest":"' + "0" * 64 + '"}\n'
    write(path, Intent("c", 1, "grant", "kse", (Item("user", name),)))
    raw = path.read_bytes()
    assert raw.isascii()
    assert raw.count(b"\n") == 4
    with path.open("rb") as stream:
        found = [line.entry for line in sound_lines(stream, "j")][1]
    assert found["items"][0]["id"] == name


@pytest.mark.parametrize("cut", [1, 5, 80, 150])
def test_a_last_line_that_was_cut_short_is_repaired_and_noted(tmp_path: Path, cut: int) -> None:
    path = tmp_path / "j.jsonl"
    with Journal.open(path, BEGIN) as journal:
        journal.intent(OFFLINE)
        journal.outcome("c2", (Result("m1", "done"),))
    whole = path.read_bytes()
    path.write_bytes(whole[:-cut])
    with Journal.open(path, BEGIN) as journal:
        assert journal.open_intents == (OFFLINE,)
    assert kinds(path) == ["begin", "intent", "repaired", "begin"]


@pytest.mark.parametrize(
    "content",
    [
        b"notes without an end",
        b"one line\nand notes without an end",
        b"one whole line\n",
        b"\n",
        b"\x00" * 5000,
        b'{"at":"2026-11-24T09:00:00.000Z","kind":"begin","format":"license-journal/1","ta',
    ],
)
def test_a_file_that_is_no_journal_is_refused_and_left_as_it_is(
    tmp_path: Path, content: bytes
) -> None:
    path = tmp_path / "notes.txt"
    path.write_bytes(content)
    before = path.stat()
    with pytest.raises(JournalError, match=r"notes\.txt"):
        Journal.open(path, BEGIN)
    assert path.read_bytes() == content
    assert (path.stat().st_mtime_ns, path.stat().st_mode) == (before.st_mtime_ns, before.st_mode)


def test_an_empty_file_becomes_a_journal(tmp_path: Path) -> None:
    path = tmp_path / "j.jsonl"
    path.touch()
    write(path)
    assert kinds(path) == ["begin", "end"]


def damaged(raw: bytes, how: str) -> bytes:
    lines = raw.splitlines(keepends=True)
    match how:
        case "changed":
            lines[1] = lines[1].replace(b"bob@x.io", b"eve@x.io")
        case "taken out":
            del lines[1]
        case "doubled":
            lines.insert(1, lines[1])
        case "swapped":
            lines[1], lines[2] = lines[2], lines[1]
        case "forged":
            entry = json.loads(lines[1])
            del entry["digest"], entry["previous"]
            lines[1] = seal(entry | {"organization": 102}, START)[0]
        case "no journal":
            lines[1] = b"hello\n"
        case "the last changed":
            lines[-1] = lines[-1].replace(b'"exit_code":0', b'"exit_code":1')
    return b"".join(lines)


@pytest.mark.parametrize(
    ("how", "line"),
    [
        ("changed", 2),
        ("taken out", 2),
        ("doubled", 3),
        ("swapped", 2),
        ("forged", 2),
        ("no journal", 2),
        ("the last changed", 4),
    ],
)
def test_any_other_damage_is_an_error_that_names_the_line(
    tmp_path: Path, how: str, line: int
) -> None:
    path = tmp_path / "j.jsonl"
    write(path, GRANT)
    path.write_bytes(damaged(path.read_bytes(), how))
    before = path.read_bytes()
    # Doubling a line gives one that is sound and stands in the wrong place.
    with pytest.raises(JournalError, match=re.escape(f"{path}:{line}: ")):
        Journal.open(path, BEGIN)
    assert path.read_bytes() == before


@given(place=st.integers(0, 10_000), byte=st.integers(0, 255))
def test_no_byte_of_a_whole_line_can_be_changed_unseen(
    tmp_path_factory: pytest.TempPathFactory, place: int, byte: int
) -> None:
    path = tmp_path_factory.getbasetemp() / "law.jsonl"
    if not path.exists():
        write(path, GRANT)
    raw = bytearray(path.read_bytes())
    place %= len(raw) - 1
    if raw[place] == byte:
        return
    raw[place] = byte
    lines = bytes(raw).splitlines(keepends=True) if byte not in b"\n\r" else bytes(raw).split(b"\n")
    with pytest.raises(JournalError):
        list(sound_lines([row if row.endswith(b"\n") else row + b"\n" for row in lines], "j"))


def test_a_journal_of_a_newer_format_is_told_as_such(tmp_path: Path) -> None:
    path = tmp_path / "j.jsonl"
    path.write_bytes(seal({"kind": "begin", "format": "license-journal/2"}, START)[0])
    with pytest.raises(JournalError, match=r"license-journal/2; this version .* knows"):
        Journal.open(path, BEGIN)


@pytest.mark.parametrize(
    "entry",
    [
        {"kind": "begin", "format": 1},
        {"kind": "end", "format": "license-journal/1"},
        {"kind": "intent", "call": "c"},
        {"kind": 3},
    ],
)
def test_a_sealed_line_that_says_nothing_sensible_is_damage(
    tmp_path: Path, entry: dict[str, object]
) -> None:
    path = tmp_path / "j.jsonl"
    path.write_bytes(seal(entry, START)[0])
    with pytest.raises(JournalError, match=r"j\.jsonl:1: the journal is damaged"):
        Journal.open(path, BEGIN)


def test_a_line_with_a_missing_field_is_damage(tmp_path: Path) -> None:
    path = tmp_path / "j.jsonl"
    with Journal.open(path, BEGIN) as journal:
        journal._append({"kind": "intent", "call": "c"})
    with pytest.raises(JournalError, match=r"j\.jsonl:2:1: .* the field 'organization' is missing"):
        Journal.open(path, BEGIN)


def test_a_journal_about_another_licensing_system_is_not_mixed_with_this_one(
    tmp_path: Path,
) -> None:
    path = tmp_path / "j.jsonl"
    write(path)
    other = Begin(target="http://127.0.0.1:1", tool="reconciler 0.1.0")
    with pytest.raises(JournalError, match=r"about https://licenses\.example, not about http"):
        Journal.open(path, other)


def test_one_writer_at_a_time_and_the_next_once_it_has_closed(tmp_path: Path) -> None:
    path = tmp_path / "j.jsonl"
    with Journal.open(path, BEGIN), pytest.raises(JournalError, match="another process"):
        Journal.open(path, BEGIN)
    Journal.open(path, BEGIN).close()


HOLDER = """
import sys, time
from reconciler.applying.journal import Journal
from reconciler.applying.record import Begin
journal = Journal.open(sys.argv[1], Begin(target="https://licenses.example", tool="t"))
print("held", flush=True)
time.sleep(60)
"""


def test_the_lock_dies_with_its_holder(tmp_path: Path) -> None:
    path = tmp_path / "j.jsonl"
    with subprocess.Popen(
        [sys.executable, "-c", HOLDER, str(path)], stdout=subprocess.PIPE, text=True
    ) as holder:
        assert holder.stdout is not None
        assert holder.stdout.readline() == "held\n"
        with pytest.raises(JournalError, match="another process"):
            Journal.open(path, BEGIN)
        holder.kill()
        holder.wait()
    Journal.open(path, BEGIN).close()
    assert kinds(path) == ["begin", "begin"]


@pytest.mark.parametrize("place", ["missing/j.jsonl", "."])
def test_a_journal_that_cannot_be_opened_is_told(tmp_path: Path, place: str) -> None:
    with pytest.raises(JournalError, match="cannot be opened"):
        Journal.open(tmp_path / place, BEGIN)


def test_a_device_is_no_journal() -> None:
    with pytest.raises(JournalError, match="no regular file"):
        Journal.open("/dev/null", BEGIN)


@pytest.mark.skipif(not Path("/sys/kernel").exists(), reason="there is no read-only /sys here")
def test_a_read_only_disk_is_told() -> None:
    with pytest.raises(JournalError, match=r"cannot be opened: (Read-only|Permission denied)"):
        Journal.open("/sys/kernel/j.jsonl", BEGIN)


def test_a_full_disk_leaves_whole_lines_and_ends_the_writing(tmp_path: Path) -> None:
    path = tmp_path / "j.jsonl"
    former = resource.getrlimit(resource.RLIMIT_FSIZE)
    with Journal.open(path, BEGIN) as journal:
        size = path.stat().st_size
        resource.setrlimit(resource.RLIMIT_FSIZE, (size + 100, former[1]))
        try:
            with pytest.raises(JournalError, match="cannot be written: File too large") as first:
                journal.intent(GRANT)
        finally:
            resource.setrlimit(resource.RLIMIT_FSIZE, former)
        assert path.stat().st_size == size
        with pytest.raises(JournalError, match="cannot be written: File too large") as second:
            journal.intent(GRANT)
    for told in (first.value, second.value):
        assert told.hint is not None
        assert told.hint.startswith("make room, then run it again with the same journal")
    write(path, GRANT)
    assert kinds(path) == ["begin", "begin", "intent", "outcome", "end"]


def test_a_flush_that_fails_is_no_success(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(descriptor: int) -> None:
        raise OSError(28, "No space left on device")

    with Journal.open(tmp_path / "j.jsonl", BEGIN) as journal:
        monkeypatch.setattr("reconciler.applying.journal._sync", full)
        with pytest.raises(JournalError, match="No space left on device"):
            journal.intent(GRANT)


def test_nothing_can_be_appended_once_it_is_closed(tmp_path: Path) -> None:
    journal = Journal.open(tmp_path / "j.jsonl", BEGIN)
    journal.close()
    journal.close()
    with pytest.raises(JournalError, match="it is closed"):
        journal.intent(GRANT)


def test_threads_share_the_chain_and_the_flushes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "j.jsonl"
    flushes: list[int] = []

    def flush(descriptor: int) -> None:
        os.fsync(descriptor)
        flushes.append(descriptor)

    monkeypatch.setattr("reconciler.applying.journal._sync", flush)
    with Journal.open(path, BEGIN) as journal:

        def work(number: int) -> None:
            for place in range(25):
                call = f"{number}-{place}"
                journal.intent(Intent(call, number, "grant", "kse", (Item("user", "a@x.io"),)))
                journal.outcome(call, (Result("a@x.io", "done"),))

        threads = [threading.Thread(target=work, args=(number,)) for number in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    found = kinds(path)
    assert (found.count("intent"), found.count("outcome")) == (200, 200)
    assert len(flushes) <= 401


@pytest.fixture
def small(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let a journal of a few lines be a full one."""
    monkeypatch.setattr("reconciler.applying.journal.FULL", 500)
    monkeypatch.setattr("reconciler.applying.journal.MAX_DATA_SIZE", 4000)
    monkeypatch.setattr("reconciler.applying.journal._ROOM", 2000)


@pytest.mark.usefixtures("small")
def test_a_journal_is_full_long_before_it_could_not_be_read_any_more(tmp_path: Path) -> None:
    path = tmp_path / "j.jsonl"
    with Journal.open(path, BEGIN) as journal:
        for number in range(100):
            try:
                journal.intent(Intent(f"c{number}", 101, "grant", "kse", (Item("user", "bob"),)))
            except JournalError as error:
                refusal = error
                break
            journal.outcome(f"c{number}", (Result("bob", "done"),))
        # What became of the calls that were made still finds room.
        journal.end(exit_code=5, writes=number, interrupted=False)
    assert "the journal is full" in refusal.message
    assert "name a new one" in (refusal.hint or "")
    before = path.read_bytes()
    with pytest.raises(JournalError, match="the journal is full"):
        Journal.open(path, BEGIN)
    assert path.read_bytes() == before


@pytest.mark.usefixtures("small")
def test_a_full_journal_is_still_opened_to_settle_what_is_open_in_it(tmp_path: Path) -> None:
    path = tmp_path / "j.jsonl"
    with Journal.open(path, BEGIN) as journal:
        journal.intent(Intent("c1", 101, "grant", "kse", (Item("user", "bob"),)))
    assert path.stat().st_size > 500
    with Journal.open(path, BEGIN) as journal:
        assert [intent.call for intent in journal.open_intents] == ["c1"]
        journal.outcome("c1", (Result("bob", "done"),), settled=True)
    with pytest.raises(JournalError, match="the journal is full"):
        Journal.open(path, BEGIN)


def test_the_seats_taken_by_many_calls_are_followed_in_the_time_of_their_number() -> None:
    taken, size = TakenSeats(), 20_000
    start = time.process_time()
    for number in range(size):
        intent = Intent(
            f"r{number}", 101, "remove", "kse", (Item("user", f"old-{number}"),),
            successor=f"new-{number}",
        )  # fmt: skip
        taken.follow(intent, (Result(f"old-{number}", "done"),))
    for number in range(1, size):
        intent = Intent(f"g{number}", 101, "grant", "kse", (Item("user", f"NEW-{number}"),))
        taken.follow(intent, (Result(f"NEW-{number}", "done"),))
    assert time.process_time() - start < 5
    assert [row.holder.id for row in taken.rows(())] == ["old-0"]
