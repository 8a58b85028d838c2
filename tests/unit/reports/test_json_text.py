"""JSON that steers no log."""

from __future__ import annotations

import json

from hypothesis import given
from hypothesis import strategies as st

from reconciler.reports.json_text import json_text

VALUES = st.recursive(
    st.none() | st.integers() | st.text() | st.sampled_from(["##[error]x", "###[a", "\\##["]),
    lambda inner: st.lists(inner) | st.dictionaries(st.text() | st.just("##["), inner),
)


@given(VALUES)
def test_it_says_the_same_and_holds_no_command(value: object) -> None:
    text = json_text(value)
    assert json.loads(text) == value
    assert "##[" not in text
    assert not any(line.lstrip().startswith("::") for line in text.split("\n"))
