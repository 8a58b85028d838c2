"""JSON that steers no log and hides nothing from who reads it."""

from __future__ import annotations

import json

from hypothesis import given
from hypothesis import strategies as st

from reconciler.reports.json_text import json_text
from tests.unit.reports.hidden import TEXTS, hidden_in

VALUES = st.recursive(
    st.none() | st.integers() | TEXTS | st.sampled_from(["##[error]x", "###[a", "\\##["]),
    lambda inner: st.lists(inner) | st.dictionaries(TEXTS | st.just("##["), inner),
)


@given(VALUES)
def test_it_says_the_same_and_holds_no_command(value: object) -> None:
    text = json_text(value)
    assert json.loads(text) == value
    assert "##[" not in text
    assert hidden_in(text) == set()
    assert not any(line.lstrip().startswith("::") for line in text.split("\n"))


def test_what_cannot_be_seen_is_written_as_json_escapes_it() -> None:
    said = json_text("a\u202eb\x9b\U000e0041\x7f é")
    assert said == '"a\\u202eb\\u009b\\udb40\\udc41\\u007f é"\n'
