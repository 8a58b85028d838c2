"""Lists of users and machines, groups, dates and declared transfers."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reconciler.config.groups import MOST_WAYS
from reconciler.config.windows import ALWAYS, Days, Window
from reconciler.model.desired import Entry, Everyone, Wanted
from reconciler.model.identity import machine, user
from reconciler.model.source import Source
from tests.unit.config.trees import HEAD, load, organization, problems, write


def users(folder: Path, items: str, groups: str = "") -> tuple[Wanted, ...]:
    text = f"products:\n  kse:\n    users:\n{items}"
    if groups:
        text += f"groups:\n{groups}"
    (kse,) = organization(folder, text).products
    assert kse.users is not None
    return kse.users.wanted


def test_an_entry_of_a_user_says_all_that_is_written(tmp_path: Path) -> None:
    items = """\
      - Ada@Example.com
      - email: bob@example.com
        from: 2026-12-01
        until: 2027-02-28
        replaces: carol@example.com
        priority: 10
        note: contractor
"""
    ada, bob = users(tmp_path, items)
    assert ada.subject == user("Ada@Example.com")
    assert ada.source == Source("acme.yaml", 6, 9)
    assert (ada.order, ada.priority, ada.replaces, ada.note) == (0, 0, None, None)
    assert bob.subject == user("bob@example.com")
    (entry,) = bob.entries
    assert (entry.start, entry.end) == (date(2026, 12, 1), date(2027, 2, 28))
    assert entry.source == Source("acme.yaml", 7, 9)
    assert (bob.order, bob.priority, bob.note) == (1, 10, "contractor")
    assert bob.replaces == user("carol@example.com")


def test_an_entry_of_a_machine_says_all_that_is_written(tmp_path: Path) -> None:
    text = """\
products:
  kre-node-locked:
    machines:
      - 5d41402abc4b2a76b9719d911017c592
      - id: 7d793037a0760186574b0282f2f435e7
        name: ci-runner-1
        offline_until: 2027-03-31
        from: 2026-12-01
        replaces: 0cc175b9c0f1b6a831c399e269772661
        priority: -1
        note: rack 3
"""
    (product,) = organization(tmp_path, text).products
    assert product.machines is not None
    first, second = product.machines.wanted
    assert first.subject == machine("5d41402abc4b2a76b9719d911017c592")
    assert first.offline_until is None
    assert second.name == "ci-runner-1"
    assert second.offline_until == date(2027, 3, 31)
    assert second.replaces == machine("0cc175b9c0f1b6a831c399e269772661")
    assert (second.priority, second.note, second.order) == (-1, "rack 3", 1)
    assert second.entries[0].start == date(2026, 12, 1)


def test_a_member_of_a_group_comes_with_the_places_that_led_there(tmp_path: Path) -> None:
    (dan,) = users(tmp_path, "      - group: qa\n", "  qa:\n    - dan@example.com\n")
    (entry,) = dan.entries
    assert entry.source == Source("acme.yaml", 9, 7)
    assert entry.path == (Source("acme.yaml", 6, 9),)
    assert entry.groups == ("qa",)


def test_nested_groups_bring_the_whole_path(tmp_path: Path) -> None:
    groups = "  all:\n    - group: qa\n  qa:\n    - dan@example.com\n"
    (dan,) = users(tmp_path, "      - group: all\n", groups)
    (entry,) = dan.entries
    assert entry.source == Source("acme.yaml", 11, 7)
    assert entry.path == (Source("acme.yaml", 6, 9), Source("acme.yaml", 9, 7))
    assert entry.groups == ("all", "qa")


def test_a_user_who_arrives_several_times_is_one_with_several_entries(tmp_path: Path) -> None:
    items = """\
      - group: qa
      - {email: DAN@example.com, priority: 3, replaces: eve@example.com, note: lead}
      - {group: qa, priority: 7, from: 2027-01-01}
"""
    groups = "  qa: [dan@example.com, {email: fay@example.com, priority: 2, note: own}]\n"
    dan, fay = users(tmp_path, items, groups)
    assert dan.subject == user("dan@example.com")
    assert [(entry.start, bool(entry.path)) for entry in dan.entries] == [
        (None, True),
        (None, False),
        (date(2027, 1, 1), True),
    ]
    assert (dan.priority, dan.note, dan.order) == (7, "lead", 0)
    assert dan.replaces == user("eve@example.com")
    assert (fay.priority, fay.note, fay.order) == (7, "own", 1)


def test_a_reference_narrows_the_dates_of_its_members(tmp_path: Path) -> None:
    items = "      - {group: qa, from: 2026-12-01, until: 2027-06-30, note: team}\n"
    groups = """\
  qa:
    - ada@example.com
    - {email: bob@example.com, from: 2026-01-01, until: 2026-12-31}
    - {email: eve@example.com, until: 2026-11-30}
    - {email: fay@example.com, from: 2027-05-01, priority: 4}
"""
    text = f"products:\n  kse:\n    users:\n{items}groups:\n{groups}"
    workspace = load(tmp_path, text)
    wanted = workspace.desired.organizations[0].products[0].users
    assert wanted is not None
    assert [
        (one.subject.id[:3], one.entries[0].start, one.entries[0].end, one.priority, one.note)
        for one in wanted.wanted
    ] == [
        ("ada", date(2026, 12, 1), date(2027, 6, 30), 0, "team"),
        ("bob", date(2026, 12, 1), date(2026, 12, 31), 0, "team"),
        ("fay", date(2027, 5, 1), date(2027, 6, 30), 4, "team"),
    ]
    (warning,) = workspace.warnings
    expected = "no day is left on which the group wants 'eve@example.com'"
    assert str(warning) == f"acme.yaml:6:9: {expected}"


def test_emails_that_differ_only_in_normal_form_or_case_are_one_user(tmp_path: Path) -> None:
    items = "      - zo\u00eb@example.com\n      - ZOE\u0308@EXAMPLE.com\n"
    write(tmp_path, {"acme.yaml": f"{HEAD}products:\n  kse:\n    users:\n{items}"})
    (found,) = problems(tmp_path, ["acme.yaml"])
    assert found.startswith("acme.yaml:7:9: ")
    assert found.endswith("is in this list already, in acme.yaml:6:9")


def test_machine_ids_that_differ_in_case_are_two_machines(tmp_path: Path) -> None:
    text = "products:\n  kse:\n    machines:\n      - abc\n      - ABC\n"
    (kse,) = organization(tmp_path, text).products
    assert kse.machines is not None
    assert [wanted.subject.id for wanted in kse.machines.wanted] == ["abc", "ABC"]


def test_the_same_user_may_be_in_two_products(tmp_path: Path) -> None:
    text = "products:\n  kse: {users: [ada@example.com]}\n  testops: {users: [ada@example.com]}\n"
    assert len(organization(tmp_path, text).products) == 2


def test_an_offline_license_that_outlasts_its_entry_is_a_warning(tmp_path: Path) -> None:
    text = """\
products:
  kre-node-locked:
    machines:
      - id: 5d41402abc4b2a76b9719d911017c592
        until: 2027-01-31
        offline_until: 2027-02-01
"""
    (warning,) = load(tmp_path, text).warnings
    assert str(warning).startswith("acme.yaml:8:24: the offline license outlasts `until`")


def test_a_transfer_may_follow_the_holders_last_day(tmp_path: Path) -> None:
    items = """\
      - {email: ada@example.com, until: 2026-12-31}
      - {email: bob@example.com, from: 2027-01-01, replaces: ada@example.com}
"""
    assert len(users(tmp_path, items)) == 2


def test_a_transfer_on_the_holders_last_day_is_a_problem(tmp_path: Path) -> None:
    items = """\
      - {email: ada@example.com, until: 2026-12-31}
      - {email: bob@example.com, from: 2026-12-31, replaces: ada@example.com}
"""
    write(tmp_path, {"acme.yaml": f"{HEAD}products:\n  kse:\n    users:\n{items}"})
    (found,) = problems(tmp_path, ["acme.yaml"])
    assert found.startswith("acme.yaml:7:62: 'ada@example.com' cannot be replaced while it stays")
    assert found.endswith("in acme.yaml:6:9")


def test_a_holder_in_another_products_list_does_not_stay_in_this_one(tmp_path: Path) -> None:
    text = """\
products:
  kse: {users: [{email: bob@example.com, replaces: ada@example.com}]}
  testops: {users: [ada@example.com]}
"""
    assert len(organization(tmp_path, text).products) == 2


def test_all_members_are_a_line_with_its_place_in_the_list(tmp_path: Path) -> None:
    text = """\
products:
  kse:
    users:
      - ada@example.com
      - members: all
        except: [Bob@example.com, carol@example.com]
        from: 2026-12-01
        until: 2027-02-28
        priority: -5
        note: everybody else
      - bob@example.com
"""
    (kse,) = organization(tmp_path, text).products
    assert kse.users is not None
    ada, bob = kse.users.wanted
    assert kse.users.everyone == (
        Everyone(
            entry=Entry(Source("acme.yaml", 7, 9), date(2026, 12, 1), date(2027, 2, 28)),
            order=1,
            priority=-5,
            note="everybody else",
            excluded=(
                (user("Bob@example.com"), Source("acme.yaml", 8, 18)),
                (user("carol@example.com"), Source("acme.yaml", 8, 35)),
            ),
        ),
    )
    assert (ada.order, bob.order) == (0, 2)


def test_all_members_alone_are_a_line_without_exceptions(tmp_path: Path) -> None:
    (testops,) = organization(tmp_path, "products:\n  testops: {users: [members: all]}\n").products
    assert testops.users is not None
    assert testops.users.wanted == ()
    (line,) = testops.users.everyone
    assert line == Everyone(Entry(Source("acme.yaml", 4, 21)), 0)


def test_allowed_domains_are_not_asked_of_those_who_are_excepted(tmp_path: Path) -> None:
    text = """\
products: {kse: {users: [{members: all, except: [guest@other.io]}]}}
policy: {allowed_domains: [example.com]}
"""
    assert organization(tmp_path, text).products[0].users is not None


def test_a_replaced_user_may_be_one_of_all_members(tmp_path: Path) -> None:
    items = """\
      - members: all
        except: [eve@example.com]
      - {email: ada@example.com, replaces: dan@example.com}
      - {email: bob@example.com, replaces: eve@example.com}
"""
    assert len(users(tmp_path, items)) == 2


days = st.dates(date(2026, 1, 1), date(2026, 1, 9))
windows = st.builds(Window, st.none() | days, st.none() | days) | st.just(ALWAYS)


@given(windows, windows, days)
def test_a_narrowed_window_holds_the_days_of_both(one: Window, two: Window, day: date) -> None:
    def holds(window: Window) -> bool:
        after = window.start is None or window.start <= day
        return after and (window.end is None or day <= window.end)

    assert holds(one.narrowed(two)) == (holds(one) and holds(two))
    assert one.narrowed(two) == two.narrowed(one)


@given(st.lists(windows, max_size=5), windows)
def test_the_days_of_windows_meet_one_that_shares_a_day_with_any(
    some: list[Window], one: Window
) -> None:
    span = [date(2025, 12, 31), *(date(2026, 1, number) for number in range(1, 11))]

    def held(window: Window) -> set[date]:
        return {
            day
            for day in span
            if (window.start is None or window.start <= day)
            and (window.end is None or day <= window.end)
        }

    assert Days(some).meet(one) == any(held(one) & held(other) for other in some)


@pytest.mark.parametrize("outermost_first", [True, False])
@pytest.mark.parametrize(("count", "too_deep"), [(1, 0), (50, 0), (51, 1), (60, 1)])
def test_groups_may_be_nested_to_a_depth(
    count: int, too_deep: int, outermost_first: bool, tmp_path: Path
) -> None:
    groups = [f"  g{n}: [{{group: g{n + 1}}}]\n" for n in range(count)]
    groups.append(f"  g{count}: [ada@example.com]\n")
    text = "groups:\n" + "".join(groups if outermost_first else reversed(groups))
    write(tmp_path, {"acme.yaml": HEAD + text})
    found = problems(tmp_path, ["acme.yaml"])
    assert len(found) == too_deep
    assert all("groups are nested deeper than 50 levels" in line for line in found)


def test_a_group_that_a_list_names_again_and_again_adds_priority_and_no_more_ways(
    tmp_path: Path,
) -> None:
    items = "".join(f"      - {{group: qa, priority: {number}}}\n" for number in range(20))
    text = f"products:\n  kse:\n    users:\n{items}groups: {{qa: [ada@example.com]}}\n"
    (kse,) = organization(tmp_path, text).products
    assert kse.users is not None
    (ada,) = kse.users.wanted
    assert (len(ada.entries), ada.priority) == (MOST_WAYS, 19)
