"""The plan as text for people."""

from __future__ import annotations

import re

from reconciler.reports.formats import RENDERERS
from reconciler.reports.spans import Look
from tests.unit.reports.documents import change, full_document, organization

PLAIN = """\
Acme QA (101)
  kse 5/5 -> 5/5, 1 offline, machines 4/8, ends 2099-06-30
  ~ reassign       kse  carol@example.com -> bob@example.com  (declared transfer; replaces carol@example.com)  [orgs/acme.yaml:7:9]
      carol@example.com loses the last license
      ends the online session on 5d41402abc4b2a76b9719d911017c592
  + grant          kse  dan@example.com  (cause: drift)  [orgs/acme.yaml:7:9]
  - remove         kse  eve@example.com  [orgs/acme.yaml:7:9]
      eve@example.com loses the last license
  ! issue offline  kse  m1 until 2097-03-31  [orgs/acme.yaml:7:9]
  > waits: grant  kse  fay@example.com  over_quota, from 2097-02-01: no seat is free  [orgs/acme.yaml:12:9]
  ! refused: max_removals (organization): 9 would lose something; 5 may
    withheld: 1 change
      - remove         kse  gus@example.com  [orgs/acme.yaml:7:9]
  warning: unlicensed_members: 2 members hold no license

unchanged: Beta (102), organization 103

Plan: 1 grant, 1 removal, 1 reassignment, 1 offline license, 1 deferred, 1 refused in 3 organizations.
2 subjects would lose without gaining another.
as of 2026-11-24, for https://testops.katalon.io
changes digest sha256:0000000000000000000000000000000000000000000000000000000000000000
"""  # noqa: E501


def text(*documents: dict[str, object], look: Look | None = None) -> str:
    return RENDERERS["text"](documents, look or Look())


def test_every_kind_of_row_is_told_with_its_sign_its_reason_and_its_place() -> None:
    assert text(full_document()) == PLAIN


def test_in_colours_it_holds_the_same_words() -> None:
    coloured = text(full_document(), look=Look(colours=True, width=40))
    assert "\x1b[" in coloured
    assert re.sub(r"\x1b\[[0-9;]*m", "", coloured) == PLAIN


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
    assert shown.count("Acme QA (101)") == 2
    assert shown.count("changes digest") == 2
    assert shown.rindex("Acme QA (101)") < shown.index("changes digest")
