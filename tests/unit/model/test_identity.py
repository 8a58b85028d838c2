from __future__ import annotations

import unicodedata

from hypothesis import given
from hypothesis import strategies as st

from reconciler.model.identity import email_key, machine, user


@given(st.text())
def test_the_compared_form_is_stable(text):
    assert email_key(email_key(text)) == email_key(text)


@given(st.text())
def test_composed_and_decomposed_spellings_are_the_same_email(text):
    composed = unicodedata.normalize("NFC", text)
    decomposed = unicodedata.normalize("NFD", text)
    assert email_key(composed) == email_key(decomposed)


def test_case_does_not_tell_users_apart_and_does_tell_machines():
    assert user("ADA@Example.com").compared == user("ada@example.COM").compared
    assert user("STRASSE@x.de").compared == user("straße@x.de").compared
    assert machine("AB").compared != machine("ab").compared


def test_a_user_and_a_machine_of_the_same_id_are_two_subjects():
    assert user("a").compared != machine("a").compared
