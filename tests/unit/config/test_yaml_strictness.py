"""YAML against its test suite: what is invalid is refused, what is read means what it should."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from reconciler.config.document import parse_document
from reconciler.errors import ConfigurationError

SUITE = Path(__file__).parents[2] / "data" / "yaml-test-suite.json"
CASES: list[dict[str, Any]] = json.loads(SUITE.read_text(encoding="utf-8"))
NOTHING = object()


def read(text: str) -> Any:
    try:
        return parse_document(text, "f.yaml").data
    except ConfigurationError:
        return NOTHING


@pytest.mark.parametrize(
    "case", [row for row in CASES if "error" in row], ids=lambda row: row["id"]
)
def test_what_the_suite_calls_invalid_is_refused(case: dict[str, Any]) -> None:
    assert read(case["yaml"]) is NOTHING


def test_nothing_of_the_suite_is_read_as_something_else() -> None:
    taken = 0
    for case in CASES:
        data = read(case["yaml"])
        if data is not NOTHING:
            taken += 1
            assert data == case.get("json", data), case
    assert taken == 186


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("a: [b]#c\n", "f.yaml:1:7: a comment needs a space before its `#`"),
        ("a: [b,#c\n  d]\n", "f.yaml:1:7: a comment needs a space before its `#`"),
        ("a: 'b'#c\n", "f.yaml:1:7: a comment needs a space before its `#`"),
        ("a: |#c\n  b\n", "f.yaml:1:5: a comment needs a space before its `#`"),
        ("a: >-#c\n  b\n", "f.yaml:1:6: a comment needs a space before its `#`"),
        ("a: [b,\nc]\n", "f.yaml:2:1: this line is within the brackets of line 1: indent it by 1"),
        ("a:\n  - {b: c,\n  d: e}\n", "f.yaml:3:3: this line is within the brackets of line 2"),
        ("a: [\n  b,\n]\n", "f.yaml:3:1: this line is within the brackets of line 1"),
        ("a: [\n\tb]\n", "f.yaml:2:1: a tab cannot indent YAML"),
        ('a: "b\nc"\n', "f.yaml:2:1: this line is within the quotes of line 1: indent it by 1"),
        ("a: 'b\n\tc'\n", "f.yaml:2:1: a tab cannot indent YAML"),
        ('a:\n  - "b\n  #c"\n', "f.yaml:3:3: this line is within the quotes of line 2"),
        ("a: [-]\n", "f.yaml:1:5: a `-` alone is no text: put it in quotes"),
        ("a: {?b: c}\n", "f.yaml:1:5: text in brackets cannot begin with a `?`"),
        ("a: &b:c d\n", "f.yaml:1:6: the name &b ends here: leave a space"),
        ("a: &b:c\n  d: e\n", "f.yaml:1:6: the name &b ends here"),
        ("a: &b c\nd: {e: *b:f}\n", "f.yaml:2:10: the name *b ends here"),
        ("a: |\n  b\n   ", "f.yaml:3:1: the file ends in spaces without a line end"),
        ("a: >\n \n  \n # b\n", "f.yaml:4:2: an empty line above is indented further"),
        ("0x10", "f.yaml:1:1: '0x10' is a number to some readers of YAML"),
        ("0123", "f.yaml:1:1: '0123' is a number to some readers of YAML"),
        ("!x y", "f.yaml:1:1: tags are not supported"),
        ("", "f.yaml:1:1: the file is empty"),
        ("# nothing\n", "f.yaml:1:1: the file is empty"),
    ],
)
def test_what_would_be_misread_is_refused_at_its_place(text: str, told: str) -> None:
    with pytest.raises(ConfigurationError) as caught:
        parse_document(text, "f.yaml")
    assert str(caught.value.problems[0]).startswith(told)


@pytest.mark.parametrize(
    ("text", "data"),
    [
        ("a: b#c\n", {"a": "b#c"}),
        ("a: 'b,#c'\n", {"a": "b,#c"}),
        ("a: 'b]#c' #d]#\n", {"a": "b]#c"}),
        ("a: |\n  ]#b\n", {"a": "]#b\n"}),
        ("a: [b, #c\n  d]\n", {"a": ["b", "d"]}),
        ("a: [\n  b,\n#c\n\n  ]\n", {"a": ["b"]}),
        ("[a,\nb\n]\n", ["a", "b"]),
        ("a:\n- {b: c,\n d: e}\n", {"a": [{"b": "c", "d": "e"}]}),
        ('a: "b\n\n c"\n', {"a": "b\nc"}),
        ("a: why ?b\n", {"a": "why ?b"}),
        ("?a: b\n", {"?a": "b"}),
        ("- ?a\n", ["?a"]),
        ("{? a : b}\n", {"a": "b"}),
        ("a: &b c\nd: [*b, *b]\n", {"a": "c", "d": ["c", "c"]}),
        ("a: &b\n  - c\n  - [d,\n   e]\n", {"a": ["c", ["d", "e"]]}),
        ("a: - b\n".replace("a: ", "a:\n  "), {"a": ["b"]}),
        ("a: '-'\n", {"a": "-"}),
        ("a: |\n  b\n\n", {"a": "b\n"}),
        ("a: b\n   ", {"a": "b"}),
    ],
)
def test_what_only_looks_like_it_is_read(text: str, data: object) -> None:
    assert parse_document(text, "f.yaml").data == data


def test_a_word_that_is_a_whole_file_is_no_empty_file() -> None:
    for text, found in (("yes", "the boolean true"), ("word", "the text 'word'"), ("12", "12")):
        (problem,) = parse_document(text, "f.yaml").schema_problems("organization")
        assert str(problem).startswith(f"f.yaml:1:1: expected a mapping, found {found}"[:37])
        assert found in str(problem)
