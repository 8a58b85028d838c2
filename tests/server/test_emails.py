"""Which spellings of an email are one account: the server's reckoning and the planner's."""

from __future__ import annotations

import unicodedata

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from reconciler.model.identity import email_key
from reconciler.server.emails import account_key


@given(st.text())
@example("J\u030c@example.com")
@example("\u0390@example.com")
@example("STRAßE@example.com")
def test_the_server_and_the_planner_tell_the_same_accounts_apart(email: str) -> None:
    assert account_key(email) == email_key(email)


@given(st.text())
@example("\u01f0")
@example("\u03b1\u0345\u0323")
def test_composition_makes_no_difference_and_a_key_is_its_own_key(email: str) -> None:
    key = account_key(email)
    assert account_key(key) == key
    assert account_key(unicodedata.normalize("NFD", email)) == key


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("ada@example.com", "ada@example.org"),
        ("josé@x", "jose@x"),
        ("a@x", " a@x"),
        ("\u0131@x", "i@x"),
    ],
)
def test_different_accounts_stay_different(one: str, other: str) -> None:
    assert account_key(one) != account_key(other)
