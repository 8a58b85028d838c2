import base64
import hashlib
import re
from dataclasses import replace
from datetime import date
from html.parser import HTMLParser

import pytest

from reconciler.applying.checklist import checklist_of
from reconciler.applying.checklist_formats import FORMATS
from reconciler.applying.left import Left
from reconciler.model.plan import Action, Change, Refusal, Scope
from reconciler.model.text import printable
from tests.unit.applying.fake import (
    change,
    grant,
    offline,
    organization_plan,
    plan_of,
    remove,
    transfer,
)
from tests.unit.applying.test_checklist import HOSTILE, WEB

VOID = {"meta", "input", "br"}


class Page(HTMLParser):
    """The tags with their attributes, the text of each element, and whether all are closed."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, tuple[str, ...]]] = []
        self.attributes: list[tuple[str, str]] = []
        self.texts: dict[str, list[str]] = {}
        self.open: list[str] = []
        self.feed(text)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, tuple(name for name, _ in attrs)))
        self.attributes += [(name, value or "") for name, value in attrs]
        if tag not in VOID:
            self.open.append(tag)
            self.texts.setdefault(tag, []).append("")

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        if self.open:
            self.texts[self.open[-1]][-1] += data


def html(*changes: Change, target: str = WEB, name: str = "Acme QA", message: str = "no") -> str:
    plan = replace(
        organization_plan(*changes, refusals=(Refusal("over_quota", Scope.POOL, message),)),
        name=name,
    )
    document = replace(plan_of(plan), target=target)
    left = {101: Left(changes, quotas={"kse": 5})}
    return FORMATS["html"](checklist_of(document, plan_digest="sha256:ab12", left=left))


def test_each_task_and_each_check_has_a_box_and_emails_are_copied_at_once() -> None:
    page = Page(html(grant("a@x.io"), grant("b@x.io", used_after=4), remove("m1")))
    assert [attributes for tag, attributes in page.tags if tag == "input"] == [("type",)] * 5
    assert page.texts["pre"] == ["a@x.io\nb@x.io", "m1"]
    assert page.open == []


def test_the_page_needs_nothing_else_and_may_run_and_load_nothing() -> None:
    text = html(transfer("carol@x.io", "bob@x.io"))
    page = Page(text)
    (style,) = page.texts["style"]
    digest = base64.b64encode(hashlib.sha256(style.encode()).digest()).decode()
    assert f"style-src 'sha256-{digest}'" in text
    assert "default-src 'none'" in text
    assert {tag for tag, _ in page.tags} & {"script", "link", "img", "iframe", "form"} == set()
    assert [value for name, value in page.attributes if name in {"src", "style"}] == []
    assert "url(" not in style
    assert "@import" not in style


def test_a_link_opens_apart_and_tells_nobody_where_it_came_from() -> None:
    page = Page(html(remove("a@x.io")))
    assert (
        "href",
        f"{WEB}/organization/101/admin/license-keys?product=per_user_kse",
    ) in page.attributes
    assert ("rel", "noopener noreferrer") in page.attributes


@pytest.mark.parametrize("target", ["javascript:alert(1)//", "sqlite:///x.db", "data:text/html,x"])
def test_only_a_web_address_becomes_a_link(target: str) -> None:
    page = Page(html(remove("a@x.io"), target=target))
    assert [value for name, value in page.attributes if name == "href"] == []


@pytest.mark.parametrize(
    "hostile",
    [*HOSTILE, '"><script>alert(1)</script>@x', "</pre></code></style>@x", "&lt;b&gt;@x"],
    ids=ascii,
)
def test_hostile_text_is_shown_and_is_no_markup(hostile: str) -> None:
    def page(text: str) -> Page:
        one = change(Action.REASSIGN, text, text)
        changes = (
            replace(one, reason=text, ends_sessions=(text,), loses_last_license=True),
            replace(remove(text), product=text, id="2"),
            offline("m1", date(2027, 1, 1)),
        )
        return Page(html(*changes, name=text, message=text, target=f"{WEB}/{text}"))

    harmless = page("a@x.io" if "@" in hostile else "a1")
    found = page(hostile)
    assert found.tags == harmless.tags
    assert found.open == []
    assert printable(hostile) in found.texts["code"]
    assert printable(hostile) in found.texts["pre"]


def test_no_control_character_reaches_the_page() -> None:
    text = html(grant("a\x1b]0;x\x07\u202e@x.io"), name="\u2066evil")
    assert re.findall(r"[\x00-\x09\x0b-\x1f\x7f-\x9f\u202e\u2066]", text) == []
