"""What unquoted text means."""

from __future__ import annotations

from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from reconciler.config.scalars import AmbiguousNumberError, is_text, number


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("0", 0),
        ("-7", -7),
        ("+7", 7),
        ("101", 101),
        ("9223372036854775807", 2**63 - 1),
        ("1.5", 1.5),
        ("-0.25", -0.25),
        ("2026-12-01", "2026-12-01"),
        ("5d41402abc4b2a76b9719d911017c592", "5d41402abc4b2a76b9719d911017c592"),
        ("1.2.3", "1.2.3"),
        ("-", "-"),
        ("1 2", "1 2"),
        ("7d", "7d"),
    ],
)
def test_plain_numbers_are_numbers_and_the_rest_is_text(text: str, value: Any) -> None:
    assert number(text) == value
    assert type(number(text)) is type(value)


@pytest.mark.parametrize(
    "text",
    [
        *("0123", "00", "1_000", "0x1F", "0o17", "0b101", "1e3", "1.", ".5", "12:30"),
        *("190:20:30.15", ".inf", "-.INF", ".NaN", "9" * 20, "12e45678901234567890123456789012"),
    ],
)
def test_numbers_on_which_readers_differ_are_refused(text: str) -> None:
    with pytest.raises(AmbiguousNumberError):
        number(text)
    assert not is_text(text)


plain = st.from_regex(r"[0-9a-fxob_.:+eE-]{1,12}|[a-zA-Z~.]{1,5}", fullmatch=True)


@given(plain)
def test_what_is_text_here_is_text_to_pyyaml_as_well(text: str) -> None:
    if not is_text(text):
        return
    try:
        value = yaml.safe_load(f"[{text}]")[0]
    except (yaml.YAMLError, ValueError):
        return  # not a plain scalar at all, or a date that does not exist
    # Dates are text here; so is `=`, YAML 1.1's name for a value.
    assert isinstance(value, str) or value.__class__.__name__ in {"date", "datetime", "dict"}


@given(plain)
def test_a_number_here_is_the_same_number_to_pyyaml(text: str) -> None:
    try:
        value = number(text)
    except AmbiguousNumberError:
        return
    if not isinstance(value, str):
        assert yaml.safe_load(text) == value
