"""What an audit makes of sound lines that do not fit each other, and of a file that goes on."""

from __future__ import annotations

import hashlib
from pathlib import Path

import pytest

from reconciler.applying.audit import audit
from reconciler.applying.chain import JournalError
from reconciler.applying.journal import Journal
from reconciler.applying.record import Begin, Intent, Item, Result

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
