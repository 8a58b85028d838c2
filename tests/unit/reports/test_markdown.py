"""The plan as a comment: readable, within its limit, and nothing in it is taken for markup."""

from __future__ import annotations

import re
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reconciler.reports.markdown import render_all
from reconciler.reports.markdown_cells import code, prose, table_row
from reconciler.reports.spans import LIMIT, Look
from tests.unit.reports import commonmark
from tests.unit.reports.documents import (
    HOSTILE,
    change,
    full_document,
    hostile_document,
    organization,
)

MARKER = re.compile(r"<!-- reconciler: changes=(sha256:[0-9a-f]{64}) -->")
OUR_HTML = {"<details>", "</details>", "<summary>", "</summary>", "<sub>", "</sub>"}
TEXT = (
    st.text()
    | st.text(st.sampled_from("`|\\<>@!-[]()&;:#*_~ \na1."))
    | st.sampled_from([value for value in HOSTILE if len(value) < 200])
)


def shown(*documents: dict[str, Any], whole: str | None = None) -> str:
    return render_all(documents, Look(whole=whole))


def test_the_first_line_is_a_marker_with_the_changes_digest() -> None:
    document = full_document()
    first, rest = shown(document).split("\n", 1)
    assert MARKER.fullmatch(first)[1] == document["changes_digest"]  # type: ignore[index]
    assert "<!--" not in rest


def test_each_of_several_plans_has_its_marker_before_anything_else() -> None:
    other = full_document() | {"changes_digest": "sha256:" + "f" * 64}
    lines = shown(full_document(), other).splitlines()
    assert [MARKER.fullmatch(row)[1][-1] for row in lines[:2]] == ["0", "f"]  # type: ignore[index]
    assert not any("<!--" in row for row in lines[2:])


def test_what_is_no_digest_never_gets_into_a_marker() -> None:
    forged = full_document() | {"changes_digest": "sha256:0 --> <b>"}
    with pytest.raises(ValueError, match="not a digest"):
        shown(forged)


def test_it_says_first_what_a_reviewer_must_not_overlook() -> None:
    text = shown(full_document())
    head = text[: text.index("### ")]
    words = "2 people lose a license, 2 of them their last; 1 online session ends"
    assert f"## License plan: {words}; 1 grant, 1 removal, 1 reassignment" in head
    assert f"> [!CAUTION]\n> **{words}.**\n" in head
    assert f"**Acme QA (101)**: {words}\n" in head
    assert "`carol@example.com` → `bob@example.com` | declared transfer; ⚠️ **last license**" in head
    assert "⚠️ **ends the session** on `5d41402abc4b2a76b9719d911017c592`" in head
    assert "remove | kse | `eve@example.com` | ⚠️ **last license**" in head
    assert head.index("`eve@example.com`") < head.index("[!WARNING]")
    assert "> [!WARNING]\n> **1 refusal, 1 change withheld: a person has to act first.**" in head


def test_a_plan_that_takes_nothing_away_raises_no_alarm() -> None:
    document = full_document()
    document["organizations"] = [organization(1, "A", changes=[change("grant", "a@x.example")])]
    assert "[!CAUTION]" not in shown(document)
    assert "[!WARNING]" not in shown(document)


def test_every_row_of_the_plan_is_there_with_its_place() -> None:
    text = shown(full_document())
    for name in ("bob", "carol", "dan", "eve", "fay", "gus"):
        assert f"`{name}@example.com`" in text
    assert text.count("`orgs/acme.yaml:7:9`") == 6
    assert "Unchanged: Beta (102), organization 103" in text
    assert "`sha256:" + "0" * 64 + "`" in text
    assert "files at `8c0ffee8c0ff` with uncommitted edits" in text


def test_a_name_that_may_mislead_is_told_unfolded_near_the_top() -> None:
    document = full_document()
    said = "the file calls organization 101 'Acme sandbox', and the licensing system 'Acme QA'"
    row = {"code": "organization_name", "message": said, "source": None}
    document["organizations"][0]["warnings"] = [row, *[row | {"code": "look_alike"}] * 11]
    text = shown(document)
    head = text[: text.index("### ")]
    assert "> **12 names may mislead.**\n> - Acme QA (101): the file calls organization 101" in head
    assert "> - … and 2 more" in head
    assert "may mislead" not in shown(full_document())


def test_a_plan_that_cannot_be_applied_says_so() -> None:
    assert "Not applyable" not in shown(full_document())
    assert "Not applyable" in shown(full_document() | {"live": False})


def test_what_waits_and_what_was_withheld_is_folded() -> None:
    text = shown(full_document())
    assert "<details><summary>Waiting (1)</summary>" in text
    assert "<details><summary>Withheld (1)</summary>" in text
    assert "**Further changes (2)**" in text
    assert text.count("<details>") == text.count("</details>")


def many(organizations: int, changes: int) -> dict[str, Any]:
    document = full_document()
    document["organizations"] = [
        organization(
            number,
            f"Organization {number}",
            changes=[change("grant", f"user-{number}-{row}@example.com") for row in range(changes)],
        )
        for number in range(1, organizations + 1)
    ]
    return document


@pytest.mark.parametrize(
    ("organizations", "changes"), [(1, 20_000), (50, 200), (2_000, 2), (4_000, 1)]
)
def test_however_large_the_plan_the_comment_fits_and_says_what_is_left_out(
    organizations: int, changes: int
) -> None:
    text = shown(many(organizations, changes), whole="https://ci.example/run/7")
    assert LIMIT * 0.8 < len(text) <= LIMIT
    rows = len(re.findall(r"^\| `\+`.grant", text, re.MULTILINE))
    left = re.search(r"want of room:\*\*.* ([0-9,]+) changes\. The plan itself is whole: see", text)
    assert left is not None
    assert rows + int(left[1].replace(",", "")) == organizations * changes
    assert "https://ci.example/run/7" in text
    assert text.count("<details>") == text.count("</details>")
    assert MARKER.match(text)


def test_without_a_run_it_names_the_command_that_shows_the_rest() -> None:
    assert "whole: `reconciler report` shows it from its file" in shown(many(1, 10_000))


def test_every_organization_gets_its_first_rows_before_one_gets_all() -> None:
    document = many(3, 100)
    big = [change("grant", f"user-{row}@example.com") for row in range(5_000)]
    document["organizations"][0]["changes"] = big
    text = shown(document)
    for number in (2, 3):
        assert f"`user-{number}-24@example.com`" in text


@pytest.mark.parametrize("value", HOSTILE)
def test_the_largest_plan_of_hostile_values_fits_too(value: str) -> None:
    document = hostile_document(value)
    row = document["organizations"][0]
    for part in ("changes", "deferred", "refusals", "warnings"):
        row[part] = row[part] * 20
    document["organizations"] = [row | {"id": number} for number in range(1, 9)]
    text = shown(document, document)
    assert len(text) <= LIMIT
    assert len(MARKER.findall(text)) == 2


@pytest.mark.parametrize("value", HOSTILE)
def test_a_hostile_value_is_text_wherever_it_stands(value: str) -> None:
    text = shown(hostile_document(value))
    assert set(commonmark.html(text)) <= {*OUR_HTML, MARKER.match(text)[0]}  # type: ignore[index]
    assert commonmark.linked(text) == []
    for table in commonmark.tables(text):
        assert len(set(table)) == 1
    assert [len(table) for table in commonmark.tables(text)] == [3, 2, 2, 2, 2]
    assert len(MARKER.findall(text)) == 1
    assert not re.search(r"[\u202a-\u202e\u200b-\u200f\x00-\x09\x0b-\x1f]", text)


@given(TEXT)
def test_code_holds_a_value_and_nothing_but_the_value(text: str) -> None:
    (piece,) = [token for token in commonmark.inline(code(text)) if token.content != ""][:1] or [
        None
    ]
    spans = list(commonmark.inline(f"x {code(text)} y"))
    assert [token.type for token in spans] == ["text", "code_inline", "text"]
    assert piece is None or piece.type == "code_inline"


@given(TEXT)
def test_prose_never_becomes_a_link_a_mention_or_markup(text: str) -> None:
    line = f"said: {prose(text)} end"
    assert {token.type for token in commonmark.inline(line)} <= {"text", "code_inline"}
    assert commonmark.linked(line) == []
    assert "<!" not in line


@given(st.lists(TEXT, min_size=1, max_size=4))
def test_a_row_has_as_many_cells_as_it_was_given(cells: list[str]) -> None:
    header = table_row(["h"] * len(cells))
    rule = f"|{' --- |' * len(cells)}"
    for made in (code, prose):
        rows = "\n".join([header, rule, table_row(made(cell) for cell in cells), header])
        assert commonmark.tables(rows) == [[len(cells)] * 3]


def test_prose_keeps_words_and_our_own_code_as_they_are() -> None:
    said = "9 would lose (see ada@x.example); `unlisted_machines: remove` would, 5 % at most."
    assert prose(said) == said.replace("ada@x.example", "`ada@x.example`")


def test_a_pipe_is_kept_and_only_escaped_in_a_table() -> None:
    assert prose("Acme | QA") == "Acme `|` QA"
    assert table_row([code("a|b"), code("a\\|b")]) == "| `a\\|b` | `a\\\\x7cb` |"


def test_the_alarm_names_all_that_a_subject_loses_not_only_the_last() -> None:
    document = full_document()
    document["organizations"] = [
        organization(
            1,
            "A",
            changes=[
                change("remove", "a@x.example", product="testops"),
                change("remove", "a@x.example", loses_last_license=True),
                change("remove", "b@x.example"),
            ],
        )
    ]
    text = shown(document)
    away = text[: text.index("### ")]
    assert "**A (1)**: 2 people lose a license, 1 of them their last\n" in away
    assert "remove | testops | `a@x.example` |" in away
    assert "remove | kse | `a@x.example` | ⚠️ **last license**" in away
    assert "remove | kse | `b@x.example` |  |" in away


def test_all_who_lose_something_are_named_and_of_many_sessions_the_first() -> None:
    machines = [f"m{number}" for number in range(5)]
    changes = [
        change("remove", f"a{number}@x.example", ends_sessions=machines) for number in range(12)
    ]
    document = full_document()
    document["organizations"] = [organization(1, "A", changes=changes)]
    text = shown(document)
    assert (
        "> **12 people lose a license, none of them their last; 60 online sessions end.**" in text
    )
    for number in range(12):
        row = f"`a{number}@x.example` | ⚠️ **ends sessions** on `m0`, `m1`, `m2` and 2 more |"
        assert row in text[: text.index("### ")]


def test_the_facts_of_very_many_plans_are_counted() -> None:
    text = shown(*[full_document()] * 12)
    assert text.count("<sub>As of 2026-11-24") == 10
    assert "<sub>… and 2 more plans</sub>" in text
    assert len(MARKER.findall(text)) == 12
