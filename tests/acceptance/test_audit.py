"""`audit`: the chain is verified, and who got and lost what is told."""

from __future__ import annotations

import csv
import io
import json

import pytest

from reconciler.applying.journal import Journal
from reconciler.applying.record import Begin, Intent, Item, Result
from tests.acceptance.conftest import Cli

NAMES = ["=cmd()|' /C calc'!A0", "+1@x.io", "-1@x.io", "@everyone", "\t=1@x.io", 'a,b"c@x.io']
PLAN = "sha256:" + "f" * 64


def hostile(cli: Cli) -> str:
    begin = Begin(
        "https://licenses.example", "reconciler 0.1.0", PLAN, PLAN, revision="4f2c", dirty=True
    )
    with Journal.open(cli.folder / "j.jsonl", begin) as journal:
        for number, name in enumerate(NAMES):
            call = str(number)
            journal.intent(Intent(call, 101, "grant", "kse", (Item("user", name, "ch"),)))
            journal.outcome(call, (Result(name, "done"),))
        journal.intent(Intent("r", 101, "remove", "kse", (Item("user", "\x1b[2J\u202eada"),)))
        journal.outcome("r", (Result("\x1b[2J\u202eada", "rejected", "code", "=1+1"),))
        journal.intent(Intent("o", 101, "issue_offline", "kse", (Item("machine", "m1"),)))
        journal.intent(Intent("s", 101, "end_session", "kse", (Item("session", "s1"),)))
        journal.outcome("s", (Result("s1", "unclear"),))
        journal.outcome("s", (Result("s1", "done"),), settled=True)
    return "j.jsonl"


def test_after_an_apply_it_tells_who_got_and_lost_what_by_which_plan(embedded: Cli) -> None:
    embedded.ok("plan", "--out", "plan.json")
    digest = json.loads((embedded.folder / "plan.json").read_text())["digest"]
    embedded.ok("apply", "plan.json", "--yes", "--journal", "j.jsonl")
    out = embedded.ok("audit", "j.jsonl")
    assert f"plan {digest}" in out
    assert "carol@acme.example  lost kse" in out
    assert "bob@acme.example  got kse" in out
    assert "exit 0, 14 writes" in out
    assert "the chain is sound" in out


def test_as_json_it_holds_everything_of_each_event(embedded: Cli) -> None:
    embedded.ok("apply", "--yes", "--journal", "j.jsonl")
    embedded.ok("audit", "j.jsonl", "--format", "json", "--output", "audit.json")
    document = json.loads((embedded.folder / "audit.json").read_text())
    assert document["format"] == "license-audit/1"
    assert len(document["events"]) == 14
    assert {row["outcome"] for row in document["events"]} == {"done"}
    assert {row["plan_digest"] for row in document["events"]} == {
        document["applies"][0]["plan_digest"]
    }
    assert document["applies"][0]["end"]["exit_code"] == 0


def test_no_cell_of_the_csv_is_a_formula(cli: Cli) -> None:
    out = cli.ok("audit", hostile(cli), "--format", "csv")
    rows = list(csv.DictReader(io.StringIO(out)))
    assert len(rows) == len(NAMES) + 4
    assert not [cell for row in rows for cell in row.values() if cell[:1] in "=+-@\t\r" and cell]
    assert [row["subject"] for row in rows[:4]] == [f"'{name}" for name in NAMES[:4]]
    assert rows[5]["subject"] == NAMES[5]
    assert {row["revision"] for row in rows} == {"4f2c"}


def test_no_value_reaches_the_terminal_as_a_control(cli: Cli) -> None:
    for name in ("text", "csv"):
        out = cli.ok("audit", hostile(cli), "--format", name)
        (cli.folder / "j.jsonl").unlink()
        assert "\x1b" not in out
        assert "\u202e" not in out


def test_open_and_settled_calls_are_told_as_what_they_are(cli: Cli) -> None:
    out = cli.ok("audit", hostile(cli))
    assert "revision 4f2c with uncommitted changes" in out
    assert "open       m1  issue offline kse: whether it took effect is not known" in out
    assert "had a session ended of kse (found out later)" in out
    assert "it did not come to its end" in out


def test_damage_ends_with_1_and_names_the_line(cli: Cli) -> None:
    journal = cli.folder / hostile(cli)
    journal.write_text(journal.read_text().replace("+1@x.io", "+2@x.io"))
    result = cli("audit", "j.jsonl")
    assert (result.code, result.out) == (1, "")
    assert "j.jsonl:4: the journal is damaged at this line" in result.err


def test_a_last_line_cut_short_is_told_and_is_no_damage(cli: Cli) -> None:
    journal = cli.folder / hostile(cli)
    journal.write_bytes(journal.read_bytes()[:-20])
    assert "cut short by a crash" in cli.ok("audit", "j.jsonl")


@pytest.mark.parametrize("content", [None, b"", b"hello\n", b'{"at":"20'])
def test_what_is_no_journal_is_told_as_such(cli: Cli, content: bytes | None) -> None:
    if content is not None:
        (cli.folder / "j.jsonl").write_bytes(content)
    result = cli("audit", "j.jsonl")
    assert result.code == 1
    assert "j.jsonl" in result.err
