from __future__ import annotations

from datetime import UTC

import pytest

from reconciler.errors import UnsoundPlanError
from reconciler.model.plan import Allowed, Configuration
from reconciler.model.state import Subscription
from reconciler.planning import sound
from reconciler.planning.planner import PlanRequest
from tests.worlds import NOW, TODAY, desired, members, plan_many, state


def request_() -> PlanRequest:
    return PlanRequest(
        desired=(desired(users={"kse": ["ada"]}),),
        states={101: state(people=members("ada"), subscriptions=(Subscription("kse", 2),))},
        as_of=TODAY,
        created_at=NOW,
        tool="test",
        target="test",
        configuration=Configuration("sha256:" + 64 * "0"),
        allowed=Allowed(),
        live=True,
        timezone=UTC,
    )


def test_a_sound_plan_is_returned():
    assert len(sound.sound_plan(request_()).organizations[0].changes) == 1


def test_a_plan_on_which_planner_and_checker_disagree_is_never_used(monkeypatch):
    # A planner with a bug: it grants somebody whom no file wants.
    wrong = plan_many(
        [desired(users={"kse": ["eve"]})],
        [state(people=members("eve"), subscriptions=(Subscription("kse", 2),))],
    )
    monkeypatch.setattr(sound, "make_plan", lambda _: wrong)
    with pytest.raises(UnsoundPlanError) as caught:
        sound.sound_plan(request_())
    assert "eve@example.com" in caught.value.message
    assert "organization 101" in caught.value.message
