"""`apply` in all its forms, and what it refuses."""

from __future__ import annotations

import json
import re
import sys
import time
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from reconciler.model.plan_document import document_digest
from tests.acceptance.conftest import Cli


def saved(cli: Cli, *arguments: str) -> dict[str, Any]:
    cli.ok("plan", "--out", "plan.json", *arguments)
    document: dict[str, Any] = json.loads((cli.folder / "plan.json").read_text())
    return document


def test_it_shows_the_plan_and_then_what_was_done(embedded: Cli) -> None:
    out = embedded.ok("apply", "--yes", "--out", "kept.json")
    assert out.index("Plan: 6 grants, 4 reassignments") < out.index("Applied: 10 done")
    assert json.loads((embedded.folder / "kept.json").read_text())["format"] == "license-plan/1"


def test_the_account_is_available_as_json_alone_on_standard_output(embedded: Cli) -> None:
    plan = saved(embedded)
    account = json.loads(embedded.ok("apply", "--yes", "--format", "json"))
    assert account["changes_digest"] == plan["changes_digest"]
    assert account["counts"] == {
        "done": 10,
        "skipped": 0,
        "rejected": 0,
        "failed": 0,
        "not_attempted": 0,
    }
    assert account["organizations"][0]["changes"][0]["from"] == "carol@acme.example"


def test_nobody_to_ask_means_that_nothing_is_written(embedded: Cli) -> None:
    result = embedded("apply", stdin="y\n")
    assert result.code == 64
    assert "--yes" in result.err
    assert embedded("plan", "--detailed-exitcode").code == 2


def test_nothing_to_do_needs_no_question(embedded: Cli) -> None:
    embedded.ok("apply", "--yes")
    assert "Nothing to apply." in embedded.ok("apply")


@pytest.mark.parametrize("kind", ["digest", "bare digest file", "file"])
def test_an_expected_plan_is_applied_where_the_changes_are_still_the_same(
    embedded: Cli, kind: str
) -> None:
    digest = saved(embedded)["changes_digest"]
    expected = digest if kind == "digest" else "plan.json"
    assert "10 done" in embedded.ok("apply", "--yes", "--expect", expected)


def test_other_changes_than_the_expected_ones_are_refused(embedded: Cli) -> None:
    saved(embedded)
    file = embedded.folder / "orgs" / "acme.yaml"
    file.write_text(file.read_text().replace("      - eve@acme.example\n", ""))
    result = embedded("apply", "--yes", "--expect", "plan.json")
    assert result.code == 4
    assert "not those that were expected" in result.err
    assert "carol@acme.example" in embedded.ok("show", "--org", "101")


def test_a_refusal_shows_the_plan_writes_the_account_and_tells_what_moved(embedded: Cli) -> None:
    saved(embedded)
    file = embedded.folder / "orgs" / "acme.yaml"
    before, _, after = file.read_text().rpartition("- dan@acme.example")
    file.write_text(f"{before}- eve@acme.example{after}")
    arguments = ("--yes", "--expect", "plan.json", "--out", "fresh.json")
    result = embedded("apply", *arguments, "--format", "json", "--output", "account.json")
    assert result.code == 4
    # Standard output is the account's, so that the plan is shown beside it.
    assert (result.out, "Plan: " in result.err) == ("", True)
    assert re.search("not planned any more: organization 101: .*dan@acme.example", result.err)
    assert re.search("not in the reviewed plan: organization 101: .*eve@acme.example", result.err)
    fresh = json.loads((embedded.folder / "fresh.json").read_text())
    account = json.loads((embedded.folder / "account.json").read_text())
    assert account["changes_digest"] == fresh["changes_digest"]
    assert (account["writes"], account["counts"]["not_attempted"]) == (0, 10)
    assert "not those that were expected" in account["refused"]
    # As text the plan is on standard output, and the account where it was asked for.
    result = embedded("apply", *arguments, "--output", "account.txt")
    assert (result.code, "Plan: " in result.out) == (4, True)
    text = (embedded.folder / "account.txt").read_text()
    assert "refused: the changes are not those that were expected" in text
    assert "0 done, 10 not attempted; 0 writes" in text


def test_a_plan_that_may_not_be_applied_here_is_shown_and_accounted_for(embedded: Cli) -> None:
    embedded.ok("plan", "--state", "snapshot.yaml", "--out", "plan.json")
    result = embedded("apply", "plan.json", "--yes", "--output", "account.txt")
    assert (result.code, "Plan: " in result.out) == (4, True)
    assert "made from a snapshot" in result.err
    assert (
        "refused: the plan was made from a snapshot"
        in (embedded.folder / "account.txt").read_text()
    )
    assert embedded("plan", "--detailed-exitcode").code == 2


@pytest.mark.parametrize("hidden", [False, True], ids=["plain", "digest made anew"])
def test_a_plan_that_was_edited_is_trusted_by_no_command(embedded: Cli, hidden: bool) -> None:
    document = saved(embedded)
    document["organizations"][0]["changes"].pop()
    if hidden:
        document["digest"] = document_digest(document)
    (embedded.folder / "plan.json").write_text(json.dumps(document))
    for arguments, code in (
        (("apply", "--yes", "--expect", "plan.json"), 4),
        (("apply", "--yes", "plan.json"), 4),
        (("report", "plan.json"), 3),
    ):
        result = embedded(*arguments)
        assert result.code == code, arguments
        assert "was edited after it was made" in result.err
    assert "Plan: 6 grants, 4 reassignments" in embedded.ok("plan")


def test_the_advice_after_a_part_was_refused_is_not_to_apply_it_again(embedded: Cli) -> None:
    file = embedded.folder / "orgs" / "acme.yaml"
    file.write_text(file.read_text().replace("- dan@acme.example", "- no-member@acme.example"))
    result = embedded("apply", "--yes")
    assert result.code == 5
    assert "what was refused stays undone until a new plan allows it" in result.err
    assert "goes on where it stopped" not in result.err


def test_an_expected_plan_that_is_missing_is_wrong_usage(embedded: Cli) -> None:
    result = embedded("apply", "--yes", "--expect", "nothing.json")
    assert result.code == 64
    assert "nothing.json" in result.err


def test_a_saved_plan_is_applied_alone_and_as_it_is(embedded: Cli) -> None:
    saved(embedded)
    assert embedded("apply", "plan.json", "orgs", "--yes").code == 64
    result = embedded("apply", "plan.json", "--org", "101", "--allow-irrevocable", "--out", "x")
    assert result.code == 64
    assert "--allow-irrevocable, --org, --out" in result.err


def test_a_plan_that_was_edited_is_refused(embedded: Cli) -> None:
    plan = saved(embedded)
    plan["organizations"][0]["changes"][0]["subject"]["id"] = "mallory@acme.example"
    (embedded.folder / "plan.json").write_text(json.dumps(plan))
    result = embedded("apply", "plan.json", "--yes")
    assert result.code == 4
    assert "edited" in result.err


def test_a_plan_that_is_too_old_or_past_a_date_that_alters_it_is_refused(embedded: Cli) -> None:
    plan = saved(embedded)
    plan["valid_until"] = "2026-01-01T00:00:00Z"
    plan["digest"] = document_digest(plan)
    (embedded.folder / "plan.json").write_text(json.dumps(plan))
    result = embedded("apply", "plan.json", "--yes")
    assert result.code == 4
    assert "valid until 2026-01-01" in result.err
    assert "a date in the files has come since" in result.err


@pytest.mark.skipif(sys.platform == "win32", reason="a pseudo terminal is needed")
def test_a_plan_that_becomes_too_old_while_somebody_is_asked_is_refused(embedded: Cli) -> None:
    from tests.acceptance.terminal import at_a_terminal

    embedded.ok("plan", "--out", "plan.json")
    path = embedded.folder / "plan.json"
    document = json.loads(path.read_text())
    until = datetime.now(UTC) + timedelta(seconds=4)
    document["valid_until"] = until.isoformat(timespec="seconds")
    document["digest"] = document_digest(document)
    path.write_text(json.dumps(document))

    def late() -> str:
        time.sleep(max(0, (until - datetime.now(UTC)).total_seconds()) + 0.1)
        return "y\n"

    shown = at_a_terminal(
        embedded.folder, "apply", "plan.json", "--journal", "j.jsonl",
        replies=[late], question="change(s)? [y/N]", env=embedded.env,
    )  # fmt: skip
    assert shown.code == 4
    assert "it is too old, or a date in the files has come since" in shown.text
    assert not (embedded.folder / "j.jsonl").exists()


def test_a_plan_for_another_target_is_refused(embedded: Cli) -> None:
    saved(embedded)
    embedded.ok("load", "snapshot.yaml", "--db", "other.db")
    result = embedded("apply", "plan.json", "--yes", "--api", "sqlite:///other.db")
    assert result.code == 4
    assert "sqlite:///e.db" in result.err


@pytest.mark.parametrize(
    "arguments", [("--state", "snapshot.yaml"), ("--as-of", "2097-06-01")], ids=["state", "as of"]
)
def test_a_plan_from_a_snapshot_or_for_another_day_is_refused(
    embedded: Cli, arguments: tuple[str, ...]
) -> None:
    plan = saved(embedded, *arguments)
    assert plan["applyable"] is False
    result = embedded("apply", "plan.json", "--yes")
    assert result.code == 4
    assert "snapshot or for another day" in result.err


def test_apply_for_another_day_is_refused(embedded: Cli) -> None:
    assert embedded("apply", "--yes", "--as-of", "2097-06-01").code == 4


@pytest.mark.parametrize(
    ("text", "code", "said"),
    [
        ('{"format": "license-plan/2"}', 4, "license-plan/2"),
        ('{"format": "license-plan/1"}', 3, "is not a valid plan"),
        ('{"format": "license-plan/1", ', 3, "is not JSON"),
    ],
)
def test_a_damaged_or_newer_plan_is_told_as_such(
    embedded: Cli, text: str, code: int, said: str
) -> None:
    (embedded.folder / "plan.json").write_text(text)
    result = embedded("apply", "plan.json", "--yes")
    assert result.code == code
    assert said in result.err


def test_the_checklist_names_the_steps_and_ends_with_2_until_they_are_done(embedded: Cli) -> None:
    result = embedded("apply", "--via", "checklist", "--output", "steps.md")
    assert result.code == 2
    steps = (embedded.folder / "steps.md").read_text()
    assert "carol@acme" in steps.replace("\\", "")
    assert "carol@acme.example" in embedded.ok("show")
    embedded.ok("apply", "--yes")
    assert embedded("apply", "--via", "checklist").code == 0


def test_a_saved_plan_can_be_a_checklist_too(embedded: Cli) -> None:
    saved(embedded)
    result = embedded("apply", "plan.json", "--via", "checklist")
    assert result.code == 2
    assert "1." in result.out


def test_where_the_workspace_wants_checklists_apply_gives_one_and_writes_nothing(
    embedded: Cli,
) -> None:
    workspace = embedded.folder / "reconciler.yaml"
    workspace.write_text(workspace.read_text() + "\napi: {writes: checklist}\n")
    by_default = embedded("apply", "--yes")
    assert by_default.code == 2
    assert "takes no writes" in by_default.err
    by_api = embedded("apply", "--yes", "--via", "api")
    assert by_api.code == 4
    assert "checklist" in by_api.err
    assert embedded("plan", "--detailed-exitcode").code == 2


def test_removals_and_offline_licenses_need_their_allowance(embedded: Cli) -> None:
    file = embedded.folder / "orgs" / "acme.yaml"
    file.write_text("version: 1\norganization: {id: 101}\nproducts:\n  testops:\n    users: []\n")
    refused = embedded("apply", str(file), "--yes")
    assert refused.code == 4
    assert "--allow-removals 2" in refused.out
    assert "2 done" in embedded.ok("apply", str(file), "--yes", "--allow-removals", "2")


def test_an_account_that_cannot_be_written_is_no_success_once_something_was(
    embedded: Cli,
) -> None:
    result = embedded("apply", "--yes", "--output", "/dev/full")
    assert result.code == 5
    assert re.search(r"the account of \d+ write\(s\) could not be written", result.err)
    assert embedded("plan", "--detailed-exitcode").code == 0


def test_an_empty_expectation_never_means_that_anything_may_be_applied(world: Cli) -> None:
    before = world.ok("snapshot")
    for value in ("", "  "):
        refused = world("apply", "--yes", "--expect", value)
        assert (refused.code, refused.out) == (64, "")
        assert "--expect is empty" in refused.err
    found, known = (
        [line for line in text.splitlines() if not line.startswith("taken_at")]
        for text in (world.ok("snapshot"), before)
    )
    assert found == known
