"""The examples do what their README says, in process and over HTTP."""

from __future__ import annotations

import json
import re
import shlex

import pytest

from reconciler.model.plan_document import changes_digest, from_document
from tests.acceptance.conftest import EXAMPLES, Cli

ORGANIZATIONS = (101, 202, 303)


def test_plan_apply_and_plan_again_end_with_nothing_to_do(world: Cli) -> None:
    first = world("plan", "--out", "plan.json", "--detailed-exitcode")
    assert first.code == 2
    assert "reassign" in first.out
    applied = world("apply", "plan.json", "--yes")
    assert (applied.code, applied.err) == (0, "")
    assert "Applied: 10 done;" in applied.out
    again = world("plan", "--detailed-exitcode", "--format", "json")
    assert again.code == 0
    document = json.loads(again.out)
    assert [row["changes"] for row in document["organizations"]] == [[], [], []]
    # What waits still waits, and is no change.
    planned = json.loads((world.folder / "plan.json").read_text())
    for before, after in zip(planned["organizations"], document["organizations"], strict=True):
        assert [row["subject"] for row in after["deferred"]] == [
            row["subject"] for row in before["deferred"]
        ]
    assert any(row["deferred"] for row in document["organizations"])


def test_the_full_pool_of_the_first_example_is_never_over_its_quota(world: Cli) -> None:
    document = json.loads(world.ok("plan", "--format", "json"))
    (kse,) = [row for row in document["organizations"][0]["pools"] if row["product"] == "kse"]
    assert (kse["used"], kse["peak"], kse["quota"]) == (5, 5, 5)


@pytest.mark.parametrize("applied", [False, True])
def test_planning_right_after_an_import_changes_nothing(world: Cli, applied: bool) -> None:
    if applied:
        world.ok("apply", "--yes")
    for number in ORGANIZATIONS:
        world.ok("import", "--org", str(number), "--output", f"{number}.yaml")
        result = world("plan", f"{number}.yaml", "--detailed-exitcode", "--format", "json")
        assert result.code == 0
        (organization,) = json.loads(result.out)["organizations"]
        assert organization["changes"] == []
        assert organization["deferred"] == []
        assert organization["refusals"] == []


def test_in_process_and_over_http_the_plan_is_the_same_but_for_where_it_goes(
    embedded: Cli, served: Cli
) -> None:
    # Both fixtures work in the same copy of the examples, on two databases.
    over_http = json.loads(served.ok("plan", "--format", "json"))
    in_process = json.loads(served.ok("plan", "--format", "json", "--api", "sqlite:///e.db"))
    assert over_http["organizations"] == in_process["organizations"]
    assert over_http["changes_digest"] != in_process["changes_digest"]
    moved = from_document({**in_process, "target": over_http["target"]})
    assert over_http["changes_digest"] == changes_digest(moved)


def test_a_snapshot_of_the_server_gives_the_plan_of_the_file_that_was_loaded(world: Cli) -> None:
    world.ok("snapshot", "--output", "taken.yaml")
    world.ok("snapshot", "--output", "taken.json")
    plans = [
        json.loads(world.ok("plan", "--state", name, "--format", "json"))["organizations"]
        for name in ("snapshot.yaml", "taken.yaml", "taken.json")
    ]
    assert plans[0] == plans[1] == plans[2]


def test_the_commands_of_the_examples_readme_work_as_they_stand(examples: Cli) -> None:
    text = (EXAMPLES / "README.md").read_text(encoding="utf-8")
    block = re.findall(r"```sh\n(.*?)```", text, flags=re.DOTALL)[0]
    commands = [shlex.split(line) for line in block.splitlines()]
    assert len(commands) == 7
    for name, *arguments in commands:
        assert name == "reconciler"
        examples.ok(*arguments)
