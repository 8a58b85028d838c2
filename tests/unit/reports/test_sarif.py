"""SARIF, checked by its published schema."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from reconciler.model.source import Problem, Source
from reconciler.reports.formats import RENDERERS
from reconciler.reports.problems import FORMATS, Findings
from reconciler.reports.spans import Look
from tests.unit.reports.documents import HOSTILE, full_document, hostile_document

SCHEMA = Path(__file__).parents[2] / "data" / "sarif-2.1.0-rtm.5.json"


@pytest.fixture(scope="module")
def validator() -> jsonschema.Draft4Validator:
    schema = json.loads(SCHEMA.read_text(encoding="utf-8"))
    jsonschema.Draft4Validator.check_schema(schema)
    checker = jsonschema.Draft4Validator.FORMAT_CHECKER
    return jsonschema.Draft4Validator(schema, format_checker=checker)


def run_of(text: str, validator: jsonschema.Draft4Validator) -> dict[str, Any]:
    document = json.loads(text)
    validator.validate(document)
    (run,) = document["runs"]
    for result in run["results"]:
        assert run["tool"]["driver"]["rules"][result["ruleIndex"]]["id"] == result["ruleId"]
    return dict(run)


def test_the_schema_refuses_what_is_no_sarif(validator: jsonschema.Draft4Validator) -> None:
    with pytest.raises(jsonschema.ValidationError):
        validator.validate({"version": "2.1.0", "runs": [{"results": []}]})


def test_a_plan_gives_refusals_warnings_and_what_waits(
    validator: jsonschema.Draft4Validator,
) -> None:
    run = run_of(RENDERERS["sarif"]([full_document()], Look()), validator)
    assert [(row["ruleId"], row["level"]) for row in run["results"]] == [
        ("max_removals", "error"),
        ("change", "note"),
        ("unlicensed_members", "warning"),
        ("over_quota", "note"),
    ]
    (location,) = run["results"][0]["locations"]
    assert location["physicalLocation"] == {
        "artifactLocation": {"uri": "orgs/acme.yaml", "uriBaseId": "%SRCROOT%"},
        "region": {"startLine": 7, "startColumn": 9},
    }


def test_invalid_files_give_an_error_each(validator: jsonschema.Draft4Validator) -> None:
    findings = Findings(
        problems=(
            Problem(Source("orgs/a b%,ü.yaml", 3, 5), "unknown key [x](y) {0}"),
            Problem(Source("/etc/orgs.yaml"), "empty"),
        ),
        warnings=(Problem(Source("orgs/c.yaml", 9, 1), "an odd machine ID"),),
    )
    run = run_of(FORMATS["sarif"](findings, Look()), validator)
    first, second, third = run["results"]
    place = first["locations"][0]["physicalLocation"]
    assert place["artifactLocation"]["uri"] == "orgs/a%20b%25%2C%C3%BC.yaml"
    assert first["message"]["text"] == "not valid: unknown key \\[x\\](y) {{0}}"
    assert second["locations"][0]["physicalLocation"] == {
        "artifactLocation": {"uri": "/etc/orgs.yaml"},
        "region": {"startLine": 1, "startColumn": 1},
    }
    assert [row["level"] for row in (first, second, third)] == ["error", "error", "warning"]


def test_files_without_a_problem_give_no_result(validator: jsonschema.Draft4Validator) -> None:
    assert run_of(FORMATS["sarif"](Findings(files=("a.yaml",)), Look()), validator)["results"] == []


def test_a_finding_stays_the_same_one_when_its_line_moves(
    validator: jsonschema.Draft4Validator,
) -> None:
    prints = []
    for line in (3, 40):
        findings = Findings(problems=(Problem(Source("a.yaml", line, 5), "wrong"),))
        (result,) = run_of(FORMATS["sarif"](findings, Look()), validator)["results"]
        prints.append(result["partialFingerprints"])
    assert prints[0] == prints[1]


@pytest.mark.parametrize("value", HOSTILE)
def test_hostile_values_stay_valid_sarif(value: str, validator: jsonschema.Draft4Validator) -> None:
    run = run_of(RENDERERS["sarif"]([hostile_document(value)], Look()), validator)
    levels = [row["level"] for row in run["results"]]
    assert levels == ["error", "error", "note", "warning", "note"]
