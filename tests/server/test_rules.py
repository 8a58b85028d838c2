"""Every licensing rule, driven through real HTTP: refused, or seen to take effect."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest

from tests.server.world import (
    Admin,
    World,
    machines,
    running,
    snapshot,
    subscription,
    users,
)

RULES = {
    "available = quota - assigned or active online licenses - offline licenses generated": (
        "test_what_is_available_is_quota_less_licensed_users_less_offline_licenses",
        "test_what_is_available_of_a_session_product_is_quota_less_sessions_less_offline_licenses",
        "test_what_is_available_of_node_locked_licenses_is_quota_less_machines",
    ),
    "KSE per-user: licensed users <= quota": (
        "test_a_user_is_granted_a_license_while_a_seat_is_free",
        "test_a_grant_into_a_full_pool_is_refused_in_the_vendors_words",
        "test_a_batch_is_granted_in_its_order_while_seats_last",
        "test_a_pool_over_its_quota_takes_nobody_until_enough_have_left",
        "test_seats_that_only_the_system_knows_of_are_not_given_away",
        "test_testops_counts_its_licensed_users_too",
    ),
    "KSE per-user: one account on one machine at a time": (
        "test_an_account_cannot_be_used_on_a_second_machine_at_the_same_time",
        "test_an_account_moves_to_another_machine_once_its_session_has_ended",
    ),
    "Floating: any number of assigned users": (
        "test_more_users_than_seats_can_be_assigned_to_a_session_product",
        "test_users_are_assigned_also_while_all_sessions_are_taken",
    ),
    "Floating: parallel sessions <= quota": (
        "test_no_more_sessions_run_in_parallel_than_the_quota_has_seats",
        "test_a_session_that_ends_gives_its_license_back",
    ),
    "Floating: one license a session": (
        "test_two_sessions_on_one_machine_take_two_floating_licenses",
    ),
    "Node-locked KRE: one machine ID a license": (
        "test_a_node_locked_license_is_taken_by_the_machine_that_registers",
        "test_a_machine_that_activates_takes_a_node_locked_license",
    ),
    "Node-locked KRE: one session a license": (
        "test_a_node_locked_machine_runs_one_session_at_a_time",
    ),
    "Node-locked KRE: a machine may hold several": (
        "test_one_machine_may_hold_licenses_of_several_products",
    ),
    "Machine quota: registered machines <= machine quota": (
        "test_no_more_machines_register_than_the_machine_quota_says",
        "test_no_more_machines_are_activated_than_the_machine_quota_says",
        "test_an_offline_license_for_a_new_machine_needs_room_in_the_machine_quota",
    ),
    "Machine quota: read the field, do not compute it": (
        "test_the_machine_quota_is_the_field_and_independent_of_the_quota",
    ),
    "A grant needs an existing, active organization member": (
        "test_somebody_who_is_no_member_cannot_be_granted_a_license",
        "test_somebody_who_is_no_member_cannot_start_a_session",
        "test_members_are_found_in_any_spelling_and_listed_in_their_own",
    ),
    "Invitees stay pending until they accept": (
        "test_a_member_who_has_not_accepted_cannot_be_granted_a_license",
        "test_pending_members_are_invitations_and_active_ones_are_not",
    ),
    "Removing a licensed user ends that user's online session at once": (
        "test_removing_a_licensed_user_ends_that_users_sessions_at_once",
    ),
    "Removing a licensed user drops the user to the free plan": (
        "test_a_user_whose_license_was_removed_cannot_start_a_session",
    ),
    "Removing a licensed user does not free an offline license": (
        "test_removing_a_licensed_user_frees_neither_the_offline_license_nor_its_seat",
    ),
    "Removing a registered machine deactivates its online license and ends its session": (
        "test_removing_a_machine_ends_its_sessions_and_frees_their_licenses",
        "test_removing_a_node_locked_machine_frees_its_license",
    ),
    "Removing a user from the organization revokes the user's licenses": (
        "test_removing_a_member_revokes_all_licenses_and_ends_all_sessions",
        "test_removing_a_member_does_not_free_offline_licenses",
    ),
    "Offline licenses are irrevocable": (
        "test_a_machine_with_an_offline_license_cannot_be_removed",
        "test_an_offline_license_cannot_be_replaced_by_another",
    ),
    "Offline licenses are bound to one machine ID": (
        "test_an_offline_license_is_bound_to_its_machine_which_becomes_registered",
        "test_an_offline_license_converts_a_node_locked_machine_at_no_cost",
        "test_an_offline_license_for_a_new_node_locked_machine_takes_a_seat",
    ),
    "Offline licenses end with the subscription or at an earlier chosen date": (
        "test_an_offline_license_may_last_as_long_as_the_subscription_and_no_longer",
        "test_an_offline_license_cannot_begin_expired",
    ),
    "Expiry gives the seat back": (
        "test_the_expiry_of_an_offline_license_gives_its_seat_back",
        "test_an_offline_license_holds_through_the_last_second_of_its_day",
        "test_a_node_locked_machine_stays_registered_when_its_offline_license_expires",
        "test_a_node_locked_machine_is_counted_once_at_every_moment_of_its_offline_license",
        "test_a_machine_can_be_removed_once_its_offline_license_has_expired",
        "test_a_machine_gets_a_new_offline_license_once_its_old_one_has_expired",
    ),
    "Offline licenses need a hybrid subscription": (
        "test_an_offline_license_needs_a_subscription_that_allows_it",
    ),
    "Offline licenses take a seat": (
        "test_an_offline_license_needs_a_free_seat",
        "test_an_offline_license_of_a_session_product_needs_a_seat_beside_the_sessions",
    ),
    "Only the organization's Owner or Admin may do any of this": (
        "test_owners_and_admins_manage_licenses",
        "test_users_and_billing_managers_neither_see_nor_change_licenses",
        "test_a_role_holds_in_its_own_organization_only",
    ),
    "Nothing is granted without a subscription, or after its end": (
        "test_nothing_is_granted_without_a_subscription",
        "test_an_expired_subscription_grants_nothing_and_still_allows_removals",
        "test_a_subscription_lasts_through_the_last_second_of_its_day",
    ),
    "Machine ID: any form is taken; two OS users on one PC are two IDs": (
        "test_machine_ids_of_any_form_are_taken_and_each_counts_by_itself",
    ),
    "A machine of another product registers when it is activated on its host": (
        "test_only_machines_of_the_machine_product_are_registered_by_an_admin",
    ),
    "Idle timeout (KSE online): 120 minutes by default when enabled": (
        "test_an_idle_studio_session_ends_when_the_timeout_is_enabled",
        "test_a_session_that_is_kept_alive_is_not_idle",
        "test_sessions_do_not_end_by_themselves_when_no_timeout_is_enabled",
    ),
}

KSE = "KSE"


@contextlib.contextmanager
def organization(*subscriptions: dict[str, Any], **lists: Any) -> Iterator[Admin]:
    with world(*subscriptions, **lists) as (_, admin):
        yield admin


@contextlib.contextmanager
def world(*subscriptions: dict[str, Any], **lists: Any) -> Iterator[tuple[World, Admin]]:
    with running(snapshot(*subscriptions, **lists)) as started:
        yield started, Admin(started.client())


def statuses(response: Any) -> list[str]:
    return [row.get("code") or row["status"] for row in response.json()["results"]]


def refusal(response: Any) -> str:
    assert response.status_code == 409, response.text
    return str(response.json()["code"])


def offline(admin: Admin) -> list[str]:
    return [row["machineId"] for row in admin.rows("LicenseKey") if row["offline"]]


def licensed(admin: Admin) -> list[str]:
    return [row["userEmail"] for row in admin.rows("UserOrganizationFeature")]


def test_every_rule_names_tests_that_exist() -> None:
    named = {name for names in RULES.values() for name in names}
    present = {name for name in globals() if name.startswith("test_")}
    assert all(RULES.values())
    assert named <= present
    assert present - named == {"test_every_rule_names_tests_that_exist"}


# Seats


def test_what_is_available_is_quota_less_licensed_users_less_offline_licenses() -> None:
    with organization(subscription("kse", 4), licensed_users=users("kse", "dan@example.com")) as a:
        assert a.issue(KSE, "m1").status_code == 201
        assert (a.resource()["quotaKSE"], a.resource()["usedKSE"]) == (4, 2)
        assert a.grant(KSE, "Ada@example.com", "ben@example.com").json()["used"] == 4
        assert refusal(a.grant(KSE, "cleo@example.com")) == "over_quota"


def test_what_is_available_of_a_session_product_is_quota_less_sessions_less_offline_licenses() -> (
    None
):
    everyone = users("kre-floating", "dan@example.com", "cleo@example.com")
    with organization(subscription("kre-floating", 3), licensed_users=everyone) as a:
        assert a.resource()["usedUnlimitedEngine"] == 0
        a.activate("UNLIMITED_ENGINE", "m1", "dan@example.com")
        a.issue("UNLIMITED_ENGINE", "m2")
        assert a.resource()["usedUnlimitedEngine"] == 2


def test_what_is_available_of_node_locked_licenses_is_quota_less_machines() -> None:
    with organization(
        subscription("kre-node-locked", 3), machines=machines("kre-node-locked", "m1", "m2")
    ) as a:
        assert a.resource()["usedEngine"] == 2
        a.issue("ENGINE", "m1")
        assert a.resource()["usedEngine"] == 2
        assert a.register("ENGINE", "m3").json()["used"] == 3
        assert refusal(a.register("ENGINE", "m4")) == "over_quota"


def test_a_user_is_granted_a_license_while_a_seat_is_free() -> None:
    with organization(subscription("kse", 1)) as a:
        answer = a.grant(KSE, "dan@example.com")
        assert answer.json() == {
            "results": [{"email": "dan@example.com", "status": "granted"}],
            "quota": 1,
            "used": 1,
        }
        assert licensed(a) == ["dan@example.com"]


def test_a_grant_into_a_full_pool_is_refused_in_the_vendors_words() -> None:
    with organization(subscription("kse", 1), licensed_users=users("kse", "dan@example.com")) as a:
        answer = a.grant(KSE, "cleo@example.com")
        assert refusal(answer) == "over_quota"
        assert (
            answer.json()["message"]
            == "The number of granted users cannot exceed the license quota."
        )
        assert licensed(a) == ["dan@example.com"]


def test_a_batch_is_granted_in_its_order_while_seats_last() -> None:
    with organization(subscription("kse", 2), licensed_users=users("kse", "dan@example.com")) as a:
        answer = a.grant(
            KSE, "nobody@example.com", "dan@example.com", "eve@example.com", "ben@example.com"
        )
        assert answer.status_code == 200
        assert statuses(answer) == ["not_a_member", "unchanged", "granted", "over_quota"]
        assert licensed(a) == ["dan@example.com", "eve@example.com"]


def test_a_pool_over_its_quota_takes_nobody_until_enough_have_left() -> None:
    three = users("kse", "Ada@example.com", "ben@example.com", "cleo@example.com")
    with organization(subscription("kse", 2), licensed_users=three) as a:
        assert a.resource()["usedKSE"] == 3
        assert a.remove(KSE, "ben@example.com").json()["used"] == 2
        assert refusal(a.grant(KSE, "dan@example.com")) == "over_quota"
        a.remove(KSE, "cleo@example.com")
        assert statuses(a.grant(KSE, "dan@example.com")) == ["granted"]


def test_seats_that_only_the_system_knows_of_are_not_given_away() -> None:
    with organization(
        subscription("kse", 4, used=3), licensed_users=users("kse", "dan@example.com")
    ) as a:
        assert a.resource()["usedKSE"] == 3
        assert statuses(a.grant(KSE, "ben@example.com", "cleo@example.com")) == [
            "granted",
            "over_quota",
        ]


def test_testops_counts_its_licensed_users_too() -> None:
    with organization(subscription("testops", 1)) as a:
        assert statuses(a.grant("TESTOPS", "dan@example.com", "cleo@example.com")) == [
            "granted",
            "over_quota",
        ]


# Sessions


def test_an_account_cannot_be_used_on_a_second_machine_at_the_same_time() -> None:
    with organization(subscription("kse", 2), licensed_users=users("kse", "dan@example.com")) as a:
        assert a.activate(KSE, "m1", "dan@example.com").json()["status"] == "activated"
        assert refusal(a.activate(KSE, "m2", "DAN@example.com")) == "in_use_elsewhere"
        assert [row["machineId"] for row in a.rows("KsSession")] == ["m1"]


def test_an_account_moves_to_another_machine_once_its_session_has_ended() -> None:
    with organization(subscription("kse", 2), licensed_users=users("kse", "dan@example.com")) as a:
        session = a.activate(KSE, "m1", "dan@example.com").json()["sessionId"]
        assert a.release(KSE, "m1", session).json()["status"] == "ended"
        assert a.activate(KSE, "m2", "dan@example.com").status_code == 200


def test_more_users_than_seats_can_be_assigned_to_a_session_product() -> None:
    with organization(subscription("kse-floating", 1)) as a:
        answer = a.grant("UNLIMITED_KSE", "dan@example.com", "cleo@example.com", "eve@example.com")
        assert statuses(answer) == ["granted"] * 3
        assert answer.json()["used"] == 0


def test_users_are_assigned_also_while_all_sessions_are_taken() -> None:
    with organization(
        subscription("kse-floating", 1), licensed_users=users("kse-floating", "dan@example.com")
    ) as a:
        a.activate("UNLIMITED_KSE", "m1", "dan@example.com")
        answer = a.grant("UNLIMITED_KSE", "cleo@example.com")
        assert (statuses(answer), answer.json()["used"]) == (["granted"], 1)


def test_no_more_sessions_run_in_parallel_than_the_quota_has_seats() -> None:
    everyone = users("kre-floating", "dan@example.com", "cleo@example.com")
    with organization(subscription("kre-floating", 1), licensed_users=everyone) as a:
        assert a.activate("UNLIMITED_ENGINE", "m1", "dan@example.com").status_code == 200
        answer = a.activate("UNLIMITED_ENGINE", "m2", "cleo@example.com")
        assert refusal(answer) == "over_quota"
        assert [row["machineId"] for row in a.rows("Machine")] == ["m1"]


def test_a_session_that_ends_gives_its_license_back() -> None:
    everyone = users("kre-floating", "dan@example.com", "cleo@example.com")
    with organization(subscription("kre-floating", 1), licensed_users=everyone) as a:
        session = a.activate("UNLIMITED_ENGINE", "m1", "dan@example.com").json()["sessionId"]
        a.release("UNLIMITED_ENGINE", "m1", session)
        assert a.activate("UNLIMITED_ENGINE", "m2", "cleo@example.com").status_code == 200
        assert a.release("UNLIMITED_ENGINE", "m1", session).json()["status"] == "unchanged"


def test_two_sessions_on_one_machine_take_two_floating_licenses() -> None:
    with organization(
        subscription("kre-devops", 2), licensed_users=users("kre-devops", "dan@example.com")
    ) as a:
        for _ in range(2):
            a.activate("FLOATING_ENGINE", "m1", "dan@example.com")
        assert a.resource()["usedFloatingEngine"] == 2
        assert refusal(a.activate("FLOATING_ENGINE", "m1", "dan@example.com")) == "over_quota"


def test_an_idle_studio_session_ends_when_the_timeout_is_enabled() -> None:
    document = snapshot(
        subscription("kse", 2),
        subscription("kre-floating", 2),
        licensed_users=[
            *users("kse", "dan@example.com"),
            *users("kre-floating", "dan@example.com"),
        ],
    )
    with running(document, idle_timeout=timedelta(minutes=120)) as started:
        a = Admin(started.client())
        session = a.activate(KSE, "m1", "dan@example.com").json()["sessionId"]
        a.activate("UNLIMITED_ENGINE", "m1", "dan@example.com")
        started.clock.move(minutes=120)
        assert len(a.rows("KsSession")) == 2
        started.clock.move(seconds=1)
        assert [row["feature"] for row in a.rows("KsSession")] == ["UNLIMITED_ENGINE"]
        (line,) = started.history("end_idle_session")
        assert (line["subject"], line["status"]) == (session, "ended")


def test_a_session_that_is_kept_alive_is_not_idle() -> None:
    document = snapshot(subscription("kse", 2), licensed_users=users("kse", "dan@example.com"))
    with running(document, idle_timeout=timedelta(minutes=120)) as started:
        a = Admin(started.client())
        session = a.activate(KSE, "m1", "dan@example.com").json()["sessionId"]
        started.clock.move(minutes=100)
        again = a.activate(KSE, "m1", "dan@example.com", sessionId=session)
        assert again.json()["status"] == "unchanged"
        started.clock.move(minutes=100)
        assert [row["sessionId"] for row in a.rows("KsSession")] == [session]


def test_sessions_do_not_end_by_themselves_when_no_timeout_is_enabled() -> None:
    with world(subscription("kse", 2), licensed_users=users("kse", "dan@example.com")) as (w, a):
        a.activate(KSE, "m1", "dan@example.com")
        w.clock.move(days=30)
        assert len(a.rows("KsSession")) == 1


# Machines


def test_a_node_locked_license_is_taken_by_the_machine_that_registers() -> None:
    with organization(subscription("kre-node-locked", 1)) as a:
        answer = a.register("ENGINE", "m1", "m1", "m2")
        assert statuses(answer) == ["registered", "unchanged", "over_quota"]
        assert [row["machineId"] for row in a.rows("Machine")] == ["m1"]


def test_a_machine_that_activates_takes_a_node_locked_license() -> None:
    with organization(subscription("kre-node-locked", 1)) as a:
        answer = a.activate("ENGINE", "m1", "dan@example.com", machineName="runner")
        assert answer.json()["status"] == "activated"
        assert a.resource()["usedEngine"] == 1
        (row,) = a.rows("Machine")
        assert (row["machineName"], row["userEmail"]) == ("runner", "dan@example.com")
        assert refusal(a.activate("ENGINE", "m2", "dan@example.com")) == "over_quota"


def test_a_node_locked_machine_runs_one_session_at_a_time() -> None:
    with organization(subscription("kre-node-locked", 5)) as a:
        session = a.activate("ENGINE", "m1", "dan@example.com").json()["sessionId"]
        assert refusal(a.activate("ENGINE", "m1", "cleo@example.com")) == "session_active"
        a.release("ENGINE", "m1", session)
        assert a.activate("ENGINE", "m1", "cleo@example.com").status_code == 200


def test_one_machine_may_hold_licenses_of_several_products() -> None:
    with organization(
        subscription("kre-node-locked", 1),
        subscription("kse", 1),
        licensed_users=users("kse", "dan@example.com"),
    ) as a:
        assert a.activate(KSE, "m1", "dan@example.com").status_code == 200
        assert a.activate("ENGINE", "m1", "dan@example.com").status_code == 200
        assert a.issue("ENGINE", "m1").status_code == 201
        assert {row["feature"] for row in a.rows("Machine")} == {KSE, "ENGINE"}


def test_no_more_machines_register_than_the_machine_quota_says() -> None:
    with organization(subscription("kre-node-locked", 5, machine_quota=1)) as a:
        assert statuses(a.register("ENGINE", "m1", "m2")) == ["registered", "machine_quota"]


def test_no_more_machines_are_activated_than_the_machine_quota_says() -> None:
    with organization(
        subscription("kse", 5, machine_quota=1),
        licensed_users=users("kse", "dan@example.com", "cleo@example.com"),
        machines=machines("kse", "m1"),
    ) as a:
        assert refusal(a.activate(KSE, "m2", "dan@example.com")) == "machine_quota"
        assert a.activate(KSE, "m1", "dan@example.com").status_code == 200


def test_an_offline_license_for_a_new_machine_needs_room_in_the_machine_quota() -> None:
    with organization(subscription("kse", 5, machine_quota=1), machines=machines("kse", "m1")) as a:
        assert refusal(a.issue(KSE, "m2")) == "machine_quota"
        assert a.issue(KSE, "m1").status_code == 201


def test_the_machine_quota_is_the_field_and_independent_of_the_quota() -> None:
    with organization(
        subscription("kse", 2, machine_quota=7), subscription("kre-node-locked", 3)
    ) as a:
        resource = a.resource()
        assert (resource["machineQuotaKSE"], resource["machineQuotaEngine"]) == (7, None)
        assert statuses(a.register("ENGINE", "m1", "m2", "m3")) == ["registered"] * 3


def test_machine_ids_of_any_form_are_taken_and_each_counts_by_itself() -> None:
    ids = ("5d41402abc4b2a76b9719d911017c592", "5D41402ABC4B2A76B9719D911017C592", "host #1/β")
    with organization(subscription("kre-node-locked", 3)) as a:
        assert statuses(a.register("ENGINE", *ids)) == ["registered"] * 3
        assert a.remove_machine("ENGINE", ids[2]).json()["status"] == "removed"
        assert [row["machineId"] for row in a.rows("Machine")] == list(ids[:2])


def test_only_machines_of_the_machine_product_are_registered_by_an_admin() -> None:
    with organization(subscription("kse", 5), subscription("testops", 5)) as a:
        assert refusal(a.register(KSE, "m1")) == "activate_on_host"
        assert refusal(a.register("TESTOPS", "m1")) == "activate_on_host"
        assert refusal(a.grant("ENGINE", "dan@example.com")) == "not_for_users"
        assert refusal(a.activate("TESTOPS", "m1", "dan@example.com")) == "not_for_machines"


def test_removing_a_machine_ends_its_sessions_and_frees_their_licenses() -> None:
    everyone = users("kre-floating", "dan@example.com", "cleo@example.com")
    with world(subscription("kre-floating", 2), licensed_users=everyone) as (w, a):
        a.activate("UNLIMITED_ENGINE", "m1", "dan@example.com")
        a.activate("UNLIMITED_ENGINE", "m2", "cleo@example.com")
        assert a.remove_machine("UNLIMITED_ENGINE", "m1").json()["status"] == "removed"
        assert [row["machineId"] for row in a.rows("KsSession")] == ["m2"]
        assert a.resource()["usedUnlimitedEngine"] == 1
        assert a.remove_machine("UNLIMITED_ENGINE", "m1").json()["status"] == "unchanged"
        assert [line["used_after"] for line in w.history("end_session")] == [1]


def test_removing_a_node_locked_machine_frees_its_license() -> None:
    with organization(
        subscription("kre-node-locked", 1), machines=machines("kre-node-locked", "m1")
    ) as a:
        a.activate("ENGINE", "m1", "dan@example.com")
        a.remove_machine("ENGINE", "m1")
        assert a.rows("KsSession") == []
        assert statuses(a.register("ENGINE", "m2")) == ["registered"]


# Members and removals


def test_somebody_who_is_no_member_cannot_be_granted_a_license() -> None:
    with organization(subscription("kse", 5), subscription("kse-floating", 5)) as a:
        assert refusal(a.grant(KSE, "nobody@example.com")) == "not_a_member"
        assert refusal(a.grant("UNLIMITED_KSE", "nobody@example.com")) == "not_a_member"


def test_somebody_who_is_no_member_cannot_start_a_session() -> None:
    with organization(subscription("kre-node-locked", 5)) as a:
        assert refusal(a.activate("ENGINE", "m1", "nobody@example.com")) == "not_a_member"
        assert refusal(a.activate("ENGINE", "m1", "pending@example.com")) == "pending_member"


@pytest.mark.parametrize(
    ("member", "asked"),
    [
        ("Ada@Example.com", "aDA@example.COM"),
        ("josé@example.com", "JOSE\u0301@EXAMPLE.COM"),
        ("strasse@example.com", "STRAßE@example.com"),
    ],
)
def test_members_are_found_in_any_spelling_and_listed_in_their_own(member: str, asked: str) -> None:
    with organization(subscription("kse", 5), members=[{"email": member}]) as a:
        answer = a.grant(KSE, asked)
        assert answer.json()["results"] == [{"email": asked, "status": "granted"}]
        assert licensed(a) == [member]
        assert statuses(a.grant(KSE, member)) == ["unchanged"]
        assert statuses(a.remove(KSE, asked)) == ["removed"]


def test_a_member_who_has_not_accepted_cannot_be_granted_a_license() -> None:
    with organization(subscription("kse", 5)) as a:
        assert refusal(a.grant(KSE, "pending@example.com")) == "pending_member"


def test_pending_members_are_invitations_and_active_ones_are_not() -> None:
    with organization() as a:
        assert [row["email"] for row in a.rows("UserInvitation")] == ["pending@example.com"]
        active = [row["userEmail"] for row in a.rows("UserOrganization")]
        assert len(active) == 5
        assert "pending@example.com" not in active
        assert a.resource()["numberUser"] == 5


def test_removing_a_licensed_user_ends_that_users_sessions_at_once() -> None:
    both = users("kre-floating", "dan@example.com", "cleo@example.com")
    with world(subscription("kre-floating", 5), licensed_users=both) as (w, a):
        a.activate("UNLIMITED_ENGINE", "m1", "dan@example.com")
        a.activate("UNLIMITED_ENGINE", "m2", "dan@example.com")
        a.activate("UNLIMITED_ENGINE", "m3", "cleo@example.com")
        answer = a.remove("UNLIMITED_ENGINE", "DAN@example.com")
        assert (statuses(answer), answer.json()["used"]) == (["removed"], 1)
        assert [row["machineId"] for row in a.rows("KsSession")] == ["m3"]
        assert len(a.rows("Machine")) == 3
        assert [line["used_after"] for line in w.history("end_session")] == [2, 1]


def test_a_user_whose_license_was_removed_cannot_start_a_session() -> None:
    with organization(subscription("kse", 5), licensed_users=users("kse", "dan@example.com")) as a:
        a.remove(KSE, "dan@example.com")
        assert refusal(a.activate(KSE, "m1", "dan@example.com")) == "not_licensed"


def test_removing_a_licensed_user_frees_neither_the_offline_license_nor_its_seat() -> None:
    with organization(
        subscription("kse", 2),
        licensed_users=users("kse", "dan@example.com"),
        machines=[{"product": "kse", "id": "m1", "email": "dan@example.com"}],
    ) as a:
        assert a.issue(KSE, "m1").json()["userEmail"] == "dan@example.com"
        assert a.remove(KSE, "dan@example.com").json()["used"] == 1
        assert offline(a) == ["m1"]


def test_removing_a_member_revokes_all_licenses_and_ends_all_sessions() -> None:
    with world(
        subscription("kse", 5),
        subscription("testops", 5),
        subscription("kre-node-locked", 5),
        licensed_users=[
            *users("kse", "dan@example.com", "cleo@example.com"),
            *users("testops", "dan@example.com"),
        ],
    ) as (w, a):
        a.activate(KSE, "m1", "dan@example.com")
        a.activate("ENGINE", "m2", "dan@example.com")
        assert a.remove_member("Dan@example.com").json()["status"] == "removed"
        assert licensed(a) == ["cleo@example.com"]
        assert a.rows("KsSession") == []
        assert "dan@example.com" not in [r["userEmail"] for r in a.rows("UserOrganization")]
        assert refusal(a.grant(KSE, "dan@example.com")) == "not_a_member"
        assert a.remove_member("dan@example.com").json()["status"] == "unchanged"
        assert w.service.remove_member(101, "cleo@example.com")
        assert not w.service.remove_member(101, "cleo@example.com")
        assert licensed(a) == []


def test_removing_a_member_does_not_free_offline_licenses() -> None:
    with organization(
        subscription("kse", 2),
        machines=[{"product": "kse", "id": "m1", "email": "dan@example.com"}],
        offline_licenses=[
            {
                "product": "kse",
                "machine": "m1",
                "email": "dan@example.com",
                "expires": "2027-01-31",
            }
        ],
    ) as a:
        a.remove_member("dan@example.com")
        assert offline(a) == ["m1"]
        assert a.resource()["usedKSE"] == 1


# Offline licenses


def test_a_machine_with_an_offline_license_cannot_be_removed() -> None:
    with organization(subscription("kse", 2)) as a:
        a.issue(KSE, "m1")
        assert refusal(a.remove_machine(KSE, "m1")) == "offline_locked"
        assert len(a.rows("Machine")) == 1


def test_an_offline_license_cannot_be_replaced_by_another() -> None:
    with organization(subscription("kse", 5)) as a:
        a.issue(KSE, "m1", "2027-01-31T23:59:59Z")
        assert refusal(a.issue(KSE, "m1", "2027-03-31T23:59:59Z")) == "already_offline"
        (key,) = a.rows("LicenseKey")
        assert key["expirationDate"] == "2027-01-31T23:59:59Z"


def test_an_offline_license_is_bound_to_its_machine_which_becomes_registered() -> None:
    with organization(subscription("kse", 2)) as a:
        answer = a.issue(KSE, "m1", "2027-01-31T23:59:59Z")
        assert answer.status_code == 201
        assert answer.json() == a.rows("LicenseKey")[0]
        assert answer.json()["machineId"] == "m1"
        assert [row["machineId"] for row in a.rows("Machine")] == ["m1"]


def test_an_offline_license_converts_a_node_locked_machine_at_no_cost() -> None:
    with organization(
        subscription("kre-node-locked", 2), machines=machines("kre-node-locked", "m1", "m2")
    ) as a:
        assert a.issue("ENGINE", "m1").status_code == 201
        assert a.resource()["usedEngine"] == 2
        assert len(a.rows("Machine")) == 2


def test_an_offline_license_for_a_new_node_locked_machine_takes_a_seat() -> None:
    with organization(
        subscription("kre-node-locked", 2), machines=machines("kre-node-locked", "m1")
    ) as a:
        assert a.issue("ENGINE", "m2").status_code == 201
        assert a.resource()["usedEngine"] == 2
        assert refusal(a.issue("ENGINE", "m3")) == "over_quota"


def test_an_offline_license_may_last_as_long_as_the_subscription_and_no_longer() -> None:
    with organization(subscription("kse", 5, expires="2027-06-30")) as a:
        assert refusal(a.issue(KSE, "m1", "2027-07-01T00:00:00Z")) == "invalid_date"
        # The same second, told from another time zone.
        assert a.issue(KSE, "m1", "2027-07-01T01:59:59+02:00").status_code == 201


def test_an_offline_license_cannot_begin_expired() -> None:
    with organization(subscription("kse", 5)) as a:
        assert refusal(a.issue(KSE, "m1", "2026-11-24T11:59:59Z")) == "invalid_date"
        assert a.issue(KSE, "m1", "2026-11-24T12:00:00Z").status_code == 201


def test_the_expiry_of_an_offline_license_gives_its_seat_back() -> None:
    with world(subscription("kse", 1)) as (w, a):
        a.issue(KSE, "m1", "2027-01-31T23:59:59Z")
        assert refusal(a.grant(KSE, "dan@example.com")) == "over_quota"
        w.clock.move(days=90)
        assert offline(a) == []
        assert a.resource()["usedKSE"] == 0
        assert statuses(a.grant(KSE, "dan@example.com")) == ["granted"]


def test_an_offline_license_holds_through_the_last_second_of_its_day() -> None:
    with world(
        subscription("kse", 1),
        offline_licenses=[{"product": "kse", "machine": "m1", "expires": "2026-11-24"}],
    ) as (w, a):
        w.clock.move(hours=11, minutes=59, seconds=59.5)
        assert offline(a) == ["m1"]
        assert a.resource()["usedKSE"] == 1
        w.clock.move(seconds=0.5)
        assert offline(a) == []
        assert a.resource()["usedKSE"] == 0


def test_a_node_locked_machine_is_counted_once_at_every_moment_of_its_offline_license() -> None:
    with world(
        subscription("kre-node-locked", 5),
        machines=machines("kre-node-locked", "m1"),
        offline_licenses=[{"product": "kre-node-locked", "machine": "m1", "expires": "2026-11-24"}],
    ) as (w, a):
        used = [a.resource()["usedEngine"]]
        w.clock.move(hours=11, minutes=59, seconds=59)
        used.append(a.resource()["usedEngine"])
        assert a.register("ENGINE", "m1").json()["used"] == 1
        w.clock.move(seconds=1)
        used.append(a.resource()["usedEngine"])
        assert a.register("ENGINE", "m1").json()["used"] == 1
        assert used == [1, 1, 1]


def test_a_node_locked_machine_stays_registered_when_its_offline_license_expires() -> None:
    with world(subscription("kre-node-locked", 1)) as (w, a):
        a.issue("ENGINE", "m1", "2027-01-31T23:59:59Z")
        w.clock.move(days=90)
        assert offline(a) == []
        assert [row["machineId"] for row in a.rows("Machine")] == ["m1"]
        assert a.resource()["usedEngine"] == 1


def test_a_machine_can_be_removed_once_its_offline_license_has_expired() -> None:
    with world(subscription("kse", 1)) as (w, a):
        a.issue(KSE, "m1", "2027-01-31T23:59:59Z")
        w.clock.move(days=90)
        assert a.remove_machine(KSE, "m1").json()["status"] == "removed"


def test_a_machine_gets_a_new_offline_license_once_its_old_one_has_expired() -> None:
    with world(subscription("kse", 1)) as (w, a):
        a.issue(KSE, "m1", "2027-01-31T23:59:59Z")
        w.clock.move(days=90)
        assert a.issue(KSE, "m1", "2027-03-31T23:59:59Z").status_code == 201
        assert len(w.history("issue_offline")) == 2


def test_an_offline_license_needs_a_subscription_that_allows_it() -> None:
    with organization(
        subscription("kse", 5, offline_allowed=False), subscription("testops", 5)
    ) as a:
        assert refusal(a.issue(KSE, "m1")) == "offline_not_allowed"
        assert a.resource()["canCreateOfflineKSE"] is False


def test_an_offline_license_needs_a_free_seat() -> None:
    with organization(subscription("kse", 1), licensed_users=users("kse", "dan@example.com")) as a:
        assert refusal(a.issue(KSE, "m1")) == "over_quota"
        assert a.rows("Machine") == []


def test_an_offline_license_of_a_session_product_needs_a_seat_beside_the_sessions() -> None:
    with organization(
        subscription("kre-floating", 2), licensed_users=users("kre-floating", "dan@example.com")
    ) as a:
        a.activate("UNLIMITED_ENGINE", "m1", "dan@example.com")
        assert a.issue("UNLIMITED_ENGINE", "m1").status_code == 201
        assert refusal(a.issue("UNLIMITED_ENGINE", "m2")) == "over_quota"
        assert refusal(a.activate("UNLIMITED_ENGINE", "m2", "dan@example.com")) == "over_quota"


# Roles and subscriptions


@pytest.mark.parametrize("email", ["ada@example.com", "ben@example.com"])
def test_owners_and_admins_manage_licenses(email: str) -> None:
    with running(snapshot(subscription("kse", 5)), members=[email]) as started:
        a = Admin(started.client_of(email))
        assert statuses(a.grant(KSE, "dan@example.com")) == ["granted"]
        assert licensed(a) == ["dan@example.com"]
        assert started.history()[0]["principal"] == email


@pytest.mark.parametrize("email", ["cleo@example.com", "eve@example.com"])
def test_users_and_billing_managers_neither_see_nor_change_licenses(email: str) -> None:
    with running(snapshot(subscription("kse", 5))) as started:
        a = Admin(started.client_of(email))
        tries = [
            a.grant(KSE, email),
            a.remove(KSE, email),
            a.register("ENGINE", "m1"),
            a.issue(KSE, "m1"),
            a.remove_machine(KSE, "m1"),
            a.release(KSE, "m1", "s1"),
            a.remove_member("dan@example.com"),
            a.activate(KSE, "m1", "dan@example.com"),
            *(
                a.search(entity)
                for entity in (
                    "UserOrganizationFeature",
                    "Machine",
                    "LicenseKey",
                    "KsSession",
                    "UserOrganization",
                    "UserInvitation",
                )
            ),
            a.client.post("/api/v1/search", json={"type": "Machine"}),
        ]
        assert [answer.status_code for answer in tries] == [403] * len(tries)
        assert started.history() == []
        assert [row["role"] for row in a.rows("Organization")] == [a.resource()["role"]]


def test_a_role_holds_in_its_own_organization_only() -> None:
    document = snapshot(subscription("kse", 5))
    document["organizations"] += [
        {"id": 102, "members": [{"email": "ada@example.com"}]},
        {
            "id": 103,
            "members": [{"email": "ada@example.com", "role": "owner", "status": "pending"}],
        },
        {"id": 104},
    ]
    with running(document) as started:
        client = started.client_of("Ada@example.com")
        answers = [Admin(client, o).grant(KSE, "ada@example.com") for o in (101, 102, 103, 104, 9)]
        assert [answer.status_code for answer in answers] == [200, 403, 404, 404, 404]
        visible = client.get("/api/v1/users/me").json()["organizations"]
        assert [(row["id"], row["role"]) for row in visible] == [(101, "OWNER"), (102, "USER")]


def test_nothing_is_granted_without_a_subscription() -> None:
    with organization(subscription("testops", 5)) as a:
        assert refusal(a.grant(KSE, "dan@example.com")) == "no_subscription"
        assert refusal(a.register("ENGINE", "m1")) == "no_subscription"
        assert refusal(a.issue(KSE, "m1")) == "no_subscription"
        assert refusal(a.activate("ENGINE", "m1", "dan@example.com")) == "no_subscription"


def test_an_expired_subscription_grants_nothing_and_still_allows_removals() -> None:
    with organization(
        subscription("kse", 5, expires="2026-11-23"),
        subscription("kre-node-locked", 5, expires="2026-11-23"),
        licensed_users=users("kse", "cleo@example.com"),
        machines=machines("kre-node-locked", "m1"),
    ) as a:
        assert refusal(a.grant(KSE, "dan@example.com")) == "subscription_expired"
        assert refusal(a.register("ENGINE", "m2")) == "subscription_expired"
        assert refusal(a.issue("ENGINE", "m1")) == "subscription_expired"
        assert refusal(a.activate(KSE, "m1", "cleo@example.com")) == "subscription_expired"
        assert statuses(a.remove(KSE, "cleo@example.com")) == ["removed"]
        assert a.remove_machine("ENGINE", "m1").json()["status"] == "removed"
        assert a.resource()["subscribed"] is False


def test_a_subscription_lasts_through_the_last_second_of_its_day() -> None:
    with world(subscription("kse", 5, expires="2026-11-24")) as (w, a):
        w.clock.move(hours=11, minutes=59, seconds=59.9)
        assert statuses(a.grant(KSE, "dan@example.com")) == ["granted"]
        w.clock.move(seconds=0.1)
        assert refusal(a.grant(KSE, "cleo@example.com")) == "subscription_expired"
