"""The exit codes that scripts rely on, and that all outputs are written with each of them."""

from __future__ import annotations

import json
import sqlite3

import pytest

from tests.acceptance.conftest import Cli

ACME = """\
version: 1
organization: {id: 101}
products:
  kse:
    users: [%s]
"""
HOLDERS = ("ada@acme.example", "carol@acme.example", "dan@acme.example", "eve@acme.example",
           "frank@acme.example")  # fmt: skip


def acme(cli: Cli, *emails: str) -> None:
    (cli.folder / "acme.yaml").write_text(ACME % ", ".join(emails))


@pytest.mark.parametrize(
    ("emails", "detailed", "code"),
    [
        (HOLDERS, (), 0),
        (HOLDERS, ("--detailed-exitcode",), 0),
        (HOLDERS[:-1], (), 0),
        (HOLDERS[:-1], ("--detailed-exitcode",), 2),
        ((*HOLDERS, "bob@acme.example"), (), 4),
        # A refusal outweighs the changes that are pending beside it.
        ((*HOLDERS[1:], "bob@acme.example", "new@acme.example"), ("--detailed-exitcode",), 4),
        (("ada@acme.example", "ada@acme.example"), (), 3),
    ],
)
def test_plan_ends_with_the_gravest_of_what_it_found(
    embedded: Cli, emails: tuple[str, ...], detailed: tuple[str, ...], code: int
) -> None:
    acme(embedded, *emails)
    result = embedded("plan", "acme.yaml", "--out", "plan.json", "--output", "plan.txt", *detailed)
    assert result.code == code
    # Every output is written, but for files that are wrong there is no plan.
    for name in ("plan.json", "plan.txt"):
        assert (embedded.folder / name).exists() == (code != 3)


def test_one_organization_that_cannot_be_read_stops_no_other_and_ends_with_1(
    embedded: Cli,
) -> None:
    (embedded.folder / "orgs" / "other.yaml").write_text("version: 1\norganization: {id: 999}\n")
    result = embedded("plan", "--out", "plan.json", "--detailed-exitcode")
    assert result.code == 1
    assert "organization 999" in result.err
    document = json.loads((embedded.folder / "plan.json").read_text())
    assert [row["id"] for row in document["organizations"]] == [101, 202, 303]
    applied = embedded("apply", "--yes")
    assert applied.code == 5
    assert "10 done" in applied.out
    assert embedded("apply", "--yes").code == 1


def test_apply_ends_with_4_where_everything_is_refused_and_with_5_where_a_part_is(
    embedded: Cli,
) -> None:
    acme(embedded, *HOLDERS, "bob@acme.example")
    refused = embedded("apply", "acme.yaml", "--yes")
    assert refused.code == 4
    assert "Nothing to apply." in refused.out
    partly = embedded("apply", "acme.yaml", "orgs/cedar.yaml", "--yes")
    assert partly.code == 5
    assert "stays undone until a new plan allows it" in partly.err


def test_a_seat_taken_by_an_outsider_stops_that_organization_alone(embedded: Cli) -> None:
    acme(embedded, *HOLDERS[:-1], "bob@acme.example")
    embedded.ok("plan", "acme.yaml", "orgs/cedar.yaml", "--out", "plan.json")
    with sqlite3.connect(embedded.folder / "e.db") as database:
        database.execute("UPDATE subscriptions SET quota = 4 WHERE feature = 'KSE'")
    database.close()
    result = embedded("apply", "plan.json", "--yes")
    assert result.code == 5
    assert "stale:" in result.out
    assert "moved:" in result.out
    assert "Cedar Payments (303)\n  done" in result.out


def test_apply_twice_is_harmless(world: Cli) -> None:
    world.ok("plan", "--out", "plan.json")
    world.ok("apply", "plan.json", "--yes")
    again = world("apply", "plan.json", "--yes", "--format", "json")
    assert again.code == 0
    account = json.loads(again.out)
    assert account["writes"] == 0
    assert account["counts"]["skipped"] == 10


def test_a_saved_plan_remembers_which_organizations_could_not_be_read(embedded: Cli) -> None:
    (embedded.folder / "orgs" / "other.yaml").write_text("version: 1\norganization: {id: 999}\n")
    assert embedded("plan", "--out", "plan.json").code == 1
    document = json.loads((embedded.folder / "plan.json").read_text())
    assert [row["id"] for row in document["unread"]] == [999]
    assert document["complete"] is False
    shown = embedded.ok("report", "plan.json")
    assert "not read: organization 999" in shown
    applied = embedded("apply", "plan.json", "--yes")
    assert applied.code == 5
    # All the rest is done, and yet it is not all: nothing was written this time.
    assert embedded("apply", "plan.json", "--yes").code == 1
