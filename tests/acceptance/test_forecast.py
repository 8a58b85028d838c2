"""`forecast` through the real command line."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.acceptance.conftest import Cli
from tests.acceptance.test_output import on_terminal

STATE = ("--state", "snapshot.yaml")
FIRST = ("--as-of", "2026-11-24")


def pools(text: str) -> dict[tuple[int, str], dict[str, Any]]:
    return {
        (organization["id"], pool["product"]): pool
        for organization in json.loads(text)["organizations"]
        for pool in organization["pools"]
    }


def test_seats_are_the_same_from_a_snapshot_in_process_and_over_http(world: Cli) -> None:
    options = (*FIRST, "--until", "2099-12-31", "--format", "json")
    asked = json.loads(world.ok("forecast", *options))
    read = json.loads(world.ok("forecast", *options, *STATE))
    assert asked["target"] != read["target"]
    assert asked["organizations"] == read["organizations"]


def test_each_day_of_change_has_a_row_and_the_first_short_day_is_named(examples: Cli) -> None:
    text = examples.ok("forecast", *STATE, *FIRST, "--until", "2099-12-31", "--format", "json")
    document = json.loads(text)
    assert document["format"] == "license-forecast/1"
    assert (document["as_of"], document["until"]) == ("2026-11-24", "2099-12-31")
    kse = pools(text)[303, "kse"]
    assert [(row["day"], row["wanted"], row["quota"], row["short"]) for row in kse["days"]] == [
        ("2026-11-24", 4, 6, 0),
        ("2097-01-01", 5, 6, 0),
        ("2099-01-01", 4, 6, 0),
        ("2099-04-01", 4, 0, 4),
    ]
    assert kse["first_short_day"] == "2099-04-01"
    locked = pools(text)[202, "kre-node-locked"]
    assert [(row["day"], row["pinned"]) for row in locked["days"]][:3] == [
        ("2026-11-24", 2),
        ("2098-01-01", 1),
        ("2099-01-01", 0),
    ]


def test_a_year_ahead_is_the_default_and_what_does_not_change_is_a_line(examples: Cli) -> None:
    text = examples.ok("forecast", *STATE, *FIRST)
    assert "  testops  3 wanted of 4, no change, ends 2099-06-30\n" in text
    assert "  kse  6 wanted of 5, 1 short, no change, ends 2099-06-30\n" in text
    assert text.endswith("from 2026-11-24 to 2027-11-24, for snapshot:snapshot.yaml\n")
    leap = examples.ok("forecast", *STATE, "--as-of", "2028-02-29")
    assert "from 2028-02-29 to 2029-02-28," in leap
    end = examples.ok("forecast", *STATE, "--as-of", "9999-01-01")
    assert "from 9999-01-01 to 9999-12-31," in end


def test_the_text_flags_the_first_short_day(examples: Cli) -> None:
    text = examples.ok("forecast", *STATE, *FIRST, "--until", "2099-12-31", "--org", "101")
    assert "    2099-07-01       3      0       0      3  <- first short day\n" in text
    assert "    2026-11-24       6      5       0      1  <- first short day\n" in text
    assert "Forecast: 2 of 2 pools short, the first on 2026-11-24.\n" in text
    assert "Borealis" not in text


def test_scripts_can_ask_for_the_shortage_by_exit_code(examples: Cli) -> None:
    far = ("--until", "2099-12-31", "--detailed-exitcode")
    cedar = (*STATE, *FIRST, "--org", "303")
    assert examples("forecast", *cedar, "--detailed-exitcode").code == 0
    result = examples("forecast", *cedar, *far)
    assert (result.code, result.err) == (2, "")
    assert "first short day" in result.out
    assert examples("forecast", *cedar, *far[:2]).code == 0


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (("--until", "2026-11-23"), "2026-11-23 is before 2026-11-24"),
        (("--until", "soon"), "'soon' is no date"),
        (("--org", "999"), "no file declares organization 999"),
        (("--api", "sqlite:///x.db"), "exclude each other"),
    ],
)
def test_wrong_usage_ends_with_64(examples: Cli, options: tuple[str, ...], said: str) -> None:
    result = examples("forecast", *STATE, *FIRST, *options)
    assert (result.code, result.out) == (64, "")
    assert said in result.err


def test_the_last_day_may_be_the_first(examples: Cli) -> None:
    text = examples.ok("forecast", *STATE, *FIRST, "--until", "2026-11-24", "--format", "json")
    assert {len(pool["days"]) for pool in pools(text).values()} == {1}


def test_one_file_can_be_named_and_the_page_written_to_a_file(examples: Cli) -> None:
    examples.ok("forecast", "orgs/acme.yaml", *STATE, *FIRST, "--output", "ahead.txt")
    text = (examples.folder / "ahead.txt").read_text()
    assert text.startswith("Acme QA (101)\n")
    assert "Cedar" not in text


def test_an_organization_that_cannot_be_read_ends_with_1_and_the_others_are_shown(
    examples: Cli,
) -> None:
    path = examples.folder / "orgs/cedar.yaml"
    path.write_text(path.read_text().replace("id: 303", "id: 999"))
    result = examples("forecast", *STATE, *FIRST, "--until", "2099-12-31", "--detailed-exitcode")
    assert result.code == 1
    assert "organization 999" in result.err
    assert "Acme QA (101)" in result.out


def test_files_that_do_not_hold_together_end_with_3(examples: Cli) -> None:
    path = examples.folder / "orgs/acme.yaml"
    path.write_text(path.read_text().replace("users:", "usres:", 1))
    result = examples("forecast", *STATE)
    assert (result.code, result.out) == (3, "")
    assert "orgs/acme.yaml:" in result.err


def test_colours_are_for_terminals_alone(examples: Cli) -> None:
    _, shown = on_terminal(examples, "forecast", *STATE)
    assert "\x1b[1mAcme QA" in shown
    _, plain = on_terminal(examples, "forecast", *STATE, NO_COLOR="1")
    assert "\x1b[" not in plain
