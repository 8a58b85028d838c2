"""A host that was set up anew comes back under another ID: a person decides what is to happen."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, timedelta

import pytest

from reconciler.model.desired import (
    DesiredOrganization,
    OnShortage,
    Policy,
    UnlicensedMembers,
    UnlistedMachines,
)
from reconciler.model.plan import Allowed, OrganizationPlan
from reconciler.model.state import Machine, OfflineLicense, OrganizationState, Subscription
from reconciler.planning.checker import Case, check
from reconciler.planning.forecast import forecast
from tests.worlds import TODAY, desired, plan, state, wants, words

OLD, NEW, OTHER, MORE = (f"{number:032x}" for number in range(1, 5))
QUIET = Policy(unlicensed_members=UnlicensedMembers.IGNORE)
REMOVING = replace(QUIET, unlisted_machines=UnlistedMachines.REMOVE)
OFFLINE = replace(REMOVING, allow_irrevocable=True)
UNTIL = date(2027, 3, 31)
NODES = "kre-node-locked"


def registered(
    product: str, *machines: tuple[str, str | None], quota: int = 9, **more: object
) -> OrganizationState:
    """A pool with these machines, each an ID and a name."""
    subscription = Subscription(product, quota, offline_allowed=True, **more)
    rows = tuple(Machine(product, identity, name=name) for identity, name in machines)
    return replace(state(subscriptions=(subscription,)), machines=rows)


def judged(
    wanted: DesiredOrganization, current: OrganizationState, *, irrevocable: bool = False
) -> OrganizationPlan:
    """Return the plan, which the checker accepts."""
    found = plan(wanted, current, irrevocable=irrevocable)
    assert check(Case(current, wanted, TODAY, Allowed(irrevocable=irrevocable)), found) == ()
    return found


def told(found: OrganizationPlan) -> list[tuple[str, str, str]]:
    return [(str(row.action), row.subject.id, row.reason) for row in found.deferred]


HOST = wants(OLD, name="ci-runner-1")


class TestAllowList:
    WANTED = desired(machines={"kse": [HOST, OTHER]}, policy=REMOVING)
    CURRENT = registered("kse", (NEW, "CI-Runner-1"), (OTHER, None), (MORE, "laptop"))

    def test_what_may_be_a_listed_host_is_not_removed_and_others_are(self):
        found = judged(self.WANTED, self.CURRENT)
        assert words(found) == [f"-{MORE}"]
        assert told(found) == [
            ("remove", NEW, "probable_reimage"),
            ("grant", OLD, "awaiting_activation"),
        ]
        assert "probable_reimage" in [row.code for row in found.warnings]

    def test_the_deferral_names_the_line_to_change(self):
        (deferral,) = [
            row for row in judged(self.WANTED, self.CURRENT).deferred if row.subject.id == NEW
        ]
        assert deferral.message == (
            f"{OLD} (ci-runner-1) may be {NEW} now: change the ID at orgs/acme.yaml:152:9, or "
            "declare `replaces` there"
        )
        assert not deferral.available_from

    def test_its_user_is_a_name_too(self):
        rows = (Machine("kse", NEW, email="Ada@Example.com"),)
        wanted = desired(machines={"kse": [wants(OLD, name="ada@example.com")]}, policy=REMOVING)
        assert words(judged(wanted, replace(self.CURRENT, machines=rows))) == []

    @pytest.mark.parametrize(
        "line",
        [
            OLD,
            wants(OLD, name=""),
            wants(OLD, name="ci-runner-2"),
            wants(OLD, name="ci-runner-1", end=TODAY - timedelta(days=1)),
        ],
        ids=["no name", "empty name", "another name", "ended"],
    )
    def test_nothing_else_keeps_a_machine_that_is_not_listed(self, line: object):
        current = registered("kse", (NEW, "ci-runner-1"), (MORE, None))
        found = plan(desired(machines={"kse": [line]}, policy=REMOVING), current, removals=2)
        assert words(found) == [f"-{NEW}", f"-{MORE}"]

    def test_a_listed_host_that_is_still_there_did_not_come_back(self):
        current = registered("kse", (NEW, "ci-runner-1"), (OLD, "ci-runner-1"))
        assert words(judged(desired(machines={"kse": [HOST]}, policy=REMOVING), current)) == [
            f"-{NEW}"
        ]

    def test_whoever_declares_a_replacement_has_decided(self):
        current = registered("kse", (NEW, "ci-runner-1"))
        own = desired(machines={"kse": [wants(OLD, name="ci-runner-1", replaces=NEW)]})
        found = judged(replace(own, policy=REMOVING), current)
        assert told(found) == [
            ("grant", OLD, "awaiting_activation"),
            ("remove", NEW, "awaits_replacement"),
        ]
        another = desired(machines={"kse": [HOST, wants(OTHER, replaces=NEW)]}, policy=REMOVING)
        assert "probable_reimage" not in [row[2] for row in told(judged(another, current))]

    def test_where_unlisted_machines_are_only_reported_nothing_waits(self):
        found = judged(replace(self.WANTED, policy=QUIET), self.CURRENT)
        assert told(found) == [("grant", OLD, "awaiting_activation")]

    def test_no_offline_license_goes_to_an_id_that_may_be_gone_for_good(self):
        line = wants(OLD, name="ci-runner-1", offline_until=UNTIL)
        for policy in (OFFLINE, replace(OFFLINE, unlisted_machines=UnlistedMachines.REPORT)):
            wanted = desired(machines={"kse": [line]}, policy=policy)
            current = registered("kse", (NEW, "ci-runner-1"))
            found = judged(wanted, current, irrevocable=True)
            assert words(found) == []
            assert ("issue_offline", OLD, "probable_reimage") in told(found)
            assert words(judged(wanted, registered("kse"), irrevocable=True)) == [f"!{OLD}"]


class TestNodeLocked:
    def test_in_a_full_pool_neither_takes_the_others_place(self):
        wanted = desired(machines={NODES: [HOST]}, policy=QUIET)
        found = judged(wanted, registered(NODES, (NEW, "ci-runner-1"), quota=1))
        assert words(found) == []
        assert told(found) == [
            ("remove", NEW, "probable_reimage"),
            ("grant", OLD, "probable_reimage"),
        ]
        assert found.refusals == ()

    def test_a_seat_that_is_free_does_not_go_to_the_id_that_is_gone(self):
        wanted = desired(machines={NODES: [HOST, OTHER]}, policy=QUIET)
        found = judged(wanted, registered(NODES, (NEW, "ci-runner-1"), quota=2))
        assert words(found) == [f"+{OTHER}"]
        after = registered(NODES, (NEW, "ci-runner-1"), (OTHER, None), quota=2)
        again = judged(wanted, after)
        assert (words(again), told(again)) == ([], told(found))

    def test_the_rest_of_the_pool_goes_on(self):
        wanted = desired(machines={NODES: [HOST, OTHER]}, policy=QUIET)
        found = judged(wanted, registered(NODES, (NEW, "ci-runner-1"), (MORE, None), quota=2))
        assert words(found) == [f"{MORE}->{OTHER}"]

    def test_its_seat_is_nobody_elses_and_no_day_frees_it(self):
        wanted = desired(machines={NODES: [HOST, OTHER]}, policy=QUIET)
        found = judged(wanted, registered(NODES, (NEW, "ci-runner-1"), quota=1))
        (refusal,) = found.refusals
        assert refusal.code == "over_quota"
        assert [change.subject.id for change in refusal.withheld] == [OTHER]
        assert refusal.details["all_fit_on"] is None

    def test_it_stays_in_a_pool_over_its_quota_until_a_person_decides(self):
        wanted = desired(machines={NODES: [HOST, OTHER]}, policy=QUIET)
        current = registered(NODES, (NEW, "ci-runner-1"), (OTHER, None), (MORE, None), quota=1)
        found = judged(wanted, current)
        assert words(found) == [f"-{MORE}"]
        assert "over_quota" in [row.code for row in found.warnings]

    def test_a_declared_transfer_to_the_id_that_is_gone_keeps_its_holder(self):
        line = wants(OLD, name="ci-runner-1", replaces=OTHER)
        wanted = desired(machines={NODES: [line]}, policy=QUIET)
        found = judged(wanted, registered(NODES, (NEW, "ci-runner-1"), (OTHER, None), quota=2))
        assert words(found) == []
        assert {row[1:] for row in told(found)} == {
            (OLD, "probable_reimage"),
            (NEW, "probable_reimage"),
            (OTHER, "awaits_replacement"),
        }

    def test_a_license_that_cannot_be_taken_back_is_told_first(self):
        wanted = desired(machines={NODES: [HOST]}, policy=QUIET)
        license_ = OfflineLicense(NODES, NEW, UNTIL, "ci-runner-1")
        current = replace(registered(NODES), offline_licenses=(license_,))
        # It is registered too, by the name of its user, though no list of machines shows it.
        assert told(judged(wanted, current)) == [
            ("remove", NEW, "offline_locked"),
            ("grant", OLD, "probable_reimage"),
        ]

    def test_an_offline_license_of_the_id_that_is_gone_needs_no_word_of_its_own(self):
        line = wants(OLD, name="ci-runner-1", offline_until=UNTIL)
        wanted = desired(machines={NODES: [line]}, policy=OFFLINE)
        found = judged(wanted, registered(NODES, (NEW, "ci-runner-1"), quota=2), irrevocable=True)
        assert words(found) == []
        assert [row[0] for row in told(found)] == ["remove", "grant"]

    def test_once_the_line_has_the_new_id_nothing_is_left_to_do(self):
        wanted = desired(machines={NODES: [wants(NEW, name="ci-runner-1")]}, policy=QUIET)
        found = judged(wanted, registered(NODES, (NEW, "ci-runner-1"), quota=1))
        assert (words(found), found.complete) == ([], True)

    def test_the_forecast_counts_the_seat_once(self):
        wanted = desired(machines={NODES: [HOST]}, policy=QUIET)
        current = registered(NODES, (NEW, "ci-runner-1"), quota=1)
        (row,) = forecast(wanted, current, TODAY, TODAY).pools[0].days
        assert (row.wanted, row.short) == (1, 0)


def test_the_checker_refuses_what_touches_either_of_the_two() -> None:
    current = registered(NODES, (NEW, "ci-runner-1"), quota=1)
    wanted = desired(machines={NODES: [HOST]}, policy=QUIET)
    nameless = plan(desired(machines={NODES: [OLD]}, policy=QUIET), current)
    assert words(nameless) == [f"{NEW}->{OLD}"]
    broken = check(Case(current, wanted, TODAY, Allowed()), nameless)
    assert [line for line in broken if line.endswith("may be the same host")] == [
        f"reassign {OLD} (kre-node-locked): {NEW} may be the same host",
        f"reassign {OLD} (kre-node-locked): {OLD} may be the same host",
    ]
    waiting = plan(wanted, current)
    broken = check(Case(current, desired(machines={NODES: [OLD]}), TODAY, Allowed()), waiting)
    assert any("waits for probable_reimage" in line for line in broken)


def test_a_place_on_the_waiting_list_is_no_matter_of_a_host_that_came_back() -> None:
    policy = replace(QUIET, on_shortage=OnShortage.WAITLIST)
    wanted = desired(machines={NODES: [HOST, OTHER]}, policy=policy)
    found = judged(wanted, registered(NODES, (NEW, "ci-runner-1"), quota=1))
    assert {row[1:] for row in told(found)} == {
        (OLD, "probable_reimage"),
        (NEW, "probable_reimage"),
        (OTHER, "over_quota"),
    }
