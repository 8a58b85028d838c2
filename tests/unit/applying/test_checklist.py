import json
from dataclasses import replace
from datetime import date
from typing import Any

import pytest
from markdown_it import MarkdownIt

from reconciler.applying.checklist import checklist_of
from reconciler.applying.checklist_formats import FORMATS
from reconciler.applying.checklist_text import step_lines
from reconciler.applying.left import Left, left_of
from reconciler.applying.markdown import block, code
from reconciler.applying.remainder import Stale
from reconciler.applying.steps import end_sessions, steps_of
from reconciler.model.plan import Action, Change, Deferral, Refusal, Scope
from reconciler.model.source import Source
from reconciler.model.state import Session
from tests.unit.applying.fake import (
    MACHINE_PRODUCT,
    NOW,
    TODAY,
    change,
    grant,
    offline,
    organization_plan,
    organization_state,
    pair,
    plan_of,
    remove,
    subject,
    transfer,
)

WEB = "https://testops.katalon.io"
QUOTAS = {"kse": 5, "testops": 5, MACHINE_PRODUCT: 5}


def steps(*changes: Change, target: str = WEB, left: Left | None = None, **rest: Any) -> str:
    """The Markdown of one organization's changes, all of which are left unless `left` says else."""
    plan = organization_plan(*changes)
    plan = replace(plan, name=rest.pop("name", "Acme QA"), **rest)
    found = Left(changes, quotas=QUOTAS) if left is None else left
    document = replace(plan_of(plan), target=target)
    return FORMATS["markdown"](checklist_of(document, plan_digest="sha256:ab12", left={101: found}))


def test_what_is_taken_away_is_told_before_anything_else_with_everybody_in_it() -> None:
    last = replace(remove("eve@x.io"), loses_last_license=True, id="9")
    text = steps(*(grant(f"new{n}@x.io") for n in range(300)), last, pair("bob@x.io", "joe@x.io"))
    told = text.splitlines()[2]
    assert told == (
        "**Takes away** in `Acme QA` (101): **2 lose something, 1 of them the last license**: "
        "`eve@x.io`, `bob@x.io`."
    )


def test_who_is_too_many_to_be_named_is_counted() -> None:
    text = steps(*(replace(remove(f"u{n}@x.io"), id=str(n)) for n in range(300)))
    assert text.splitlines()[2] == "**Takes away** in `Acme QA` (101): **300 lose something**."


def test_steps_that_take_nothing_away_say_nothing_of_it() -> None:
    assert "Takes away" not in steps(grant("ada@x.io"))


def headings(text: str) -> list[str]:
    return [line for line in text.splitlines() if line.startswith("### ")]


def test_a_transfer_revokes_before_it_assigns_and_says_what_to_verify() -> None:
    carol = replace(transfer("carol@x.io", "bob@x.io", used_after=5), loses_last_license=True)
    text = steps(carol)
    assert "### 1. Katalon Studio Enterprise (per-user): transfer 1 seat" in text
    assert text.index("carol@x.io") < text.index("bob@x.io")
    assert text.index("*Revoke License*") < text.index("*Assign License*")
    assert "- [ ] Verify: *Available Licenses* is 0." in text
    assert "After this plan, `carol@x.io` holds no license." in text


def test_adjacent_emails_go_together_and_the_order_of_the_plan_stays() -> None:
    text = steps(
        remove("a@x.io", used_after=4),
        remove("b@x.io", used_after=3),
        grant("c@x.io", used_after=4),
        remove("d@x.io", used_after=3),
        remove("e@x.io", product="testops"),
    )
    assert [line.split("): ")[-1].split("TestOps: ")[-1] for line in headings(text)] == [
        "remove from 2 users",
        "grant to 1 user",
        "remove from 1 user",
        "remove from 1 user",
    ]
    assert "  a@x.io\n  b@x.io\n" in text
    assert text.index("*Available Licenses* is 2") < text.index("*Available Licenses* is 1")


def test_each_machine_is_a_step_of_its_own_and_is_activated_on_its_host() -> None:
    text = steps(
        grant("a1", product=MACHINE_PRODUCT),
        grant("b2", product=MACHINE_PRODUCT),
        pair("c3", "d4", product=MACHINE_PRODUCT),
        remove("e5"),
        offline("f6", date(2027, 3, 31), product=MACHINE_PRODUCT),
    )
    assert len(headings(text)) == 5
    assert text.count("on the host with this machine ID") == 3
    assert text.index("c3") < text.index("Then activate") < text.index("d4")
    assert "lists the machine ID until `2027-03-31`." in text
    assert "**it cannot be taken back**" in text


def test_links_name_organization_and_product_and_are_called_a_guess() -> None:
    text = steps(remove("a@x.io"), target=f"{WEB}/")
    assert (
        "[License Management]"
        "(<https://testops.katalon.io/organization/101/admin/license-keys?product=per_user_kse>)"
    ) in text
    assert "is a guess from what was seen in a browser" in text
    assert "go to License Management by the menu" in text


def test_a_product_without_a_known_page_and_a_target_that_is_no_web_get_no_link() -> None:
    assert "](<" not in steps(remove("a@x.io", product="testops"))
    text = steps(remove("a@x.io"), target="sqlite:///acme.db")
    assert "](<" not in text
    assert "guess" not in text


def test_it_ends_with_what_proves_that_everything_is_done() -> None:
    assert "ends with 0 once nothing is" in steps(remove("a@x.io"))


def test_an_empty_plan_has_no_steps() -> None:
    text = steps()
    assert "There is nothing to do." in text
    assert "- [ ]" not in text


def test_what_the_plan_withholds_is_told_and_is_no_step() -> None:
    waiting = Deferral(
        Action.GRANT, "kse", subject("p@x.io"), "pending_member", "pending", Source("a.yaml")
    )
    text = steps(
        refusals=(Refusal("over_quota", Scope.POOL, "kse is short by 1"),),
        deferred=(waiting, waiting),
    )
    assert "- `Acme QA` (101): refused: `kse is short by 1`" in text
    assert "- `Acme QA` (101): 2 deferred: `pending_member`" in text
    assert headings(text) == []


def test_a_plan_that_no_longer_holds_gives_no_steps_but_the_reason() -> None:
    late = grant("a@x.io")
    text = steps(
        late,
        left=Left(
            (late,), stale=(Stale(late, "over_quota", "no seat is free"),), moved=("kse: x",)
        ),
    )
    assert headings(text) == []
    assert "no longer holds: `no seat is free`" in text
    assert "moved since the plan: `kse: x`" in text


def test_an_organization_that_could_not_be_read_is_told() -> None:
    text = steps(grant("a@x.io"), left=Left(error="no connection"))
    assert "- `Acme QA` (101): could not be read: `no connection`" in text


def test_what_is_there_already_is_no_step_and_half_a_transfer_is_its_other_half() -> None:
    plan = organization_plan(
        replace(transfer("carol@x.io", "bob@x.io"), loses_last_license=True, ends_sessions=("m1",)),
        grant("dan@x.io"),
        grant("eve@x.io"),
    )
    state = organization_state(
        quotas={"kse": 4}, users={"kse": ["dan@x.io"]}, members=["bob@x.io", "eve@x.io"]
    )
    left = left_of(plan, state, TODAY)
    assert left.done == {"grant-kse-dan@x.io"}
    assert [(row.action, row.subject.id, row.used_after) for row in left.changes] == [
        (Action.GRANT, "bob@x.io", 2),
        (Action.GRANT, "eve@x.io", 3),
    ]
    (step,) = steps_of(left.changes, left.quotas)
    assert step.title == "grant to 2 users"
    assert step.notes == ()
    assert [row.id for row in step.changes] == [plan.changes[0].id, plan.changes[2].id]


def test_the_other_half_of_a_transfer_may_be_the_removal() -> None:
    plan = organization_plan(
        replace(transfer("carol@x.io", "bob@x.io"), loses_last_license=True, ends_sessions=("m1",))
    )
    state = organization_state(quotas={"kse": 4}, users={"kse": ["carol@x.io", "bob@x.io"]})
    (row,) = left_of(plan, state, TODAY).changes
    assert (row.action, row.subject.id, row.holder) == (Action.REMOVE, "carol@x.io", None)
    assert (row.loses_last_license, row.ends_sessions) == (True, ("m1",))


def test_sessions_are_ended_by_their_machines() -> None:
    step = end_sessions(
        "kse",
        (Session("kse", "m1", "a@x.io"), Session("kse", "m1", "b@x.io"), Session("kse", "m2")),
    )
    assert step.title == "end 3 sessions"
    assert step.tasks[0].copied == ("m1", "m2")


HOSTILE = [
    "a`b``c@x.io",
    "```\n# Owned\n@x.io",
    "`",
    "<img src=x onerror=alert(1)>@x.io",
    "[click](https://evil.example)@x.io",
    "\u202eoi.x@eve",
    "a\x1b[31m@x.io",
    "~~~@x.io",
    "- [x] done@x.io",
    "a\ud800@x.io",
]


def hostile_steps(text: str) -> str:
    first = replace(change(Action.REASSIGN, text, text), reason=text, ends_sessions=(text,), id="1")
    second = replace(remove(text), product=text, loses_last_license=True, id="2")
    third = replace(offline("m1", date(2027, 1, 1)), id="3")
    return steps(
        first,
        second,
        third,
        name=text,
        refusals=(Refusal("over_quota", Scope.POOL, text),),
        deferred=(Deferral(Action.GRANT, "kse", subject(text), text, text, Source("a")),),
    )


def outside_code(text: str) -> list[tuple[str, str]]:
    """Return what a Markdown parser finds, the content of code blocks and spans left out."""
    found = []
    for token in MarkdownIt("commonmark").parse(text):
        for part in token.children or [token]:
            content = "" if part.type in {"fence", "code_inline"} else part.content
            found.append((part.type, content))
    return found


@pytest.mark.parametrize("hostile", HOSTILE, ids=ascii)
def test_hostile_text_stays_within_code(hostile: str) -> None:
    # An email decides between user and machine, so the harmless one is one as well.
    harmless = "a@x.io" if "@" in hostile else "a1"
    text = hostile_steps(hostile)
    assert outside_code(text) == outside_code(hostile_steps(harmless))
    assert all(character.isprintable() or character == "\n" for character in text)


COMMANDS = ("::error::boo@e.com", "  ::stop-commands::tok", "##[error]x", "a##[group]b")


@pytest.mark.parametrize("name", sorted(FORMATS))
@pytest.mark.parametrize("hostile", COMMANDS)
def test_shown_in_a_log_no_value_is_a_runners_command(hostile: str, name: str) -> None:
    plan = replace(plan_of(organization_plan(remove(hostile))), target=WEB)
    left = {101: Left((replace(remove(hostile), reason=hostile),), quotas=QUOTAS)}
    text = FORMATS[name](checklist_of(plan, plan_digest="sha256:ab12", left=left))
    assert hostile.strip() not in text or name == "json"
    assert "##[" not in text
    assert not any(line.lstrip().startswith("::") for line in text.split("\n"))


@pytest.mark.parametrize("hostile", HOSTILE, ids=ascii)
def test_a_hostile_target_cannot_end_its_link(hostile: str) -> None:
    text = steps(remove("a@x.io"), target=f"{WEB}/{hostile}>)")
    (line,) = [line for line in text.splitlines() if line.startswith("Page: ")]
    (paragraph,) = [row for row in MarkdownIt("commonmark").parse(line) if row.children]
    kinds = [row.type for row in paragraph.children or ()]
    assert kinds == ["text", "link_open", "text", "link_close"]


def test_copied_lines_are_as_they_are_within_a_longer_fence() -> None:
    assert block(["a````b@x.io", "ünï@x.io"]) == ["`````text", "a````b@x.io", "ünï@x.io", "`````"]


def test_code_holds_backticks_at_its_ends() -> None:
    assert [code("a"), code("`a`"), code("")] == ["`a`", "`` `a` ``", "` `"]


def test_the_same_plan_gives_the_same_bytes() -> None:
    changes = (transfer("carol@x.io", "bob@x.io"), grant("d@x.io", product="testops"))
    assert steps(*changes) == steps(*changes)
    assert NOW.isoformat()[:10] in steps(*changes)


@pytest.mark.parametrize("hostile", HOSTILE, ids=ascii)
def test_as_json_what_is_to_be_copied_is_exact_and_sentences_are_visible(hostile: str) -> None:
    plan = replace(plan_of(organization_plan(remove(hostile))), target=WEB)
    left = {101: Left((replace(remove(hostile), reason=hostile),), quotas=QUOTAS)}
    checklist = checklist_of(plan, plan_digest="sha256:ab12", left=left)
    document = json.loads(FORMATS["json"](checklist))
    (step,) = document["organizations"][0]["steps"]
    assert step["tasks"][0]["copied"] == [hostile]
    assert step["notes"][0].isprintable()
    assert step["changes"] == [remove(hostile).id]
    assert document["steps"] == 1


def test_at_a_terminal_a_step_is_lines_without_control_characters() -> None:
    one = replace(offline("m\x1b1", date(2027, 3, 31)), reason="a\u202eb")
    plan = replace(plan_of(organization_plan(one)), target=WEB)
    checklist = checklist_of(
        plan, plan_digest="sha256:ab12", left={101: Left((one,), quotas=QUOTAS)}
    )
    assert list(step_lines(checklist.sections[0].steps[0], 7)) == [
        "Step 1 of 7. Katalon Studio Enterprise (per-user): issue an offline license",
        f"  {WEB}/organization/101/admin/license-keys?product=per_user_kse",
        "  - Create an offline license that ends with 2027-03-31 for this machine ID "
        "(it cannot be taken back):",
        "      m\\x1b1",
        "  - Then: Offline Licenses lists the machine ID until 2027-03-31.",
        "  ! For m\\x1b1: a\\u202eb.",
    ]
