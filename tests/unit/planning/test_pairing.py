"""Who takes over whose seat, so that nobody who moves is without a license."""

from __future__ import annotations

from collections import Counter

import pytest

from reconciler.model.desired import Policy, UnlicensedMembers
from reconciler.model.plan import OrganizationPlan
from reconciler.model.state import Subscription
from tests.worlds import desired, members, plan, short, state, wants

QUIET = Policy(unlicensed_members=UnlicensedMembers.IGNORE)


def moved(held, wanted, **quotas: int) -> OrganizationPlan:
    """Plan a change of who holds what; a product's quota is its holders where it is not named."""
    everybody = {
        line if isinstance(line, str) else line[0]
        for rows in (*held.values(), *wanted.values())
        for line in rows
    }
    return plan(
        desired(users=wanted, policy=QUIET),
        state(
            people=members(*sorted(everybody)),
            subscriptions=tuple(
                Subscription(product, quotas.get(product.replace("-", "_"), len(rows)), None)
                for product, rows in held.items()
            ),
            users=held,
        ),
        removals=len(everybody),
    )


def steps(found: OrganizationPlan) -> list[str]:
    return [f"{change.product} {short(change)}" for change in found.changes]


def interrupted(found: OrganizationPlan) -> list[str]:
    return [
        row.details["subject"].removesuffix("@example.com")
        for row in found.warnings
        if row.code == "continuity"
    ]


def test_without_anybody_who_moves_pairs_follow_the_lists():
    found = moved({"kse": ["a", "b", "c"]}, {"kse": ["x", "y"]})
    assert steps(found) == ["kse a->x", "kse b->y", "kse -c"]


def test_a_seat_that_comes_free_goes_to_who_moves_first():
    found = moved({"kse": ["a", "b"], "testops": ["c", "d"]}, {"kse": ["c"], "testops": ["a", "d"]})
    assert steps(found) == ["kse b->c", "testops c->a", "kse -a"]
    assert interrupted(found) == []


def test_a_circle_opens_through_another_pair_of_the_same_list():
    found = moved(
        {"kse": ["a", "b"], "testops": ["c", "d"], "kse-floating": []},
        {"kse": ["c", "e"], "testops": ["a", "d"], "kse-floating": ["b"]},
    )
    assert steps(found) == ["kse-floating +b", "kse b->c", "testops c->a", "kse a->e"]
    assert interrupted(found) == []


def test_a_grant_into_a_free_seat_goes_to_who_moves():
    found = moved({"kse": ["a"], "testops": ["c"]}, {"kse": ["c", "x"], "testops": ["a"]}, kse=2)
    assert steps(found) == ["kse +c", "testops c->a", "kse a->x"]
    assert interrupted(found) == []


@pytest.mark.parametrize("full", ["kse", "testops"])
def test_a_pair_is_parted_where_one_of_two_pools_that_swap_has_a_seat_free(full):
    free = "testops" if full == "kse" else "kse"
    found = moved({free: ["a"], full: ["b"]}, {free: ["b"], full: ["a"]}, **{free: 2})
    assert steps(found) == [f"{free} +b", f"{full} b->a", f"{free} -a"]
    assert interrupted(found) == []
    assert {pool.product: pool.peak for pool in found.pools} == {free: 2, full: 1}


def test_one_parted_pair_helps_all_who_swap_in_that_list():
    here, there = [f"a{n}" for n in range(5)], [f"b{n}" for n in range(5)]
    found = moved({"kse": here, "testops": there}, {"kse": there, "testops": here}, kse=6)
    assert interrupted(found) == []
    assert Counter(change.action for change in found.changes) == {
        "reassign": 9,
        "grant": 1,
        "remove": 1,
    }


def test_of_all_who_swap_between_two_full_pools_one_alone_is_interrupted():
    here, there = [f"a{n}" for n in range(5)], [f"b{n}" for n in range(5)]
    found = moved({"kse": here, "testops": there}, {"kse": there, "testops": here})
    assert len(interrupted(found)) == 1
    assert {change.action for change in found.changes} == {"reassign"}


def test_pairs_of_a_list_without_a_limit_are_parted_too_where_that_helps():
    found = moved(
        {"kse": ["a", "x"], "testops": ["c"], "kse-floating": ["b", "g"]},
        {"kse": ["b", "c"], "testops": ["a"], "kse-floating": ["a", "x"]},
    )
    assert interrupted(found) == []


def test_a_declared_transfer_is_never_parted_nor_given_another_partner():
    found = moved(
        {"kse": ["a", "x"], "testops": ["b"]},
        {"kse": [wants("b", replaces="a")], "testops": [wants("a", replaces="b")]},
        kse=3,
    )
    assert [change.pairing for change in found.changes] == [None, "declared", "declared"]
    assert len(interrupted(found)) == 1


def test_in_a_pool_over_its_quota_those_who_only_leave_are_the_ones_without_a_partner():
    found = moved(
        {"kse": ["a", "b", "c"], "testops": ["d"]},
        {"kse": ["d", "c"], "testops": ["a"]},
        kse=2,
        testops=2,
    )
    assert interrupted(found) == []
    assert steps(found)[0] == "kse -b"


def test_thousands_of_circles_become_one():
    here, there = [f"a{n}" for n in range(5_000)], [f"b{n}" for n in range(5_000)]
    found = moved({"kse": here, "testops": there}, {"kse": there, "testops": here})
    assert len(interrupted(found)) == 1


def test_beside_a_pool_over_its_quota_a_spare_seat_elsewhere_is_used_first():
    found = moved(
        {"kse": ["bob"], "testops": ["ann", "old"]},
        {"kse": ["ann"], "testops": [wants("bob", replaces="old")]},
        kse=2,
        testops=1,
    )
    assert interrupted(found) == []
    assert steps(found) == ["kse +ann", "testops -ann", "testops old->bob", "kse -bob"]


def test_in_a_pool_that_limits_no_users_nobody_leaves_early_for_its_quota():
    held, wanted = (
        {"kre-floating": ["bob"], "testops": ["ann"]},
        {
            "kre-floating": ["ann", "cat"],
            "testops": ["bob"],
        },
    )
    found = plan(
        desired(users=wanted, policy=QUIET),
        state(
            people=members("ann", "bob", "cat"),
            subscriptions=(Subscription("kre-floating", 0, 1), Subscription("testops", 1, None)),
            users=held,
        ),
    )
    assert interrupted(found) == []
    assert steps(found) == ["kre-floating +ann", "testops ann->bob", "kre-floating bob->cat"]


def test_who_only_waits_for_a_circle_is_not_interrupted_with_it():
    found = moved(
        {"kse": ["ann"], "kre-floating": ["bob"], "testops": ["ann"]},
        {
            "kse": ["cat"],
            "kre-floating": [wants("ann", replaces="bob")],
            "testops": [wants("bob", replaces="ann")],
        },
    )
    assert interrupted(found) == ["bob"]
    assert steps(found)[0] == "kre-floating bob->ann"


def test_a_circle_goes_first_with_a_seat_that_somebody_else_can_wait_for():
    found = moved(
        {"kse": ["cat", "fay"], "testops": ["ben", "dan", "eva", "gus"], "kse-floating": ["ann"]},
        {
            "kse": ["eva", "gus"],
            "testops": ["ann", "ben", "dan", "fay"],
            "kse-floating": ["fay"],
        },
    )
    assert interrupted(found) == []
