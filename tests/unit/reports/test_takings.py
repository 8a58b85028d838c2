"""Who loses something is seen at a glance in every report, however much else there is."""

from __future__ import annotations

import re
from typing import Any

import pytest
from markdown_it import MarkdownIt

from reconciler import schema
from reconciler.cli.step_files import outputs_of
from reconciler.model.plan_document import to_document
from reconciler.model.state import Subscription
from reconciler.reports.formats import RENDERERS
from reconciler.reports.spans import LIMIT, Look
from reconciler.reports.takings import Counts, headline, takings_of
from tests.unit.reports import taking
from tests.unit.reports.documents import change, full_document, organization, place, subject
from tests.unit.reports.runner import commands
from tests.worlds import desired, members, plan_many, state


def shown(name: str, *documents: dict[str, Any], look: Look | None = None) -> str:
    return RENDERERS[name](documents, look or Look())


def unfolded(markdown: str) -> str:
    return re.sub(r"<details>.*?</details>", "", markdown, flags=re.DOTALL)


@pytest.mark.parametrize("number", [30, 1_200, 20_000])
def test_the_one_removal_among_many_grants_is_in_the_comment_first_and_unfolded(
    number: int,
) -> None:
    text = shown("markdown", taking.with_one_removal(number))
    assert len(text) <= LIMIT
    seen = unfolded(text)
    assert "## License plan: 1 person loses a license, not their last; " in seen
    assert "remove | kse | `eve@example.com` |  | `orgs/acme.yaml:5:9` |" in seen
    assert seen.index("`eve@example.com`") < 700
    assert "`new-10@example.com`" in text


@pytest.mark.parametrize("number", [30, 1_200])
def test_the_one_removal_is_the_first_notice_and_the_first_warning(number: int) -> None:
    document = taking.with_one_removal(number)
    warnings = [{"code": "x", "message": str(row), "source": None} for row in range(30)]
    document["organizations"][0]["warnings"] = warnings
    found = commands(shown("github", document))
    notices = [row for row in found if row.name == "notice"]
    (first, *_) = [row for row in found if row.name == "warning"]
    assert notices[0].properties["line"] == "5"
    assert "remove kse: eve@example.com" in notices[0].data
    assert first.properties["title"] == "1 person loses a license, not their last"


def test_a_name_that_may_mislead_is_among_the_warnings_that_are_seen() -> None:
    document = taking.with_one_removal(3)
    rows = [{"code": "expiring", "message": str(row), "source": None} for row in range(30)]
    rows.append({"code": "look_alike", "message": "mixes letters", "source": None})
    document["organizations"][0]["warnings"] = rows
    found = [row for row in commands(shown("github", document)) if row.name == "warning"]
    assert found[1].properties["title"] == "look alike"


def test_no_notice_of_what_is_taken_away_is_left_out_and_a_line_tells_all_it_takes() -> None:
    document = taking.with_a_hundred_pairs()
    changes = document["organizations"][0]["changes"]
    changes += [taking.removal(f"gone-{row}@example.com") for row in range(300)]
    found = commands(shown("github", document))
    said = "\n".join(row.data for row in found)
    assert all(f"leaver-{row}@example.com" in said for row in range(100))
    assert all(f"gone-{row}@example.com" in said for row in range(300))


def test_a_line_that_causes_very_much_tells_first_what_it_takes_away() -> None:
    rows = [change("grant", f"new-{row}@example.com", source=place(7)) for row in range(1_000)]
    rows.append(change("remove", "eve@example.com", source=place(7), loses_last_license=True))
    document = taking.of(organization(1, "A", changes=rows))
    (_, notice) = commands(shown("github", document))
    assert notice.properties["title"].endswith("1,001 changes, of which 1 takes something away")
    assert notice.data.startswith("A (1): remove kse: eve@example.com (eve@example.com loses")
    assert "and 991 more" in notice.data


@pytest.mark.parametrize("name", ["markdown", "html", "text", "github", "junit"])
def test_pairs_of_the_planner_never_read_as_if_nobody_lost_anything(name: str) -> None:
    document = taking.with_a_hundred_pairs()
    text = shown(name, document)
    words = "100 people lose a license, 100 of them their last"
    assert words in text or words.replace(",", "%2C") in text
    assert "0 removals" not in text
    assert headline([document]) == f"2,900 grants, 100 reassignments in 1 organization; {words}"
    assert outputs_of([document])["losing_last"] == "100"
    assert all(f"leaver-{row}@example.com" in text for row in range(100))


def test_too_much_for_a_comment_is_folded_by_organization_the_worst_first_and_counted() -> None:
    text = shown("markdown", taking.of_forty_organizations())
    assert len(text) <= LIMIT
    seen = unfolded(text)
    assert "> **3,000 people lose a license, 75 of them their last.**" in seen
    rows = re.findall(r"^\*\*Organization (\d+) \(\d+\)\*\*: (75 people lose .*)$", seen, re.M)
    assert [number for number, _ in rows[:3]] == ["39", "1", "2"]
    assert len(rows) == 40
    assert rows[0][1] == "75 people lose a license, 75 of them their last"
    assert rows[1][1] == "75 people lose a license, none of them their last"
    assert text.count("<details><summary>75 removals</summary>") == 40
    left = sum(int(row) for row in re.findall(r"… and (\d+) more, left out here", text))
    named = len(re.findall(r"^\| `-`.remove \| kse \| `user-", text, re.M))
    assert named + left == 3_000
    assert named > 200
    assert f"{left:,} changes. The plan itself is whole" in text
    assert MarkdownIt("commonmark").enable("table").render(text).count("<table>") >= 40


def test_where_a_forge_takes_more_all_of_it_is_there_folded() -> None:
    text = shown("markdown", taking.of_forty_organizations(), look=Look(room=900_000))
    assert LIMIT < len(text) < 900_000
    assert "left out here" not in text[: text.index("### ")]
    assert len(re.findall(r"^\| `-`.remove \| kse \| `user-", text, re.M)) == 3_000


def test_even_thousands_of_organizations_are_counted_to_the_last() -> None:
    rows = [
        organization(
            number,
            "x" * 60,
            changes=[taking.removal(f"u{number}@example.com", loses_last_license=True)],
        )
        for number in range(1, 3_001)
    ]
    text = shown("markdown", taking.of(*rows))
    assert len(text) <= LIMIT
    assert "> **3,000 people lose a license, 3,000 of them their last.**" in text
    told = len(re.findall(r"^\*\*`?x{60}`? `?\(\d+\)`?\*\*: 1 person loses", text, re.M))
    rest = re.search(r"([\d,]+) more organizations: ([\d,]+) people lose", text)
    assert rest is not None
    assert told > 50
    assert told + int(rest[1].replace(",", "")) == 3_000
    assert rest[1] == rest[2]


def test_of_several_plans_what_they_all_take_away_stands_before_the_first() -> None:
    quiet = taking.of(organization(7, "Quiet", changes=taking.grants(1_000)))
    text = unfolded(shown("markdown", quiet, taking.with_one_removal(30)))
    assert text.index("**Acme QA (101)**: 1 person loses") < text.index("### Quiet (7)")


def test_refusals_stand_after_what_is_taken_away_and_before_the_rest() -> None:
    text = shown("markdown", full_document())
    assert text.index("`eve@example.com`") < text.index("[!WARNING]") < text.index("### Acme")


def test_a_page_names_all_of_it_before_anything_else() -> None:
    text = shown("html", taking.with_one_removal(1_200))
    top = text[text.index("<h1>") : text.index("<main")]
    assert "Takes away: 1 person loses a license, not their last" in top
    assert "<b>eve@example.com</b>" in top
    assert "<details>" not in top
    many = shown("html", taking.of_forty_organizations())
    top = many[many.index("<h1>") : many.index("<main")]
    assert top.count("<details><summary><b>Organization") == 40
    assert top.index("Organization 39") < top.index("Organization 1 ")
    assert all(f"user-40-{row}@example.com" in top for row in range(75))


def test_only_what_takes_something_away_is_every_loss_and_nothing_else() -> None:
    text = shown("html", taking.with_one_removal(30))
    assert len(re.findall(r"<tr [^>]*data-f>", text)) == 1


def test_on_a_terminal_it_stands_last_and_what_is_too_much_is_counted() -> None:
    look = Look(width=120)
    lines = shown("text", taking.with_one_removal(1_200), look=look).splitlines()
    assert lines[-2] == "Takes away: 1 person loses a license, not their last"
    assert lines[-1].startswith("  - remove         kse  eve@example.com")
    lines = shown("text", taking.of_forty_organizations(), look=look).splitlines()
    assert lines[-22].startswith("Takes away: 3,000 people lose a license, 75 of them their last")
    assert lines[-21].startswith("  Organization 39 (39): 75 people lose")
    assert lines[-1] == (
        "  20 more organizations: 1,500 people lose a license, none of them their last"
    )


def test_in_plain_text_it_stands_first() -> None:
    text = shown("text", taking.with_one_removal(1_200))
    assert text.startswith(
        "Takes away: 1 person loses a license, not their last\n  - remove         kse  eve@example"
    )


def test_machines_are_counted_in_their_own_words() -> None:
    machine = {"subject": subject("m1", "machine"), "product": "kre-node-locked"}
    rows = [
        change("remove", "", loses_last_license=True, **machine),
        change(
            "reassign", "", **machine | {"subject": subject("m3", "machine")},
            **{"from": subject("m2", "machine")},
        ),
    ]  # fmt: skip
    document = taking.of(organization(1, "A", changes=rows))
    words = "2 machines lose their registration"
    assert f"> **{words}.**" in shown("markdown", document)
    assert "⚠️ **last registration**" in shown("markdown", document)
    assert "m1 loses the last registration" in shown("text", document)
    assert outputs_of([document])["losing_last"] == "0"


def test_who_gets_another_product_moves_and_a_person_is_counted_once() -> None:
    rows = [
        change("grant", "Mia@example.com", product="testops"),
        change("remove", "mia@example.com"),
        change("remove", "ada@example.com"),
        change("remove", "ADA@example.com", product="testops", loses_last_license=True),
    ]
    (found,) = takings_of([taking.of(organization(1, "A", changes=rows))])
    assert found.counts == Counts(people=1, last=1, moving=1)
    assert found.counts.words == (
        "1 person loses a license, their last; 1 moves from one product to another"
    )


def test_a_plan_that_takes_nothing_away_has_no_word_of_it() -> None:
    document = taking.of(organization(1, "A", changes=taking.grants(3)))
    for name in RENDERERS:
        assert not re.search(r"akes away|loses|CAUTION|their last", shown(name, document)) or (
            name == "html"
        )
    assert headline([document]) == "3 grants in 1 organization"


def test_the_plan_and_its_reports_count_the_same() -> None:
    people = members("ada", "bob", "carol", "dan", "eve")
    current = state(
        people=people,
        subscriptions=(Subscription("kse", 3), Subscription("testops", 9)),
        users={"kse": ["ada", "bob", "carol"], "testops": ["carol", "bob"]},
        machines={"kre-node-locked": ["m1"]},
    )
    wanted = desired(
        users={"kse": ["dan", "eve"], "testops": ["ada"]}, machines={"kre-node-locked": []}
    )
    document = to_document(plan_many([wanted], [current]))
    counts = takings_of([document])[0].counts
    summary = document["summary"]
    assert counts == Counts(people=2, last=2, machines=1, moving=1)
    assert (summary["losing"], summary["losing_last"]) == (3, 2)
    assert document["organizations"][0]["losing_last"] == 2
    assert schema.fits("plan", document)
