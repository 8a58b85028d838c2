"""JUnit, checked by the schema of Jenkins' xUnit plugin."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from lxml import etree

from reconciler.model.source import Problem, Source
from reconciler.reports.formats import RENDERERS
from reconciler.reports.problems import FORMATS, Findings
from reconciler.reports.spans import Look
from tests.unit.reports.documents import HOSTILE, full_document, hostile_document, organization

SCHEMA = Path(__file__).parents[2] / "data" / "junit-10.xsd"


@pytest.fixture(scope="module")
def schema() -> Any:
    return etree.XMLSchema(etree.parse(SCHEMA))


def parsed(text: str, schema: Any) -> Any:
    root = etree.fromstring(text.encode())
    schema.assertValid(root)
    return root


def test_the_schema_refuses_what_is_no_junit(schema: Any) -> None:
    assert not schema.validate(etree.fromstring("<testsuites><testcase/></testsuites>"))


def test_a_plan_has_a_suite_an_organization_and_a_case_a_product(schema: Any) -> None:
    root = parsed(RENDERERS["junit"]([full_document()], Look()), schema)
    assert root.get("failures") == "1"
    assert [suite.get("name") for suite in root] == [
        "Acme QA (101)",
        "Beta (102)",
        "organization 103",
    ]
    whole, kse = root[0]
    assert (whole.get("name"), kse.get("name")) == ("the organization as a whole", "kse")
    failure, away = whole
    assert away.tag == "system-out"
    assert away.text.splitlines() == [
        "2 people lose a license, 2 of them their last; 1 online session ends",
        "reassign kse: carol@example.com -> bob@example.com (declared transfer; carol@example.com "
        "loses the last license; ends the online session on 5d41402abc4b2a76b9719d911017c592)",
        "remove kse: eve@example.com (eve@example.com loses the last license)",
    ]
    assert failure.get("message") == "9 would lose something; 5 may"
    assert failure.text == "orgs/acme.yaml:7:9: 9 would lose something; 5 may"
    assert len(kse) == 0


def test_a_refusal_of_one_product_fails_that_case_alone(schema: Any) -> None:
    rows = [
        {
            "code": "over_quota",
            "scope": "pool",
            "product": "kse",
            "message": "short",
            "withheld": [],
        },
        {
            "code": "unreadable",
            "scope": "pool",
            "product": "testops",
            "message": "?",
            "withheld": [],
        },
    ]
    document = full_document()
    document["organizations"] = [organization(1, "A", refusals=rows)]
    (suite,) = parsed(RENDERERS["junit"]([document], Look()), schema)
    assert {case.get("name"): len(case) for case in suite} == {
        "the organization as a whole": 0,
        "kse": 1,
        "testops": 1,
    }
    assert (suite.get("tests"), suite.get("failures")) == ("3", "2")


def test_every_file_is_a_case_and_every_problem_a_failure(schema: Any) -> None:
    problems = (
        Problem(Source("b.yaml", 3, 5), "one"),
        Problem(Source("b.yaml", 4, 5), "two"),
        Problem(Source("c.yaml"), "three"),
    )
    root = parsed(FORMATS["junit"](Findings(problems=problems), Look()), schema)
    (suite,) = root
    assert {case.get("name"): [row.text for row in case] for case in suite} == {
        "b.yaml": ["b.yaml:3:5: one", "b.yaml:4:5: two"],
        "c.yaml": ["c.yaml:1:1: three"],
    }
    assert (root.get("tests"), root.get("failures")) == ("2", "2")
    valid = parsed(FORMATS["junit"](Findings(files=("a.yaml", "b.yaml")), Look()), schema)
    assert (valid.get("tests"), valid.get("failures")) == ("2", "0")


@pytest.mark.parametrize("value", HOSTILE)
def test_hostile_values_stay_valid_junit(value: str, schema: Any) -> None:
    root = parsed(RENDERERS["junit"]([hostile_document(value)], Look()), schema)
    assert {element.tag for element in root.iter()} == {
        "testsuites", "testsuite", "testcase", "failure", "system-out",
    }  # fmt: skip
