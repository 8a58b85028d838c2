"""`members: all`: who it brings, in which order, with what."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

from hypothesis import given
from hypothesis import strategies as st

from reconciler.model.desired import Entry, Everyone, Wanted, WantedList
from reconciler.model.identity import SubjectKind, user
from reconciler.model.source import Source
from reconciler.model.state import Member, MemberStatus
from reconciler.planning.everyone import excluded_strangers, expand
from tests.worlds import TODAY, email, members, wanted_list, wants

LINE = Source("orgs/acme.yaml", 30, 9)


def everyone(order: int = 9, *, leaving_out: tuple[str, ...] = (), **more: object) -> Everyone:
    excluded = tuple((user(email(n)), Source("orgs/acme.yaml", 31, 20)) for n in leaving_out)
    return Everyone(Entry(LINE), order, excluded=excluded, **more)


def listing(*lines: object, all_of: tuple[Everyone, ...]) -> WantedList:
    return replace(wanted_list(SubjectKind.USER, lines, 10), everyone=all_of)


def names(found: WantedList) -> list[str]:
    return [wanted.subject.id.removesuffix("@example.com") for wanted in found.wanted]


def one(found: WantedList, name: str) -> Wanted:
    (wanted,) = [row for row in found.wanted if row.subject.id == email(name)]
    return wanted


def test_a_list_without_it_is_returned_as_it_is() -> None:
    users = wanted_list(SubjectKind.USER, ["ada"], 10)
    assert expand(users, members("bob")) is users


def test_every_active_member_is_put_in_its_place_by_email() -> None:
    people = (
        *members("eve", "carol", "bob"),
        Member(email("pia"), status=MemberStatus.PENDING),
    )
    found = expand(listing("zoe", "ada", all_of=(everyone(),)), people)
    assert names(found) == ["zoe", "ada", "bob", "carol", "eve"]
    assert [wanted.order for wanted in found.wanted] == [0, 1, 2, 3, 4]
    assert found.everyone == ()
    first = replace(listing("zoe", all_of=(everyone(order=0),)), wanted=())
    assert names(expand(first, people)) == ["bob", "carol", "eve"]


def test_a_line_before_others_puts_its_members_before_them() -> None:
    users = listing("zoe", all_of=(everyone(order=0),))
    later = replace(users, wanted=(replace(users.wanted[0], order=1),))
    assert names(expand(later, members("bob", "carol"))) == ["bob", "carol", "zoe"]


def test_the_excluded_are_left_out_in_any_spelling_unless_they_are_listed() -> None:
    found = expand(
        listing("ada", all_of=(everyone(leaving_out=("ADA@Example.com", "BOB@example.com")),)),
        members("ada", "bob", "carol"),
    )
    assert names(found) == ["ada", "carol"]
    assert [entry.source for entry in one(found, "ada").entries] == [
        Source("orgs/acme.yaml", 11, 9)
    ]


def test_who_is_listed_too_keeps_the_place_and_is_wanted_while_either_line_wants() -> None:
    ended = wants("ada", end=TODAY - timedelta(days=1), priority=2)
    line = everyone(priority=7, note="all of us")
    found = expand(listing(ended, "bob", all_of=(line,)), members("ADA@example.com", "carol"))
    assert names(found) == ["ada", "bob", "carol"]
    ada = one(found, "ada")
    assert ada.wanted_on(TODAY)
    assert [entry.source.line for entry in ada.entries] == [11, 30]
    assert ada.priority == 7
    assert (ada.note, one(found, "carol").note) == ("all of us", "all of us")


def test_a_note_of_ones_own_stays() -> None:
    users = listing("ada", all_of=(everyone(note="all of us"),))
    users = replace(users, wanted=(replace(users.wanted[0], note="QA-12", priority=9),))
    ada = one(expand(users, members("ada")), "ada")
    assert (ada.note, ada.priority) == ("QA-12", 9)


def test_members_come_in_the_apis_spelling() -> None:
    found = expand(listing(all_of=(everyone(),)), members("Ada@Example.com"))
    assert found.wanted[0].subject == user("Ada@Example.com")


@given(st.permutations(["ada", "bob", "carol", "dan", "eve"]))
def test_the_order_of_the_systems_list_does_not_matter(order: list[str]) -> None:
    users = listing("dan", all_of=(everyone(leaving_out=("eve",)),))
    assert expand(users, members(*order)) == expand(users, members(*sorted(order)))


def test_strangers_in_except_are_told_and_pending_members_are_none() -> None:
    people = (*members("ada"), Member(email("pia"), status=MemberStatus.PENDING))
    users = listing(all_of=(everyone(leaving_out=("ADA@example.com", "pia", "gone")),))
    assert excluded_strangers(users, people) == ((email("gone"), Source("orgs/acme.yaml", 31, 20)),)
