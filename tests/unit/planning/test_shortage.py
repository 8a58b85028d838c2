"""The account of a shortage."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime

import pytest

from reconciler.model.desired import OnShortage, Policy, UnlicensedMembers
from reconciler.model.plan import OrganizationPlan
from reconciler.model.state import Session, Subscription
from tests.worlds import desired, email, members, plan, state, wants, words

QUIET = Policy(unlicensed_members=UnlicensedMembers.IGNORE, allow_irrevocable=True)
UNTIL = date(2027, 3, 31)
EIGHT, NINE = (datetime(2026, 11, 24, hour, tzinfo=UTC) for hour in (8, 9))


@pytest.mark.parametrize("product", ["kse-floating", "kre-floating", "kre-devops"])
class TestSessions:
    def short(
        self,
        product: str,
        *sessions: tuple[str, str | None, datetime | None],
        users: tuple[str, ...] = ("ada", "bob"),
        policy: Policy = QUIET,
    ) -> OrganizationPlan:
        """A pool that these sessions fill, in which a machine is to get an offline license."""
        rows = [Session(product, *row) for row in sessions]
        return plan(
            desired(
                users={product: users},
                machines={product: [wants("m9", offline_until=UNTIL)]},
                policy=policy,
            ),
            state(
                people=members("ada", "bob"),
                subscriptions=(Subscription(product, len(rows), offline_allowed=True),),
                users={product: ["ada", "bob"]},
                machines={product: ["m9"]},
                sessions=rows,
            ),
            irrevocable=True,
        )

    def test_the_active_ones_are_named_the_oldest_first(self, product: str) -> None:
        found = self.short(
            product,
            ("m3", None, None),
            ("m2", email("bob"), NINE),
            ("m4", None, NINE),
            ("m1", email("ada"), EIGHT),
        )
        assert words(found) == []
        (refusal,) = found.refusals
        assert refusal.details["sessions"] == [
            {"machine": "m1", "user": email("ada"), "started_at": "2026-11-24T08:00:00Z"},
            {"machine": "m2", "user": email("bob"), "started_at": "2026-11-24T09:00:00Z"},
            {"machine": "m4", "user": None, "started_at": "2026-11-24T09:00:00Z"},
            {"machine": "m3", "user": None, "started_at": None},
        ]
        assert (
            "4 sessions are active: m1 (ada@example.com, since 2026-11-24T08:00:00Z), m2 "
            "(bob@example.com, since 2026-11-24T09:00:00Z), m4 (since 2026-11-24T09:00:00Z) and 1 "
            "more; end one with `reconciler sessions end`"
        ) in refusal.message
        assert refusal.message.endswith("buy 1 or end as many sessions")

    def test_one_is_one(self, product: str) -> None:
        (refusal,) = self.short(product, ("m1", None, None)).refusals
        assert "1 session is active: m1; end it with `reconciler sessions end`" in refusal.message

    def test_those_that_the_plan_ends_itself_need_nobody_to_end_them(self, product: str) -> None:
        found = self.short(
            product, ("m1", email("ada"), EIGHT), ("m2", email("bob"), NINE), users=("ada",)
        )
        # Bob leaves, and with the session goes the shortage.
        assert words(found) == ["-bob", "!m9"]

    def test_a_waiting_list_says_so_too(self, product: str) -> None:
        policy = replace(QUIET, on_shortage=OnShortage.WAITLIST)
        found = self.short(product, ("m1", email("ada"), EIGHT), policy=policy)
        (deferral,) = found.deferred
        assert "1 session is active: m1 (ada@example.com" in deferral.message


def test_of_several_only_those_that_stay_are_named() -> None:
    rows = [
        Session("kre-floating", "m1", email("ada")),
        Session("kre-floating", "m2", email("bob")),
    ]
    found = plan(
        desired(
            users={"kre-floating": ["ada"]},
            machines={"kre-floating": [wants(f"m{n}", offline_until=UNTIL) for n in (7, 8)]},
            policy=QUIET,
        ),
        state(
            people=members("ada"),
            subscriptions=(Subscription("kre-floating", 2, offline_allowed=True),),
            users={"kre-floating": ["ada", "bob"]},
            machines={"kre-floating": ["m7", "m8"]},
            sessions=rows,
        ),
        irrevocable=True,
    )
    (refusal,) = found.refusals
    assert [row["machine"] for row in refusal.details["sessions"]] == ["m1"]


def test_sessions_that_cannot_be_listed_are_unknown_and_those_of_other_products_no_matter() -> None:
    wanted = desired(
        machines={
            "kre-floating": [wants("m1", offline_until=UNTIL)],
            "kse": [wants("m1", offline_until=UNTIL)],
        },
        policy=QUIET,
    )
    current = state(
        subscriptions=(
            Subscription("kse", 0, 0, offline_allowed=True),
            Subscription("kre-floating", 1, 1, offline_allowed=True),
        ),
        machines={"kre-floating": ["m1"], "kse": ["m1"]},
    )
    kse, floating = plan(wanted, replace(current, sessions=None), irrevocable=True).refusals
    assert "sessions" not in kse.details
    assert floating.details["sessions"] is None
    assert "session" not in floating.message.replace("end as many sessions", "")
