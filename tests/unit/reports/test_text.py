"""The plan as text for people."""

from __future__ import annotations

import re

import pytest

from reconciler.reports.formats import RENDERERS
from reconciler.reports.spans import Look
from tests.unit.reports.documents import POOL, change, full_document, organization

TAKEN = """\
Takes away: 2 people lose a license, 2 of them their last; 1 online session ends
  ~ reassign       kse  carol@example.com -> bob@example.com  (declared transfer)  [orgs/acme.yaml:7:9]
      carol@example.com loses the last license
      ends the online session on 5d41402abc4b2a76b9719d911017c592
  - remove         kse  eve@example.com  [orgs/acme.yaml:7:9]
      eve@example.com loses the last license
"""  # noqa: E501
PLANNED = """\
Acme QA (101)
  kse 5/5 -> 5/5, 1 offline until 2097-01-31, machines 4/8, ends 2099-06-30
  ~ reassign       kse  carol@example.com -> bob@example.com  (declared transfer)  [orgs/acme.yaml:7:9]
      carol@example.com loses the last license
      ends the online session on 5d41402abc4b2a76b9719d911017c592
  + grant          kse  dan@example.com  (cause: drift)  [orgs/acme.yaml:7:9]
  - remove         kse  eve@example.com  [orgs/acme.yaml:7:9]
      eve@example.com loses the last license
  ! issue offline  kse  m1 until 2097-03-31  [orgs/acme.yaml:7:9]
  > waits: grant  kse  fay@example.com  over quota, from 2097-02-01: no seat is free  [orgs/acme.yaml:12:9]
  ! refused: max removals (the whole organization): 9 would lose something; 5 may  [orgs/acme.yaml:7:9]
    withheld: 1 change
      - remove         kse  gus@example.com  [orgs/acme.yaml:7:9]
  warning: unlicensed members: 2 members hold no license

unchanged: Beta (102), organization 103

Plan: 1 grant, 1 removal, 1 reassignment, 1 offline license, 1 deferred, 1 refused in 3 organizations; 2 people lose a license, 2 of them their last; 1 online session ends.
as of 2026-11-24, for https://testops.katalon.io
changes digest sha256:0000000000000000000000000000000000000000000000000000000000000000
"""  # noqa: E501
PLAIN = f"{TAKEN}\n{PLANNED}"
ON_A_TERMINAL = f"{PLANNED}\n{TAKEN}"


def text(*documents: dict[str, object], look: Look | None = None) -> str:
    return RENDERERS["text"](documents, look or Look())


def test_every_kind_of_row_is_told_with_its_sign_its_reason_and_its_place() -> None:
    assert text(full_document()) == PLAIN


def test_in_colours_it_holds_the_same_words() -> None:
    coloured = text(full_document(), look=Look(colours=True))
    assert "\x1b[" in coloured
    assert re.sub(r"\x1b\[[0-9;]*m", "", coloured) == PLAIN


@pytest.mark.parametrize("width", [50, 80, 95])
@pytest.mark.parametrize("colours", [True, False])
def test_on_a_terminal_a_long_line_goes_on_indented_and_loses_nothing(
    width: int, colours: bool
) -> None:
    shown = text(full_document(), look=Look(colours=colours, width=width))
    plain = re.sub(r"\x1b\[[0-9;]*m", "", shown)
    assert ("\x1b[" in shown) is colours
    assert plain.split() == ON_A_TERMINAL.split()
    for row in plain.splitlines():
        # A word that is longer than the line is never cut: it has to be copied.
        assert len(row) <= width or len(row.split()) == 1 or max(map(len, row.split())) > width / 2
    continued = [row for row in plain.splitlines() if row.startswith("      ")]
    assert len(continued) > len([row for row in PLAIN.splitlines() if row.startswith("      ")])


def test_wide_characters_count_double() -> None:
    document = full_document()
    document["organizations"] = [organization(1, "会社 " * 30)]
    document["organizations"][0]["warnings"] = [{"code": "x", "message": "会社 " * 30}]
    shown = text(document, look=Look(width=40))
    assert max(len(row) + row.count("会") * 2 for row in shown.splitlines()[:3]) <= 40


def test_many_unchanged_organizations_are_named_in_part() -> None:
    document = full_document()
    document["organizations"] = [organization(number, None) for number in range(1, 500)]
    (row,) = (row for row in text(document).splitlines() if row.startswith("unchanged"))
    assert row.endswith("organization 10 and 489 more")


@pytest.mark.parametrize(
    ("scope", "code", "product", "words"),
    [
        ("change", "not_a_member", "kse", "not a member (kse)"),
        ("pool", "over_quota", "kse", "over quota (all grants of kse)"),
        ("pool", "unreadable", "testops", "unreadable (all changes of testops)"),
        ("organization", "max_removals", None, "max removals (the whole organization)"),
    ],
)
def test_a_refusal_says_in_words_what_it_withholds(
    scope: str, code: str, product: str | None, words: str
) -> None:
    refusal = {"code": code, "scope": scope, "product": product, "message": "no", "withheld": []}
    document = full_document()
    document["organizations"] = [organization(1, "A", refusals=[refusal])]
    assert f"! refused: {words}: no" in text(document)


@pytest.mark.parametrize(
    ("more", "words"),
    [
        ({"offline": 1, "offline_until": "2097-01-31"}, "1 offline until 2097-01-31,"),
        (
            {"offline": 2, "offline_until": "2097-01-31"},
            "2 offline until 2097-01-31 at the latest,",
        ),
        ({"offline": 2, "offline_until": None}, "2 offline,"),
        ({"offline": 0, "offline_until": None}, "kse 5/5 -> 5/5, machines"),
        ({"peak": 6}, "peak 6,"),
        ({"used": None, "quota": None}, "kse ?/? -> 5/?,"),
    ],
)
def test_the_seat_line_says_until_when_seats_are_held(more: dict[str, object], words: str) -> None:
    document = full_document()
    document["organizations"][0]["pools"] = [POOL | more]
    assert words in text(document)


def test_an_email_that_holds_terminal_codes_is_shown_escaped_in_colours_too() -> None:
    document = full_document()
    document["organizations"] = [
        organization(1, "\x1b]0;owned\x07", changes=[change("grant", "a\x1b[2J[red]@x")])
    ]
    for look in (Look(), Look(colours=True)):
        shown = text(document, look=look)
        assert "\\x1b]0;owned\\x07" in shown
        assert "a\\x1b[2J[red]@x" in shown
        assert "\x1b[2J" not in shown


def test_a_plan_without_a_change_says_so() -> None:
    document = full_document()
    document["organizations"] = [organization(102, "Beta")]
    document["summary"] = {"organizations": 1}
    shown = text(document)
    assert "unchanged: Beta (102)" in shown
    assert "Plan: no change in 1 organization." in shown


def test_a_plan_from_a_snapshot_says_that_it_cannot_be_applied() -> None:
    assert "not applyable" not in text(full_document())
    assert "not applyable" in text(full_document() | {"live": False})


def test_several_plans_come_out_one_after_the_other_with_their_summaries_last() -> None:
    shown = text(full_document(), full_document())
    assert shown.startswith("Takes away: 4 people lose a license, 4 of them their last")
    shown = shown[shown.index("\n\n") :]
    assert shown.count("Acme QA (101)") == 2
    assert shown.count("changes digest") == 2
    assert shown.rindex("Acme QA (101)") < shown.index("changes digest")
