"""When a drift check is sure, and what it does then."""

from __future__ import annotations

from dataclasses import dataclass, field

import pytest

from reconciler.cli.forges.drift import TITLE, Drift, tell_drift
from reconciler.cli.forges.protocol import Post
from reconciler.model.plan_document import to_document
from reconciler.model.state import Subscription
from tests.worlds import desired, members, plan_many, state


def plan_of(licensed: tuple[str, ...]) -> dict:
    current = state(
        people=members("ada", "bob"),
        subscriptions=(Subscription("kse", quota=4),),
        users={"kse": licensed},
    )
    wanted = desired(users={"kse": ("ada", "bob")})
    return to_document(plan_many([wanted], [current]))


IN_SYNC, DRIFTED = plan_of(("ada", "bob")), plan_of(("ada",))
UNREAD = {**IN_SYNC, "unread": [{"id": 102, "message": "no answer"}]}


@dataclass(slots=True)
class Noted:
    """A forge that only notes what is done to its issues."""

    issues: dict[int, str] = field(default_factory=dict)
    closed: list[int] = field(default_factory=list)
    author: str = "bot"
    by_hand: str = "apply it"
    longest: int = 60_000
    run: str | None = "7"
    run_url: str | None = None
    commit: str | None = None

    def open_issues(self) -> tuple[Post, ...]:
        return tuple(Post(number, "bot", body) for number, body in self.issues.items())

    def put_issue(self, title: str, body: str, issue: int | None) -> str | None:
        assert title == TITLE
        self.issues[issue or len(self.issues) + 1] = body
        return None

    def close_issue(self, issue: int, body: str) -> None:
        self.closed.append(issue)
        del self.issues[issue]


@pytest.mark.parametrize(
    ("drift", "found", "certain"),
    [
        (Drift(IN_SYNC, 0), False, True),
        (Drift(DRIFTED, 0), True, True),
        (Drift(DRIFTED, 2), True, True),
        (Drift(IN_SYNC, 4), False, True),
        (Drift(IN_SYNC, 1), False, False),
        (Drift(DRIFTED, 1), True, False),
        (Drift(UNREAD, 0), False, False),
        (Drift(None, 3), False, False),
        (Drift(None, 0), False, False),
    ],
)
def test_nothing_found_means_no_drift_only_where_all_was_read(
    drift: Drift, found: bool, certain: bool
) -> None:
    assert (drift.found, drift.certain) == (found, certain)


def test_each_workspace_has_its_own_issue() -> None:
    forge = Noted()
    assert tell_drift(forge, "drift", Drift(DRIFTED)) == "drift: the issue was opened"
    assert tell_drift(forge, "drift-b", Drift(DRIFTED)) == "drift: the issue was opened"
    assert tell_drift(forge, "drift", Drift(DRIFTED)) == "drift: the issue was updated"
    assert len(forge.issues) == 2
    assert (
        tell_drift(forge, "drift-b", Drift(IN_SYNC)) == "no drift any more: the issue 2 was closed"
    )
    assert forge.closed == [2]
    assert tell_drift(forge, "drift-b", Drift(IN_SYNC)) == "no drift, and no issue is open"


def test_what_could_not_be_read_is_told_in_the_issue_and_closes_nothing() -> None:
    forge = Noted()
    tell_drift(forge, "drift", Drift(DRIFTED, 1))
    assert "Some organizations could not be read" in forge.issues[1]
    assert "stays as it is" in tell_drift(forge, "drift", Drift(UNREAD))
    assert "stays as it is" in tell_drift(forge, "drift", Drift(None, 1))
    assert forge.closed == []
