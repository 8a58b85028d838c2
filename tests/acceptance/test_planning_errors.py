"""What the planner cannot do: each with its code in the plan and its exit code."""

from __future__ import annotations

import json

import pytest
import yaml

from tests.acceptance.conftest import Cli

PEOPLE = ("ada", "bob", "eve")


def email(name: str) -> str:
    return f"{name}@acme.example"


def prepare(cli: Cli, users: list[object], *, policy: dict | None = None, **state: object) -> None:
    file = {
        "version": 1,
        "organization": {"id": 101},
        "products": {"kse": {"users": users}},
        "policy": {"unlicensed_members": "ignore", **(policy or {})},
        "groups": {"core": [email("ada")]},
    }
    (cli.folder / "acme.yaml").write_text(yaml.safe_dump(file))
    organization = {
        "id": 101,
        "members": [{"email": email(name)} for name in PEOPLE],
        "subscriptions": [{"product": "kse", "quota": 3}],
        "licensed_users": [{"product": "kse", "email": email("bob")}],
        "machines": [],
        "offline_licenses": [],
        "sessions": [],
        **state,
    }
    snapshot = {"format": "license-snapshot/1", "taken_at": "2026-11-24T09:00:00Z",
                "organizations": [organization]}  # fmt: skip
    (cli.folder / "state.json").write_text(json.dumps(snapshot))


def plan(cli: Cli, *arguments: str) -> tuple[int, dict]:
    result = cli("plan", "acme.yaml", "--state", "state.json", "--format", "json", *arguments)
    return result.code, json.loads(result.out)["organizations"][0] if result.out else {}


def refused(found: dict) -> list[str]:
    return [row["code"] for row in found["refusals"]]


def test_where_nobody_is_a_member_each_grant_is_refused_for_itself(cli: Cli) -> None:
    prepare(cli, [email("bob"), email("eve"), email("ada")], members=[])
    code, found = plan(cli)
    assert (code, refused(found)) == (4, ["not_a_member", "not_a_member"])


@pytest.mark.parametrize(
    ("subscriptions", "code"),
    [
        ([{"product": "kse", "quota": 0}], "over_quota"),
        ([{"product": "kse"}], "unreadable"),
        ([], "unreadable"),
        ([{"product": "testops", "quota": 5}], "unreadable"),
    ],
)
def test_no_seats_or_no_known_number_of_them_refuses_the_pools_grants(
    cli: Cli, subscriptions: list[dict], code: str
) -> None:
    prepare(cli, [email("bob"), email("ada")], subscriptions=subscriptions)
    exit_code, found = plan(cli)
    assert (exit_code, refused(found)) == (4, [code])
    assert found["changes"] == []
    withheld = found["refusals"][0]["withheld"]
    assert [row["subject"]["id"] for row in withheld] == [email("ada")]


def test_a_negative_quota_is_an_error_of_the_snapshot_with_its_place(cli: Cli) -> None:
    prepare(cli, [email("ada")], subscriptions=[{"product": "kse", "quota": -1}])
    result = cli("plan", "acme.yaml", "--state", "state.json")
    assert result.code == 3
    assert result.out == ""
    assert "state.json:1:" in result.err


def test_a_user_in_a_group_and_on_the_list_is_wanted_once(cli: Cli) -> None:
    prepare(cli, [{"group": "core"}, email("ada"), email("bob")])
    code, found = plan(cli)
    assert code == 0
    assert [(row["action"], row["subject"]["id"]) for row in found["changes"]] == [
        ("grant", email("ada"))
    ]


def test_a_protected_holder_due_for_removal_is_refused_and_named(cli: Cli) -> None:
    prepare(cli, [email("ada")], policy={"protected": [email("bob")]})
    code, found = plan(cli)
    assert (code, refused(found)) == (4, ["protected"])
    assert [row["action"] for row in found["changes"]] == ["grant"]
    assert "acme.yaml:" in found["refusals"][0]["message"]


def test_an_except_of_somebody_who_is_no_member_is_a_warning(cli: Cli) -> None:
    prepare(cli, [{"members": "all", "except": [email("ghost"), email("eve")]}])
    code, found = plan(cli)
    assert code == 0
    assert [row["subject"]["id"] for row in found["changes"]] == [email("ada")]
    (warning,) = found["warnings"]
    assert warning["code"] == "except_not_a_member"
    assert email("ghost") in warning["message"]


def test_a_day_that_is_none_is_wrong_usage(cli: Cli) -> None:
    prepare(cli, [email("ada")])
    result = cli("plan", "acme.yaml", "--state", "state.json", "--as-of", "2026-02-30")
    assert result.code == 64
    assert "2026-02-30" in result.err


def test_a_seat_of_an_offline_license_that_ended_since_the_snapshot_is_free(cli: Cli) -> None:
    full = {
        "machines": [{"product": "kse", "id": "m1"}],
        "offline_licenses": [{"product": "kse", "machine": "m1", "expires": "2026-11-24"}],
        "subscriptions": [{"product": "kse", "quota": 2, "used": 2}],
    }
    prepare(cli, [email("ada"), email("bob")], **full)
    code, found = plan(cli, "--as-of", "2026-11-24")
    assert (code, refused(found), found["pools"][0]["used"]) == (4, ["over_quota"], 2)
    code, found = plan(cli, "--as-of", "2026-11-25")
    assert (code, refused(found), found["pools"][0]["used"]) == (0, [], 1)
    ahead = cli("forecast", "acme.yaml", "--state", "state.json", "--as-of", "2026-11-25",
                "--format", "json")  # fmt: skip
    (pool,) = json.loads(ahead.out)["organizations"][0]["pools"]
    assert [row["wanted"] for row in pool["days"]] == [2]
