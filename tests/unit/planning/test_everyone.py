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


class TestWhoIsReplaced:
    """A listed entry that `replaces` a member takes that member out of `members: all`."""

    def days(self, line: Everyone, **dates: object) -> list[tuple[object, object]]:
        """Return the days on which bob is wanted whom ada replaces on these days."""
        users = listing(wants("ada", replaces="BOB@example.com", **dates), all_of=(line,))
        found = expand(users, members("ada", "bob"))
        assert names(found)[0] == "ada"
        bobs = [row for row in found.wanted if row.subject == user(email("bob"))]
        return [(entry.start, entry.end) for row in bobs for entry in row.entries]

    def test_nobody_wants_them_where_the_entry_has_no_dates(self) -> None:
        assert self.days(everyone()) == []

    def test_they_are_wanted_before_and_after_the_days_of_the_entry(self) -> None:
        first, last = TODAY, TODAY + timedelta(days=9)
        before, after = TODAY - timedelta(days=1), TODAY + timedelta(days=10)
        assert self.days(everyone(), start=first, end=last) == [(None, before), (after, None)]
        assert self.days(everyone(), start=first) == [(None, before)]
        assert self.days(everyone(), end=last) == [(after, None)]

    def test_the_lines_own_days_bound_them(self) -> None:
        line = replace(
            everyone(), entry=Entry(LINE, TODAY - timedelta(days=1), TODAY + timedelta(days=9))
        )
        assert self.days(line, start=TODAY) == [(TODAY - timedelta(days=1),) * 2]
        assert self.days(line, start=TODAY + timedelta(days=20)) == [
            (TODAY - timedelta(days=1), TODAY + timedelta(days=9))
        ]
        assert self.days(line, start=TODAY - timedelta(days=1)) == []

    def test_every_entry_of_who_replaces_them_counts(self) -> None:
        users = listing(wants("ada", replaces="bob", end=TODAY), all_of=(everyone(),))
        (ada,) = users.wanted
        later = Entry(Source("groups.yaml", 3, 5), TODAY + timedelta(days=3))
        users = replace(users, wanted=(replace(ada, entries=(*ada.entries, later)),))
        (entry,) = one(expand(users, members("bob")), "bob").entries
        assert (entry.start, entry.end) == (TODAY + timedelta(days=1), TODAY + timedelta(days=2))

    def test_who_is_listed_as_well_keeps_the_days_of_their_own_entry(self) -> None:
        ends = TODAY - timedelta(days=1)
        users = listing(
            wants("ada", replaces="bob", start=TODAY), wants("bob", end=ends), all_of=(everyone(),)
        )
        bob = one(expand(users, members("bob")), "bob")
        assert [(entry.start, entry.end) for entry in bob.entries] == [(None, ends)] * 2
        assert not bob.wanted_on(TODAY)
