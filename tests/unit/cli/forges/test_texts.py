"""The texts of comments: what an apply ended with, and where the whole of a plan is."""

from __future__ import annotations

import pytest

from reconciler.cli.forges.texts import outcome_text, plan_text
from tests.unit.reports.documents import change, full_document, organization

RUN = "https://github.com/acme/licenses/actions/runs/7"
STEPS = "# License changes to make by hand\n\n" + 300 * "- [ ] a step\n"


@pytest.mark.parametrize(
    ("code", "title"),
    [
        (0, "Nothing is left to do by hand"),
        (2, "To be done by hand"),
        (4, "To be done by hand, and in part refused"),
        (1, "To be done by hand, and in part not known"),
    ],
)
def test_steps_for_a_person_are_told_as_such_and_whole_whatever_else_there_is(
    code: int, title: str
) -> None:
    text = outcome_text(code, STEPS, RUN)
    assert text.startswith(f"### {title}\n\n{STEPS}")
    assert "Refused" not in text
    assert "```" not in text


def test_an_account_cannot_pass_for_steps() -> None:
    account = "refused: # License changes to make by hand\n# License changes to make by hand\n"
    assert outcome_text(4, account, RUN).startswith("### Refused: nothing was written\n\n```")


def test_steps_too_many_for_a_comment_are_named_by_their_file() -> None:
    text = outcome_text(2, 60 * STEPS, RUN)
    assert len(text) < 1_000
    assert "`account.md`" in text
    assert RUN in text


def test_what_steps_take_away_is_told_even_where_the_steps_have_no_room() -> None:
    before = "**Takes away** in `Acme QA` (101): **1 loses something**: `eve@example.com`."
    steps = (
        f"# License changes to make by hand\n\n{before}\n\n## `Acme QA` (101)\n" + 9_000 * "- a\n"
    )
    text = outcome_text(2, steps * 2, RUN)
    assert before in text
    assert "`account.md`" in text
    assert len(text) < 1_000


def test_a_forge_that_takes_more_gets_all_that_is_taken_away() -> None:
    rows = [change("remove", f"user-{number}@example.com") for number in range(3_000)]
    document = full_document() | {"organizations": [organization(1, "A", changes=rows)]}
    assert "`user-2999@example.com`" not in plan_text(document, RUN)
    assert "`user-2999@example.com`" in plan_text(document, RUN, 900_000)


def test_a_comment_that_leaves_things_out_says_where_the_whole_is() -> None:
    rows = [change("grant", f"user-{number}@example.com") for number in range(3_000)]
    document = full_document() | {"organizations": [organization(1, "A", changes=rows)]}
    text = plan_text(document, RUN)
    assert len(text) < 65_000
    assert f"see {RUN}." in text
