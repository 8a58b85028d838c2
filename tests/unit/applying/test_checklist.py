from typing import Any

import pytest
from markdown_it import MarkdownIt

from reconciler.applying.checklist import render
from reconciler.applying.markdown import block, code

Row = dict[str, Any]


def document(*changes: Row, target: str = "https://testops.katalon.io", **rest: Any) -> Row:
    organization = {
        "id": 101,
        "name": "Acme QA",
        "pools": [{"product": "kse", "quota": 5, "used": 5}],
        "changes": list(changes),
        "deferred": [],
        "refusals": [],
        **rest,
    }
    return {
        "digest": "sha256:ab12",
        "target": target,
        "as_of": "2026-11-24",
        "valid_until": "2026-12-01T09:00:00Z",
        "organizations": [organization],
    }


def row(action: str, name: str, holder: str | None = None, **rest: Any) -> Row:
    def kind(of: str) -> str:
        return "user" if "@" in of else "machine"

    change: Row = {
        "action": action,
        "product": "kse",
        "subject": {"kind": kind(name), "id": name},
        "used_after": 5,
        **rest,
    }
    if holder is not None:
        change["from"] = {"kind": kind(holder), "id": holder}
    return change


def headings(text: str) -> list[str]:
    return [line for line in text.splitlines() if line.startswith("### ")]


def test_a_transfer_revokes_before_it_assigns_and_says_what_to_verify() -> None:
    text = render(document(row("reassign", "bob@x.io", "carol@x.io", loses_last_license=True)))
    assert "### 1. Katalon Studio Enterprise (per-user): transfer 1 seat" in text
    assert text.index("carol@x.io") < text.index("bob@x.io")
    assert text.index("*Revoke License*") < text.index("*Assign License*")
    assert "- [ ] Verify: *Available Licenses* is 0." in text
    assert "After this, `carol@x.io` holds no license." in text


def test_adjacent_emails_go_together_and_the_order_of_the_plan_stays() -> None:
    text = render(
        document(
            row("remove", "a@x.io", used_after=4),
            row("remove", "b@x.io", used_after=3),
            row("grant", "c@x.io", used_after=4),
            row("remove", "d@x.io", used_after=3),
            row("remove", "e@x.io", product="testops"),
        )
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
    text = render(
        document(
            row("grant", "a1", product="kre-node-locked"),
            row("grant", "b2", product="kre-node-locked"),
            row("reassign", "d4", "c3", product="kre-node-locked"),
            row("remove", "e5"),
            row("issue_offline", "f6", product="kre-node-locked", expires="2027-03-31"),
        )
    )
    assert len(headings(text)) == 5
    assert text.count("on the host with this machine ID") == 3
    assert text.index("c3") < text.index("Then activate") < text.index("d4")
    assert "lists the machine ID until `2027-03-31`." in text
    assert "**it cannot be taken back**" in text


def test_links_name_organization_and_product_and_are_marked_as_observed() -> None:
    text = render(document(row("remove", "a@x.io"), target="https://testops.katalon.io/"))
    assert (
        "[License Management]"
        "(<https://testops.katalon.io/organization/101/admin/license-keys?product=per_user_kse>)"
    ) in text
    assert "does not document them" in text


def test_a_product_without_a_known_page_and_a_target_that_is_no_web_get_no_link() -> None:
    assert "](<" not in render(document(row("remove", "a@x.io", product="testops")))
    text = render(document(row("remove", "a@x.io"), target="sqlite:///acme.db"))
    assert "](<" not in text
    assert "does not document them" not in text


def test_it_ends_with_what_proves_that_everything_is_done() -> None:
    text = render(document(row("remove", "a@x.io")))
    assert "run `reconciler plan` again: an empty plan means everything is done" in text


def test_an_empty_plan_has_no_steps() -> None:
    text = render(document())
    assert "There is nothing to do." in text
    assert "- [ ]" not in text


def test_what_the_plan_withholds_is_told_and_is_no_step() -> None:
    text = render(
        document(
            refusals=[{"message": "kse is short by 1", "code": "over_quota"}],
            deferred=[{"reason": "pending_member"}, {"reason": "pending_member"}],
        )
    )
    assert "- `Acme QA` (101): refused: `kse is short by 1`" in text
    assert "- `Acme QA` (101): 2 deferred: `pending_member`" in text
    assert headings(text) == []


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
]


def outside_code(text: str) -> list[tuple[str, str]]:
    """Return what a Markdown parser finds, the content of code blocks and spans left out."""
    found = []
    for token in MarkdownIt("commonmark").parse(text):
        for part in token.children or [token]:
            content = "" if part.type in {"fence", "code_inline"} else part.content
            found.append((part.type, content))
    return found


@pytest.mark.parametrize("hostile", HOSTILE)
def test_hostile_text_stays_within_code(hostile: str) -> None:
    def rendered(text: str) -> str:
        return render(
            document(
                row("reassign", text, text, reason=text, ends_sessions=[text]),
                row("remove", text, product=text, loses_last_license=True),
                row("issue_offline", "m1", expires=text),
                refusals=[{"message": text}],
                deferred=[{"reason": text}],
                name=text,
            )
        )

    # An email decides between user and machine, so the harmless one is one as well.
    harmless = "a@x.io" if "@" in hostile else "a1"
    text = rendered(hostile)
    assert outside_code(text) == outside_code(rendered(harmless))
    assert all(character.isprintable() or character == "\n" for character in text)


def test_copied_lines_are_as_they_are_within_a_longer_fence() -> None:
    assert block(["a````b@x.io", "ünï@x.io"]) == ["`````text", "a````b@x.io", "ünï@x.io", "`````"]


def test_code_holds_backticks_at_its_ends() -> None:
    assert [code("a"), code("`a`"), code("")] == ["`a`", "`` `a` ``", "` `"]
