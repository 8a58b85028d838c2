from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta

import pytest

from reconciler.model.state import Machine, OrganizationState, Session
from reconciler.reports.sessions_formats import FORMATS, duration
from reconciler.reports.sessions_page import sessions_page
from reconciler.reports.spans import Look

NOW = datetime(2026, 11, 24, 12, tzinfo=UTC)


def ago(**time: float) -> datetime:
    return NOW - timedelta(**time)


STATES = (
    OrganizationState(
        101,
        "Acme QA",
        machines=(
            Machine("kse", "m1", name="laptop", last_seen=ago(minutes=10)),
            Machine("kre-floating", "m1", name="other", last_seen=ago(days=9)),
            Machine("kse", "m2", name="desk", last_seen=ago(days=3)),
        ),
        sessions=(
            Session("kse", "m1", "ada@x.io", ago(hours=3, minutes=20), "s1"),
            Session("kse", "m2", "bob@x.io", ago(days=2, hours=4), "s2"),
            Session("kre-floating", "m9"),
        ),
    ),
    OrganizationState(202),
    OrganizationState(303, sessions=(Session("kse", "m7", None, ago(days=40), "s3"),)),
)


def test_the_oldest_session_comes_first_and_one_without_a_start_last() -> None:
    page = sessions_page(STATES, NOW)
    assert [row["session"] for row in page["sessions"]] == ["s3", "s2", "s1", None]
    assert page["unknown"] == [202]


def test_idle_is_told_only_where_the_machine_was_seen_within_the_session() -> None:
    rows = {row["session"]: row for row in sessions_page(STATES, NOW)["sessions"]}
    assert (rows["s1"]["age_seconds"], rows["s1"]["idle_seconds"]) == (12000, 600)
    assert (rows["s1"]["machine_name"], rows["s2"]["machine_name"]) == ("laptop", "desk")
    assert rows["s2"]["idle_seconds"] is rows["s3"]["idle_seconds"] is None


def test_one_product_alone_can_be_shown() -> None:
    page = sessions_page(STATES, NOW, "kre-floating")
    assert [row["machine"] for row in page["sessions"]] == ["m9"]


def test_the_text_is_a_table_with_a_dash_for_what_is_not_known() -> None:
    lines = FORMATS["text"](sessions_page(STATES, NOW), Look()).splitlines()
    assert lines[0].split() == [
        "started", "age", "idle", "organization", "product", "machine", "user", "session",
    ]  # fmt: skip
    assert lines[3].split("  ")[:3] == ["2026-11-24T08:40:00Z", "3 h 20 min", "10 min"]
    assert "m1 (laptop)" in lines[3]
    assert lines[4].split() == ["-", "-", "-", "101", "kre-floating", "m9", "-", "-"]
    assert lines[5:] == ["4 active sessions.", "organization 202: its sessions cannot be listed"]


def test_without_any_session_there_is_no_table() -> None:
    page = sessions_page([OrganizationState(101, sessions=())], NOW)
    assert FORMATS["text"](page, Look()) == "0 active sessions.\n"


def test_hostile_values_cannot_move_the_cursor_nor_the_columns() -> None:
    state = OrganizationState(1, sessions=(Session("kse", "m\x1b[2J\u202e", "a\n@x.io", NOW, "s"),))
    text = FORMATS["text"](sessions_page([state], NOW), Look())
    assert "m\\x1b[2J\\u202e" in text
    assert len(text.splitlines()) == 3


def test_the_json_is_the_page_itself() -> None:
    page = sessions_page(STATES, NOW)
    assert json.loads(FORMATS["json"](page, Look())) == page


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(None, "-"), (59, "0 min"), (3599, "59 min"), (3600, "1 h 0 min"), (190000, "2 d 4 h")],
)
def test_a_duration_has_at_most_two_units(seconds: int | None, text: str) -> None:
    assert duration(seconds) == text


def test_a_session_from_the_future_is_new() -> None:
    state = OrganizationState(1, sessions=(Session("kse", "m", None, NOW + timedelta(1), "s"),))
    assert sessions_page([state], NOW)["sessions"][0]["age_seconds"] == 0
