"""What counts as reviewed without a review."""

from __future__ import annotations

from reconciler.cli.forges.reviewed import Reviewed, nothing_to_review
from tests.unit.cli.forges.test_moved import plan_of


def test_a_plan_that_changes_nothing_is_its_own_review() -> None:
    fresh = plan_of(("ada",), ("ada",))
    assert nothing_to_review(fresh) == Reviewed(fresh["changes_digest"])


def test_a_plan_with_a_change_is_not() -> None:
    assert nothing_to_review(plan_of(("ada",), ("ada", "bob"))) is None


def test_a_plan_with_an_organization_that_could_not_be_read_is_not() -> None:
    fresh = plan_of(("ada",), ("ada",)) | {"unread": [{"id": 7, "message": "no answer"}]}
    assert nothing_to_review(fresh) is None
