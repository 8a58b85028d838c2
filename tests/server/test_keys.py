"""API keys: whose they are, and that they are nowhere to be read."""

from __future__ import annotations

from pathlib import Path

import pytest

from reconciler.config.document import load_secret
from reconciler.errors import ConfigurationError
from reconciler.server.keys import (
    MemberKey,
    is_key,
    member_keys,
    new_key,
    set_keys,
    set_member_keys,
    set_owner_key,
)
from reconciler.server.load import load_snapshot
from reconciler.server.store import Store, StoreError
from tests.server.world import OWNER_KEY, member_key, running, snapshot


def read(path: Path) -> tuple[MemberKey, ...]:
    """Read a file of keys as `serve --keys` does."""
    document = load_secret(path)
    return member_keys(document.data, document.source)


def status(client: object) -> int:
    return int(client.get("/api/v1/users/me").status_code)  # type: ignore[attr-defined]


def test_a_new_owner_key_takes_the_place_of_the_old_one() -> None:
    with running(snapshot()) as world:
        set_owner_key(world.store, "another-key")
        assert status(world.client(OWNER_KEY)) == 401
        assert status(world.client("another-key")) == 200
        assert status(world.client_of("ben@example.com")) == 200


def test_new_member_keys_take_the_place_of_the_old_ones() -> None:
    with running(snapshot()) as world:
        set_member_keys(world.store, [MemberKey("ben@example.com", "bens-new-key")])
        assert status(world.client_of("ben@example.com")) == 401
        assert status(world.client("bens-new-key")) == 200
        assert status(world.client()) == 200


def test_one_key_of_two_owners_is_refused_and_the_former_keys_stay() -> None:
    with running(snapshot()) as world:
        with pytest.raises(StoreError, match="given to two owners"):
            set_owner_key(world.store, member_key("ben@example.com"))
        with pytest.raises(StoreError, match="given to two owners"):
            set_member_keys(world.store, [MemberKey("dan@example.com", OWNER_KEY)])
        rows = [
            client.get("/api/v1/users/me").json()["email"]
            for client in (world.client(), world.client_of("ben@example.com"))
        ]
        assert rows == [None, "ben@example.com"]


def test_keys_are_set_together_or_not_at_all() -> None:
    with running(snapshot()) as world:
        with pytest.raises(StoreError, match="given to two owners"):
            set_keys(
                world.store, owner="new-owner", members=[MemberKey("ben@example.com", "new-owner")]
            )
        assert status(world.client(OWNER_KEY)) == 200
        assert status(world.client_of("ben@example.com")) == 200
        assert set_keys(world.store, owner="new-owner", members=None) is None
        assert status(world.client("new-owner")) == 200
        assert status(world.client(OWNER_KEY)) == 401
        assert status(world.client_of("ben@example.com")) == 200


def test_an_owner_gets_a_key_only_where_there_is_none() -> None:
    with Store.open(":memory:", create=True) as store:
        made = set_keys(store, owner=None, members=None)
        assert made is not None
        assert is_key(made)
        assert set_keys(store, owner=None, members=[MemberKey("a@x.io", "key-of-a")]) is None


def test_one_key_has_different_hashes_in_two_databases() -> None:
    hashes = set()
    for _ in range(2):
        with Store.open(":memory:", create=True) as store:
            set_owner_key(store, OWNER_KEY)
            with store.read() as connection:
                hashes.add(connection.execute("SELECT hash FROM keys").fetchone()["hash"])
    assert len(hashes) == 2


def test_keys_outlive_a_snapshot_that_replaces_the_data() -> None:
    with running(snapshot()) as world:
        load_snapshot(world.store, snapshot(), replace=True)
        assert status(world.client()) == 200


def test_new_keys_are_keys_and_never_the_same() -> None:
    keys = {new_key() for _ in range(20)}
    assert len(keys) == 20
    assert all(is_key(key) for key in keys)


@pytest.mark.parametrize("text", ["", "a b", "a\n", "ä", "k" * 513])
def test_a_text_that_a_header_cannot_carry_is_no_key(text: str) -> None:
    assert not is_key(text)


@pytest.mark.parametrize(
    "text",
    [
        "- {email: ada@example.com, key: key-of-ada}\n- {email: b@x, key: key-of-b}\n",
        '[{"email":"ada@example.com","key":"key-of-ada"},{"key":"key-of-b","email":"b@x"}]',
    ],
)
def test_a_key_file_is_yaml_or_json(tmp_path: Path, text: str) -> None:
    path = tmp_path / "keys"
    path.write_text(text, encoding="utf-8")
    keys = read(path)
    assert keys == (
        MemberKey("ada@example.com", "key-of-ada"),
        MemberKey("b@x", "key-of-b"),
    )
    assert "key-of-ada" not in repr(keys)


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("", "the file is empty"),
        ("key: SECRET", "must be a list"),
        ("- SECRET", "entry 1: must have exactly `key` and `email`"),
        ("- {key: SECRET}", "entry 1: must have exactly"),
        ("- {key: SECRET, email: a@x, role: owner}", "entry 1: must have exactly"),
        ("- {key: 12345, email: a@x}", "entry 1: `key` must be a text"),
        ("- {key: 'SECRET SECRET', email: a@x}", "entry 1: `key` must be a text"),
        ("- {key: SECRET, email: 5}", "entry 1: `email` must be a text"),
        ("- {key: SECRET, email: a@x}\n- {key: SECRET, email: b@x}", "one key is given twice"),
        ("- {key: SECRET, email: a@x", ":2:1: this is not read, nor shown"),
        ("- {key: !!python/name:SECRET '', email: a@x}", ":1:9: this is not read"),
        ("- {key: !!bool SECRET, email: a@x}", ":1:9: this is not read"),
        ("- {key: !SECRET x, email: a@x}", ":1:9: this is not read"),
        ("- {key: &SECRET x, email: *SECRET1}", ":1:27: this is not read"),
        ("- {key: &SECRET:x, email: a@x}", ":1:16: this is not read"),
        ("- {SECRET: x, SECRET: a@x}", ":1:15: this is not read"),
        ("- {SECRET: x, email: a@x}", ":1:3: entry 1: must have exactly"),
        ("- {key: 0123SECRET}\n- {key: 012345678}", ":2:9: this is not read"),
        ("- {key: SECRET\n: x", "this is not read"),
        ('- {key: "SECRET', "this is not read"),
        ("%SECRET\n- a", "this is not read"),
        ("- a\n--- SECRET\n", ":2:1: this is not read"),
        ("? [SECRET]\n: x\n", "this is not read"),
        ('[{"key": "SECRET", "key": "SECRET", "email": "a@x"}]', ":1:20: this is not read"),
        ('[{"key": "SECRET\\ud800", "email": "a@x"}]', "this is not read"),
        ("- {key: \x00SECRET, email: a@x}", ":1:9: this is not read"),
        ("\ufeff- {key: SECRET, email: a@x}", "begins with a byte order mark"),
        ("- {key: SECRET, email: a@x}\r\n", ":1:28: this is not read"),
    ],
)
def test_a_key_file_that_is_wrong_is_refused_without_quoting_it(
    tmp_path: Path, text: str, complaint: str
) -> None:
    path = tmp_path / "keys.yaml"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(ConfigurationError) as caught:
        read(path)
    assert complaint in str(caught.value)
    assert str(path) in str(caught.value)
    assert "SECRET" not in str(caught.value)
    assert caught.value.__suppress_context__ or caught.value.__context__ is None


def test_a_key_file_that_is_not_there_is_told(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="cannot be read: No such file"):
        read(tmp_path / "keys.yaml")


def test_bytes_that_are_no_text_are_not_shown_either(tmp_path: Path) -> None:
    path = tmp_path / "keys.yaml"
    path.write_bytes(b"- {key: SECRET\xff, email: a@x}")
    with pytest.raises(ConfigurationError, match=r"keys\.yaml:1:15: this is not read") as caught:
        read(path)
    assert "0xff" not in str(caught.value)


def test_the_role_of_a_key_is_its_owners_role_in_each_organization() -> None:
    document = snapshot()
    document["organizations"].append(
        {"id": 102, "members": [{"email": "dan@example.com", "role": "billing_manager"}]}
    )
    with running(document) as world:
        rows = world.client(member_key("dan@example.com")).get("/api/v1/users/me").json()
    assert [(row["id"], row["role"]) for row in rows["organizations"]] == [
        (101, "USER"),
        (102, "BILLING_MANAGER"),
    ]
