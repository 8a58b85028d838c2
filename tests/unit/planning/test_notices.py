"""What a plan says besides its changes."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, timedelta

from reconciler.model.desired import (
    DesiredOrganization,
    Entry,
    Everyone,
    Policy,
    UnlicensedMembers,
)
from reconciler.model.plan import Notice, OrganizationPlan
from reconciler.model.source import Source
from reconciler.model.state import Subscription
from tests.worlds import TODAY, desired, email, members, plan, plan_many, state, wants

QUIET = Policy(unlicensed_members=UnlicensedMembers.IGNORE)
YESTERDAY, TOMORROW = TODAY - timedelta(days=1), TODAY + timedelta(days=1)
LINE = Source("orgs/acme.yaml", 130, 9)
PEOPLE = ("ada", "bob", "carol", "dan", "eve")


def told(found: OrganizationPlan, code: str) -> list[Notice]:
    return [row for row in found.warnings if row.code == code]


def with_everyone(wanted: DesiredOrganization, **dates: date) -> DesiredOrganization:
    (product,) = wanted.products
    line = Everyone(Entry(LINE, **dates), len(product.users.wanted))
    users = replace(product.users, everyone=(line,))
    return replace(wanted, products=(replace(product, users=users),))


def test_an_address_of_two_scripts_is_told_at_its_line_with_both_letters():
    mixed = "\u0430dmin@example.com"
    listed = desired(users={"kse": [wants(mixed)]}, policy=QUIET)
    current = state(people=members(mixed), subscriptions=(Subscription("kse", 9),))
    (notice,) = told(plan(listed, current), "look_alike")
    assert "\u0430 (U+0430 CYRILLIC SMALL LETTER A) and d (U+0064 LATIN" in notice.message
    assert notice.source is not None
    assert notice.source.line == listed.products[0].users.wanted[0].source.line
    assert notice.details["product"] == "kse"


def test_of_very_many_addresses_of_two_scripts_the_rest_is_counted():
    mixed = [f"\u0430dmin{number}@example.com" for number in range(103)]
    listed = desired(users={"kse": [wants(one) for one in mixed]}, policy=QUIET)
    current = state(people=members(*mixed), subscriptions=(Subscription("kse", 200),))
    found = told(plan(listed, current), "look_alike")
    assert len(found) == 101
    (rest,) = [row for row in found if "more" in row.details]
    assert rest.message == "kse: 3 more addresses mix scripts"


class TestTheNameOfAnOrganization:
    CURRENT = replace(state(people=members("ada")), name="Acme QA")
    PLACE = Source("orgs/acme.yaml", 2, 27)

    def named(self, name: str | None) -> DesiredOrganization:
        return replace(desired(users={}, policy=QUIET), name=name, name_source=self.PLACE)

    def test_one_that_differs_from_the_apis_is_told_at_its_place_and_never_shown_as_it(self):
        found = plan(self.named("Acme QA sandbox"), self.CURRENT)
        (notice,) = told(found, "organization_name")
        assert found.name == "Acme QA"
        assert "calls organization 101 'Acme QA sandbox'" in notice.message
        assert "the licensing system calls it 'Acme QA'" in notice.message
        assert notice.details == {"file": "Acme QA sandbox", "system": "Acme QA"}
        assert notice.source == self.PLACE

    def test_one_that_is_the_same_or_missing_on_either_side_is_no_matter(self):
        for name, system in (("Acme QA", "Acme QA"), (None, "Acme QA"), ("Acme QA", None)):
            found = plan(self.named(name), replace(self.CURRENT, name=system))
            assert told(found, "organization_name") == []
            assert found.name == "Acme QA"


class TestALineForAllMembers:
    CURRENT = state(people=members(*PEOPLE), subscriptions=(Subscription("kse", 9),))

    def test_one_that_has_ended_is_one_entry(self):
        wanted = with_everyone(desired(users={"kse": []}, policy=QUIET), end=YESTERDAY)
        (notice,) = told(plan(wanted, self.CURRENT), "expired_entries")
        assert "1 entry of the users ended (members: all)" in notice.message
        assert notice.details["places"] == [str(LINE)]
        assert notice.source == LINE

    def test_it_is_told_beside_those_who_are_listed(self):
        listed = desired(users={"kse": [wants("ada", end=YESTERDAY), "bob"]}, policy=QUIET)
        found = plan(with_everyone(listed, end=YESTERDAY), self.CURRENT)
        (notice,) = told(found, "expired_entries")
        assert f"2 entries of the users ended ({email('ada')}, members: all)" in notice.message
        assert notice.details["places"] == ["orgs/acme.yaml:102:9", str(LINE)]

    def test_it_is_told_where_everybody_is_listed_too(self):
        found = plan(
            with_everyone(desired(users={"kse": PEOPLE}, policy=QUIET), end=YESTERDAY), self.CURRENT
        )
        (notice,) = told(found, "expired_entries")
        assert notice.details == {
            "product": "kse",
            "subjects": ["members: all"],
            "places": [str(LINE)],
        }

    def test_one_that_begins_later_is_one_entry(self):
        wanted = with_everyone(desired(users={"kse": []}, policy=QUIET), start=TOMORROW)
        (notice,) = told(plan(wanted, self.CURRENT), "upcoming")
        assert f"1 entry starts later, the first on {TOMORROW} (members: all)" in notice.message
        assert notice.details["entries"] == [
            {"subject": "members: all", "from": TOMORROW.isoformat()}
        ]

    def test_one_that_wants_somebody_now_is_not_told(self):
        for dates in ({}, {"start": TODAY, "end": TODAY}):
            wanted = with_everyone(desired(users={"kse": []}, policy=QUIET), **dates)
            found = plan(wanted, self.CURRENT)
            assert told(found, "expired_entries") == told(found, "upcoming") == []


class TestMovesBetweenOrganizations:
    BOTH = (Subscription("kse", 5), Subscription("testops", 5))

    def codes(self, files: list[dict], holders: list[dict]) -> list[list[str]]:
        wanted = [
            replace(desired(users=users, policy=QUIET), id=number)
            for number, users in enumerate(files, 1)
        ]
        states = [
            state(number, people=members("ada", "bob"), subscriptions=self.BOTH, users=users)
            for number, users in enumerate(holders, 1)
        ]
        return [
            [row.details["subject"] for row in told(found, "moves_between_organizations")]
            for found in plan_many(wanted, states, removals=9).organizations
        ]

    def test_who_changes_product_in_one_and_gains_in_another_did_not_move(self):
        files = [{"kse": [], "testops": ["bob"]}, {"kse": ["bob"]}]
        assert self.codes(files, [{"kse": ["bob"]}, {}]) == [[], []]

    def test_who_changes_product_in_one_and_loses_in_another_did_not_move(self):
        files = [{"kse": [], "testops": ["bob"]}, {"kse": []}]
        assert self.codes(files, [{"kse": ["bob"]}, {"kse": ["bob"]}]) == [[], []]

    def test_who_loses_all_in_one_and_gains_in_another_moved(self):
        files = [{"kse": []}, {"kse": ["bob"]}, {"kse": [], "testops": ["bob"]}]
        found = self.codes(files, [{"kse": ["bob"]}, {}, {"kse": ["bob"]}])
        assert found == [[email("bob")], [email("bob")], []]
