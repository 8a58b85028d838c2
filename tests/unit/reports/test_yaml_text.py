"""YAML that steers no log and hides nothing from who reads it."""

from __future__ import annotations

import yaml
from hypothesis import given
from hypothesis import strategies as st

from reconciler.config.document import parse_document
from reconciler.reports.yaml_text import yaml_text
from tests.unit.reports.hidden import TEXTS as HIDING
from tests.unit.reports.hidden import hidden_in
from tests.unit.reports.runner import commands

HOSTILE = st.sampled_from(
    [
        *("##[error]x", "###[a", "\\##[a]", "a\n  ::error::b", "a\u2028::error::b", "a\r##[b]"),
        f"{'word ' * 60}::error::x ##[error]{'y ' * 300}",
    ]
)
TEXTS = st.text(st.characters(codec="utf-8")) | HIDING | HOSTILE
NUMBERS = st.sampled_from(["1e5", "12e45678901234567890123456789012", "0o17", "1.5e3", "-1_0", "."])
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**62), 2**62) | TEXTS | NUMBERS,
    lambda inner: st.lists(inner) | st.dictionaries(TEXTS, inner),
)


@given(VALUES)
def test_it_says_the_same_and_holds_no_command(value: object) -> None:
    text = yaml_text(value)
    assert yaml.safe_load(text) == value
    assert "##[" not in text
    assert hidden_in(text) == set()
    assert commands(text) == []


@given(VALUES)
def test_our_own_reader_takes_it(value: object) -> None:
    assert parse_document(yaml_text({"value": value}), "snapshot.yaml").data == {"value": value}


def test_what_cannot_be_seen_is_written_as_yaml_escapes_it() -> None:
    said = yaml_text({"a\u200b": "b\u202e", "c": "\x9b", "d": "\U000e0041 é"})
    assert said == '"a\\u200b": "b\\u202e"\nc: "\\x9B"\nd: "\\U000E0041 é"\n'
