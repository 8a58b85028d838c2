"""What reports rest on: a place for every refusal and warning, and until when seats are held."""

from __future__ import annotations

from dataclasses import replace
from datetime import date

import pytest

from reconciler.model.plan_document import from_document, to_document
from reconciler.model.source import Source
from reconciler.model.state import OfflineLicense, Subscription
from tests.worlds import desired, members, plan, plan_many, state

M = [f"{n:032x}" for n in range(3)]
KSE = (Subscription("kse", 9, expires=date(2097, 6, 30)),)


def test_what_no_line_is_the_reason_of_stands_at_the_organization() -> None:
    wanted = replace(desired(users={"kse": []}), source=Source("orgs/acme.yaml", 2, 20))
    alone = plan(wanted, state(people=members("ada"), subscriptions=KSE))
    assert [(row.code, row.source) for row in alone.warnings] == [
        ("unlicensed_members", wanted.source)
    ]


@pytest.mark.parametrize(
    ("ends", "until"),
    [
        ([], None),
        ([date(2097, 1, 31)], date(2097, 1, 31)),
        ([date(2097, 1, 31), date(2096, 1, 31)], date(2097, 1, 31)),
        ([date(2097, 1, 31), None], None),
    ],
)
def test_a_pool_says_until_when_its_offline_licenses_hold_seats(
    ends: list[date | None], until: date | None
) -> None:
    rows = tuple(OfflineLicense("kse", M[number], end) for number, end in enumerate(ends))
    world = replace(state(people=members("ada"), subscriptions=KSE), offline_licenses=rows)
    (pool,) = plan(desired(users={"kse": ["ada"]}), world).pools
    assert pool.offline == len(ends)
    assert pool.offline_until == until
    whole = plan_many([desired(users={"kse": ["ada"]})], [world])
    assert from_document(to_document(whole)).organizations[0].pools == (pool,)
