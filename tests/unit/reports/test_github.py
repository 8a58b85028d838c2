"""Annotations: on the right line, the gravest first, and never a command that a value forged."""

from __future__ import annotations

from typing import Any

import pytest

from reconciler.model.source import Problem, Source
from reconciler.reports.formats import RENDERERS
from reconciler.reports.marks import Level, Mark, from_root
from reconciler.reports.problems import FORMATS, Findings
from reconciler.reports.spans import Look
from tests.unit.reports.documents import (
    HOSTILE,
    change,
    full_document,
    hostile_document,
    organization,
    place,
)
from tests.unit.reports.runner import command, commands


def shown(*documents: dict[str, Any], name: str = "github") -> str:
    return RENDERERS[name](documents, Look())


def test_refusals_are_errors_warnings_are_warnings_and_the_rest_are_notices() -> None:
    found = commands(shown(full_document()))
    assert [row.name for row in found] == ["error", "warning", "warning", "notice", "notice"]
    error, away, warning, caused, waiting = found
    words = "2 people lose a license, 2 of them their last; 1 online session ends"
    assert away.properties == {"title": words}
    assert away.data == f"Acme QA (101): {words}"
    assert error.properties == {
        "file": "orgs/acme.yaml",
        "line": "7",
        "col": "9",
        "title": "refused: max removals (the whole organization)",
    }
    assert error.data == "Acme QA (101): 9 would lose something; 5 may (1 change withheld)"
    assert warning.properties == {"title": "unlicensed members"}
    assert caused.properties["title"] == (
        "this line causes 4 changes, of which 2 take something away"
    )
    assert waiting.properties["line"] == "12"
    assert "grant kse: fay@example.com, from 2097-02-01: no seat is free" in waiting.data


def test_a_line_is_annotated_once_with_all_that_it_causes() -> None:
    (caused,) = [
        row for row in commands(shown(full_document())) if "causes" in row.properties["title"]
    ]
    assert caused.data.split("\n") == [
        "Acme QA (101): reassign kse: carol@example.com -> bob@example.com (declared transfer; "
        "carol@example.com loses the last license; ends the online session on "
        "5d41402abc4b2a76b9719d911017c592)",
        "Acme QA (101): grant kse: dan@example.com (cause: drift)",
        "Acme QA (101): remove kse: eve@example.com (eve@example.com loses the last license)",
        "Acme QA (101): issue offline kse: m1 until 2097-03-31",
    ]  # fmt: skip


def test_lines_that_take_something_away_come_before_the_others() -> None:
    changes = [change("grant", f"a{row}@x.example", source=place(row)) for row in range(1, 9)]
    changes.append(change("remove", "z@x.example", source=place(99), loses_last_license=True))
    document = full_document()
    document["organizations"] = [organization(1, "A", changes=changes)]
    away, *notices = commands(shown(document))
    assert (away.name, away.data) == ("warning", "A (1): 1 person loses a license, their last")
    assert [row.properties["line"] for row in notices][:2] == ["99", "1"]


def test_a_large_plan_ends_with_a_count_instead_of_thousands_of_notices() -> None:
    changes = [change("grant", f"a{row}@x.example", source=place(row)) for row in range(1, 1001)]
    document = full_document()
    document["organizations"] = [organization(1, "A", changes=changes)]
    lines = shown(document).splitlines()
    assert len([line for line in lines if line.startswith("::notice")]) == 50
    assert lines[-2].startswith("and 950 more lines")


@pytest.mark.parametrize("value", HOSTILE)
def test_a_value_forges_no_command_and_no_property(value: str) -> None:
    log = shown(hostile_document(value))
    found = commands(log)
    assert [row.name for row in found] == [
        *("error", "error", "warning", "warning", "notice", "notice")
    ]
    assert len(log.splitlines()) == 7
    assert set(found[0].properties) == set(found[2].properties) == {"title"}
    for row in (found[1], *found[3:]):
        assert set(row.properties) == {"file", "line", "col", "title"}
        assert (row.properties["line"], row.properties["col"]) == ("3", "1")


@pytest.mark.parametrize("value", HOSTILE)
@pytest.mark.parametrize("name", ["text", "json", "markdown", "junit", "sarif"])
def test_no_report_that_is_printed_to_a_log_holds_a_command(name: str, value: str) -> None:
    assert commands(shown(hostile_document(value), name=name)) == []


@pytest.mark.parametrize("value", HOSTILE)
def test_what_validate_prints_holds_no_command_but_its_own(value: str) -> None:
    problem = Problem(Source(value or "f", 3, 1), value)
    findings = Findings(problems=(problem,), warnings=(problem,))
    assert commands(FORMATS["text"](findings, Look())) == []
    error, warning = commands(FORMATS["github"](findings, Look()))
    assert (error.name, warning.name) == ("error", "warning")
    assert error.properties["line"] == "3"


def test_the_stand_in_for_the_runner_knows_a_forged_command_when_it_sees_one() -> None:
    assert command("  ::error file=a::b") is not None
    assert command("text ##[add-mask]b") is not None
    assert command("a ::error::b") is None


@pytest.mark.parametrize(
    ("folder", "file", "named"),
    [
        ("", "orgs/a.yaml", "orgs/a.yaml"),
        ("licenses", "orgs/a.yaml", "licenses/orgs/a.yaml"),
        ("licenses/qa", "../groups.yaml", "licenses/groups.yaml"),
        ("licenses", "/etc/a.yaml", "/etc/a.yaml"),
        ("licenses", None, None),
    ],
)
def test_a_mark_names_its_file_from_the_root(folder: str, file: str | None, named: str) -> None:
    mark = Mark(Level.ERROR, "rule", "title", "message", file, 3, 5)
    found = from_root(mark, folder)
    assert (found.file, found.line, found.column) == (named, 3, 5)
