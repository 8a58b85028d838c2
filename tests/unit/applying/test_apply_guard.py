from dataclasses import replace
from datetime import date, timedelta

import pytest

from reconciler.applying.guard import check_digest, check_expected, check_format, check_plan
from reconciler.errors import PlanFileError, RefusedError
from reconciler.model.plan import Allowed
from tests.unit.applying.fake import NOW, TARGET, TODAY, offline, organization_plan, plan_of, remove

PLAN = plan_of(organization_plan(remove("ada@x.io")))


def test_a_fresh_plan_for_this_target_passes() -> None:
    check_plan(PLAN, target=TARGET, now=NOW, today=TODAY)


def test_a_plan_stays_valid_over_midnight_until_its_end() -> None:
    tomorrow = TODAY + timedelta(days=1)
    last = PLAN.valid_until - timedelta(seconds=1)
    check_plan(PLAN, target=TARGET, now=last, today=tomorrow)
    with pytest.raises(RefusedError, match="valid until 2026-12-01T09:00:00"):
        check_plan(PLAN, target=TARGET, now=PLAN.valid_until, today=tomorrow)


def test_a_plan_from_a_snapshot_or_for_another_day_is_refused() -> None:
    with pytest.raises(RefusedError, match="snapshot or for another day"):
        check_plan(replace(PLAN, live=False), target=TARGET, now=NOW, today=TODAY)
    with pytest.raises(RefusedError, match="made for 2026-11-25, and today is 2026-11-24"):
        check_plan(replace(PLAN, as_of=date(2026, 11, 25)), target=TARGET, now=NOW, today=TODAY)


def test_a_plan_for_another_target_is_refused_and_both_are_named() -> None:
    with pytest.raises(RefusedError, match=r"for memory://licenses, not for https://other"):
        check_plan(PLAN, target="https://other", now=NOW, today=TODAY)


def test_a_plan_without_changes_is_not_refused() -> None:
    check_plan(plan_of(organization_plan()), target=TARGET, now=NOW, today=TODAY)


def test_offline_licenses_need_their_allowance_in_the_plan() -> None:
    row = organization_plan(offline("a1", date(2027, 3, 31), product="kre-node-locked"))
    with pytest.raises(RefusedError, match="cannot be taken back"):
        check_plan(plan_of(row), target=TARGET, now=NOW, today=TODAY)
    allowed = plan_of(row, allowed=Allowed(irrevocable=True))
    check_plan(allowed, target=TARGET, now=NOW, today=TODAY)


def test_only_the_known_format_is_read() -> None:
    check_format({"format": "license-plan/1"})
    with pytest.raises(RefusedError, match=r"license-plan/2.*knows\s+license-plan/1"):
        check_format({"format": "license-plan/2"})
    for other in ({}, {"format": "license-snapshot/1"}, {"format": "license-plan/x"}):
        with pytest.raises(PlanFileError):
            check_format(other)


def test_an_edited_plan_is_refused() -> None:
    check_digest("sha256:aa", "sha256:aa")
    with pytest.raises(RefusedError, match="edited"):
        check_digest("sha256:aa", "sha256:bb")


def test_expected_changes_may_be_named_with_or_without_the_algorithm() -> None:
    check_expected("sha256:aa", "sha256:aa")
    check_expected("sha256:aa", "aa\n")
    with pytest.raises(RefusedError, match="not those that were expected"):
        check_expected("sha256:aa", "sha256:bb")
