"""The explanation of a subject, as data and as text."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from reconciler.model.desired import (
    DesiredOrganization,
    Entry,
    Everyone,
    MaxRemovals,
    Policy,
    Wanted,
)
from reconciler.model.identity import Subject, machine, user
from reconciler.model.source import Source
from reconciler.model.state import (
    Machine,
    Member,
    MemberStatus,
    OfflineLicense,
    OrganizationState,
    Role,
    Session,
    Subscription,
)
from reconciler.planning.explanation import explain
from reconciler.reports.spans import Look
from reconciler.reports.why_formats import FORMATS
from reconciler.reports.why_page import page_of
from tests.worlds import TODAY, desired, email, members, plan_many, state, wants

TOMORROW = TODAY + timedelta(days=1)


def world(*holders: str, quota: int = 5) -> OrganizationState:
    return state(
        people=(
            *members("ada", "bob"),
            Member(email("boss"), Role.BILLING_MANAGER, MemberStatus.PENDING),
        ),
        subscriptions=(Subscription("kse", quota), Subscription("kre-node-locked", 5)),
        users={"kse": holders},
    )


def shown(
    who: Subject | str,
    wanted: DesiredOrganization,
    current: OrganizationState,
    *,
    format_name: str = "text",
    look: Look | None = None,
    **options: object,
) -> str:
    subject = user(email(who)) if isinstance(who, str) else who
    plan = plan_many([wanted], [current], **{"removals": 50, **options})
    found = explain(subject, wanted, current, plan.organizations[0], TODAY)
    page = page_of(subject.id, [found], plan)
    return FORMATS[format_name](page, look or Look())


def files(*lines: object, policy: Policy | None = None) -> DesiredOrganization:
    return desired(users={"kse": lines}, policy=policy)


def test_the_page_of_a_holder_in_full() -> None:
    assert shown("ada", files("ada"), world("ada")) == (
        "ada@example.com in Acme QA (101), active member, user\n"
        "  kse: licensed, and wanted\n"
        "    wanted by orgs/acme.yaml:102\n"
        "    next plan: nothing to do\n"
        "\n"
        "as of 2026-11-24, for snapshot:test\n"
    )


@pytest.mark.parametrize(
    ("who", "said"),
    [
        ("boss", "boss@example.com in Acme QA (101), pending member, billing manager\n"),
        ("stranger", "stranger@example.com in Acme QA (101), no member\n"),
        (machine("m1"), "m1 in Acme QA (101)\n"),
    ],
)
def test_the_first_line_tells_membership_of_users(who: str | Subject, said: str) -> None:
    assert shown(who, files(), world()).startswith(said)


def test_members_that_cannot_be_read_and_no_name_are_told() -> None:
    hidden = replace(world("ada"), members=None, name=None)
    text = shown("ada", replace(files("ada"), name=None), hidden)
    assert text.startswith("ada@example.com in organization 101, members unknown\n")


@pytest.mark.parametrize(
    ("lines", "holders", "said"),
    [
        (["bob"], ["bob"], "kse: licensed, and wanted"),
        (["bob"], [], "kse: not licensed, but wanted"),
        ([], ["bob"], "kse: licensed, but not wanted"),
        ([wants("bob", start=TOMORROW)], [], "kse: not licensed, and not wanted"),
        (None, ["bob"], "kse: licensed; the files leave this list alone"),
    ],
)
def test_the_verdict_on_a_product(
    lines: list[object] | None, holders: list[str], said: str
) -> None:
    wanted = desired() if lines is None else files(*lines)
    assert f"  {said}\n" in shown("bob", wanted, world(*holders))


def test_an_unknown_list_gives_no_verdict_and_the_reason() -> None:
    hidden = replace(world(), licensed_users=None, sessions=None)
    text = shown("bob", files("bob"), hidden)
    assert "  kse: wanted; whether it is licensed is unknown\n" in text
    assert "    unknown: sessions\n" in text
    assert "    next plan: refused: kse  unreadable: kse: the licensing system gives no" in text


def test_paths_lead_through_groups_to_the_line() -> None:
    line, middle, last = (
        Source("orgs/acme.yaml", 9, 7),
        Source("groups/all.yaml", 3, 7),
        Source("groups/qa.yaml", 4, 7),
    )
    entries = (
        Entry(last, TODAY, TOMORROW, (line, middle), ("qa-all", "qa-core")),
        Entry(Source("orgs/acme.yaml", 12, 7), TOMORROW),
    )
    wanted = files("ada")
    (product,) = wanted.products
    users = replace(product.users, wanted=(Wanted(user(email("ada")), entries, 0),))
    text = shown("ada", replace(wanted, products=(replace(product, users=users),)), world())
    assert (
        "    wanted by orgs/acme.yaml:9 -> group qa-all -> groups/all.yaml:3 -> group qa-core "
        "-> groups/qa.yaml:4, from 2026-11-24 until 2026-11-25\n"
    ) in text
    assert "    listed at orgs/acme.yaml:12, from 2026-11-25: not on this day\n" in text


def test_members_all_and_except_are_named() -> None:
    line, out = Source("orgs/acme.yaml", 9, 7), Source("orgs/acme.yaml", 9, 30)
    wanted = files()
    (product,) = wanted.products
    everyone = (Everyone(Entry(line), 0, excluded=((user(email("bob")), out),)),)
    users = replace(product.users, everyone=everyone)
    wanted = replace(wanted, products=(replace(product, users=users),))
    assert "    wanted by orgs/acme.yaml:9 -> members: all\n" in shown("ada", wanted, world())
    bob = shown("bob", wanted, world("bob"))
    assert "    the list at orgs/acme.yaml:101 does not name it\n" in bob
    assert "    left out by `except` at orgs/acme.yaml:9\n" in bob


def test_what_an_entry_asks_for_is_told() -> None:
    wanted = desired(
        users={"kse": [wants("bob", replaces="ada", priority=10)]},
        machines={"kre-node-locked": [wants("m1", offline_until=TOMORROW)]},
    )
    kse, locked = wanted.products
    (bob,), (m1,) = kse.users.wanted, locked.machines.wanted
    users = replace(kse.users, wanted=(replace(bob, note="QA-12"),))
    machines = replace(locked.machines, wanted=(replace(m1, name="ci"),))
    wanted = replace(
        wanted, products=(replace(kse, users=users), replace(locked, machines=machines))
    )
    text = shown("bob", wanted, world("ada"))
    assert "    priority 10\n    replaces ada@example.com\n    note: QA-12\n" in text
    assert "    bob@example.com is to take its seat over (orgs/acme.yaml:102)\n" in shown(
        "ada", wanted, world("ada")
    )
    text = shown(machine("m1"), wanted, world())
    assert "    name: ci\n    wants an offline license until 2026-11-25\n" in text


def holding() -> OrganizationState:
    seen = datetime(2026, 11, 24, 8, tzinfo=UTC)
    return replace(
        world("bob"),
        machines=(Machine("kse", "m1", email("bob"), "laptop", seen),),
        offline_licenses=(
            OfflineLicense("kse", "m1", TOMORROW, email("bob")),
            OfflineLicense("kse", "m2", None, email("bob")),
        ),
        sessions=(Session("kse", "m1", email("bob"), seen), Session("kse", "m2", email("bob"))),
    )


def test_what_the_licensing_system_holds_is_told_for_a_user() -> None:
    text = shown("bob", files("bob"), holding())
    assert (
        "    registered machine m1 (laptop), last seen 2026-11-24T08:00:00Z\n"
        "    registered machine m2\n"
        "    offline license on m1 until 2026-11-25\n"
        "    offline license on m2\n"
        "    session on m1 since 2026-11-24T08:00:00Z\n"
        "    session on m2\n"
    ) in text


def test_what_the_licensing_system_holds_is_told_for_a_machine() -> None:
    text = shown(machine("m1"), files("bob"), holding())
    assert (
        "    registered (laptop), last seen 2026-11-24T08:00:00Z\n"
        "    offline license of bob@example.com until 2026-11-25\n"
        "    session of bob@example.com since 2026-11-24T08:00:00Z\n"
    ) in text
    assert "  kse: registered; the files leave this list alone\n" in text
    nameless = replace(holding(), machines=(Machine("kse", "m2"),), sessions=())
    assert shown(machine("m2"), files("bob"), nameless).splitlines()[1:4] == [
        "  kse: registered; the files leave this list alone",
        "    offline license of bob@example.com",
        "    next plan: nothing to do",
    ]


@pytest.mark.parametrize(
    ("lines", "holders", "said"),
    [
        (["bob"], [], "grant bob@example.com  [orgs/acme.yaml:102]"),
        ([], ["bob"], "remove bob@example.com  (not listed)  [orgs/acme.yaml:101]"),
        (
            [wants("ada", replaces="bob")],
            ["bob"],
            "reassign bob@example.com -> ada@example.com  (replaces bob@example.com)  "
            "[orgs/acme.yaml:102]",
        ),
        (
            [wants("ada", replaces="bob", start=TOMORROW)],
            ["bob"],
            "waits: remove bob@example.com  awaits_replacement, from 2026-11-25: bob@example.com "
            "stays until ada@example.com can be granted: starts 2026-11-25  [orgs/acme.yaml:102]",
        ),
        (["ada", "bob"], ["ada"], "refused: grant bob@example.com  over_quota: kse: 2 seats"),
    ],
)
def test_the_next_plan_is_told(lines: list[object], holders: list[str], said: str) -> None:
    assert f"    next plan: {said}" in shown("bob", files(*lines), world(*holders, quota=1))


def test_an_offline_license_to_come_is_told_with_its_last_day() -> None:
    wanted = desired(
        machines={"kre-node-locked": [wants("m1", offline_until=TOMORROW)]},
        policy=Policy(allow_irrevocable=True),
    )
    text = shown(machine("m1"), wanted, world(), irrevocable=True)
    assert "    next plan: grant m1  [" in text
    assert "    next plan: issue an offline license to m1 until 2026-11-25  [" in text


def test_only_the_subjects_own_changes_are_told_of_a_refusal() -> None:
    policy = Policy(max_removals=MaxRemovals(0, 0))
    wanted, current = files("boss", policy=policy), world("ada", "bob")
    page = json.loads(shown("bob", wanted, current, format_name="json", removals=None))
    (product,) = page["organizations"][0]["products"]
    (refusal,) = product["refusals"]
    assert [change["subject"]["id"] for change in refusal["withheld"]] == [email("bob")]


def test_warnings_come_with_their_place() -> None:
    text = shown("bob", files(wants("bob", end=TODAY - timedelta(days=1))), world())
    assert "  warning: expired_entries: kse: 1 entry of the users ended" in text
    assert "[orgs/acme.yaml:102]\n" in text


def test_a_member_of_whom_no_product_speaks_is_told_so() -> None:
    text = shown("ada", files(), world())
    assert "  no product's list names it, and it holds no license\n" in text


def test_json_holds_paths_state_and_the_plans_rows() -> None:
    page = json.loads(shown("bob", files("ada", "bob"), holding(), format_name="json"))
    assert (page["format"], page["asked"]) == ("license-explanation/1", email("bob"))
    assert (page["as_of"], page["target"]) == ("2026-11-24", "snapshot:test")
    (organization,) = page["organizations"]
    assert organization["subject"] == {"kind": "user", "id": email("bob")}
    assert organization["member"] == {"role": "user", "status": "active"}
    (product,) = organization["products"]
    assert product["entries"] == [
        {
            "path": [{"file": "orgs/acme.yaml", "line": 103, "column": 9}],
            "groups": [],
            "everyone": False,
            "from": None,
            "until": None,
            "wants": True,
        }
    ]
    assert (product["wanted"], product["licensed"], product["registered"]) == (True, True, None)
    assert product["offline_licenses"][0] == {
        "machine": "m1",
        "email": email("bob"),
        "expires": "2026-11-25",
    }
    assert (product["changes"], product["deferred"], product["refusals"]) == ([], [], [])


def test_lists_that_are_unknown_are_null() -> None:
    hidden = replace(world("bob"), machines=None, offline_licenses=None, sessions=None)
    page = json.loads(shown("bob", files("bob"), hidden, format_name="json"))
    (product,) = page["organizations"][0]["products"]
    assert [product[key] for key in ("machines", "offline_licenses", "sessions")] == [None] * 3


def test_a_note_cannot_move_the_cursor() -> None:
    wanted = files("bob")
    (product,) = wanted.products
    (bob,) = product.users.wanted
    users = replace(product.users, wanted=(replace(bob, note="x\x1b[2J\ny"),))
    wanted = replace(wanted, products=(replace(product, users=users),))
    assert "    note: x\\x1b[2J\\x0ay\n" in shown("bob", wanted, world())


def test_colours_are_for_those_who_ask() -> None:
    assert "\x1b[" not in shown("bob", files("bob"), world())
    assert "\x1b[1mbob@example.com" in shown("bob", files("bob"), world(), look=Look(colours=True))
