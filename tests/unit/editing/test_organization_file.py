"""The present state as an organization file."""

from __future__ import annotations

import tempfile
import unicodedata
from dataclasses import replace
from datetime import UTC, date, datetime
from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st

from reconciler.config.document import parse_document
from reconciler.config.load import load_workspace
from reconciler.editing.organization_file import render_organization
from reconciler.model.desired import DesiredOrganization, WantedList
from reconciler.model.identity import email_key
from reconciler.model.plan import Allowed, Configuration
from reconciler.model.state import (
    LicensedUser,
    Machine,
    Member,
    OfflineLicense,
    OrganizationState,
    Session,
    Subscription,
)
from reconciler.model.text import one_line
from reconciler.planning.planner import PlanRequest, make_plan
from reconciler.products import PRODUCTS
from reconciler.schema import fits
from tests.unit.reports.hidden import TEXTS, hidden_in
from tests.unit.reports.runner import commands

HEX = "5d41402abc4b2a76b9719d911017c592"


def load(text: str) -> DesiredOrganization:
    with tempfile.TemporaryDirectory() as folder:
        (Path(folder) / "acme.yaml").write_text(text, encoding="utf-8")
        (only,) = load_workspace(["acme.yaml"], cwd=Path(folder)).desired.organizations
        return only


def test_a_state_becomes_a_file_that_reads_well() -> None:
    state = OrganizationState(
        id=101,
        name="Acme QA",
        members=(Member("ada@example.com"),),
        subscriptions=(Subscription("kse", quota=5), Subscription("testops", quota=1)),
        licensed_users=(
            LicensedUser("kse", "Bob@example.com"),
            LicensedUser("kse", "ada@example.com"),
            LicensedUser("kre-floating", "gone@example.com"),
        ),
        machines=(
            Machine("kse", HEX, name="laptop-1", email="ada@example.com"),
            Machine("kre-node-locked", "7d793037a0760186574b0282f2f435e7"),
        ),
        offline_licenses=(OfflineLicense("kse", HEX, date(2027, 1, 31)),),
        sessions=(Session("kse", HEX),),
    )
    assert (
        render_organization(state, header="Imported on 2026-11-24\nby ada", schema_beside=True)
        == f"""\
# yaml-language-server: $schema=organization.schema.json
# Imported on 2026-11-24
# by ada
version: 1
organization:
  id: 101
  name: "Acme QA"
products:
  kse:
    users:
      - ada@example.com
      - Bob@example.com
    machines:
      - id: {HEX}
        name: laptop-1
        offline_until: 2027-01-31
  kre-node-locked:
    machines:
      - 7d793037a0760186574b0282f2f435e7
  kre-floating:
    users:
      - gone@example.com
    machines: []
  testops:
    users: []
"""
    )


def test_no_schema_is_named_that_is_not_there() -> None:
    assert "organization.schema.json" not in render_organization(OrganizationState(id=101))


def test_a_name_of_nothing_is_left_out() -> None:
    for name in ("", " \n", None):
        text = render_organization(OrganizationState(id=101, name=name))
        assert "name" not in text
        assert load(text).name is None


def test_what_is_not_known_is_left_out_with_a_word() -> None:
    state = OrganizationState(
        id=101,
        subscriptions=(Subscription("kse"), Subscription("kre-node-locked")),
        machines=(Machine("kse", HEX),),
    )
    text = render_organization(state)
    assert "    # users are left out and so not managed: the API does not list them\n" in text
    assert "    # offline licenses are not known, so no `offline_until` is written\n" in text
    kse, engine = load(text).products
    assert kse.users is None
    assert kse.machines is not None
    assert engine.machines is not None
    nothing = OrganizationState(id=101, subscriptions=(Subscription("kse"),))
    (product,) = load(render_organization(nothing)).products
    assert (product.users, product.machines) == (None, None)


def test_a_list_with_what_no_file_can_hold_is_left_out_as_a_whole() -> None:
    state = OrganizationState(
        id=101,
        licensed_users=(
            LicensedUser("kse", "no email"),
            LicensedUser("kse", "ada@example.com"),
            LicensedUser("testops", "bad\ud800@example.com"),
        ),
        machines=(Machine("kre-node-locked", "two words"), Machine("kse", "x\ny")),
    )
    text = render_organization(state)
    assert text.count("are left out and so not managed") == 4
    assert text.isprintable() or text.replace("\n", "").isprintable()
    for product in load(text).products:
        assert (product.users, product.machines) == (None, None)


def test_machines_are_left_out_where_an_id_hides_a_character() -> None:
    machines = (Machine("kre-node-locked", f"{HEX[:-1]}\u200b"),)
    text = render_organization(OrganizationState(id=101, machines=machines))
    assert "machines are left out and so not managed: a machine ID is none that" in text
    (product,) = load(text).products
    assert product.machines is None


def test_an_organization_without_anything_is_a_file_too() -> None:
    desired = load(render_organization(OrganizationState(id=101)))
    assert (desired.id, desired.name, desired.products) == (101, None, ())


def test_hostile_names_stay_on_their_line() -> None:
    name = "x\ninjected: true\u2028 # 'no' \"quoted\" \\ \x1b[31m \ud800 😀"
    state = OrganizationState(id=1, name=name, machines=(Machine("kse", HEX, name=name),))
    desired = load(render_organization(state, header="a\x85injected: 1\r\nb"))
    expected = "x injected: true  # 'no' \"quoted\" \\  [31m ? 😀"
    assert desired.name == expected
    (product,) = desired.products
    assert product.machines is not None
    assert product.machines.wanted[0].name == expected


@given(TEXTS)
def test_a_name_that_hides_something_is_read_again_as_it_is(name: str) -> None:
    text = render_organization(OrganizationState(id=1, name=name))
    assert hidden_in(text) == set()
    assert parse_document(text, "o.yaml").data["organization"].get("name", "") == one_line(name)


def test_no_name_and_no_header_is_a_command_to_a_runner() -> None:
    name = "##[error]x ###[y] \\##[z] ::error::"
    users = (LicensedUser("kse", "##[error]x@example.com"), LicensedUser("kse", "::a@example.com"))
    machines = (Machine("kse", HEX, name=name), Machine("kse", "##[group]"))
    state = OrganizationState(id=1, name=name, licensed_users=users, machines=machines)
    text = render_organization(state, header="Imported from sqlite:///##[error]x.db\n::error::")
    assert commands(text) == []
    assert "##[" not in text
    desired = load(text)
    (product,) = desired.products
    assert desired.name == name
    assert listed(product.users) == {(row.email, None) for row in users}
    assert product.machines is not None
    assert {(row.subject.id, row.name) for row in product.machines.wanted} == {
        (HEX, name),
        ("##[group]", None),
    }


keys = st.sampled_from(list(PRODUCTS))
# What looks like anything but text: numbers, booleans, dates, comments, quotes, other scripts.
odd = st.sampled_from(
    [
        *("no", "on", "1e5", "0x1f", "12e45678901234567890123456789012", "null", "~", "2026-11-24"),
        *("0b101010101010101010101010101010", "1" * 32, HEX, "a: b", "ünï", "名前", "\x85"),
        *("#", "-", "'", '"', "\\", "*a", "&a", "!x", "{", "[", "%", "@", "`", "|", ">", "=", "<<"),
        "\u2028",
    ]
)
ids = odd.filter(lambda text: not set(text) & set(" \x85\u2028")) | st.text(
    st.characters(codec="utf-8", exclude_categories=["Cc", "Zs", "Cs"]), min_size=1, max_size=40
)


def has_email(email: str) -> bool:
    users = {"kse": {"users": [email]}}
    return fits("organization", {"version": 1, "organization": {"id": 1}, "products": users})


def has_machine(identity: str) -> bool:
    machines = {"kse": {"machines": [identity]}}
    return fits("organization", {"version": 1, "organization": {"id": 1}, "products": machines})


machine_ids = ids.filter(has_machine)
parts = ids.filter(lambda text: not any(unicodedata.category(c) in {"Cf", "Mn"} for c in text))
emails = (
    st.tuples(parts, parts)
    .map(lambda pair: "@".join(part.replace("@", "") or "x" for part in pair))
    .filter(has_email)
)
names = st.none() | odd | st.text(max_size=20)
product_machines = [key for key, product in PRODUCTS.items() if product.machines]
product_users = [key for key, product in PRODUCTS.items() if product.users]


@st.composite
def states(draw: st.DrawFn) -> OrganizationState:
    machines = draw(
        st.lists(
            st.builds(Machine, st.sampled_from(product_machines), machine_ids, st.none(), names),
            max_size=6,
            unique_by=lambda row: (row.product, row.id),
        )
    )
    offline = [
        OfflineLicense(row.product, row.id, draw(st.dates(date(2026, 1, 1), date(2030, 1, 1))))
        for row in machines
        if draw(st.booleans())
    ]
    users = draw(
        st.lists(
            st.builds(LicensedUser, st.sampled_from(product_users), emails),
            max_size=6,
            unique_by=lambda row: (row.product, email_key(row.email)),
        )
    )
    return OrganizationState(
        id=draw(st.integers(1, 2**63 - 1)),
        name=draw(names),
        subscriptions=tuple(Subscription(key) for key in draw(st.sets(keys))),
        licensed_users=draw(st.none() | st.just(tuple(users))),
        machines=draw(st.none() | st.just(tuple(machines))),
        offline_licenses=draw(st.none() | st.just(tuple(offline))),
    )


@given(states(), st.integers(0, 3), st.dates(date(2026, 1, 1), date(2030, 1, 1)))
def test_planning_what_was_imported_changes_nothing(
    state: OrganizationState, quota: int, day: date
) -> None:
    subscriptions = [replace(row, quota=quota) for row in state.subscriptions or ()]
    state = replace(state, subscriptions=tuple(subscriptions))
    plan = make_plan(
        PlanRequest(
            desired=(load(render_organization(state)),),
            states={state.id: state},
            as_of=day,
            created_at=datetime(2026, 11, 24, tzinfo=UTC),
            tool="test",
            target="memory",
            configuration=Configuration("sha256:0"),
            allowed=Allowed(),
            live=True,
            timezone=UTC,
        )
    )
    (organization,) = plan.organizations
    assert organization.changes == ()
    assert [refusal.withheld for refusal in organization.refusals if refusal.withheld] == []


def listed(found: WantedList | None) -> set[tuple[str, date | None]] | None:
    if found is None:
        return None
    return {(wanted.subject.id, wanted.offline_until) for wanted in found.wanted}


@given(states())
def test_what_is_written_and_read_again_is_what_there_is(state: OrganizationState) -> None:
    desired = load(render_organization(state))
    assert desired.id == state.id
    products = {product.product: product for product in desired.products}
    ends = {(row.product, row.machine): row.expires for row in state.offline_licenses or ()}
    for key, product in PRODUCTS.items():
        users = {(row.email, None) for row in state.licensed_users or () if row.product == key}
        machines = {
            (row.id, ends.get((key, row.id))) for row in state.machines or () if row.product == key
        }
        bought = state.subscription(key)
        unknown = product.assumed and bought == Subscription(key)
        subscribed = bought is not None and not unknown
        assert (key in products) == (subscribed or bool(users) or bool(machines))
        if key in products:
            known_users = product.users and state.licensed_users is not None
            known_machines = product.machines and state.machines is not None
            assert listed(products[key].users) == (users if known_users else None)
            assert listed(products[key].machines) == (machines if known_machines else None)
