"""What `validate` found, in each format."""

from __future__ import annotations

import json

from reconciler.model.source import Problem, Source
from reconciler.reports.problems import FORMATS, Findings
from reconciler.reports.spans import Look

WRONG = Findings(
    problems=(
        Problem(Source("orgs/a,b.yaml", 3, 5), "unknown key 'usres'"),
        Problem(Source("orgs/c.yaml"), "100 % wrong\n::error::forged"),
    ),
    warnings=(Problem(Source("orgs/c.yaml", 9, 1), "an odd machine ID"),),
)


def test_text_is_a_line_a_problem_with_its_place_first() -> None:
    assert FORMATS["text"](WRONG, Look()).splitlines() == [
        "orgs/a,b.yaml:3:5: unknown key 'usres'",
        "orgs/c.yaml:1:1: 100 % wrong\\x0a::error::forged",
        "orgs/c.yaml:9:1: an odd machine ID (warning)",
        "2 problems: not valid",
    ]


def test_text_of_valid_files_says_what_was_checked() -> None:
    findings = Findings(files=("a.yaml", "b.yaml"), organizations=1)
    assert FORMATS["text"](findings, Look()) == "2 files with 1 organization: valid\n"


def test_json_holds_every_field_of_every_problem() -> None:
    document = json.loads(FORMATS["json"](WRONG, Look()))
    assert document["valid"] is False
    assert document["problems"][0] == {
        "file": "orgs/a,b.yaml",
        "line": 3,
        "column": 5,
        "message": "unknown key 'usres'",
    }
    assert len(document["warnings"]) == 1


def test_a_github_annotation_cannot_be_forged_by_a_value() -> None:
    lines = FORMATS["github"](WRONG, Look()).splitlines()
    assert lines == [
        "::error file=orgs/a%2Cb.yaml,line=3,col=5,title=not valid::unknown key 'usres'",
        "::error file=orgs/c.yaml,line=1,col=1,title=not valid::100 %25 wrong%0A"
        "\\x3a:error::forged",
        "::warning file=orgs/c.yaml,line=9,col=1,title=worth a look::an odd machine ID",
    ]
