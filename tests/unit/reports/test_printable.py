"""Values from outside cannot steer a terminal, a log or a page."""

from __future__ import annotations

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reconciler.reports.printable import printable


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("ada@example.com", "ada@example.com"),
        ("käthe@example.com", "käthe@example.com"),
        ("a\nb", "a\\x0ab"),
        ("\x1b[31mred", "\\x1b[31mred"),
        ("a\u202eb", "a\\u202eb"),
        ("zero\u200bwidth", "zero\\u200bwidth"),
        ("\x9b31m", "\\x9b31m"),
        ("lone \ud800", "lone \\ud800"),
        ("no character \uffff", "no character \\uffff"),
        ("::error::x", "\\x3a:error::x"),
        (" \t::error::x", " \\x09::error::x"),
        ("a::b", "a::b"),
        ("a ##[add-mask]x", "a \\x23#[add-mask]x"),
        ("## [a]", "## [a]"),
        ("soft\xadhyphen", "soft\\xadhyphen"),
        ("blank \u3164", "blank \\u3164"),
        ("blank \u2800", "blank \\u2800"),
        ("tag \U000e0041", "tag \\U000e0041"),
    ],
)
def test_what_would_hide_or_steer_is_written_as_an_escape(text: str, shown: str) -> None:
    assert printable(text) == shown


@given(st.text())
def test_no_control_character_is_ever_left(text: str) -> None:
    assert not any(unicodedata.category(letter) in {"Cc", "Cs"} for letter in printable(text))
