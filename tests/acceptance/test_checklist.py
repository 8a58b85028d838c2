"""`apply --via checklist`: all steps at once, and one after the other at a terminal."""

from __future__ import annotations

import json
import sqlite3
import stat
import sys
from typing import Any

import pytest

from tests.acceptance.conftest import Cli, Serve

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="a pseudo terminal is needed")

QUESTION = "q to quit: "
CHECKLIST = ("apply", "--via", "checklist")
STEPS = 9


def walk(cli: Cli, *arguments: str, replies: list[Any]) -> Any:
    from tests.acceptance.terminal import at_a_terminal

    return at_a_terminal(cli.folder, *arguments, replies=replies, question=QUESTION, env=cli.env)


def api(cli: Cli) -> None:
    """Do everything that is left, as a person in the page would."""
    cli.ok("apply", "--yes", "--via", "api")


def journal(cli: Cli) -> list[dict[str, Any]]:
    return [json.loads(line) for line in (cli.folder / "j.jsonl").read_text().splitlines()]


# Without a terminal.


def test_the_steps_are_written_and_the_exit_is_2_until_they_are_done(embedded: Cli) -> None:
    first = embedded(*CHECKLIST)
    assert first.code == 2
    assert first.out.count("\n### ") == STEPS
    assert embedded("plan", "--detailed-exitcode").code == 2
    api(embedded)
    again = embedded(*CHECKLIST)
    assert (again.code, again.out.count("\n### ")) == (0, 0)


def test_of_a_saved_plan_only_what_is_left_is_shown(embedded: Cli) -> None:
    embedded.ok("plan", "--out", "plan.json")
    api_plan = embedded("apply", "--org", "101", "--yes", "--via", "api")
    assert api_plan.code == 0
    left = embedded("apply", "plan.json", "--via", "checklist")
    assert left.code == 2
    assert "`Acme QA` (101): 3 done already" in left.out
    assert "## `Acme QA` (101)" not in left.out
    api(embedded)
    assert embedded("apply", "plan.json", "--via", "checklist").code == 0


def test_a_saved_plan_that_no_longer_holds_gives_no_steps_there(embedded: Cli) -> None:
    embedded.ok("plan", "--out", "plan.json", "--org", "101")
    outside = embedded.folder / "outside.yaml"
    outside.write_text(
        "version: 1\norganization: {id: 101}\nproducts: {testops: {users: "
        "[ada@acme.example, carol@acme.example, eve@acme.example, frank@acme.example]}}\n"
    )
    embedded.ok("apply", "outside.yaml", "--yes")
    result = embedded("apply", "plan.json", "--via", "checklist")
    assert result.code == 4
    assert "no longer holds" in result.out
    assert "\n### " not in result.out


def test_it_can_be_a_page_of_html(embedded: Cli) -> None:
    result = embedded(*CHECKLIST, "--format", "html", "--output", "steps.html")
    assert (result.code, result.out) == (2, "")
    page = (embedded.folder / "steps.html").read_text()
    assert page.startswith("<!doctype html>")
    assert page.count("<h3>") == STEPS
    assert "default-src 'none'" in page


def test_a_pipeline_that_asks_for_json_gets_the_steps_as_json(embedded: Cli) -> None:
    result = embedded(*CHECKLIST, "--yes", "--format", "json", "--journal", "j.jsonl")
    assert "note: nothing is written into j.jsonl: only a step that is verified" in result.err
    assert result.code == 2
    document = json.loads(result.out)
    assert (document["format"], document["steps"]) == ("license-checklist/1", STEPS)
    step = document["organizations"][0]["steps"][0]
    assert [task["copied"] for task in step["tasks"]] == [
        ["carol@acme.example"], ["bob@acme.example"],
    ]  # fmt: skip
    assert not (embedded.folder / "j.jsonl").exists()


def test_an_account_is_no_page(embedded: Cli) -> None:
    result = embedded("apply", "--yes", "--via", "api", "--format", "html")
    assert result.code == 64
    assert embedded("plan", "--detailed-exitcode").code == 2


def test_an_organization_that_cannot_be_read_any_more_is_told_and_ends_with_1(
    served: Cli, serve: Serve
) -> None:
    served.ok("plan", "--out", "plan.json", "--org", "101")
    saved = json.loads((served.folder / "plan.json").read_text())
    assert saved["organizations"][0]["id"] == 101
    smaller = served.folder / "small.yaml"
    smaller.write_text("format: license-snapshot/1\ntaken_at: 2026-11-24T09:00:00Z\n"
                       "organizations: [{id: 7, name: Other}]\n")  # fmt: skip
    from reconciler.model.plan_document import changes_digest, document_digest, from_document

    server = serve(
        served.folder, "--db", "o.db", "--load", "small.yaml",
        RECONCILER_API_KEY=served.env["RECONCILER_API_KEY"],
    )  # fmt: skip
    saved["target"] = server.url
    saved["changes_digest"] = changes_digest(from_document(saved))
    saved["digest"] = document_digest(saved)
    (served.folder / "plan.json").write_text(json.dumps(saved))
    served.env["RECONCILER_API_URL"] = server.url
    result = served("apply", "plan.json", "--via", "checklist")
    assert result.code == 1
    assert "organization 101" in result.err


# At a terminal.


def test_each_step_is_verified_by_reading_and_written_down(embedded: Cli) -> None:
    def everything() -> str:
        api(embedded)
        return "\n"

    shown = walk(
        embedded, *CHECKLIST, "--org", "101", "--journal", "j.jsonl",
        replies=["\n", everything],
    )  # fmt: skip
    assert shown.code == 0
    assert "Not seen yet: carol@acme.example is still licensed" in shown.text
    assert "Seen: it is done." in shown.text
    # What the same hand did for the later steps needs no question.
    assert shown.text.count(QUESTION) == 2
    entries = journal(embedded)
    assert [row["kind"] for row in entries] == [
        "begin", "intent", "intent", "outcome", "outcome", "end",
    ]  # fmt: skip
    assert (entries[0]["via"], entries[0]["plan_digest"][:7]) == ("checklist", "sha256:")
    assert [row["action"] for row in entries[1:3]] == ["remove", "grant"]
    assert [row["results"][0]["ending"] for row in entries[3:5]] == ["done", "done"]
    assert stat.S_IMODE((embedded.folder / "j.jsonl").stat().st_mode) == 0o600
    embedded.ok("audit", "j.jsonl")


def test_what_the_steps_take_away_is_told_before_the_first(embedded: Cli) -> None:
    shown = walk(embedded, *CHECKLIST, "--org", "101", replies=["q\n"])
    assert shown.text.index("Takes away: 1 person loses a license") < shown.text.index("Step 1 of")
    assert "carol@acme.example -> bob@acme.example" in shown.text.partition("Step 1 of")[0]


def test_over_http_it_is_the_same(served: Cli) -> None:
    def everything() -> str:
        api(served)
        return "\n"

    shown = walk(served, *CHECKLIST, "--org", "101", replies=[everything])
    assert shown.code == 0
    # The page is named where there is one.
    assert "/organization/101/admin/license-keys?product=per_user_kse" in shown.text
    assert "is a guess" in shown.text


@pytest.mark.parametrize("reply", ["q\n", "\x04", "what?\nquit\n"], ids=["q", "end", "words"])
def test_quitting_leaves_the_rest_for_later(embedded: Cli, reply: str) -> None:
    shown = walk(embedded, *CHECKLIST, replies=[reply])
    assert shown.code == 2
    assert "10 not attempted" in shown.text
    assert embedded("plan", "--detailed-exitcode").code == 2


def test_a_step_can_be_skipped(embedded: Cli) -> None:
    shown = walk(embedded, *CHECKLIST, "--org", "101", replies=["s\n"] * 3)
    assert shown.code == 2
    assert "Step 3 of 3" in shown.text


def test_an_interrupt_before_anything_was_verified_ends_with_1(embedded: Cli) -> None:
    shown = walk(embedded, *CHECKLIST, "--journal", "j.jsonl", replies=["\x03"])
    assert shown.code == 1
    kinds = [row["kind"] for row in journal(embedded)]
    assert kinds == ["begin", "intent", "intent", "outcome", "outcome", "end"]


def test_what_an_interrupt_left_open_is_settled_by_the_next_walk(embedded: Cli) -> None:
    walk(embedded, *CHECKLIST, "--journal", "j.jsonl", replies=["\x03"])
    api(embedded)
    shown = walk(embedded, *CHECKLIST, "--journal", "j.jsonl", replies=[])
    assert shown.code == 0
    assert "carol@acme.example: it took effect" in shown.text
    settled = [row for row in journal(embedded) if row.get("settled")]
    assert [row["results"][0]["ending"] for row in settled] == ["done", "done"]


def test_an_interrupt_after_something_was_verified_ends_with_5(embedded: Cli) -> None:
    def first_organization() -> str:
        embedded.ok("apply", "--org", "101", "--yes", "--via", "api")
        return "\n"

    shown = walk(embedded, *CHECKLIST, replies=[first_organization, "\x03"])
    assert shown.code == 5
    assert "Borealis Automation (202)" in shown.text


def test_whoever_asks_for_a_file_or_a_format_is_not_asked_step_by_step(embedded: Cli) -> None:
    for more in (["--yes"], ["--output", "steps.md"], ["--format", "markdown"]):
        shown = walk(embedded, *CHECKLIST, *more, replies=[])
        assert (shown.code, QUESTION in shown.text) == (2, False)
    assert "# License changes" in (embedded.folder / "steps.md").read_text()


def test_nothing_to_do_asks_nothing(embedded: Cli) -> None:
    api(embedded)
    assert walk(embedded, *CHECKLIST, replies=[]).code == 0


def test_a_journal_that_cannot_be_written_shows_no_step(embedded: Cli) -> None:
    shown = walk(embedded, *CHECKLIST, "--journal", "missing/j.jsonl", replies=[])
    assert shown.code == 1
    assert "Step 1" not in shown.text


def test_hostile_values_do_not_reach_the_terminal_as_they_are(embedded: Cli) -> None:
    # Files may not hold such a name; a licensing system may. Reading it takes out the control
    # characters; what else deceives is shown by its code.
    database = sqlite3.connect(embedded.folder / "e.db")
    with database:
        name = "Acme\x1b]0;owned\x07\u202eQA"
        database.execute("UPDATE organizations SET name = ? WHERE id = 101", (name,))
    database.close()
    file = embedded.folder / "orgs" / "acme.yaml"
    file.write_text(file.read_text().replace("{id: 101, name: Acme QA}", "{id: 101}"))
    shown = walk(embedded, *CHECKLIST, "--org", "101", replies=["q\n"])
    assert "\x1b" not in shown.text
    assert "\u202e" not in shown.text
    assert "Acme ]0;owned \\u202eQA" in shown.text
