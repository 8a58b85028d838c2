"""The HTML pages: one file each, that loads nothing, and in which a value is only ever text."""

from __future__ import annotations

import base64
import hashlib
import re
import time
from datetime import UTC, date, datetime
from html.parser import HTMLParser
from typing import Any

import pytest

from reconciler.model.state import (
    LicensedUser,
    Machine,
    Member,
    OfflineLicense,
    OrganizationState,
    Session,
    Subscription,
)
from reconciler.reports.bars import bar_of
from reconciler.reports.charts import chart_of
from reconciler.reports.formats import RENDERERS
from reconciler.reports.html import license_page
from reconciler.reports.license_page import page_of
from reconciler.reports.spans import Look
from tests.unit.reports.documents import (
    HOSTILE,
    POOL,
    change,
    forecast,
    full_document,
    hostile_document,
    organization,
)

ALLOWED_TAGS = {
    "html", "head", "meta", "title", "style", "body", "a", "header", "h1", "h2", "h3", "p", "span",
    "dl", "div", "dt", "dd", "section", "ul", "li", "b", "form", "label", "input", "fieldset",
    "legend", "select", "option", "output", "main", "svg", "rect", "table", "caption", "thead",
    "tbody", "tr", "th", "td", "s", "details", "summary", "code", "button", "footer", "br",
    "figure", "figcaption", "line", "text", "path", "script",
}  # fmt: skip


class Page(HTMLParser):
    """The tags, attributes and texts of a page."""

    def __init__(self, text: str) -> None:
        super().__init__(convert_charrefs=True)
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.texts: list[str] = []
        self.inside: dict[str, str] = {}
        self._open = ""
        self.feed(text)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))
        self._open = tag

    def handle_endtag(self, tag: str) -> None:
        self._open = ""

    def handle_data(self, data: str) -> None:
        if self._open in {"style", "script", "title"}:
            self.inside[self._open] = self.inside.get(self._open, "") + data
        else:
            self.texts.append(data)

    def attributes(self) -> set[str]:
        return {name for _, attributes in self.tags for name in attributes}


def shown(*documents: dict[str, Any]) -> str:
    return RENDERERS["html"](documents, Look())


def licenses(value: str) -> str:
    state = OrganizationState(
        id=101,
        name=value,
        members=(Member(value or "a"),),
        subscriptions=(Subscription("kse", quota=5, used=2, machine_quota=8),),
        licensed_users=(LicensedUser("kse", value),),
        machines=(Machine("kse", value, value, value, datetime(2026, 11, 20, 8, tzinfo=UTC)),),
        offline_licenses=(OfflineLicense("kse", value, date(2097, 1, 31), value),),
        sessions=(Session("kse", value, value, datetime(2026, 11, 24, 8, tzinfo=UTC)),),
    )
    return license_page(page_of([state, OrganizationState(id=7)], date(2026, 11, 24)))


def test_it_holds_every_row_of_the_plan() -> None:
    text = " ".join(Page(shown(full_document())).texts)
    for name in ("bob", "carol", "dan", "eve", "fay", "gus"):
        assert f"{name}@example.com" in text
    for words in (
        "5/5 → 5/5",
        "1 offline until 2097-01-31",
        "refused: max removals",
        "orgs/acme.yaml",
    ):
        assert words in text
    assert "Unchanged" in text
    assert "sha256:" + "0" * 64 in text


@pytest.mark.parametrize(
    "text", [shown(full_document()), licenses("Acme")], ids=["plan", "licenses"]
)
def test_the_policy_allows_this_style_and_this_script_and_nothing_else(text: str) -> None:
    page = Page(text)
    policies = [row["content"] for tag, row in page.tags if row.get("http-equiv")]
    hashes = {
        name: base64.b64encode(hashlib.sha256(page.inside[name].encode()).digest()).decode()
        for name in ("style", "script")
    }
    assert policies == [
        f"default-src 'none'; style-src 'sha256-{hashes['style']}'; "
        f"script-src 'sha256-{hashes['script']}'; base-uri 'none'; form-action 'none'"
    ]
    assert not {name for name in page.attributes() if name.startswith("on") or name == "style"}
    assert page.attributes() & {"src", "srcset", "action", "formaction", "data", "poster"} == set()
    assert [row["href"] for _, row in page.tags if "href" in row] == ["#main"]
    assert "http-equiv" not in {*text.split("<body>")[1].split()}


@pytest.mark.parametrize("value", HOSTILE)
def test_a_hostile_value_is_text_wherever_it_stands(value: str) -> None:
    harmless = Page(shown(hostile_document("harmless")))
    for page, plain in (
        (Page(shown(hostile_document(value))), harmless),
        (Page(licenses(value)), Page(licenses("harmless"))),
    ):
        assert {tag for tag, _ in page.tags} <= ALLOWED_TAGS
        assert page.attributes() <= plain.attributes() | {"aria-label"}
        assert page.inside["script"] == plain.inside["script"]
        assert page.inside["style"] == plain.inside["style"]
        assert not re.search("[\\u202a-\\u202e\\u200b-\\u200f\\ufeff\\x00]", "".join(page.texts))
    if value.strip():
        # Backticks in a message of ours become code; nothing else that a value holds adds a tag.
        tags = [tag for tag, _ in Page(shown(hostile_document(value))).tags]
        plain_tags = [tag for tag, _ in harmless.tags]
        assert [tag for tag in tags if tag != "code"] == [
            tag for tag in plain_tags if tag != "code"
        ]


def test_a_name_that_may_mislead_is_told_unfolded_near_the_top() -> None:
    document = full_document()
    row = {"code": "look_alike", "message": "mixes letters of two scripts", "source": None}
    document["organizations"][0]["warnings"] = [row]
    said = "<b>Acme QA (101)</b>: mixes letters of two scripts"
    text = shown(document)
    assert "1 name may mislead" in text
    assert text.index(said) < text.index('class="tools"')
    document["organizations"][0]["warnings"] = [row] * 23
    text = shown(document)
    assert "23 names may mislead" in text
    assert (text.count(said), text.count("… and 3 more")) == (20, 1)
    assert "may mislead" not in shown(full_document())


def test_the_policy_is_the_same_whatever_the_values_are() -> None:
    policies = {
        re.search(r'Policy" content="([^"]*)"', shown(hostile_document(value)))[1]  # type: ignore[index]
        for value in HOSTILE
    }
    assert len(policies) == 1


def test_ten_thousand_changes_are_rendered_in_seconds_and_a_few_megabytes() -> None:
    document = full_document()
    changes = [change("grant", f"user-{row}@example.com") for row in range(10_000)]
    document["organizations"] = [organization(1, "A", changes=changes)]
    begin = time.perf_counter()
    text = shown(document)
    assert time.perf_counter() - begin < 20
    assert len(text) < 4_000_000
    assert text.count("<tr data-k=") == 10_000


def test_a_forecast_becomes_a_chart_with_its_numbers_beside_it() -> None:
    text = shown(full_document() | {"forecast": forecast()})
    assert 'aria-label="Seats of kse from 2026-11-24 to 2027-11-24: a seat is missing from' in text
    assert "No change of seats ahead: testops" in text
    assert (
        '<tr><th scope="row">2027-03-15</th><td>10</td><td>8</td><td>2</td><td>2</td></tr>' in text
    )
    assert "Seats ahead" not in shown(full_document())


def test_an_organization_that_runs_short_is_shown_though_nothing_changes() -> None:
    document = full_document() | {"forecast": forecast()}
    document["organizations"] = [organization(101, "Acme QA"), organization(102, "Beta")]
    text = shown(document)
    assert text.count('<section class="org"') == 1
    assert "Beta (102)" in text[text.index("Unchanged") :]


@pytest.mark.parametrize(
    ("more", "level", "used", "quota"),
    [
        ({"used_after": 2}, "free", 40.0, None),
        ({"used_after": 5}, "full", 100.0, None),
        ({"quota": 10, "used": 9, "used_after": 9}, "near", 90.0, None),
        ({"used_after": 8, "used": 8}, "over", 100.0, 62.5),
        ({"quota": 0, "used": 0, "used_after": 0}, "full", 0.0, None),
    ],
)
def test_a_bar_is_as_long_as_the_seats_in_use(
    more: dict[str, Any], level: str, used: float, quota: float | None
) -> None:
    bar = bar_of(POOL | more, "KSE")
    assert bar is not None
    assert (bar.level, bar.used, bar.quota) == (level, used, quota)


def test_a_bar_needs_a_known_quota_and_a_known_use() -> None:
    assert bar_of(POOL | {"quota": None}, "KSE") is None
    assert bar_of(POOL | {"used_after": None}, "KSE") is None


def test_a_bar_says_in_words_what_it_shows() -> None:
    bar = bar_of(POOL | {"used": 3, "used_after": 4}, "KSE")
    assert bar is not None
    assert bar.label == "KSE: 4 of 5 seats in use, 3 before"
    assert (bar.before, bar.offline) == (60.0, 20.0)


def test_a_chart_leaves_a_gap_where_the_quota_is_unknown() -> None:
    (kse, _) = forecast()["organizations"][0]["pools"]
    days = [row | {"quota": None if number == 1 else 8} for number, row in enumerate(kse["days"])]
    chart = chart_of(kse | {"days": days}, "2026-11-24", "2027-11-24")
    assert chart.quota.count("M") == 2
    assert chart.wanted.count("M") == 1
    assert len(chart.days) <= 7
    unknown = [row | {"quota": None, "short": None} for row in kse["days"]]
    assert chart_of(kse | {"days": unknown}, "2026-11-24", "2027-11-24").quota == ""


def test_a_list_that_is_unknown_is_not_shown_as_empty() -> None:
    state = OrganizationState(id=1, subscriptions=(Subscription("kse", quota=1),))
    text = license_page(page_of([state], date(2026, 11, 24)))
    assert text.count(": unknown</p>") == 4
    assert "members unknown" in text


@pytest.mark.parametrize(
    ("more", "words"),
    [
        ({"summary": {"grant": 1, "organizations": 1}}, "Can be applied"),
        ({}, "A person has to act before all of it can be applied"),
        ({"applyable": False, "summary": {"organizations": 1}}, "Nothing to apply"),
        ({"live": False}, "Not applyable: made from a snapshot, or for another day"),
        ({"unread": [{"id": 9, "message": "x"}]}, "Not all organizations could be read"),
    ],
)
def test_the_head_of_a_plan_says_what_may_happen_next(more: dict[str, Any], words: str) -> None:
    assert words in shown(full_document() | more)
