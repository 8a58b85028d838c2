"""The schemas, and what is told of data that does not fit one."""

from __future__ import annotations

import copy
import json
import unicodedata
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from jsonschema import Draft202012Validator

from reconciler import schema
from reconciler.products import PRODUCTS
from reconciler.schema import NAMES, SchemaProblem, problems, schema_text
from reconciler.schema_messages import suggestion

SCHEMAS: dict[str, dict[str, Any]] = {name: json.loads(schema_text(name)) for name in NAMES}

ORGANIZATION: dict[str, Any] = {
    "version": 1,
    "organization": {"id": 101, "name": "Acme QA"},
    "products": {
        "kse": {
            "users": [
                "ada@example.com",
                {"email": "bob@example.com", "from": "2026-12-01", "replaces": "eve@example.com"},
                {"group": "qa", "priority": 3},
                {"members": "all", "except": ["dan@example.com"]},
            ],
            "machines": [{"id": "5d41402abc4b2a76b9719d911017c592", "name": "laptop"}],
        },
        "kre-node-locked": {
            "machines": ["abc", {"id": "def", "offline_until": "2027-03-31", "note": "rack"}]
        },
    },
    "policy": {"max_removals": {"count": 5, "percent": 10}, "max_plan_age": "7d"},
    "groups": {"qa": ["dan@example.com", {"group": "more"}], "more": []},
}
SNAPSHOT: dict[str, Any] = {
    "format": "license-snapshot/1",
    "taken_at": "2026-11-24T09:00:00Z",
    "organizations": [
        {
            "id": 101,
            "name": "Acme QA",
            "members": [{"email": "ada@example.com", "role": "owner", "status": "active"}],
            "subscriptions": [
                {
                    "product": "kse",
                    "quota": 5,
                    "used": 4,
                    "machine_quota": 5,
                    "expires": "2027-06-30",
                    "offline_allowed": True,
                }
            ],
            "licensed_users": [{"product": "kse", "email": "ada@example.com"}],
            "machines": [
                {
                    "product": "kse",
                    "id": "5d41",
                    "email": "ada@example.com",
                    "name": "laptop",
                    "last_seen": "2026-11-20T08:00:00.123+01:00",
                }
            ],
            "offline_licenses": [{"product": "kse", "machine": "5d41", "expires": "2027-01-31"}],
            "sessions": [
                {
                    "id": "s1",
                    "product": "kse",
                    "machine": "5d41",
                    "started_at": "2026-11-24T08:00:00Z",
                }
            ],
        }
    ],
}
DIGEST = f"sha256:{'0' * 64}"
SOURCE = {"file": "orgs/acme.yaml", "line": 7, "column": 9}
CHANGE: dict[str, Any] = {
    "id": "3f9c2a",
    "action": "reassign",
    "product": "kse",
    "subject": {"kind": "user", "id": "bob@example.com"},
    "from": {"kind": "user", "id": "carol@example.com"},
    "pairing": "declared",
    "loses_last_license": True,
    "ends_sessions": ["5d41"],
    "used_after": 5,
    "cause": "change",
    "reason": "replaces carol@example.com",
    "source": SOURCE,
}
PLAN: dict[str, Any] = {
    "format": "license-plan/1",
    "created_at": "2026-11-24T09:00:00Z",
    "as_of": "2026-11-24",
    "valid_until": "2026-12-01T09:00:00+00:00",
    "tool": "reconciler 0.1.0",
    "target": "https://testops.katalon.io",
    "config": {"digest": DIGEST, "revision": None, "dirty": False},
    "changes_digest": DIGEST,
    "digest": DIGEST,
    "allowed": {"removals": None, "irrevocable": False},
    "applyable": True,
    "complete": False,
    "summary": dict.fromkeys(
        ("grant", "remove", "reassign", "issue_offline", "losing", "deferred", "refused"), 1
    )
    | {"organizations": 1},
    "organizations": [
        {
            "id": 101,
            "name": "Acme QA",
            "applyable": True,
            "complete": False,
            "pools": [
                {
                    "product": "kse",
                    "quota": 5,
                    "used": 5,
                    "used_after": 5,
                    "peak": 5,
                    "offline": None,
                    "machine_quota": 5,
                    "machines": 4,
                    "expires": "2027-06-30",
                }
            ],
            "changes": [CHANGE],
            "deferred": [
                {
                    "action": "grant",
                    "product": "kse",
                    "subject": {"kind": "user", "id": "bob@example.com"},
                    "reason": "over_quota",
                    "available_from": "2027-02-01",
                    "source": SOURCE,
                }
            ],
            "refusals": [
                {
                    "code": "over_quota",
                    "scope": "pool",
                    "product": "kse",
                    "message": "2 seats short",
                    "details": {"short": 2},
                    "withheld": [CHANGE],
                }
            ],
            "warnings": [{"code": "unlicensed_members", "message": "1 member", "details": {}}],
        }
    ],
}
WORKSPACE: dict[str, Any] = {
    "version": 1,
    "api": {
        "url": "https://testops.katalon.io",
        "key_env": "RECONCILER_API_KEY",
        "writes": "api",
        "routes": {"grant_users": "POST /api/v1/x"},
        "timeout": 1.5,
        "max_parallel": 4,
    },
    "keys": {"101": "RECONCILER_ACME"},
    "organizations": ["orgs/*.yaml"],
    "timezone": "Europe/Berlin",
    "policy": {"on_shortage": "waitlist"},
}
GROUPS: dict[str, Any] = {"version": 1, "groups": {"qa": ["ada@example.com"]}}
FAULTS: dict[str, Any] = {
    "version": 1,
    "seed": 7,
    "rules": [
        {"fault": "latency", "ms": [20, 80], "when": "after"},
        {
            "match": {"operation": "search", "entity": "Machine", "nth": [1, 3], "page": 0},
            "fault": "wrong_total",
            "by": -1,
            "times": 2,
        },
        {"match": {"probability": 0.5}, "fault": "error", "status": 503, "retry_after": 2},
    ],
}
GOOD = {
    "organization": ORGANIZATION,
    "workspace": WORKSPACE,
    "groups": GROUPS,
    "snapshot": SNAPSHOT,
    "plan": PLAN,
    "faults": FAULTS,
}


@pytest.mark.parametrize("name", NAMES)
def test_a_schema_is_sound_and_takes_what_is_good(name: str) -> None:
    Draft202012Validator.check_schema(SCHEMAS[name])
    assert problems(name, GOOD[name]) == ()
    for example in SCHEMAS[name].get("examples", []):
        assert problems(name, example) == ()


def test_there_is_no_other_schema() -> None:
    with pytest.raises(KeyError):
        schema_text("../organization")
    folder = Path(schema.__file__).parents[1] / "schemas"
    assert {path.name.partition(".")[0] for path in folder.glob("*.schema.json")} == set(NAMES)


def subschemas(value: Any, place: str = "") -> Iterator[tuple[str, dict[str, Any]]]:
    if isinstance(value, dict):
        for key, child in value.get("properties", {}).items():
            yield f"{place}/{key}", child
        for key, child in value.items():
            yield from subschemas(child, f"{place}/{key}")
    elif isinstance(value, list):
        for index, child in enumerate(value):
            yield from subschemas(child, f"{place}/{index}")


@pytest.mark.parametrize("name", ["organization", "workspace", "groups", "snapshot", "faults"])
def test_an_editor_finds_a_title_and_a_description_for_every_key(name: str) -> None:
    whole = SCHEMAS[name]
    found = list(subschemas(whole))
    assert len(found) > 5
    for place, child in found:
        if child.get("doNotSuggest"):
            continue
        known = child
        if "$ref" in child:
            known = whole["$defs"][child["$ref"].rpartition("/")[2]] | child
        assert known.get("title"), place
        assert known.get("description"), place


def test_what_several_schemas_define_they_define_alike() -> None:
    for key in ("policy", "memberEntry", "email", "groupName", "note", "priority", "day"):
        known = [one["$defs"][key] for one in SCHEMAS.values() if key in one.get("$defs", {})]
        if key == "email":  # the snapshot's is whatever the API has, in other words
            known = [{**one, "description": "", "pattern": ""} for one in known]
        assert len(known) >= 2
        assert all(one == known[0] for one in known)


def test_the_lists_of_a_product_are_those_of_the_catalogue() -> None:
    for product in PRODUCTS.values():
        for key, legal in (("users", product.users), ("machines", product.machines)):
            data = {
                "version": 1,
                "organization": {"id": 1},
                "products": {product.key: {key: []}},
            }
            found = problems("organization", data)
            assert [problem.key for problem in found] == ([] if legal else [key])


junk = st.sampled_from(
    [None, True, 0, -1, 1.5, 9 * 10**18, "", "x", "a@b", "2026-02-30", [], {}, [1], {"email": "x"}]
)


@st.composite
def spoilt(draw: st.DrawFn) -> tuple[str, Any]:
    """Return good data of a format with one thing in it dropped, added or replaced."""
    name = draw(st.sampled_from(NAMES))
    data = copy.deepcopy(GOOD[name])
    value: Any = data
    while True:
        keys = list(value) if isinstance(value, dict) else list(range(len(value)))
        if not keys:
            break
        key = draw(st.sampled_from(keys))
        if not isinstance(value[key], dict | list) or draw(st.integers(0, 5)) == 0:
            break
        value = value[key]
    how = draw(st.sampled_from(["drop", "add", "replace"]))
    if how == "add" or not keys:
        if isinstance(value, dict):
            value[draw(st.sampled_from(["users", "emial", "from", "x", "machines"]))] = draw(junk)
        else:
            value.append(draw(junk))
    elif how == "drop":
        del value[key]
    else:
        value[key] = draw(junk)
    return name, data


@given(spoilt())
def test_both_validators_agree_and_every_refusal_is_explained(sample: tuple[str, Any]) -> None:
    name, data = sample
    checker = Draft202012Validator.FORMAT_CHECKER
    valid = Draft202012Validator(SCHEMAS[name], format_checker=checker).is_valid(data)
    found = problems(name, data)
    assert (found == ()) == valid
    for problem in found:
        value = data
        for step in problem.path:
            value = value[step]
        if problem.key is not None:
            assert problem.key in value
        assert "\n" not in problem.message


def test_only_the_refused_items_of_a_long_list_are_explained() -> None:
    users: list[Any] = [f"user{number}@example.com" for number in range(50_000)]
    users[40_000] = {"emial": "x"}
    users[7] = 7
    data = {**ORGANIZATION, "products": {"kse": {"users": users}}}
    assert problems("organization", data) == (
        SchemaProblem(
            ("products", "kse", "users", 7),
            "expected text or a mapping, found the number 7: put it in quotes",
        ),
        SchemaProblem(
            ("products", "kse", "users", 40_000),
            "unknown key 'emial'; did you mean 'email'?",
            "emial",
        ),
    )


def test_where_nothing_is_explained_the_refusal_itself_is_told(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(schema, "_explain", lambda *_: ())
    data = {**WORKSPACE, "keys": {"101": "hunter2", "202": "RECONCILER_B"}}
    (found,) = problems("workspace", data)
    assert found.path == ("keys", "101")
    assert found.message


@pytest.mark.parametrize(
    ("word", "expected"),
    [
        ("emial", "; did you mean 'email'?"),
        ("EMAIL", "; did you mean 'email'?"),
        ("colour", ""),
    ],
)
def test_a_suggestion_is_the_closest_known_word(word: str, expected: str) -> None:
    assert suggestion(word, ["email", "group", "members"]) == expected


def _of_user(email: str) -> dict[str, Any]:
    return {"version": 1, "organization": {"id": 1}, "products": {"kse": {"users": [email]}}}


# What Unicode counts as letters, marks and symbols, and what shows nothing all the same.
_BLANKS = {0x034F, 0x115F, 0x1160, 0x17B4, 0x17B5, 0x2800, 0x3164, 0xFFA0, 0xFFFC, 0xFFFD}
_SELECTORS = {*range(0x180B, 0x1810), *range(0xFE00, 0xFE10), *range(0xE0000, 0xE1000)}
# What it counts as format, and what shows a sign: signs around Arabic and Syriac numbers.
_SIGNS = {*range(0x0600, 0x0606), 0x06DD, 0x070F, 0x0890, 0x0891, 0x08E2}


def test_no_email_holds_a_character_that_shows_nothing() -> None:
    for code in [*range(0x10000), *range(0xE0000, 0xE1000)]:
        category = unicodedata.category(chr(code))
        if category in {"Cs", "Cn", "Co"} or chr(code) == "@":
            continue
        hidden = category in {"Cc", "Cf", "Zs", "Zl", "Zp"} and code not in _SIGNS
        hidden = hidden or code in _BLANKS or code in _SELECTORS
        assert schema.fits("organization", _of_user(f"a{chr(code)}b@x.io")) != hidden, hex(code)


def _of_machine(identity: str) -> dict[str, Any]:
    products = {"kre-node-locked": {"machines": [identity]}}
    return {"version": 1, "organization": {"id": 1}, "products": products}


def test_no_machine_id_holds_what_no_email_may_hold() -> None:
    for code in [*range(0xD800), *range(0xE000, 0x10000), *range(0xE0000, 0xE1000)]:
        letter = chr(code)
        if letter != "@":
            of_user = schema.fits("organization", _of_user(f"a{letter}b@x.io"))
            assert schema.fits("organization", _of_machine(f"a{letter}b")) == of_user, hex(code)


@pytest.mark.parametrize(
    ("data", "expected"),
    [
        (
            _of_user("a\u202e\u200b@x.io"),
            "expected an email, such as ada@example.com; the invisible character U+202E is in it",
        ),
        (
            _of_user("a\u3164@x.io"),
            "expected an email, such as ada@example.com; the invisible character U+3164 is in it",
        ),
        (_of_user("a b@x.io"), "expected an email, such as ada@example.com"),
        (
            _of_machine("5d41\u200b"),
            "expected a machine ID without spaces, such as 5d41402abc4b2a76b9719d911017c592; "
            "the invisible character U+200B is in it",
        ),
        (
            {"version": 1, "organization": {"id": 1}, "policy": {"protected": ["ada\u200b@x.io"]}},
            "expected an email or a machine ID, without spaces; "
            "the invisible character U+200B is in it",
        ),
        (
            {
                "version": 1,
                "organization": {"id": 1},
                "policy": {"allowed_domains": ["x.io\u00a0"]},
            },
            "expected a domain, such as example.com (without @ and *); "
            "the invisible character U+00A0 is in it",
        ),
        ({"version": 1, "organization": {"id": 1, "name": ""}}, "expected some text"),
    ],
)
def test_what_cannot_be_seen_is_named(data: Any, expected: str) -> None:
    assert [problem.message for problem in problems("organization", data)] == [expected]
