"""Keys are replaced in whatever form they come back, and nothing else is."""

from __future__ import annotations

import base64
import html
import json
from urllib.parse import quote

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from reconciler.model.redaction import Redaction, secrets_of

# Each key makes a pattern of its own, which takes longer than to use it.
few = settings(max_examples=40, deadline=None)
keys = st.text(st.characters(min_codepoint=0x21, max_codepoint=0x7E), min_size=6, max_size=40)
FORMS = {
    "plain": lambda key: key,
    "in capitals": str.upper,
    "in JSON": lambda key: json.dumps(key)[1:-1],
    "in JSON with slashes escaped": lambda key: json.dumps(key)[1:-1].replace("/", "\\/"),
    "in a URL": lambda key: quote(key, safe=""),
    "in a path": quote,
    "in HTML": html.escape,
    "as it is sent": lambda key: base64.b64encode(f":{key}".encode()).decode(),
    "in base64 for URLs": lambda key: base64.urlsafe_b64encode(f":{key}".encode()).decode(),
}


@pytest.mark.parametrize("form", FORMS.values(), ids=FORMS)
@few
@given(key=keys)
@example(key="ends-in-a-backslash\\")
def test_a_key_is_replaced_by_its_name(form, key: str) -> None:
    redaction = Redaction({"RECONCILER_KEY": key, "RECONCILER_OTHER": "another-key"})
    assert redaction.text(f"< {form(key)} >") == "< [RECONCILER_KEY] >"


@few
@given(key=keys, user=st.text("abc", max_size=5), rest=st.text("xyz", max_size=5))
def test_within_longer_base64_nothing_but_its_edges_is_left(key: str, user: str, rest: str) -> None:
    sent = base64.b64encode(f"{user}:{key}{rest}".encode()).decode()
    found = Redaction({"RECONCILER_KEY": key}).text(sent)
    assert "[RECONCILER_KEY]" in found
    assert len(found) - len("[RECONCILER_KEY]") <= len(sent) - len(key)


@few
@given(key=keys)
def test_json_stays_json_however_it_spells_a_key(key: str) -> None:
    spelled = "".join(f"\\u{ord(character):04x}" for character in key)
    body = f'{{"a": ["{spelled}", 1, null], "{spelled}": true}}'.encode()
    clean = json.loads(Redaction({"RECONCILER_KEY": key}).body(body))
    assert clean == {"a": ["[RECONCILER_KEY]", 1, None], "[RECONCILER_KEY]": True}


@pytest.mark.parametrize("encoding", ["utf-16", "utf-32-le"])
def test_another_encoding_hides_nothing(encoding: str) -> None:
    body = json.dumps({"name": "a-secret-key"}).encode(encoding)
    clean = Redaction({"RECONCILER_KEY": "a-secret-key"}).body(body)
    assert json.loads(clean) == {"name": "[RECONCILER_KEY]"}


def test_what_is_no_json_is_cleaned_as_text() -> None:
    redaction = Redaction({"RECONCILER_KEY": "a-secret-key"})
    assert redaction.body(b"<b>a-secret-key</b>\xff") == b"<b>[RECONCILER_KEY]</b>\xff"


def test_what_holds_no_key_is_left_as_it_is() -> None:
    redaction = Redaction({"RECONCILER_KEY": "a-secret-key", "RECONCILER_SHORT": "abc"})
    body = b'{"name": "abc \\u00e9", "n": 1e400, "n": 2}'
    assert redaction.body(body) is body
    assert Redaction({}).body(body) is body
    data = {"rows": [{"name": "abc"}, ["x"]]}
    assert redaction.data(data) is data


def test_numbers_are_no_keys() -> None:
    body = b'{"id": 123456789, "name": "123456789"}'
    clean = json.loads(Redaction({"RECONCILER_KEY": "123456789"}).body(body))
    assert clean == {"id": 123456789, "name": "[RECONCILER_KEY]"}


def test_of_two_keys_the_longer_one_is_named() -> None:
    redaction = Redaction({"RECONCILER_A": "secret", "RECONCILER_B": "secret-of-b"})
    assert redaction.text("secret-of-b secret") == "[RECONCILER_B] [RECONCILER_A]"


def test_variables_of_another_use_are_no_secrets_but_a_token_is() -> None:
    environ = {
        "RECONCILER_API_URL": "https://x.io",
        "RECONCILER_DEBUG": "yes",
        "RECONCILER_GITLAB_TOKEN": "glpat-1",
        "RECONCILER_ACME": "key",
        "PATH": "/bin",
    }
    assert set(secrets_of(environ)) == {"RECONCILER_GITLAB_TOKEN", "RECONCILER_ACME"}
