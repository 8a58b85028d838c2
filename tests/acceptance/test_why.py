"""`why` through the real command line."""

from __future__ import annotations

import json

import pytest

from tests.acceptance.conftest import Cli
from tests.acceptance.test_output import on_terminal

STATE = ("--state", "snapshot.yaml")


def test_a_user_is_explained_the_same_in_process_and_over_http(world: Cli) -> None:
    shown = world.ok("why", "carol@acme.example")
    assert shown.startswith("carol@acme.example in Acme QA (101), active member, user\n")
    assert "  kse: licensed, but not wanted\n" in shown
    assert "bob@acme.example is to take its seat over (orgs/acme.yaml:" in shown
    assert "next plan: reassign carol@acme.example -> bob@acme.example" in shown
    # The session is there by the API too, with its time.
    assert "session on f96b697d7cb7938d525a2f31aaf161d0 since 2026-11-24T08:00:00Z" in shown


def test_a_group_is_on_the_path(examples: Cli) -> None:
    shown = examples.ok("why", "OLGA@cedar.example", *STATE)
    lines = (examples.folder / "orgs/cedar.yaml").read_text().splitlines()
    reference = lines.index("      - group: qa-core") + 1
    member = lines.index("    - olga@cedar.example") + 1
    path = f"orgs/cedar.yaml:{reference} -> group qa-core -> orgs/cedar.yaml:{member}"
    assert f"    wanted by {path}\n" in shown


def test_a_shared_group_leads_to_the_file_that_defines_it(cli: Cli) -> None:
    (cli.folder / "groups").mkdir()
    (cli.folder / "groups/qa.yaml").write_text(
        "version: 1\ngroups:\n  qa-core:\n    - ada@example.com\n"
    )
    (cli.folder / "acme.yaml").write_text(
        "version: 1\norganization: {id: 101}\nproducts:\n  kse:\n    users:\n"
        "      - group: qa-core\n      - members: all\n        except: [bob@example.com]\n"
    )
    (cli.folder / "reconciler.yaml").write_text(
        "version: 1\norganizations: [acme.yaml]\ngroups: [groups/*.yaml]\n"
    )
    (cli.folder / "snapshot.json").write_text(
        json.dumps(
            {
                "format": "license-snapshot/1",
                "taken_at": "2026-11-24T09:00:00Z",
                "organizations": [
                    {
                        "id": 101,
                        "members": [{"email": "ada@example.com"}, {"email": "bob@example.com"}],
                        "subscriptions": [{"product": "kse", "quota": 5}],
                        "licensed_users": [],
                    }
                ],
            }
        )
    )
    ada = cli.ok("why", "ada@example.com", "--state", "snapshot.json")
    assert "    wanted by acme.yaml:6 -> group qa-core -> groups/qa.yaml:4\n" in ada
    assert "    wanted by acme.yaml:7 -> members: all\n" in ada
    bob = cli.ok("why", "bob@example.com", "--state", "snapshot.json")
    assert "    left out by `except` at acme.yaml:8\n" in bob


def test_a_machine_is_found_by_its_id_and_by_its_name(examples: Cli) -> None:
    by_id = examples.ok("why", "92eb5ffee6ae2fec3ad71c777531578f", *STATE)
    assert by_id == examples.ok("why", "Lab-Bench", *STATE)
    assert "    offline license until 2097-12-31\n" in by_id
    assert "next plan: waits: issue an offline license to" in by_id


def test_a_name_of_several_machines_explains_each(examples: Cli) -> None:
    path = examples.folder / "orgs/cedar.yaml"
    path.write_text(path.read_text().replace("name: grid-b", "name: grid-a"))
    document = json.loads(examples.ok("why", "grid-a", *STATE, "--format", "json"))
    assert [row["subject"]["id"] for row in document["organizations"]] == [
        "2510c39011c5be704182423e3a695e91",
        "b2f5ff47436671b6e533d8dc3614845d",
    ]


def test_a_person_of_two_organizations_is_explained_in_both(examples: Cli) -> None:
    path = examples.folder / "orgs/cedar.yaml"
    path.write_text(path.read_text().replace("rosa@cedar.example", "ada@acme.example"))
    both = examples.ok("why", "ada@acme.example", *STATE)
    assert "ada@acme.example in Acme QA (101), active member, owner, protected\n" in both
    assert "ada@acme.example in Cedar Payments (303), no member\n" in both
    one = examples.ok("why", "ada@acme.example", *STATE, "--org", "303")
    assert "Acme QA" not in one


def test_another_day_can_be_asked_for(examples: Cli) -> None:
    now = examples.ok("why", "quinn@cedar.example", *STATE)
    assert "from 2097-01-01: not on this day" in now
    then = examples.ok("why", "quinn@cedar.example", *STATE, "--as-of", "2097-01-01")
    assert "  kse: not licensed, but wanted\n" in then
    assert "next plan: " in then
    assert "as of 2097-01-01" in then


@pytest.mark.parametrize(
    ("subject", "hint"),
    [
        ("olga@cedar.exampel", "hint: did you mean olga@cedar.example?\n"),
        ("olga", "hint: did you mean olga@cedar.example?\n"),
        ("somebody-quite-different", ""),
    ],
)
def test_whom_nobody_knows_ends_with_1_and_near_matches(
    examples: Cli, subject: str, hint: str
) -> None:
    result = examples("why", subject, *STATE)
    assert (result.code, result.out) == (1, "")
    assert result.err == f"error: neither the files nor the licensing system know {subject}\n{hint}"


def test_the_page_goes_to_a_file_as_well(examples: Cli) -> None:
    examples.ok("why", "ada@acme.example", *STATE, "--output", "why.txt")
    text = (examples.folder / "why.txt").read_text()
    assert text == examples.ok("why", "ada@acme.example", *STATE)


def test_files_that_do_not_hold_together_end_with_3(examples: Cli) -> None:
    path = examples.folder / "orgs/acme.yaml"
    path.write_text(path.read_text().replace("users:", "usres:", 1))
    result = examples("why", "ada@acme.example", *STATE)
    assert (result.code, result.out) == (3, "")
    assert "orgs/acme.yaml:" in result.err


def test_an_organization_that_cannot_be_read_ends_with_1_and_the_others_are_told(
    examples: Cli,
) -> None:
    path = examples.folder / "orgs/cedar.yaml"
    path.write_text(path.read_text().replace("id: 303", "id: 999"))
    result = examples("why", "ada@acme.example", *STATE)
    assert result.code == 1
    assert "organization 999" in result.err
    assert "ada@acme.example in Acme QA (101)" in result.out
    nobody = examples("why", "nobody@else.where", *STATE)
    assert "know nobody@else.where, as far as it could be read\n" in nobody.err


def test_a_subject_cannot_move_the_cursor(examples: Cli) -> None:
    result = examples("why", "x\x1b[2J", *STATE)
    assert (result.code, "\x1b" in result.err) == (1, False)


def test_colours_are_for_terminals_alone(examples: Cli) -> None:
    _, shown = on_terminal(examples, "why", "ada@acme.example", *STATE)
    assert "\x1b[1mada@acme.example" in shown
    _, plain = on_terminal(examples, "why", "ada@acme.example", *STATE, NO_COLOR="1")
    assert "\x1b[" not in plain
