"""The reports by the real command line, and the files of a GitHub Actions step."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest
from lxml import etree

from reconciler.cli.rendering import PLAN_FORMATS
from reconciler.reports.formats import RENDERERS
from reconciler.reports.page_formats import FORMATS as PAGE_FORMATS
from tests.acceptance.conftest import Cli

STATE = ("--state", "snapshot.yaml")
DIGEST = re.compile(r"sha256:[0-9a-f]{64}")


def outputs(file: Path) -> dict[str, str]:
    """What GitHub's runner reads out of the file of a step's outputs."""
    found, lines = {}, iter(file.read_text(encoding="utf-8").splitlines())
    for line in lines:
        name, _, mark = line.partition("<<")
        value: list[str] = []
        for row in lines:
            if row == mark:
                break
            value.append(row)
        found[name] = "\n".join(value)
    return found


def test_the_command_line_offers_every_format_there_is() -> None:
    assert set(PLAN_FORMATS) == set(RENDERERS)


@pytest.mark.parametrize("name", PLAN_FORMATS)
def test_report_makes_of_the_saved_plan_what_plan_showed(name: str, examples: Cli) -> None:
    shown = examples.ok("plan", *STATE, "--out", "plan.json", "--format", name)
    assert examples.ok("report", "plan.json", "--format", name) == shown
    assert shown.endswith("\n")


def test_markdown_names_the_saved_plans_changes_digest_in_its_first_line(examples: Cli) -> None:
    shown = examples.ok("plan", *STATE, "--out", "plan.json", "--format", "markdown")
    saved = json.loads((examples.folder / "plan.json").read_text())
    assert shown.startswith(f"<!-- reconciler: changes={saved['changes_digest']} -->\n")


def test_the_saved_plan_holds_the_year_ahead_so_that_its_page_is_the_plans(examples: Cli) -> None:
    page = examples.ok("plan", *STATE, "--out", "plan.json", "--format", "html")
    assert page.startswith("<!doctype html>")
    assert "Seats ahead" in page
    saved = json.loads((examples.folder / "plan.json").read_text())
    ahead = json.loads(examples.ok("forecast", *STATE, "--format", "json"))
    assert saved["forecast"]["organizations"] == ahead["organizations"]
    assert examples.ok("report", "plan.json", "--format", "html") == page
    report = examples.ok("report", "plan.json", "plan.json", "--format", "html")
    assert report.count("Cedar Payments (303)") > 2


def test_a_plan_that_was_saved_without_the_year_ahead_is_reported_too(examples: Cli) -> None:
    from reconciler.model.plan_document import document_digest

    examples.ok("plan", *STATE, "--out", "plan.json")
    saved = json.loads((examples.folder / "plan.json").read_text())
    digest = saved["changes_digest"]
    del saved["forecast"]
    saved["digest"] = document_digest(saved)
    (examples.folder / "plan.json").write_text(json.dumps(saved))
    assert "Seats ahead" not in examples.ok("report", "plan.json", "--format", "html")
    # What is foreseen is no part of what is done.
    assert digest in examples.ok("plan", *STATE)


@pytest.mark.parametrize("name", sorted(PAGE_FORMATS))
def test_show_has_the_license_page_in_every_format(name: str, examples: Cli) -> None:
    target = examples.folder / "page"
    assert examples.ok("show", *STATE, "--format", name, "--output", str(target)) == ""
    assert "Cedar Payments" in target.read_text(encoding="utf-8")


def test_validate_writes_sarif_and_junit_whether_the_files_are_valid_or_not(
    examples: Cli,
) -> None:
    assert json.loads(examples.ok("validate", "--format", "sarif"))["runs"][0]["results"] == []
    assert (
        etree.fromstring(examples.ok("validate", "--format", "junit").encode()).get("failures")
        == "0"
    )
    (examples.folder / "orgs" / "acme.yaml").write_text("version: 1\nusres: []\n")
    sarif = examples("validate", "--format", "sarif")
    junit = examples("validate", "--format", "junit")
    github = examples("validate", "--format", "github")
    assert (sarif.code, junit.code, github.code) == (3, 3, 3)
    results = json.loads(sarif.out)["runs"][0]["results"]
    uris = {row["locations"][0]["physicalLocation"]["artifactLocation"]["uri"] for row in results}
    assert uris == {"orgs/acme.yaml"}
    assert etree.fromstring(junit.out.encode()).get("failures") == "1"
    assert github.out.startswith("::error file=orgs/acme.yaml,line=")


INVALID = "version: 1\nusres: []\n"


def test_plan_says_what_is_wrong_with_the_files_in_the_formats_that_can(examples: Cli) -> None:
    (examples.folder / "orgs" / "acme.yaml").write_text(INVALID)
    for name in ("github", "sarif", "junit"):
        result = examples("plan", *STATE, "--format", name)
        assert result.code == 3
        assert result.out == examples("validate", "--format", name).out
        assert "orgs/acme.yaml" in result.out
        assert "usres" in result.err
        told = examples("plan", *STATE, "--format", name, "--output", "told")
        assert (told.code, told.out) == (3, "")
        assert (examples.folder / "told").read_text() == result.out
    assert examples("plan", *STATE, "--format", "json").out == ""


@pytest.mark.parametrize("command", ["plan", "validate"])
def test_invalid_files_are_an_outcome_of_the_step_with_a_summary(
    examples: Cli, command: str
) -> None:
    (examples.folder / "orgs" / "acme.yaml").write_text(INVALID + "```\n<b>: 1\n")
    summary, output = examples.folder / "summary.md", examples.folder / "output"
    step = {"GITHUB_STEP_SUMMARY": str(summary), "GITHUB_OUTPUT": str(output)}
    arguments = STATE if command == "plan" else ()
    assert examples(command, *arguments, "--format", "github", **step).code == 3
    found = outputs(output)
    assert found["outcome"] == "invalid"
    assert int(found["problems"]) >= 1
    if command == "plan":
        assert (found["changes"], found["digest"], found["changes_digest"]) == ("0", "", "")
        assert (found["applyable"], found["complete"]) == ("false", "false")
    text = summary.read_text()
    assert text.startswith("### Not valid\n\n")
    assert "orgs/acme.yaml:" in text


def test_valid_files_are_told_to_the_step(examples: Cli) -> None:
    summary, output = examples.folder / "summary.md", examples.folder / "output"
    step = {"GITHUB_STEP_SUMMARY": str(summary), "GITHUB_OUTPUT": str(output)}
    shown = examples.ok("validate", **step)
    found = outputs(output)
    assert (found["outcome"], found["problems"]) == ("valid", "0")
    assert shown.rstrip() in summary.read_text()


def test_annotations_name_their_files_from_the_root_of_the_checkout(examples: Cli) -> None:
    root = examples.folder.parent
    (examples.folder / "orgs" / "acme.yaml").write_text(INVALID)
    for command in (("validate",), ("plan", *STATE)):
        result = examples(*command, "--format", "github", GITHUB_WORKSPACE=str(root))
        assert "::error file=examples/orgs/acme.yaml,line=" in result.out
        sarif = examples(*command, "--format", "sarif", GITHUB_WORKSPACE=str(root)).out
        assert '"uri": "examples/orgs/acme.yaml"' in sarif
        elsewhere = examples(*command, "--format", "github", GITHUB_WORKSPACE=str(root / "x"))
        assert "::error file=orgs/acme.yaml,line=" in elsewhere.out


def test_a_plans_annotations_name_their_files_from_there_too(examples: Cli) -> None:
    root = str(examples.folder.parent)
    shown = examples.ok("plan", *STATE, "--format", "github", GITHUB_WORKSPACE=root)
    assert "file=examples/orgs/acme.yaml,line=" in shown
    assert "file=orgs/" not in shown
    examples.ok("plan", *STATE, "--out", "plan.json")
    assert examples.ok("report", "plan.json", "--format", "github", GITHUB_WORKSPACE=root) == shown


def test_where_one_file_is_wrong_all_that_were_looked_at_are_named(examples: Cli) -> None:
    whole = json.loads(examples.ok("validate", "--format", "json"))["files"]
    count = etree.fromstring(examples.ok("validate", "--format", "junit").encode()).get("tests")
    (examples.folder / "orgs" / "acme.yaml").write_text(INVALID)
    assert json.loads(examples("validate", "--format", "json").out)["files"] == whole
    junit = etree.fromstring(examples("validate", "--format", "junit").out.encode())
    assert (junit.get("tests"), junit.get("failures")) == (count, "1")


REFUSED = """\
version: 1
organization: {id: 101, name: Acme QA}
products: {kse: {users: []}}
"""


def test_plan_fills_the_summary_and_the_outputs_of_a_step(examples: Cli) -> None:
    summary, output = examples.folder / "summary.md", examples.folder / "output"
    summary.write_text("from an earlier command\n")
    step = {"GITHUB_STEP_SUMMARY": str(summary), "GITHUB_OUTPUT": str(output)}
    shown = examples.ok("plan", *STATE, "--out", "plan.json", "--format", "markdown", **step)
    assert summary.read_text() == f"from an earlier command\n{shown}"
    saved = json.loads((examples.folder / "plan.json").read_text())
    found = outputs(output)
    counts = ("grant", "remove", "reassign", "issue_offline")
    assert found == {
        "outcome": "changes",
        "changes": str(sum(saved["summary"][name] for name in counts)),
        "changes_digest": saved["changes_digest"],
        "digest": saved["digest"],
        "applyable": "false",
        "complete": "false",
        **{name: str(number) for name, number in saved["summary"].items()},
    }


def test_what_is_refused_is_an_outcome_and_the_files_are_written_all_the_same(
    examples: Cli,
) -> None:
    (examples.folder / "orgs" / "acme.yaml").write_text(REFUSED)
    output = examples.folder / "output"
    result = examples("plan", *STATE, "--format", "github", GITHUB_OUTPUT=str(output))
    assert result.code == 4
    assert outputs(output)["outcome"] == "refused"
    assert re.search(r"^::error file=reconciler.yaml,line=\d+,col=\d+,title=refused", result.out)


def test_report_fills_the_outputs_and_with_annotations_the_summary_too(examples: Cli) -> None:
    examples.ok("plan", *STATE, "--out", "plan.json")
    summary, output = examples.folder / "summary.md", examples.folder / "output"
    step = {"GITHUB_STEP_SUMMARY": str(summary), "GITHUB_OUTPUT": str(output)}
    examples.ok("report", "plan.json", "plan.json", "--format", "markdown", **step)
    assert not summary.exists()
    found = outputs(output)
    assert [DIGEST.fullmatch(row) is not None for row in found["digest"].split("\n")] == [True] * 2
    assert found["organizations"] == "6"
    examples.ok("report", "plan.json", "--format", "github", **step)
    assert summary.read_text().startswith("<!-- reconciler: changes=sha256:")


def test_a_step_file_that_cannot_be_written_is_told(examples: Cli) -> None:
    result = examples("plan", *STATE, GITHUB_OUTPUT=str(examples.folder / "no" / "output"))
    assert result.code == 1
    assert "cannot be written" in result.err


def test_a_report_that_leaves_things_out_names_the_run(examples: Cli) -> None:
    users = "".join(f"      - user-{number}@acme.example\n" for number in range(3_000))
    head = "version: 1\norganization: {id: 101, name: Acme QA}\nproducts:\n  kse-floating:\n"
    (examples.folder / "orgs" / "acme.yaml").write_text(f"{head}    users:\n{users}")
    run = {
        "GITHUB_SERVER_URL": "https://github.com",
        "GITHUB_REPOSITORY": "acme/licenses",
        "GITHUB_RUN_ID": "7",
    }
    shown = examples("plan", *STATE, "--format", "markdown", **run).out
    assert len(shown) <= 60_000
    assert "see https://github.com/acme/licenses/actions/runs/7." in shown
