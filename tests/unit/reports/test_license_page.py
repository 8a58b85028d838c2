"""The License Management page, as data and in each format."""

from __future__ import annotations

import json
from datetime import UTC, date, datetime

import pytest

from reconciler.model.state import (
    LicensedUser,
    Machine,
    Member,
    MemberStatus,
    OfflineLicense,
    OrganizationState,
    Session,
    Subscription,
)
from reconciler.reports.license_page import page_of
from reconciler.reports.page_formats import FORMATS
from reconciler.reports.spans import Look
from tests.unit.reports import commonmark
from tests.unit.reports.documents import HOSTILE
from tests.unit.reports.runner import commands

DAY = date(2026, 11, 24)
STATE = OrganizationState(
    id=101,
    name="Acme | QA",
    members=(
        Member("ada@example.com"),
        Member("bob@example.com", status=MemberStatus.PENDING),
    ),
    subscriptions=(
        Subscription("kse", quota=5, used=2, machine_quota=8, expires=date(2099, 6, 30)),
        Subscription("testops", quota=None),
    ),
    licensed_users=(LicensedUser("kse", "zoe@example.com"), LicensedUser("kse", "ada@example.com")),
    machines=(
        Machine("kse", "m1", "ada@example.com", "laptop", datetime(2026, 11, 20, 8, tzinfo=UTC)),
    ),
    offline_licenses=(
        OfflineLicense("kse", "m1", date(2097, 1, 31), "ada@example.com"),
        OfflineLicense("kse", "m0", date(2020, 1, 31)),
    ),
    sessions=(Session("kse", "m1", "ada@example.com", datetime(2026, 11, 24, 8, tzinfo=UTC)),),
)


def test_the_page_has_a_row_for_each_product_that_was_bought_or_is_held() -> None:
    (organization,) = page_of([STATE], DAY)["organizations"]
    assert [row["product"] for row in organization["products"]] == ["kse", "testops"]
    kse, testops = organization["products"]
    assert (kse["quota"], kse["used"], kse["available"]) == (5, 3, 2)
    assert kse["licensed_users"] == ["ada@example.com", "zoe@example.com"]
    assert [row["machine"] for row in kse["offline_licenses"]] == ["m1"]
    assert kse["registered_machines"][0]["last_seen"] == "2026-11-20T08:00:00Z"
    assert (testops["quota"], testops["available"]) == (None, None)
    assert organization["members"] == {"active": 1, "pending": 1}


def test_a_list_that_is_unknown_is_null_and_not_empty() -> None:
    state = OrganizationState(id=1, subscriptions=(Subscription("kse", quota=1),))
    page = page_of([state], DAY)
    (row,) = page["organizations"][0]["products"]
    for name in ("licensed_users", "online_licenses", "offline_licenses", "registered_machines"):
        assert row[name] is None
    assert page["organizations"][0]["members"] is None
    shown = FORMATS["text"](page, Look())
    assert "organization 1, members unknown" in shown
    assert "kse: Licensed users: unknown" in shown
    assert "**kse: Offline licenses**: unknown" in FORMATS["markdown"](page, Look())


def test_text_is_a_table_and_the_four_lists() -> None:
    shown = FORMATS["text"](page_of([STATE], DAY), Look()).splitlines()
    assert shown[0] == "Acme | QA (101), 1 member, 1 pending"
    assert shown[1].split() == ["Product", "Subscribed", "Available", "Machine", "quota", "Expires"]
    assert shown[2].split() == ["kse", "5", "2", "8", "2099-06-30"]
    assert shown[3].split() == ["testops", "?", "?", "-", "-"]
    assert "    m1  ada@example.com, until 2097-01-31" in shown
    assert "    m1  laptop, ada@example.com, last seen 2026-11-20T08:00:00Z" in shown
    assert "    m1  ada@example.com, since 2026-11-24T08:00:00Z" in shown


def test_a_name_cannot_break_the_markdown_table() -> None:
    shown = FORMATS["markdown"](page_of([STATE], DAY), Look())
    assert "## Acme `|` QA (101)" in shown
    rows = [line for line in shown.splitlines() if line.startswith("|")]
    assert {line.count("|") for line in rows} == {6}


def test_json_is_the_page_itself() -> None:
    page = page_of([STATE], DAY)
    assert json.loads(FORMATS["json"](page, Look())) == page


@pytest.mark.parametrize("value", HOSTILE)
def test_a_hostile_value_is_text_in_every_format(value: str) -> None:
    state = OrganizationState(
        id=101,
        name=value,
        subscriptions=(Subscription("kse", quota=5, used=2),),
        licensed_users=(LicensedUser("kse", value),),
        machines=(Machine("kse", value, value, value),),
        offline_licenses=(OfflineLicense("kse", value, None, value),),
        sessions=(Session("kse", value, value),),
    )
    page = page_of([state], DAY)
    markdown = FORMATS["markdown"](page, Look())
    assert commonmark.html(markdown) == []
    assert commonmark.linked(markdown) == []
    assert commonmark.tables(markdown) == [[5, 5]]
    for name in ("text", "markdown"):
        assert commands(FORMATS[name](page, Look())) == []
