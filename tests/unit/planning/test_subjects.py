"""Who is meant by an email, a machine ID or a name."""

from __future__ import annotations

from dataclasses import replace

from reconciler.model.desired import Entry, Everyone, Policy, Wanted
from reconciler.model.identity import machine, user
from reconciler.model.source import Source
from reconciler.model.state import Machine, OfflineLicense, OrganizationState, Session
from reconciler.planning.subjects import Names, names_of, near_matches
from tests.worlds import desired, email, members, state, wants


def names() -> Names:
    wanted = desired(
        users={"kse": [wants("Bob@Example.com", replaces="carol")]},
        machines={"kse": ["m1"]},
        policy=Policy(protected=frozenset({email("prot"), "m9"})),
    )
    (product,) = wanted.products
    source = Source("f", 1)
    users = replace(
        product.users, everyone=(Everyone(Entry(source), 1, excluded=((user("x@y.z"), source),)),)
    )
    listed = Wanted(machine("m1"), (Entry(source),), 0, name="CI runner")
    machines = replace(product.machines, wanted=(listed,))
    wanted = replace(wanted, products=(replace(product, users=users, machines=machines),))
    current = replace(
        state(people=members("ada"), users={"kse": ["dan"]}),
        machines=(Machine("kse", "m2", "owner@example.com", "ci RUNNER"), Machine("kse", "m5")),
        offline_licenses=(OfflineLicense("kse", "m3", None, "off@example.com"),),
        sessions=(Session("kse", "m4", "run@example.com"),),
    )
    return names_of(wanted, current)


def test_everybody_whom_files_or_system_name_is_known() -> None:
    known = names()
    assert set(known.users) == {
        "ada@example.com", "bob@example.com", "carol@example.com", "dan@example.com",
        "owner@example.com", "off@example.com", "run@example.com", "x@y.z", "prot@example.com",
    }  # fmt: skip
    assert known.machines == {"m1", "m2", "m3", "m4", "m5", "m9"}


def test_an_email_is_meant_in_any_case_and_told_in_its_spelling() -> None:
    assert names().meant("BOB@EXAMPLE.COM") == (user("Bob@Example.com"),)
    assert names().meant("ADA@example.com") == (user("ada@example.com"),)


def test_a_name_means_every_machine_that_has_it() -> None:
    assert names().meant("ci runner") == (machine("m1"), machine("m2"))
    assert names().meant("m1") == (machine("m1"),)
    assert names().meant("M1") == ()


def test_nobody_is_meant_by_what_is_not_known() -> None:
    assert names().meant("ada") == ()
    assert names_of(desired(), OrganizationState(1)).meant("ada@example.com") == ()


def test_near_matches_are_emails_local_parts_machines_and_names() -> None:
    known = [names()]
    assert near_matches("carl@example.com", known)[0] == "carol@example.com"
    assert near_matches("carol", known) == ("carol@example.com",)
    assert near_matches("ci runer", known) == ("ci runner",)
    assert near_matches("nobody-like-this@else.where", known) == ()
