"""Values from outside cannot steer a terminal, a log or a page."""

from __future__ import annotations

import sys
import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reconciler.model.text import printable
from tests.unit.reports import hidden


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


def test_every_character_that_formats_text_or_shows_nothing_is_hidden() -> None:
    """What a newer Unicode adds comes after the one that the numbers were taken from."""
    every = map(chr, range(sys.maxunicode + 1))
    kinds = {"Cc", "Cf", "Cs", "Zl", "Zp"}
    left = [
        ascii(one) for one in every if unicodedata.category(one) in kinds if printable(one) == one
    ]
    assert left == []
    assert all(printable(one) != one for one in hidden.HIDDEN)


@pytest.mark.parametrize("text", ["käthe", "日本　語", "שלום", "👍", "a\u00a0b", "e\u0301"])
def test_what_people_write_stays_as_it_is(text: str) -> None:
    assert printable(text) == text
