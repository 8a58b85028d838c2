"""One mistake in a file hides no other one, and brings no second line about itself."""

from __future__ import annotations

import json
from collections.abc import Iterator
from copy import deepcopy
from pathlib import Path
from typing import Any

import pytest

from reconciler.config.document import load_document
from reconciler.schema import problems as schema_problems
from tests.unit.config.trees import HEAD, problems, write

ACCEPTED = Path(__file__).parents[2] / "bad_input" / "accepted"
GOOD = ("whole.yaml", "nested_groups.yaml", "transfers.yaml", "in_a_group_and_on_the_list.yaml")


def found(folder: Path, text: str) -> list[str]:
    return problems(write(folder, {"a.yaml": text}), ["a.yaml"])


def test_all_that_is_wrong_with_a_file_is_told_at_once(tmp_path: Path) -> None:
    text = """\
products:
  kse: {users: [ada@x.io], machinez: []}
  testops:
    users:
      - a@x.io
      - 5
      - A@x.io
      - {email: b@x.io, from: 2027-01-01, until: 2026-01-01}
      - {email: c@x.io, untill: 2026-01-01}
      - {email: d@x.io, replaces: a@x.io}
      - group: nope
groups:
  qa: [e@x.io, 7, E@x.io]
"""
    assert found(tmp_path, HEAD + text) == [
        "a.yaml:4:28: unknown key 'machinez'; did you mean 'machines'?",
        "a.yaml:8:9: expected text or a mapping, found the number 5: put it in quotes",
        "a.yaml:9:9: 'A@x.io' is in this list already, in a.yaml:7:9",
        "a.yaml:10:50: `until` (2026-01-01) is before `from` (2027-01-01)",
        "a.yaml:11:25: unknown key 'untill'; did you mean 'until'?",
        "a.yaml:12:35: 'a@x.io' cannot be replaced while it stays in the list, in a.yaml:7:9",
        "a.yaml:13:9: unknown group 'nope'",
        "a.yaml:15:16: expected text or a mapping, found the number 7: put it in quotes",
        "a.yaml:15:19: 'E@x.io' is in this group already, in a.yaml:15:8",
    ]


@pytest.mark.parametrize(
    "groups", ["groups: {qa: dan@x.io}", "groups: []", "gruops: {qa: [dan@x.io]}"]
)
def test_a_group_whose_definition_is_wrong_is_not_called_unknown_too(
    groups: str, tmp_path: Path
) -> None:
    text = f"{HEAD}products: {{kse: {{users: [group: qa]}}}}\n{groups}\n"
    assert [problem.rpartition(":")[0] for problem in found(tmp_path, text)] != []
    assert not [problem for problem in found(tmp_path, text) if "unknown group" in problem]


def test_a_file_that_does_not_say_whose_it_is_is_checked_all_the_same(tmp_path: Path) -> None:
    text = "version: 1\norganization: {name: x}\nproducts: {kse: {users: [a@x.io, a@x.io]}}\n"
    assert found(tmp_path, text) == [
        "a.yaml:2:15: the key 'id' is missing",
        "a.yaml:3:34: 'a@x.io' is in this list already, in a.yaml:3:26",
    ]
    without = "version: 1\nproducts: {kse: {users: [a@x.io, a@x.io]}}\n"
    files = {"a.yaml": without, "b.yaml": without}
    assert len(problems(write(tmp_path, files), ["a.yaml", "b.yaml"])) == 4


def test_a_domain_list_that_is_wrong_bars_nobody(tmp_path: Path) -> None:
    policy = 'policy: {allowed_domains: ["@x.io", y.io]}\n'
    (problem,) = found(tmp_path, HEAD + "products: {kse: {users: [a@x.io]}}\n" + policy)
    assert "expected a domain" in problem


def test_a_file_of_another_version_is_not_read_by_the_rules_of_this_one(tmp_path: Path) -> None:
    text = HEAD.replace("1", "2", 1) + "products: {kse: {users: [a@x.io, a@x.io]}}\n"
    (problem,) = found(tmp_path, text)
    assert "a.yaml:1:10: expected 1" in problem


def test_what_a_broken_workspace_still_says_holds(tmp_path: Path) -> None:
    files = {
        "reconciler.yaml": "version: 1\napi: {timeout: soon}\ntimezone: Mars\n"
        "organizations: [orgs/*.yaml, 5]\npolicy: {on_shortage: fail, not_a_member: maybe}\n",
        "orgs/a.yaml": HEAD + "policy: {on_shortage: waitlist, not_a_member: defer}\n",
    }
    told = problems(write(tmp_path, files), [])
    assert [line.partition(": ")[0] for line in told] == [
        "orgs/a.yaml:3:10",
        "reconciler.yaml:2:16",
        "reconciler.yaml:3:11",
        "reconciler.yaml:4:30",
        "reconciler.yaml:5:43",
    ]


def _steps(data: Any) -> list[Any]:
    if isinstance(data, dict):
        return list(data)
    return list(range(len(data))) if isinstance(data, list) else []


def _all_places(data: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    yield path
    for step in _steps(data):
        yield from _all_places(data[step], (*path, step))


@pytest.mark.parametrize("name", GOOD)
@pytest.mark.parametrize("junk", [None, 5.5, [[]], {"huh": 1}, "\t", ""], ids=repr)
def test_one_bad_value_in_a_good_file_is_told_and_nothing_else(
    name: str, junk: Any, tmp_path: Path
) -> None:
    good = load_document(ACCEPTED / name).data
    for path in _all_places(good):
        if not path:
            continue
        data = deepcopy(good)
        container = data
        for step in path[:-1]:
            container = container[step]
        container[path[-1]] = junk
        expected = {problem.message for problem in schema_problems("organization", data)}
        (tmp_path / "a.json").write_text(json.dumps(data), encoding="utf-8")
        if not expected:
            continue  # This value is allowed here.
        told = problems(tmp_path, ["a.json"])
        assert {line.split(": ", 1)[1] for line in told} <= expected, (path, told)
        assert told, path


@pytest.mark.parametrize("name", GOOD)
def test_an_unknown_key_anywhere_in_a_good_file_is_told_and_nothing_else(
    name: str, tmp_path: Path
) -> None:
    good = load_document(ACCEPTED / name).data
    for path in _all_places(good):
        data = deepcopy(good)
        container = data
        for step in path:
            container = container[step]
        if not isinstance(container, dict) or path == ("groups",):
            continue
        container["hum bug"] = 1
        (tmp_path / "a.json").write_text(json.dumps(data), encoding="utf-8")
        (told,) = problems(tmp_path, ["a.json"])
        assert "unknown" in told
