"""Seats over time."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from datetime import date, timedelta

from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

from reconciler.model.desired import Entry, Everyone, OnShortage, Policy, UnlicensedMembers
from reconciler.model.identity import user
from reconciler.model.plan import Action
from reconciler.model.source import Source
from reconciler.model.state import Member, MemberStatus, OrganizationState, Session, Subscription
from reconciler.planning.forecast import PoolForecast, forecast
from reconciler.products import PRODUCTS, SeatUnit
from tests.laws.organizations import Example, examples
from tests.worlds import TODAY, desired, email, members, plan, plan_many, state, wants

YEAR_ON = TODAY + timedelta(days=365)
law = settings(
    max_examples=150, deadline=None, suppress_health_check=list(HealthCheck), database=None
)


def day(number: int) -> date:
    return TODAY + timedelta(days=number)


def kse(quota: int | None, **more: object) -> tuple[Subscription, ...]:
    return (Subscription("kse", quota, **more),)


def rows(pool: PoolForecast) -> list[tuple[date, int, int, int | None, int | None]]:
    return [(row.day, row.wanted, row.pinned, row.quota, row.short) for row in pool.days]


def the_pool(wanted: object, current: OrganizationState, last: date = YEAR_ON) -> PoolForecast:
    found = forecast(wanted, current, TODAY, last)
    assert found.unknown == ()
    (pool,) = found.pools
    return pool


def test_a_row_stands_for_each_day_on_which_a_number_changes() -> None:
    wanted = desired(
        users={"kse": ["ada", wants("bob", start=day(10)), wants("eve", end=day(20)), "dan"]}
    )
    pool = the_pool(
        wanted,
        state(
            people=members("ada", "bob", "dan", "eve"),
            subscriptions=kse(3, expires=day(90)),
            users={"kse": ["ada", "eve", "somebody-else"]},
        ),
    )
    assert rows(pool) == [
        (day(0), 3, 0, 3, 0),
        (day(10), 4, 0, 3, 1),
        (day(21), 3, 0, 3, 0),
        (day(91), 3, 0, 0, 3),
    ]
    assert pool.first_short_day == day(10)
    assert pool.expires == day(90)


def test_a_day_on_which_one_comes_as_another_goes_needs_no_row() -> None:
    wanted = desired(users={"kse": [wants("bob", start=day(10)), wants("eve", end=day(9))]})
    current = state(people=members("bob", "eve"), subscriptions=kse(1), users={"kse": ["eve"]})
    assert rows(the_pool(wanted, current)) == [(TODAY, 1, 0, 1, 0)]


def test_the_last_day_is_included_and_the_day_after_is_not() -> None:
    wanted = desired(users={"kse": [wants("bob", start=day(10))]})
    current = state(people=members("bob"), subscriptions=kse(1))
    assert len(the_pool(wanted, current, day(10)).days) == 2
    assert len(the_pool(wanted, current, day(9)).days) == 1


def test_somebody_who_cannot_be_granted_wants_no_seat() -> None:
    wanted = desired(users={"kse": ["ada", "pia", "stranger"]})
    people = (*members("ada"), Member(email("pia"), status=MemberStatus.PENDING))
    assert the_pool(wanted, state(people=people, subscriptions=kse(9))).days[0].wanted == 1


def test_the_protected_keep_their_seats_listed_or_not() -> None:
    policy = Policy(protected=frozenset({email("ada")}))
    current = state(
        people=members("ada", "bob"), subscriptions=kse(9), users={"kse": ["ada", "bob"]}
    )
    assert the_pool(desired(users={"kse": []}, policy=policy), current).days[0].wanted == 1


def test_a_holder_keeps_the_seat_until_the_replacement_may_come() -> None:
    wanted = desired(users={"kse": [wants("bob", start=day(10), replaces="carol")]})
    current = state(people=members("bob", "carol"), subscriptions=kse(1), users={"kse": ["carol"]})
    assert rows(the_pool(wanted, current)) == [(TODAY, 1, 0, 1, 0)]
    stranger = desired(users={"kse": [wants("stranger", replaces="carol")]})
    assert the_pool(stranger, current).days[0].wanted == 1


def test_offline_licenses_pin_seats_until_they_end() -> None:
    wanted = desired(users={"kse": ["ada"]})
    current = state(
        people=members("ada"),
        subscriptions=kse(2),
        users={"kse": ["ada"]},
        offline={"kse": {"m1": day(5), "m2": None}},
    )
    assert rows(the_pool(wanted, current)) == [(TODAY, 3, 2, 2, 1), (day(6), 2, 1, 2, 0)]


def test_offline_licenses_that_the_files_want_are_seats_too() -> None:
    wanted = desired(
        machines={"kse": [wants("m1", offline_until=day(30)), wants("m2", offline_until=day(3))]},
        policy=Policy(allow_irrevocable=True),
    )
    current = state(
        people=members("ada"),
        subscriptions=kse(9, expires=day(40), offline_allowed=True),
        machines={"kse": ["m1"]},
        offline={"kse": {"m2": day(20)}},
    )
    assert rows(the_pool(wanted, current))[:3] == [
        (TODAY, 2, 2, 9, 0),
        (day(21), 1, 1, 9, 0),
        (day(31), 0, 0, 9, 0),
    ]
    withheld = replace(wanted, policy=Policy())
    assert the_pool(withheld, current).days[0].wanted == 1


def test_an_offline_license_that_would_outlive_the_subscription_is_not_counted() -> None:
    wanted = desired(
        machines={"kse": [wants("m1", offline_until=day(50))]},
        policy=Policy(allow_irrevocable=True),
    )
    current = state(people=(), subscriptions=kse(9, expires=day(40)), machines={"kse": ["m1"]})
    assert the_pool(wanted, current).days[0].wanted == 0


def test_a_machine_is_one_seat_with_and_without_an_offline_license() -> None:
    product = "kre-node-locked"
    wanted = desired(
        machines={product: ["m1", wants("m3", offline_until=day(9))]},
        policy=Policy(allow_irrevocable=True),
    )
    current = state(
        subscriptions=(Subscription(product, 2),),
        machines={product: ["m1", "m4"]},
        offline={product: {"m2": day(5)}},
    )
    assert rows(the_pool(wanted, current)) == [
        (TODAY, 3, 2, 2, 1),
        (day(6), 2, 1, 2, 0),
        (day(10), 2, 0, 2, 0),
    ]


def test_a_machine_that_cannot_take_over_yet_gets_no_offline_license() -> None:
    product = "kre-node-locked"
    wanted = desired(
        machines={product: [wants("m2", replaces="m1", offline_until=day(9))]},
        policy=Policy(allow_irrevocable=True),
    )
    current = state(subscriptions=(Subscription(product, 2),), offline={product: {"m1": day(5)}})
    assert rows(the_pool(wanted, current)) == [(TODAY, 1, 1, 2, 0), (day(10), 1, 0, 2, 0)]


def test_sessions_are_not_foreseen() -> None:
    wanted = desired(users={"kse-floating": ["ada", "bob"]})
    current = state(
        people=members("ada", "bob"),
        subscriptions=(Subscription("kse-floating", 1, 3),),
        offline={"kse-floating": {"m1": None}},
        sessions=(Session("kse-floating", "m2"), Session("kse-floating", "m3")),
    )
    assert rows(the_pool(wanted, current)) == [(TODAY, 1, 1, 1, 0)]


def test_seats_that_only_the_api_counts_stay_taken() -> None:
    wanted = desired(users={"kse": ["ada"]})
    current = state(people=members("ada"), subscriptions=kse(5, used=3), users={"kse": ["ada"]})
    assert the_pool(wanted, current).days[0].wanted == 3


def test_a_license_that_ends_before_the_first_day_is_not_taken_for_a_hidden_seat() -> None:
    wanted = desired(users={"kse": ["ada"]})
    current = state(
        people=members("ada"),
        subscriptions=kse(5, used=2),
        users={"kse": ["ada"]},
        offline={"kse": {"m1": day(5)}},
    )
    later = forecast(wanted, current, day(50), day(60), read_on=TODAY)
    assert later.pools[0].days[0].wanted == 1


def test_everyone_is_counted_by_the_members_there_are() -> None:
    line = Everyone(
        Entry(Source("f", 3, 9), end=day(4)), 0, excluded=((user(email("dan")), Source("f", 4)),)
    )
    wanted = desired(users={"kse": ["ada"]})
    (product,) = wanted.products
    users = replace(product.users, everyone=(line,))
    wanted = replace(wanted, products=(replace(product, users=users),))
    current = state(
        people=members("ada", "bob", "carol", "dan"), subscriptions=kse(9), users={"kse": ["ada"]}
    )
    assert [(d, n) for d, n, *_ in rows(the_pool(wanted, current))] == [(TODAY, 3), (day(5), 1)]
    hidden = replace(current, members=None)
    assert forecast(wanted, hidden, TODAY, YEAR_ON).unknown == ("kse",)


def test_an_unknown_quota_is_never_short() -> None:
    wanted = desired(users={"kse": ["ada"]})
    pool = the_pool(wanted, state(people=members("ada"), subscriptions=None))
    assert rows(pool) == [(TODAY, 1, 0, None, None)]
    assert pool.first_short_day is None


def test_a_product_whose_lists_cannot_be_read_is_named_as_unknown() -> None:
    full = state(
        people=members("ada"),
        subscriptions=(
            Subscription("kse", 5),
            Subscription("testops", 5),
            Subscription("kre-node-locked", 5),
            Subscription("kre-floating", 5),
        ),
        users={"kse": ["ada"]},
    )
    wanted = desired(
        users={"kse": ["ada"], "testops": ["ada"]},
        machines={"kre-node-locked": ["m1"], "kre-floating": ["m1"]},
    )

    def unknown(**hidden: None) -> tuple[str, ...]:
        return forecast(wanted, replace(full, **hidden), TODAY, YEAR_ON).unknown

    assert unknown() == ()
    assert unknown(licensed_users=None) == ("kse", "testops")
    # Whoever holds a license needs no membership to be counted.
    assert unknown(members=None) == ("testops",)
    assert unknown(machines=None) == ("kre-node-locked", "kre-floating")
    assert unknown(offline_licenses=None) == ("kse", "kre-node-locked", "kre-floating")


def test_offline_licenses_that_cannot_be_listed_are_the_rest_of_the_apis_number() -> None:
    current = state(people=members("ada"), subscriptions=kse(5, used=3), users={"kse": ["ada"]})
    pool = the_pool(desired(users={"kse": ["ada"]}), replace(current, offline_licenses=None))
    assert rows(pool) == [(TODAY, 3, 2, 5, 0)]


def test_membership_matters_only_to_those_who_come_within_the_days() -> None:
    wanted = desired(users={"testops": ["ada", wants("bob", start=day(30))]})
    current = replace(
        state(subscriptions=(Subscription("testops", 5),), users={"testops": ["ada"]}),
        members=None,
    )
    assert forecast(wanted, current, TODAY, day(29)).unknown == ()
    assert forecast(wanted, current, TODAY, day(30)).unknown == ("testops",)


def roomy(example: Example) -> OrganizationState:
    """The example with seats for everybody, so that every grant is admitted."""
    subscriptions = tuple(
        replace(row, quota=1000, machine_quota=None, expires=None)
        for row in example.full.subscriptions
    )
    return replace(example.full, subscriptions=subscriptions)


def _running(current: OrganizationState, product: str) -> int:
    """The seats of a session product that no offline license holds."""
    offline = sum(row.product == product for row in current.offline_licenses)
    used = sum(row.product == product for row in current.sessions) + offline
    reported = current.subscription(product).used or 0
    return max(used, reported) - offline


@law
@given(examples())
def test_the_first_day_is_what_the_plan_of_that_day_ends_with(example: Example) -> None:
    current = roomy(example)
    policy = replace(
        example.desired.policy,
        on_shortage=OnShortage.FAIL,
        unlicensed_members=UnlicensedMembers.IGNORE,
    )
    wanted, on = replace(example.desired, policy=policy), example.as_of
    found = plan(wanted, current, as_of=on, read_on=TODAY, removals=100, irrevocable=True)
    stays = {"protected", "not_a_member", "irrevocable"}
    assert {row.code for row in found.refusals} <= stays
    after = {pool.product: pool.used_after for pool in found.pools}
    issued = Counter(c.product for c in found.changes if c.action is Action.ISSUE_OFFLINE)
    ahead = forecast(wanted, current, on, on, read_on=TODAY)
    assert ahead.unknown == ()
    assert {pool.product for pool in ahead.pools} == set(after)
    for pool in ahead.pools:
        (row,) = pool.days
        assert row.short == 0
        if PRODUCTS[pool.product].seat is not SeatUnit.SESSION:
            assert row.wanted == after[pool.product]
        elif not any(s.product == pool.product for s in current.sessions):
            assert row.wanted == after[pool.product] - _running(current, pool.product)
        held = sum(
            license_.product == pool.product and license_.expires >= on
            for license_ in current.offline_licenses
        )
        assert row.pinned == held + issued[pool.product]


@law
@given(examples(), st.integers(0, 320))
def test_a_day_ahead_is_the_first_day_of_the_forecast_made_for_it(
    example: Example, ahead: int
) -> None:
    later = day(ahead)
    whole = forecast(example.desired, example.seen, TODAY, YEAR_ON, read_on=TODAY)
    as_of = forecast(example.desired, example.seen, later, YEAR_ON, read_on=TODAY)
    assume(not whole.unknown)
    for pool, same in zip(whole.pools, as_of.pools, strict=True):
        in_force = [row for row in pool.days if row.day <= later][-1]
        assert replace(in_force, day=later) == same.days[0]
        assert [row for row in pool.days if row.day > later] == list(same.days[1:])


@law
@given(examples())
def test_the_order_of_the_systems_lists_does_not_matter(example: Example) -> None:
    lists = ("members", "subscriptions", "licensed_users", "machines", "offline_licenses")
    turned = {
        name: None if rows is None else rows[::-1]
        for name in lists
        for rows in [getattr(example.seen, name)]
    }
    assert forecast(example.desired, replace(example.seen, **turned), TODAY, YEAR_ON) == forecast(
        example.desired, example.seen, TODAY, YEAR_ON
    )


def test_a_refused_plan_is_no_reason_to_foresee_nothing() -> None:
    wanted = desired(users={"kse": ["ada", "bob"]})
    current = state(people=members("ada", "bob"), subscriptions=kse(1))
    (found,) = plan_many([wanted], [current]).organizations
    assert [row.code for row in found.refusals] == ["over_quota"]
    assert rows(the_pool(wanted, current)) == [(TODAY, 2, 0, 1, 1)]
