"""What is not written as by default: told first, and harmless whatever its values are."""

from __future__ import annotations

from typing import Any

import pytest
from lxml.etree import fromstring
from markdown_it import MarkdownIt

from reconciler.reports.formats import RENDERERS
from reconciler.reports.spans import Look
from reconciler.reports.write_notes import WriteNote, write_differences, write_notes
from tests.unit.reports.documents import HOSTILE, full_document

ROUTE = "POST /seats/{organization}/{feature}"


def written(target: str = "https://x.example", **more: Any) -> dict[str, Any]:
    return full_document() | {"target": target} | more


def test_a_plan_that_is_written_as_by_default_has_no_note() -> None:
    assert write_notes([full_document(), full_document()]) == []


def test_several_plans_of_one_target_have_one_note() -> None:
    one = written(writes="api", routes={"remove_users": ROUTE, "grant_users": f"{ROUTE}/on"})
    (note,) = write_notes([one, full_document(), one])
    assert note == WriteNote(
        "https://x.example",
        (
            "writes: api (writes go to its API, which only the embedded server takes by default)",
            f"route of grant_users: {ROUTE}/on",
            f"route of remove_users: {ROUTE}",
        ),
    )


def test_what_two_plans_differ_in_is_told_line_by_line() -> None:
    before = written(writes="api", routes={"grant_users": ROUTE})
    after = written("https://y.example", routes={"grant_users": f"{ROUTE}/on"})
    told = list(write_differences(before, after))
    assert told[0] == "reviewed for https://x.example, and now for https://y.example"
    assert told[2:] == [
        f"reviewed, but not so any more: route of grant_users: {ROUTE}",
        f"so now, but not reviewed: route of grant_users: {ROUTE}/on",
    ]
    assert list(write_differences(before, before)) == []


@pytest.mark.parametrize("value", HOSTILE)
def test_no_value_in_a_note_means_anything(value: str) -> None:
    plain = written("x", routes={"grant_users": "y"})
    hostile = written(value, routes={"grant_users": value})
    reports = {name: render([hostile], Look()) for name, render in RENDERERS.items()}
    usual = {name: render([plain], Look()) for name, render in RENDERERS.items()}
    commands = [line for line in reports["github"].splitlines() if line.startswith("::")]
    assert len(commands) == usual["github"].count("\n::") + 1
    assert len(reports["text"].splitlines()) == len(usual["text"].splitlines())
    assert reports["html"].count("<") == usual["html"].count("<")
    fromstring(reports["junit"].encode())
    kinds = [
        [token.type for token in MarkdownIt("commonmark").parse(text["markdown"])]
        for text in (reports, usual)
    ]
    assert kinds[0] == kinds[1]
    assert len(reports["markdown"]) < 60_000
