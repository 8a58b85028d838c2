"""Stories of the planner, each a small organization and what is to happen to it."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, timedelta

from reconciler.model.desired import (
    MaxRemovals,
    NotAMember,
    OnShortage,
    Policy,
    UnlicensedMembers,
    UnlistedMachines,
)
from reconciler.model.identity import email_key, machine
from reconciler.model.source import Source
from reconciler.model.state import Member, MemberStatus, OrganizationState, Session, Subscription
from tests.worlds import (
    TODAY,
    desired,
    email,
    members,
    plan,
    plan_many,
    short,
    state,
    wants,
    words,
)

M = [f"{n:032x}" for n in range(10)]
QUIET = Policy(unlicensed_members=UnlicensedMembers.IGNORE)
WAITLIST = replace(QUIET, on_shortage=OnShortage.WAITLIST)


def kse(quota: int | None, **more: object) -> tuple[Subscription, ...]:
    return (Subscription("kse", quota, expires=date(2027, 6, 30), offline_allowed=True, **more),)


def codes(found) -> list[str]:
    return [refusal.code for refusal in found.refusals]


def deferrals(found) -> list[tuple[str, str, date | None]]:
    return [
        (row.subject.id.removesuffix("@example.com"), row.reason, row.available_from)
        for row in found.deferred
    ]


def warnings(found) -> list[str]:
    return [warning.code for warning in found.warnings]


class TestDifference:
    def test_nothing_changes_where_files_and_state_agree(self):
        found = plan(
            desired(users={"kse": ["ada", "bob"]}),
            state(
                people=members("ada", "bob"), subscriptions=kse(2), users={"kse": ["ada", "bob"]}
            ),
        )
        assert words(found) == []
        assert found.complete

    def test_a_product_that_is_not_named_is_left_alone(self):
        found = plan(
            desired(users={"testops": []}),
            state(people=members("ada"), subscriptions=kse(2), users={"kse": ["ada"]}),
        )
        assert words(found) == []
        assert [pool.product for pool in found.pools] == ["testops"]

    def test_a_product_without_users_leaves_its_users_alone(self):
        found = plan(
            desired(machines={"kse": []}),
            state(people=members("ada"), subscriptions=kse(2), users={"kse": ["ada"]}),
        )
        assert words(found) == []

    def test_emails_that_differ_in_case_only_are_the_same_person(self):
        found = plan(
            desired(users={"kse": ["ADA@Example.com"]}),
            state(people=members("ada"), subscriptions=kse(2), users={"kse": ["ada"]}),
        )
        assert words(found) == []

    def test_a_grant_spells_the_email_as_the_api_does(self):
        found = plan(
            desired(users={"kse": ["ADA@EXAMPLE.COM"]}),
            state(people=(Member("Ada@Example.com"),), subscriptions=kse(2)),
        )
        assert [change.subject.id for change in found.changes] == ["Ada@Example.com"]

    def test_a_remove_names_its_lists_key_and_a_grant_its_line(self):
        found = plan(
            desired(users={"kse": ["bob", "eve"]}, policy=QUIET),
            state(
                people=members("bob", "eve"), subscriptions=kse(4), users={"kse": ["ada", "dan"]}
            ),
        )
        assert [(short(c), c.source.line) for c in found.changes] == [
            ("ada->bob", 102),
            ("dan->eve", 103),
        ]
        found = plan(
            desired(users={"kse": ["bob"]}),
            state(people=members("bob"), subscriptions=kse(4), users={"kse": ["bob", "dan"]}),
        )
        assert [(short(c), c.source.line) for c in found.changes] == [("-dan", 101)]


class TestFullPool:
    def test_a_declared_transfer_takes_the_holders_seat(self):
        found = plan(
            desired(users={"kse": ["ada", wants("bob", replaces="carol")]}),
            state(
                people=members("ada", "bob", "carol"),
                subscriptions=kse(2),
                users={"kse": ["ada", "carol"]},
            ),
        )
        (change,) = found.changes
        assert short(change) == "carol->bob"
        assert change.pairing == "declared"
        assert change.loses_last_license
        assert change.used_after == 2
        assert found.pools[0].peak == 2

    def test_removes_and_grants_of_one_pool_become_reassigns(self):
        found = plan(
            desired(users={"kse": ["eve", "bob"]}),
            state(
                people=members("bob", "eve"),
                subscriptions=kse(3),
                users={"kse": ["zoe", "ada", "max"]},
            ),
        )
        assert words(found) == ["ada->eve", "max->bob", "-zoe"]
        assert {c.pairing for c in found.changes[:2]} == {"automatic"}

    def test_a_declared_transfer_goes_ahead_of_priority(self):
        found = plan(
            desired(
                users={"kse": [wants("bob", replaces="carol"), wants("vip", priority=99)]},
                policy=WAITLIST,
            ),
            state(people=members("bob", "vip"), subscriptions=kse(1), users={"kse": ["carol"]}),
        )
        assert words(found) == ["carol->bob"]
        assert deferrals(found) == [("vip", "over_quota", None)]

    def test_reassigns_come_before_grants_and_grants_before_removes(self):
        wanted = desired(users={"kse": ["ada", "bob", "eve"], "testops": ["ada"]}, policy=QUIET)
        current = state(
            people=members("ada", "bob", "eve"),
            subscriptions=(*kse(5), Subscription("testops", 5)),
            users={"kse": ["old"], "testops": ["max", "zoe", "ada"]},
        )
        assert words(plan(wanted, current)) == ["old->ada", "+bob", "+eve", "-max", "-zoe"]

    def test_a_transfer_from_somebody_who_holds_nothing_is_a_plain_grant(self):
        found = plan(
            desired(users={"kse": [wants("bob", replaces="carol")]}),
            state(people=members("bob", "carol"), subscriptions=kse(1)),
        )
        assert words(found) == ["+bob"]

    def test_a_wanted_holder_is_never_removed_for_a_higher_priority(self):
        found = plan(
            desired(users={"kse": ["ada", wants("vip", priority=99)]}, policy=WAITLIST),
            state(people=members("ada", "vip"), subscriptions=kse(1), users={"kse": ["ada"]}),
        )
        assert words(found) == []


class TestShortage:
    FULL = state(
        people=members("ada", "bob", "eve"), subscriptions=kse(2), users={"kse": ["ada", "old"]}
    )

    def test_fail_refuses_all_grants_of_the_pool_and_lets_its_removes_go_on(self):
        found = plan(desired(users={"kse": ["ada", "bob", "eve"]}, policy=QUIET), self.FULL)
        assert words(found) == ["-old"]
        (refusal,) = found.refusals
        assert (refusal.code, refusal.scope, refusal.product) == ("over_quota", "pool", "kse")
        assert [short(change) for change in refusal.withheld] == ["+bob", "+eve"]
        assert {k: refusal.details[k] for k in ("quota", "used", "wanted", "short_by")} == {
            "quota": 2,
            "used": 2,
            "wanted": 3,
            "short_by": 1,
        }

    def test_fail_keeps_the_holder_of_a_withheld_transfer(self):
        found = plan(
            desired(users={"kse": ["ada", wants("bob", replaces="old"), "eve"]}, policy=QUIET),
            self.FULL,
        )
        assert words(found) == []
        assert deferrals(found) == [("old", "awaits_replacement", None)]
        assert [short(change) for change in found.refusals[0].withheld] == ["old->bob", "+eve"]

    def test_waitlist_admits_by_priority_then_by_order(self):
        found = plan(
            desired(users={"kse": ["ada", "bob", wants("eve", priority=1)]}, policy=WAITLIST),
            self.FULL,
        )
        assert words(found) == ["old->eve"]
        assert deferrals(found) == [("bob", "over_quota", None)]

    def test_the_day_a_seat_comes_free_is_told(self):
        found = plan(
            desired(
                users={"kse": [wants("ada", end=date(2027, 1, 31)), "bob", "eve"]}, policy=WAITLIST
            ),
            state(
                people=members("ada", "bob", "eve"),
                subscriptions=kse(2),
                users={"kse": ["ada"]},
                offline={"kse": {M[1]: date(2026, 12, 31)}},
            ),
        )
        assert words(found) == []
        assert deferrals(found) == [
            ("bob", "over_quota", date(2027, 1, 1)),
            ("eve", "over_quota", date(2027, 2, 1)),
        ]

    def test_offline_licenses_take_seats_and_are_named(self):
        found = plan(
            desired(users={"kse": ["ada", "bob"]}, policy=QUIET),
            state(
                people=members("ada", "bob"),
                subscriptions=kse(2),
                users={"kse": ["ada"]},
                offline={"kse": {M[1]: date(2027, 1, 31)}},
            ),
        )
        assert codes(found) == ["over_quota"]
        details = found.refusals[0].details
        assert details["pinned"] == [{"machine": M[1], "until": "2027-01-31"}]
        assert details["available_from"] == details["all_fit_on"] == "2027-02-01"
        assert "2027-01-31" in found.refusals[0].message

    def test_a_seat_that_comes_free_does_not_fit_all_where_others_start_by_then(self):
        ends = date(2027, 1, 31)

        def account(*more: object):
            found = plan(
                desired(users={"kse": [wants("ada", end=ends), "bob", *more]}, policy=QUIET),
                state(
                    people=members("ada", "bob", "eve"),
                    subscriptions=kse(1),
                    users={"kse": ["ada"]},
                ),
            )
            details = found.refusals[0].details
            return details["available_from"], details["all_fit_on"]

        assert account() == ("2027-02-01", "2027-02-01")
        assert account(wants("eve", start=date(2027, 3, 1))) == ("2027-02-01", "2027-02-01")
        assert account(wants("eve", start=date(2027, 2, 1))) == ("2027-02-01", None)

    def test_the_apis_own_larger_use_limits_admission(self):
        found = plan(
            desired(users={"kse": ["ada", "bob"]}, policy=WAITLIST),
            state(
                people=members("ada", "bob"),
                subscriptions=kse(2, used=2),
                users={"kse": ["ada"]},
            ),
        )
        assert words(found) == []
        assert [row.reason for row in found.deferred] == ["over_quota"]
        assert "used_mismatch" in warnings(found)

    def test_one_pools_shortage_leaves_other_pools_alone(self):
        found = plan(
            desired(users={"kse": ["ada", "bob"], "testops": ["ada"]}, policy=QUIET),
            state(
                people=members("ada", "bob"),
                subscriptions=(*kse(1), Subscription("testops", 5)),
            ),
        )
        assert words(found) == ["+ada"]
        assert found.changes[0].product == "testops"


def test_the_worked_example_of_the_documentation_is_true():
    found = plan(
        desired(
            users={
                "kse": [
                    "ada",
                    wants("bob", replaces="carol"),
                    "eve",
                    "frank",
                    wants("gina", priority=5),
                    "hugo",
                ]
            },
            policy=WAITLIST,
        ),
        state(
            people=members("ada", "bob", "carol", "dan", "eve", "frank", "gina", "hugo"),
            subscriptions=kse(5),
            users={"kse": ["ada", "carol", "dan", "eve", "frank"]},
        ),
    )
    assert words(found) == ["carol->bob", "dan->gina"]
    assert deferrals(found) == [("hugo", "over_quota", None)]
    assert "6 seats are wanted and 5 are bought" in found.deferred[0].message


class TestOverQuota:
    def test_unpaired_removes_come_first(self):
        found = plan(
            desired(users={"kse": ["ada", wants("bob", replaces="carol")]}, policy=QUIET),
            state(
                people=members("ada", "bob"),
                subscriptions=kse(2),
                users={"kse": ["ada", "carol", "dan"]},
            ),
        )
        assert words(found) == ["-dan", "carol->bob"]
        assert [c.used_after for c in found.changes] == [2, 2]
        assert found.pools[0].peak == 3

    def test_all_unpaired_removes_come_first_not_only_as_many_as_are_needed(self):
        found = plan(
            desired(users={"kse": [wants("bob", replaces="carol")]}, policy=QUIET),
            state(
                people=members("bob"), subscriptions=kse(2), users={"kse": ["carol", "dan", "eve"]}
            ),
            removals=3,
        )
        assert words(found) == ["-dan", "-eve", "carol->bob"]

    def test_a_transfer_into_a_pool_that_stays_over_quota_only_removes(self):
        found = plan(
            desired(users={"kse": ["ada", "eve", wants("bob", replaces="carol")]}, policy=WAITLIST),
            state(
                people=members("ada", "eve", "bob"),
                subscriptions=kse(2),
                users={"kse": ["ada", "eve", "carol"]},
            ),
        )
        assert words(found) == ["-carol"]
        assert deferrals(found) == [("bob", "over_quota", None)]

    def test_a_withheld_transfer_names_no_holder_who_leaves_all_the_same(self):
        found = plan(
            desired(users={"kse": ["ada", "eve", wants("bob", replaces="carol")]}, policy=QUIET),
            state(
                people=members("ada", "eve", "bob"),
                subscriptions=kse(2),
                users={"kse": ["ada", "eve", "carol"]},
            ),
        )
        assert words(found) == ["-carol"]
        assert [short(c) for c in found.refusals[0].withheld] == ["+bob"]

    def test_holders_above_quota_without_a_wanted_change_are_a_warning(self):
        found = plan(
            desired(users={"kse": ["ada", "eve"]}),
            state(
                people=members("ada", "eve"), subscriptions=kse(1), users={"kse": ["ada", "eve"]}
            ),
        )
        assert words(found) == []
        assert codes(found) == []
        assert warnings(found) == ["over_quota"]

    def test_the_holder_of_a_waiting_transfer_leaves_a_pool_over_quota(self):
        people = (*members("ada", "eve"), Member(email("bob"), status=MemberStatus.PENDING))
        found = plan(
            desired(users={"kse": ["ada", "eve", wants("bob", replaces="carol")]}, policy=QUIET),
            state(people=people, subscriptions=kse(2), users={"kse": ["ada", "eve", "carol"]}),
        )
        assert words(found) == ["-carol"]
        assert deferrals(found) == [("bob", "pending_member", None)]


class TestEligibility:
    def test_somebody_who_is_no_member_is_refused_alone(self):
        found = plan(
            desired(users={"kse": ["ada", "stranger"]}, policy=QUIET),
            state(people=members("ada"), subscriptions=kse(5)),
        )
        assert words(found) == ["+ada"]
        assert codes(found) == ["not_a_member"]
        assert [short(c) for c in found.refusals[0].withheld] == ["+stranger"]

    def test_a_refusal_names_the_place_where_its_rule_was_set(self):
        where = Source("reconciler.yaml", 7, 3)
        policy = replace(QUIET, sources={"not_a_member": where})
        found = plan(
            desired(users={"kse": ["stranger"]}, policy=policy), state(subscriptions=kse(5))
        )
        assert "not_a_member is set at reconciler.yaml:7:3" in found.refusals[0].message

    def test_somebody_who_is_no_member_waits_where_the_policy_says_so(self):
        found = plan(
            desired(
                users={"kse": ["stranger"]}, policy=replace(QUIET, not_a_member=NotAMember.DEFER)
            ),
            state(people=(), subscriptions=kse(5)),
        )
        assert codes(found) == []
        assert deferrals(found) == [("stranger", "not_a_member", None)]

    def test_a_pending_member_waits_and_keeps_no_seat_from_others(self):
        people = (*members("ada"), Member(email("bob"), status=MemberStatus.PENDING))
        found = plan(
            desired(users={"kse": [wants("bob", priority=5), "ada"]}, policy=QUIET),
            state(people=people, subscriptions=kse(1)),
        )
        assert words(found) == ["+ada"]
        assert deferrals(found) == [("bob", "pending_member", None)]

    def test_a_declared_transfer_to_a_pending_member_keeps_its_holder(self):
        people = (*members("eve"), Member(email("bob"), status=MemberStatus.PENDING))
        found = plan(
            desired(users={"kse": [wants("bob", replaces="carol"), "eve"]}, policy=WAITLIST),
            state(people=people, subscriptions=kse(1), users={"kse": ["carol"]}),
        )
        assert words(found) == []
        assert deferrals(found) == [
            ("bob", "pending_member", None),
            ("carol", "awaits_replacement", None),
            ("eve", "over_quota", None),
        ]

    def test_an_expired_subscription_takes_no_grants_but_lets_people_go(self):
        ended = (Subscription("kse", 5, expires=TODAY - timedelta(days=1)),)
        found = plan(
            desired(users={"kse": ["ada", "bob"]}, policy=QUIET),
            state(people=members("ada", "bob"), subscriptions=ended, users={"kse": ["ada", "old"]}),
        )
        assert words(found) == ["-old"]
        assert deferrals(found) == [("bob", "subscription_expired", None)]
        assert "expiring" in warnings(found)

    def test_a_subscription_lasts_through_its_last_day(self):
        found = plan(
            desired(users={"kse": ["ada"]}),
            state(people=members("ada"), subscriptions=(Subscription("kse", 5, expires=TODAY),)),
        )
        assert words(found) == ["+ada"]

    def test_a_product_without_a_subscription_is_refused_where_seats_are_wanted(self):
        found = plan(desired(users={"kse": ["ada"]}, policy=QUIET), state(people=members("ada")))
        assert codes(found) == ["unreadable"]
        assert "subscription" in found.refusals[0].message
        assert [short(c) for c in found.refusals[0].withheld] == ["+ada"]

    def test_an_unknown_list_refuses_the_products_that_need_it_alone(self):
        known = state(people=None, subscriptions=(*kse(5), Subscription("testops", 5)))
        unknown = replace(known, members=None, machines=None)
        found = plan(
            desired(users={"kse": ["ada"], "testops": []}, machines={"kre-node-locked": []}),
            unknown,
        )
        assert [(r.product, r.details["missing"]) for r in found.refusals] == [
            ("kse", ["members"]),
            ("kre-node-locked", ["machines"]),
        ]

    def test_offline_licenses_that_cannot_be_listed_are_the_rest_of_the_apis_use(self):
        known = state(
            people=members("ada", "bob", "eve"),
            subscriptions=kse(3, used=2),
            users={"kse": ["ada"]},
        )
        found = plan(
            desired(users={"kse": ["ada", "bob", "eve"]}, policy=WAITLIST),
            replace(known, offline_licenses=None),
        )
        assert words(found) == ["+bob"]
        assert deferrals(found) == [("eve", "over_quota", None)]


class TestDates:
    def test_from_and_until_are_inclusive(self):
        wanted = desired(
            users={"kse": [wants("bob", start=date(2026, 12, 1), end=date(2026, 12, 3))]},
            policy=QUIET,
        )
        current = state(people=members("bob"), subscriptions=kse(5))
        granted = {
            day: words(plan(wanted, current, as_of=date(2026, 12, day))) for day in range(1, 5)
        }
        assert granted == {1: ["+bob"], 2: ["+bob"], 3: ["+bob"], 4: []}
        assert words(plan(wanted, current, as_of=date(2026, 11, 30))) == []

    def test_a_transfer_that_is_not_due_keeps_its_holder_until_then(self):
        wanted = desired(
            users={"kse": [wants("bob", start=date(2026, 12, 1), replaces="carol"), "eve"]},
            policy=WAITLIST,
        )
        current = state(
            people=members("bob", "eve"), subscriptions=kse(1), users={"kse": ["carol"]}
        )
        found = plan(wanted, current)
        assert words(found) == []
        assert ("carol", "awaits_replacement", date(2026, 12, 1)) in deferrals(found)
        assert words(plan(wanted, current, as_of=date(2026, 12, 1))) == ["carol->bob"]

    def test_an_ended_entry_removes_its_holder_and_is_reported(self):
        found = plan(
            desired(users={"kse": ["ada", wants("bob", end=TODAY - timedelta(days=1))]}),
            state(people=members("ada"), subscriptions=kse(5), users={"kse": ["ada", "bob"]}),
        )
        assert words(found) == ["-bob"]
        assert found.changes[0].reason == "listed until 2026-11-23"
        assert "expired_entries" in warnings(found)

    def test_a_plan_is_valid_until_the_next_day_that_alters_it(self):
        wanted = desired(users={"kse": ["ada", wants("bob", start=TODAY + timedelta(days=2))]})
        found = plan_many([wanted], [state(people=members("ada"), subscriptions=kse(5))])
        assert found.valid_until.isoformat() == "2026-11-26T00:00:00+00:00"
        undated = plan_many([desired(users={"kse": []})], [state(subscriptions=kse(5))])
        assert undated.valid_until - undated.created_at == timedelta(days=7)


class TestMachines:
    NODES = (Subscription("kre-node-locked", 2, machine_quota=2, offline_allowed=True),)

    def test_a_node_locked_machine_moves_by_one_reassign(self):
        found = plan(
            desired(machines={"kre-node-locked": [M[1], M[3]]}),
            state(subscriptions=self.NODES, machines={"kre-node-locked": [M[1], M[2]]}),
        )
        assert words(found) == [f"{M[2]}->{M[3]}"]

    def test_a_listed_machine_that_came_back_under_another_id_is_named_with_its_line(self):
        current = state(subscriptions=self.NODES, machines={"kre-node-locked": [M[2]]})
        again = replace(current.machines[0], name="CI-runner-1")
        wanted = desired(machines={"kre-node-locked": [M[1]]}, policy=QUIET)
        listed = wanted.products[0].machines
        named = replace(listed, wanted=(replace(listed.wanted[0], name="ci-runner-1"),))
        wanted = replace(wanted, products=(replace(wanted.products[0], machines=named),))
        found = plan(wanted, replace(current, machines=(again,)))
        (notice,) = [row for row in found.warnings if row.code == "probable_reimage"]
        assert notice.details["registered"] == M[2]
        assert "orgs/acme.yaml:352:9" in notice.message
        assert warnings(plan(wanted, current)) == []
        replacing = replace(named.wanted[0], replaces=machine(M[2]))
        declared = replace(
            wanted,
            products=(replace(wanted.products[0], machines=replace(named, wanted=(replacing,))),),
        )
        assert warnings(plan(declared, replace(current, machines=(again,)))) == []

    def test_the_machine_quota_holds_back_registrations(self):
        many = (Subscription("kre-node-locked", 9, machine_quota=2),)
        found = plan(
            desired(machines={"kre-node-locked": [M[1], M[2], M[3]]}),
            state(subscriptions=many, machines={"kre-node-locked": [M[1]]}),
        )
        assert words(found) == [f"+{M[2]}"]
        assert deferrals(found) == [(M[3], "machine_quota", None)]

    def test_a_machine_with_an_offline_license_stays_until_it_ends(self):
        wanted = desired(machines={"kre-node-locked": [M[1], wants(M[3], replaces=M[2])]})
        current = state(
            subscriptions=self.NODES,
            machines={"kre-node-locked": [M[1]]},
            offline={"kre-node-locked": {M[2]: date(2026, 12, 31)}},
        )
        found = plan(wanted, current)
        assert words(found) == []
        assert set(deferrals(found)) == {
            (M[2], "offline_locked", date(2027, 1, 1)),
            (M[3], "offline_locked", date(2027, 1, 1)),
        }
        assert words(plan(wanted, current, as_of=date(2027, 1, 1))) == [f"{M[2]}->{M[3]}"]

    def test_unlisted_machines_of_an_allow_list_are_reported_or_removed(self):
        current = state(subscriptions=kse(5), machines={"kse": [M[1], M[2]]})
        wanted = desired(machines={"kse": [M[1]]})
        found = plan(wanted, current)
        assert words(found) == []
        assert warnings(found) == ["unlisted_machines"]
        removing = replace(wanted, policy=Policy(unlisted_machines=UnlistedMachines.REMOVE))
        assert words(plan(removing, current)) == [f"-{M[2]}"]

    def test_a_listed_machine_that_never_registered_awaits_activation(self):
        found = plan(desired(machines={"kse": [M[1]]}), state(subscriptions=kse(5)))
        assert words(found) == []
        assert deferrals(found) == [(M[1], "awaiting_activation", None)]


class TestOffline:
    UNTIL = date(2027, 3, 31)
    POLICY = replace(QUIET, allow_irrevocable=True)

    def offline(self, product: str, *names: str, policy: Policy = POLICY):
        lines = [wants(name, offline_until=self.UNTIL) for name in names]
        return desired(machines={product: lines}, policy=policy)

    def test_an_offline_license_needs_the_policy_and_the_flag(self):
        current = state(subscriptions=kse(5), machines={"kse": [M[1]]})
        wanted = self.offline("kse", M[1])
        for policy, flag in ((self.POLICY, False), (QUIET, True)):
            found = plan(replace(wanted, policy=policy), current, irrevocable=flag)
            assert words(found) == []
            assert codes(found) == ["irrevocable"]
            assert [short(c) for c in found.refusals[0].withheld] == [f"!{M[1]}"]
        found = plan(wanted, current, irrevocable=True)
        assert words(found) == [f"!{M[1]}"]
        assert found.changes[0].expires == self.UNTIL
        assert found.changes[0].used_after == 1

    def test_a_license_that_lasts_long_enough_satisfies(self):
        current = state(subscriptions=kse(5), offline={"kse": {M[1]: self.UNTIL}})
        assert words(plan(self.offline("kse", M[1]), current, irrevocable=True)) == []

    def test_a_license_that_ends_earlier_is_renewed_after_it_ends(self):
        early = date(2026, 12, 31)
        current = state(subscriptions=kse(5), offline={"kse": {M[1]: early}})
        found = plan(self.offline("kse", M[1]), current, irrevocable=True)
        assert words(found) == []
        assert deferrals(found) == [(M[1], "offline_locked", date(2027, 1, 1))]

    def test_it_takes_a_seat_beside_its_user(self):
        current = state(
            people=members("ada"),
            subscriptions=kse(1),
            users={"kse": ["ada"]},
            machines={"kse": [M[1]]},
        )
        found = plan(self.offline("kse", M[1]), current, irrevocable=True)
        assert words(found) == []
        assert codes(found) == ["over_quota"]

    def test_a_remove_goes_first_where_its_seat_is_needed(self):
        wanted = desired(
            users={"kse": ["ada"]},
            machines={"kse": [wants(M[1], offline_until=self.UNTIL)]},
            policy=self.POLICY,
        )
        current = state(
            people=members("ada"),
            subscriptions=kse(2),
            users={"kse": ["ada", "old"]},
            machines={"kse": [M[1]]},
        )
        found = plan(wanted, current, irrevocable=True)
        assert words(found) == ["-old", f"!{M[1]}"]
        assert [c.used_after for c in found.changes] == [1, 2]

    def test_for_a_machine_product_it_converts_the_machines_seat(self):
        current = state(
            subscriptions=(Subscription("kre-node-locked", 1, offline_allowed=True),),
            machines={"kre-node-locked": [M[1]]},
        )
        found = plan(self.offline("kre-node-locked", M[1]), current, irrevocable=True)
        assert words(found) == [f"!{M[1]}"]
        assert found.changes[0].used_after == 1

    def test_a_new_machine_is_assigned_before_its_offline_license(self):
        current = state(
            subscriptions=(Subscription("kre-node-locked", 1, offline_allowed=True),),
            machines={"kre-node-locked": [M[2]]},
        )
        found = plan(self.offline("kre-node-locked", M[1]), current, irrevocable=True)
        assert words(found) == [f"{M[2]}->{M[1]}", f"!{M[1]}"]

    def test_removing_a_user_with_an_offline_license_warns_that_the_seat_stays(self):
        current = state(people=members("ada"), subscriptions=kse(5), users={"kse": ["ada", "old"]})
        licenses = state(offline={"kse": {M[1]: date(2027, 1, 31)}}).offline_licenses
        current = replace(current, offline_licenses=(replace(licenses[0], email=email("old")),))
        found = plan(desired(users={"kse": ["ada"]}), current)
        assert words(found) == ["-old"]
        assert "offline_seat_stays" in warnings(found)


class TestSessions:
    FLOATING = (Subscription("kse-floating", 2, offline_allowed=True),)

    def test_users_of_a_session_product_are_not_limited(self):
        found = plan(
            desired(users={"kse-floating": ["ada", "bob", "eve"]}),
            state(people=members("ada", "bob", "eve"), subscriptions=self.FLOATING),
        )
        assert words(found) == ["+ada", "+bob", "+eve"]
        assert {c.used_after for c in found.changes} == {0}

    def test_a_removed_users_sessions_end_and_are_named(self):
        running = Session("kse-floating", M[1], email("old"))
        found = plan(
            desired(users={"kse-floating": ["ada"]}),
            state(
                people=members("ada"),
                subscriptions=self.FLOATING,
                users={"kse-floating": ["ada", "old"]},
                sessions=[running],
            ),
        )
        (change,) = found.changes
        assert change.ends_sessions == (M[1],)
        assert (found.pools[0].used, change.used_after) == (1, 0)


class TestGuards:
    def big(self, held: int) -> OrganizationState:
        names = [f"u{n:02}" for n in range(held)]
        return state(people=members(*names), subscriptions=kse(100), users={"kse": names})

    def keep(self, count: int, policy: Policy = QUIET):
        return desired(users={"kse": [f"u{n:02}" for n in range(count)]}, policy=policy)

    def test_a_mass_removal_is_refused_for_the_whole_organization(self):
        found = plan(self.keep(14), self.big(20))
        assert words(found) == []
        (refusal,) = found.refusals
        assert (refusal.code, refusal.scope) == ("max_removals", "organization")
        assert len(refusal.withheld) == 6
        assert found.pools[0].used_after == 20

    def test_the_limit_is_the_larger_of_count_and_percent(self):
        assert len(words(plan(self.keep(15), self.big(20)))) == 5
        policy = replace(QUIET, max_removals=MaxRemovals(count=1, percent=30))
        assert len(words(plan(self.keep(14, policy), self.big(20)))) == 6
        assert words(plan(self.keep(13, policy), self.big(20))) == []

    def test_an_allowance_is_a_ceiling_not_a_switch(self):
        assert len(words(plan(self.keep(14), self.big(20), removals=6))) == 6
        found = plan(self.keep(13), self.big(20), removals=6)
        assert words(found) == []
        assert codes(found) == ["max_removals"]

    def test_the_ceiling_covers_the_whole_plan(self):
        wanted = [replace(self.keep(17), id=1), replace(self.keep(17), id=2)]
        states = [replace(self.big(20), id=1), replace(self.big(20), id=2)]
        assert not any(o.changes for o in plan_many(wanted, states, removals=5).organizations)
        assert all(o.changes for o in plan_many(wanted, states, removals=6).organizations)

    def test_a_reassign_counts_its_holder_and_not_who_gains(self):
        names = [f"n{n}" for n in range(6)]
        current = replace(self.big(6), members=members(*names))
        found = plan(desired(users={"kse": names}, policy=QUIET), current)
        assert codes(found) == ["max_removals"]

    def test_somebody_who_gains_another_product_does_not_count_as_losing(self):
        current = self.big(6)
        current = replace(
            current, subscriptions=(*current.subscriptions, Subscription("testops", 10))
        )
        moved = [f"u{n:02}" for n in range(6)]
        found = plan(desired(users={"kse": ["u00"], "testops": moved}, policy=QUIET), current)
        assert found.refusals == ()
        assert found.losing == 0

    def test_a_pair_counts_who_loses_the_last_license_like_a_removal(self):
        people = members("ada", "bob", "carol", "dan", "eve")
        current = state(
            people=people,
            subscriptions=(Subscription("kse", 3), Subscription("testops", 9)),
            users={"kse": ["ada", "bob", "carol"], "testops": ["carol"]},
        )
        found = plan(desired(users={"kse": ["ada", "dan", "eve"]}, policy=QUIET), current)
        assert words(found) == ["bob->dan", "carol->eve"]
        assert (found.losing, found.losing_last) == (2, 1)

    def test_only_people_lose_a_last_license_and_each_of_them_once(self):
        current = state(
            people=members("ada"),
            subscriptions=(Subscription("kse", 5), Subscription("testops", 5)),
            users={"kse": ["ada"], "testops": ["ada"]},
            machines={"kre-node-locked": ["m1"]},
        )
        wanted = desired(
            users={"kse": [], "testops": []}, machines={"kre-node-locked": []}, policy=QUIET
        )
        found = plan(wanted, current)
        assert words(found) == ["-ada", "-m1", "-ada"]
        assert (found.losing, found.losing_last) == (2, 1)

    def test_emptying_a_list_of_two_always_needs_an_allowance(self):
        current = self.big(2)
        wanted = desired(users={"kse": []}, policy=QUIET)
        assert codes(plan(wanted, current)) == ["max_removals"]
        assert words(plan(wanted, current, removals=2)) == ["-u00", "-u01"]
        assert words(plan(wanted, self.big(1))) == ["-u00"]

    def test_a_protected_holder_stays_and_the_rest_goes_on(self):
        policy = replace(QUIET, protected=frozenset({email_key(email("u01"))}))
        found = plan(desired(users={"kse": ["u02"]}, policy=policy), self.big(3))
        assert words(found) == ["-u00"]
        assert codes(found) == ["protected"]
        assert [short(c) for c in found.refusals[0].withheld] == ["-u01"]

    def test_a_transfer_from_a_protected_holder_is_refused_as_one(self):
        policy = replace(QUIET, protected=frozenset({email_key(email("u01"))}))
        current = replace(self.big(2), members=members("u00", "bob"))
        found = plan(
            desired(users={"kse": ["u00", wants("bob", replaces="u01")]}, policy=policy), current
        )
        assert words(found) == []
        assert [short(c) for r in found.refusals for c in r.withheld] == ["u01->bob"]

    def test_unlicensed_members_are_told_or_refused(self):
        current = state(people=members("ada", "bob"), subscriptions=kse(5), users={"kse": ["bob"]})
        wanted = desired(users={"kse": ["bob"]})
        assert warnings(plan(wanted, current)) == ["unlicensed_members"]
        failing = replace(wanted, policy=Policy(unlicensed_members=UnlicensedMembers.FAIL))
        assert codes(plan(failing, current)) == ["unlicensed_members"]
        assert warnings(plan(replace(wanted, policy=QUIET), current)) == []

    def test_where_nobody_can_tell_who_is_unlicensed_a_rule_that_fails_refuses(self):
        known = state(people=members("ada"), subscriptions=kse(5), users={"kse": []})
        known = replace(known, subscriptions=(*kse(5), Subscription("kre-node-locked", 5)))
        ways = {
            "members": replace(known, members=None),
            "licensed users": replace(known, licensed_users=None),
        }
        failing = Policy(unlicensed_members=UnlicensedMembers.FAIL)
        both = desired(users={"kse": []}, machines={"kre-node-locked": [M[1]]})
        for unknown, current in ways.items():
            found = plan(replace(both, policy=failing), current)
            (refusal,) = [row for row in found.refusals if row.code == "unlicensed_members"]
            assert f"does not tell the {unknown}, so it cannot be checked" in refusal.message
            assert refusal.details == {"unknown": [unknown]}
            assert words(found) == []
            assert [short(change) for change in refusal.withheld] == [f"+{M[1]}"]

            found = plan(both, current)
            (warning,) = [row for row in found.warnings if row.code == "unlicensed_members"]
            assert "cannot be checked" in warning.message
            assert words(found) == [f"+{M[1]}"]
            assert "unlicensed_members" not in warnings(plan(replace(both, policy=QUIET), current))

    def test_a_refused_organizations_warnings_speak_of_the_state_that_stays(self):
        names = [f"u{n:02}" for n in range(8)]
        found = plan(
            desired(users={"kse": ["u00"]}),
            state(people=members(*names, "eve"), subscriptions=kse(9), users={"kse": names}),
        )
        assert codes(found) == ["max_removals"]
        (warning,) = [row for row in found.warnings if row.code == "unlicensed_members"]
        assert warning.details["emails"] == [email("eve")]

    def test_one_organization_never_stops_another(self):
        wanted = [replace(self.keep(0), id=1), replace(self.keep(21), id=2)]
        states = [
            replace(self.big(20), id=1),
            replace(self.big(20), id=2, members=members(*(f"u{n:02}" for n in range(21)))),
        ]
        first, second = plan_many(wanted, states).organizations
        assert codes(first) == ["max_removals"]
        assert words(second) == ["+u20"]


class TestAcrossPools:
    TWO = (Subscription("kse", 1), Subscription("testops", 1))

    def test_who_moves_between_products_gains_before_losing(self):
        found = plan(
            desired(users={"kse": ["ada"], "testops": ["bob"]}, policy=QUIET),
            state(people=members("ada", "bob"), subscriptions=self.TWO, users={"kse": ["bob"]}),
        )
        assert [(c.product, short(c)) for c in found.changes] == [
            ("testops", "+bob"),
            ("kse", "bob->ada"),
        ]
        assert not found.changes[1].loses_last_license

    def test_the_last_license_is_lost_once_with_the_last_change(self):
        found = plan(
            desired(users={"kse": ["bob"], "testops": ["bob"]}, policy=QUIET),
            state(
                people=members("bob"),
                subscriptions=self.TWO,
                users={"kse": ["old"], "testops": ["old"]},
            ),
        )
        assert words(found) == ["old->bob", "old->bob"]
        assert [c.loses_last_license for c in found.changes] == [False, True]

    def test_where_two_full_pools_swap_the_plan_says_so(self):
        found = plan(
            desired(users={"kse": ["ada"], "testops": ["bob"]}, policy=QUIET),
            state(
                people=members("ada", "bob"),
                subscriptions=self.TWO,
                users={"kse": ["bob"], "testops": ["ada"]},
            ),
        )
        assert words(found) == ["bob->ada", "ada->bob"]
        assert warnings(found) == ["continuity"]

    def test_who_is_removed_here_and_granted_there_is_noted_in_both(self):
        wanted = [
            replace(desired(users={"kse": ["ada"]}, policy=QUIET), id=1),
            replace(desired(users={"kse": ["ada", "bob"]}, policy=QUIET), id=2),
        ]
        people = members("ada", "bob")
        states = [
            state(1, people=people, subscriptions=kse(5), users={"kse": ["ada", "bob"]}),
            state(2, people=people, subscriptions=kse(5), users={"kse": ["ada"]}),
        ]
        first, second = plan_many(wanted, states).organizations
        assert warnings(first) == warnings(second) == ["moves_between_organizations"]


class TestOfflineLicensesThatCannotBeListed:
    def unlisted(self, used: int | None) -> OrganizationState:
        known = state(
            people=members("ada", "bob"),
            subscriptions=kse(3, used=used),
            users={"kse": ["ada"]},
        )
        return replace(known, offline_licenses=None)

    def test_they_are_the_seats_in_use_that_no_licensed_user_holds(self):
        found = plan(desired(users={"kse": ["ada"]}, policy=QUIET), self.unlisted(used=3))
        (pool,) = found.pools
        assert (pool.offline, pool.offline_until) == (2, None)

    def test_their_number_is_unknown_where_the_api_does_not_count_the_seats(self):
        found = plan(desired(users={"kse": ["ada"]}, policy=QUIET), self.unlisted(used=None))
        assert found.pools[0].offline is None

    def test_a_shortage_says_how_many_seats_they_hold(self):
        found = plan(desired(users={"kse": ["ada", "bob"]}, policy=QUIET), self.unlisted(used=3))
        (refusal,) = found.refusals
        assert refusal.code == "over_quota"
        assert "2 seats are held by offline licenses that cannot be listed" in refusal.message
        assert refusal.details["pinned"] == [{"machine": None, "until": None}] * 2

    def test_no_day_frees_their_seats(self):
        ending = wants("ada", end=TODAY)
        found = plan(desired(users={"kse": [ending, "bob"]}, policy=QUIET), self.unlisted(used=3))
        assert found.refusals[0].details["all_fit_on"] == (TODAY + timedelta(days=1)).isoformat()
        found = plan(desired(users={"kse": [ending, "bob"]}, policy=QUIET), self.unlisted(used=4))
        assert found.refusals[0].details["all_fit_on"] is None

    def test_a_product_without_offline_licenses_has_none(self):
        known = state(
            people=members("ada"), subscriptions=(Subscription("testops", 5, 3),), users={}
        )
        found = plan(
            desired(users={"testops": []}, policy=QUIET), replace(known, offline_licenses=None)
        )
        assert found.pools[0].offline is None
        assert "used_mismatch" in warnings(found)


class TestOfflineUntilADayThatIsOver:
    def test_it_is_told_with_its_place(self):
        past = TODAY - timedelta(days=1)
        found = plan(
            desired(
                machines={
                    "kse": [wants(M[1], offline_until=past), wants(M[2], offline_until=TODAY)]
                },
                policy=replace(QUIET, allow_irrevocable=True),
            ),
            state(subscriptions=kse(5), machines={"kse": [M[1], M[2]]}),
        )
        (notice,) = [row for row in found.warnings if row.code == "offline_until_past"]
        assert notice.details["entries"] == [{"subject": M[1], "until": past.isoformat()}]
        assert notice.source is not None
        assert str(notice.source) in notice.details["places"]
        assert f"1 machine asks for an offline license until a day that is over ({M[1]})" in (
            notice.message
        )

    def test_an_entry_that_has_ended_itself_is_told_once(self):
        past = TODAY - timedelta(days=1)
        found = plan(
            desired(machines={"kse": [wants(M[1], end=past, offline_until=past)]}, policy=QUIET),
            state(subscriptions=kse(5)),
        )
        assert warnings(found) == ["expired_entries"]
