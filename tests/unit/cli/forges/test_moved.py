"""What moved between two plans, and how it is quoted."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st
from markdown_it import MarkdownIt

from reconciler.applying.checklist_markdown import HEADING
from reconciler.cli.forges.fenced import fenced
from reconciler.cli.forges.github import GitHub
from reconciler.cli.forges.moved import moved_lines
from reconciler.cli.forges.texts import moved_text, outcome_text
from reconciler.model.plan_document import to_document
from reconciler.model.state import Subscription
from tests.unit.reports.documents import change, full_document, organization
from tests.worlds import desired, members, plan_many, state

PEOPLE = members("ada", "bob", "carol", "dan")
KSE = (Subscription("kse", quota=4),)


def plan_of(licensed: tuple[str, ...], wanted: tuple[object, ...]) -> dict:
    current = state(people=PEOPLE, subscriptions=KSE, users={"kse": licensed})
    return to_document(plan_many([desired(users={"kse": wanted})], [current]))  # type: ignore[dict-item]


def test_what_is_gone_and_what_is_new_are_told_apart() -> None:
    wanted = ("ada", "bob", "dan")
    reviewed = plan_of(("ada",), wanted)
    fresh = plan_of(("ada", "bob", "carol"), wanted)
    lines = moved_lines(reviewed, fresh, reviewed["changes_digest"])
    assert lines == (
        "planned now, but not reviewed: reassign kse carol@example.com -> dan@example.com "
        "in Acme QA (101)",
        "reviewed, but not planned any more: grant kse bob@example.com in Acme QA (101)",
        "reviewed, but not planned any more: grant kse dan@example.com in Acme QA (101)",
    )


def test_without_the_reviewed_plan_the_fresh_one_is_told() -> None:
    fresh = plan_of(("ada",), ("ada", "bob"))
    lines = moved_lines(None, fresh, "sha256:" + 64 * "0")
    assert lines[1:] == ("planned now: grant kse bob@example.com in Acme QA (101)",)
    nothing = plan_of(("ada",), ("ada",))
    assert moved_lines(None, nothing, "sha256:" + 64 * "0")[1:] == ("nothing is planned now",)


def test_what_takes_something_away_is_never_among_the_lines_that_are_cut() -> None:
    changes = [change("grant", f"new-{row}@example.com") for row in range(1_200)]
    changes.append(change("remove", "eve@example.com"))
    fresh = full_document() | {"organizations": [organization(101, "Acme QA", changes=changes)]}
    lines = moved_lines(None, fresh, "sha256:" + 64 * "0")
    assert lines[1] == "planned now: remove kse eve@example.com in Acme QA (101)"
    assert "eve@example.com" in fenced(lines)


def test_a_plan_that_only_says_it_has_the_digest_is_not_believed() -> None:
    reviewed = plan_of(("ada",), ("ada", "bob"))
    other = plan_of(("ada",), ("ada", "dan")) | {"changes_digest": reviewed["changes_digest"]}
    lines = moved_lines(other, reviewed, reviewed["changes_digest"])
    assert lines[0] == "the reviewed plan itself is not at hand any more"
    for broken in ({}, {"organizations": [{"id": 1}]}, {"organizations": "x"}):
        assert moved_lines(broken, reviewed, reviewed["changes_digest"])[0] == lines[0]


def test_the_order_alone_is_told_as_that() -> None:
    reviewed = plan_of((), ("ada", "bob"))
    turned = plan_of((), ("bob", "ada"))
    if reviewed["changes_digest"] != turned["changes_digest"]:
        assert moved_lines(reviewed, turned, reviewed["changes_digest"]) == (
            "the same changes, in another order",
        )


HOSTILE = st.text() | st.sampled_from(
    ["```", "````\n# x", "<script>alert(1)</script>", "@everyone", "</details>", "~~~", "`" * 50]
)


@given(st.lists(HOSTILE, min_size=1, max_size=5))
def test_quoted_lines_are_one_code_block_and_nothing_else(lines: list[str]) -> None:
    tokens = MarkdownIt("commonmark").parse(f"before\n\n{fenced(lines)}\n\nafter")
    kinds = [token.type for token in tokens if token.type != "inline"]
    assert kinds == [
        "paragraph_open", "paragraph_close", "fence", "paragraph_open", "paragraph_close",
    ]  # fmt: skip


def test_what_moved_fits_into_a_comment_however_much_it_is() -> None:
    forge = GitHub({"GITHUB_REPOSITORY": "acme/licenses"})
    text = moved_text([f"line {n} " + "é" * 5000 for n in range(10_000)], "sha256:x", forge)
    assert len(text) < 65_000
    assert "9800 more lines" in text


def test_an_account_is_quoted_and_a_checklist_is_not() -> None:
    account = "Acme @everyone\n  done  grant kse  bob\n"
    assert "```text\nAcme @everyone" in outcome_text(0, account, None)
    assert "### Applied in part" in outcome_text(5, account, "https://example.com")
    steps = f"{HEADING}\n\n1. Open the page\n"
    assert f"### To be done by hand\n\n{steps}" in outcome_text(2, steps, None)
    assert "It ended without an account." in outcome_text(1, None, None)
