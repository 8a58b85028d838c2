"""What an audit makes of sound lines that do not fit each other, and of a file that goes on."""

from __future__ import annotations

import hashlib
import json
import time
import tracemalloc
from dataclasses import asdict
from pathlib import Path

import pytest

from reconciler.applying.audit import audit, audited
from reconciler.applying.chain import JournalError, seal
from reconciler.applying.journal import Journal
from reconciler.applying.record import Begin, Intent, Item, Result
from reconciler.reports.audit_formats import FORMATS
from reconciler.reports.spans import Look

BEGIN = Begin(target="https://licenses.example", tool="reconciler 0.1.0")
GRANT = Intent("c1", 101, "grant", "kse", (Item("user", "bob@x.io", "ch1"),))


@pytest.mark.parametrize(
    ("call", "subject"), [("c1", "eve@x.io"), ("c2", "bob@x.io")], ids=["subject", "call"]
)
def test_an_outcome_that_belongs_to_no_intent_is_damage(
    tmp_path: Path, call: str, subject: str
) -> None:
    path = tmp_path / "j.jsonl"
    with Journal.open(path, BEGIN) as journal:
        journal.intent(GRANT)
        journal.outcome(call, (Result(subject, "done"),))
    with pytest.raises(JournalError, match=r"j\.jsonl:3: the journal is damaged"):
        audit(path)


def test_a_sealed_line_that_is_not_json_is_damage(tmp_path: Path) -> None:
    path = tmp_path / "j.jsonl"
    body = b'{"kind":}'
    digest = hashlib.sha256(body).hexdigest().encode()
    path.write_bytes(body[:-1] + b',"digest":"' + digest + b'"}\n')
    with pytest.raises(JournalError, match=r"j\.jsonl:1:9: .* it is not JSON"):
        audit(path)


def test_a_journal_can_be_audited_while_it_is_written(tmp_path: Path) -> None:
    path = tmp_path / "j.jsonl"
    with Journal.open(path, BEGIN) as journal:
        journal.intent(GRANT)
        found = audit(path)
        assert [row["outcome"] for row in found["events"]] == ["open"]
        assert found["applies"][0]["end"] is None
        journal.outcome("c1", (Result("bob@x.io", "unchanged"),))
        assert [row["outcome"] for row in audit(path)["events"]] == ["unchanged"]


def test_each_event_is_told_with_the_apply_that_made_the_call(tmp_path: Path) -> None:
    path = tmp_path / "j.jsonl"
    for digest in ("sha256:1", "sha256:2"):
        begin = Begin("https://licenses.example", "t", digest, revision="abc")
        with Journal.open(path, begin) as journal:
            if digest == "sha256:1":
                journal.intent(GRANT)
            else:
                journal.outcome("c1", (Result("bob@x.io", "done"),), settled=True)
    (event,) = audit(path)["events"]
    assert (event["plan_digest"], event["apply"], event["settled"]) == ("sha256:1", 0, True)


def test_an_audit_keeps_no_more_than_the_places_of_the_calls(tmp_path: Path) -> None:
    path, size = tmp_path / "j.jsonl", 2_000
    with Journal.open(path, BEGIN):
        line = path.read_bytes()
    digest = json.loads(line)["digest"]
    lines = [line]
    for number in range(size):
        intent = asdict(Intent(f"{number:032}", 101, "grant", "kse", (Item("user", "a" * 999),)))
        outcome = {"call": intent["call"], "results": [asdict(Result("a" * 999, "done"))]}
        for entry in (
            {"kind": "intent", **intent},
            {"kind": "outcome", "settled": False, **outcome},
        ):
            line, digest = seal({"at": "t", **entry}, digest)
            lines.append(line)
    path.write_bytes(b"".join(lines))
    del lines
    for render in FORMATS.values():
        tracemalloc.start()
        with audited(path) as account:
            shown = sum(len(piece) for piece in render(account, Look()))
        peak = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        assert shown > 1000 * size
        assert peak < 2_000_000


def test_a_call_of_many_subjects_is_told_in_the_time_of_their_number(tmp_path: Path) -> None:
    path, size = tmp_path / "j.jsonl", 20_000
    with Journal.open(path, BEGIN) as journal:
        items = tuple(Item("user", f"u{number}@x.io") for number in range(size))
        journal.intent(Intent("c1", 101, "grant", "kse", items))
        journal.outcome("c1", tuple(Result(item.id, "done") for item in items))
    start = time.process_time()
    assert len(audit(path)["events"]) == size
    assert time.process_time() - start < 5
