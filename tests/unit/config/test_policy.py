"""Policies: what a workspace sets, and what an organization makes of it."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest

from reconciler.config.policy import PolicyLayer, effective_policy
from reconciler.model.desired import (
    MaxRemovals,
    NotAMember,
    OnShortage,
    Policy,
    UnlicensedMembers,
    UnlistedMachines,
)
from reconciler.model.source import Source
from tests.unit.config.trees import HEAD, organization, problems, write

# Each key with its values from the loosest to the tightest.
ORDERS = {
    "max_removals": ["{count: 9, percent: 20}", "{count: 9, percent: 10}", "{count: 0}"],
    "on_shortage": ["waitlist", "fail"],
    "not_a_member": ["defer", "fail"],
    "unlicensed_members": ["ignore", "warn", "fail"],
    "unlisted_machines": ["remove", "report"],
    "allow_irrevocable": ["true", "false"],
    "max_plan_age": ["3w", "20d", "479h", "28739m"],
    "allowed_domains": ["[a.example, b.example]", "[B.example]"],
}
PAIRS = [
    (key, base, own, order.index(own) < order.index(base))
    for key, order in ORDERS.items()
    for base in order
    for own in order
]


@pytest.mark.parametrize(("key", "base", "own", "looser"), PAIRS)
def test_an_organization_may_tighten_and_not_loosen(
    key: str, base: str, own: str, looser: bool, tmp_path: Path
) -> None:
    write(
        tmp_path,
        {
            "reconciler.yaml": f"version: 1\n\npolicy: {{{key}: {base}}}\n",
            "acme.yaml": f"{HEAD}policy: {{{key}: {own}}}\n",
        },
    )
    expected = [
        f"acme.yaml:3:10: {key} is looser than in reconciler.yaml:3:10: "
        "an organization may only tighten what the workspace sets"
    ]
    assert problems(tmp_path, []) == (expected if looser else [])


@pytest.mark.parametrize("key", list(ORDERS))
def test_what_the_workspace_does_not_set_an_organization_may_set_as_it_likes(
    key: str, tmp_path: Path
) -> None:
    policy = f"policy: {{{key}: {ORDERS[key][0]}}}\n"
    assert key in organization(tmp_path, policy, "timezone: UTC\n").policy.sources


def test_without_any_policy_the_defaults_hold(tmp_path: Path) -> None:
    assert organization(tmp_path, "").policy == Policy()


def test_every_key_is_read_and_keeps_its_place(tmp_path: Path) -> None:
    text = """\
policy:
  max_removals: {count: 3}
  protected: [Ada@Example.com, 5d41402abc4b2a76b9719d911017c592]
  allowed_domains: [Example.com]
  on_shortage: waitlist
  not_a_member: defer
  unlicensed_members: fail
  unlisted_machines: remove
  allow_irrevocable: true
  max_plan_age: 12h
"""
    policy = organization(tmp_path, text).policy
    assert policy == Policy(
        max_removals=MaxRemovals(3, 10),
        protected=frozenset({"ada@example.com", "5d41402abc4b2a76b9719d911017c592"}),
        allowed_domains=frozenset({"example.com"}),
        on_shortage=OnShortage.WAITLIST,
        not_a_member=NotAMember.DEFER,
        unlicensed_members=UnlicensedMembers.FAIL,
        unlisted_machines=UnlistedMachines.REMOVE,
        allow_irrevocable=True,
        max_plan_age=timedelta(hours=12),
        sources=policy.sources,
    )
    assert {key: place.line for key, place in policy.sources.items()} == {
        "max_removals": 4,
        "protected": 5,
        "allowed_domains": 6,
        "on_shortage": 7,
        "not_a_member": 8,
        "unlicensed_members": 9,
        "unlisted_machines": 10,
        "allow_irrevocable": 11,
        "max_plan_age": 12,
    }


def test_the_workspaces_policy_holds_where_the_organization_is_silent(tmp_path: Path) -> None:
    workspace = (
        "policy: {max_removals: {percent: 2}, protected: [ada@example.com], max_plan_age: 1d}\n"
    )
    text = "policy: {max_removals: {count: 1}, protected: [bob@example.com]}\n"
    policy = organization(tmp_path, text, workspace).policy
    assert policy.max_removals == MaxRemovals(1, 2)
    assert policy.protected == {"ada@example.com", "bob@example.com"}
    assert policy.max_plan_age == timedelta(days=1)
    assert policy.sources["max_plan_age"] == Source("reconciler.yaml", 2, 68)
    assert policy.sources["protected"].file == "acme.yaml"


def test_one_number_of_max_removals_leaves_the_other_as_it_was() -> None:
    workspace = PolicyLayer({"max_removals": {"count": 7}})
    own = PolicyLayer({"max_removals": {"percent": 1.5}})
    assert effective_policy(workspace, own).max_removals == MaxRemovals(7, 1.5)


def test_allowed_domains_of_the_workspace_hold_for_every_organization(tmp_path: Path) -> None:
    write(
        tmp_path,
        {
            "reconciler.yaml": "version: 1\npolicy: {allowed_domains: [example.com]}\n",
            "acme.yaml": f"{HEAD}products: {{kse: {{users: [ada@other.example]}}}}\n",
        },
    )
    assert problems(tmp_path, []) == [
        "acme.yaml:3:26: the domain of 'ada@other.example' is not among the allowed_domains of "
        "reconciler.yaml:2:10"
    ]
