"""What an apply really did, told to people and to programs."""

from __future__ import annotations

import json
from typing import Any

from reconciler.cli.forges.texts import outcome_text
from reconciler.reports.applied import FORMATS
from reconciler.reports.spans import Look


def change(status: str, **more: Any) -> dict[str, Any]:
    return {
        "action": "reassign",
        "product": "kse",
        "subject": "bob@example.com",
        "from": "carol@example.com",
        "status": status,
        "message": None,
        "given_back": None,
        **more,
    }


def organization(**more: Any) -> dict[str, Any]:
    return {
        "id": 101,
        "name": "Acme QA",
        "status": "failed",
        "reason": None,
        "changes": [],
        "settled": [],
        "error": None,
        "stale": [],
        "moved": [],
        "refusals": 0,
        "refused": [],
        "interrupted": False,
        **more,
    }


def document(*organizations: dict[str, Any], writes: int = 0) -> dict[str, Any]:
    statuses = ("done", "skipped", "rejected", "failed", "not_attempted")
    changes = [row for one in organizations for row in one["changes"]]
    return {
        "writes": writes,
        "counts": {name: sum(row["status"] == name for row in changes) for name in statuses},
        "organizations": list(organizations),
    }


def test_each_change_is_told_with_what_became_of_it() -> None:
    told = document(
        organization(
            changes=[
                change("done"),
                change("skipped"),
                change("rejected", message="no seat", given_back=True),
                change("failed", message="\x1b[2J", given_back=False),
                change("not_attempted", action="issue_offline", **{"from": None}),
            ],
            interrupted=True,
        ),
        writes=3,
    )
    assert FORMATS["text"](told, Look()) == (
        "\n"
        "Taking away: 4 reassignments (1 done, 1 done already, 1 rejected, 1 failed)\n"
        "  done           reassign kse  carol@example.com -> bob@example.com\n"
        "  done already   reassign kse  carol@example.com -> bob@example.com\n"
        "  rejected       reassign kse  carol@example.com -> bob@example.com: no seat\n"
        "    the seat went back to carol@example.com\n"
        "  failed         reassign kse  carol@example.com -> bob@example.com: \\x1b[2J\n"
        "    the seat could not be given back to carol@example.com\n"
        "\n"
        "Acme QA (101)\n"
        "  done           reassign kse  carol@example.com -> bob@example.com\n"
        "  done already   reassign kse  carol@example.com -> bob@example.com\n"
        "  rejected       reassign kse  carol@example.com -> bob@example.com: no seat\n"
        "    the seat went back to carol@example.com\n"
        "  failed         reassign kse  carol@example.com -> bob@example.com: \\x1b[2J\n"
        "    the seat could not be given back to carol@example.com\n"
        "  not attempted  issue offline kse  bob@example.com\n"
        "  interrupted; apply again to go on\n"
        "Applied: 1 done, 1 done already, 1 rejected, 1 failed, 1 not attempted; 3 writes.\n"
    )


def test_what_stopped_an_organization_is_told_even_where_it_had_no_change() -> None:
    told = document(
        organization(error="no journal", name=None),
        organization(error="no connection", id=102, status="unread"),
        organization(
            stale=[{"message": "bob is no member"}],
            moved=["kse: quota was 5, is 4"],
            settled=["grant kse ada@example.com: done, as the list shows"],
        ),
        organization(refused=["no seat for everybody"], id=103),
        organization(id=7),
        organization(id=8, name=None),
    )
    shown = FORMATS["text"](told, Look())
    assert "organization 101\n  error: no journal\n" in shown
    assert "Acme QA (102)\n  not read: no connection\n" in shown
    assert "  stale: bob is no member\n  moved: kse: quota was 5, is 4\n" in shown
    assert "  settled: grant kse ada@example.com: done, as the list shows\n" in shown
    assert "Acme QA (103)\n  refused: no seat for everybody\n" in shown
    assert shown.endswith(
        "Nothing to do: Acme QA (7), organization 8\nNothing to apply; 1 organization not read.\n"
    )


def test_json_is_the_document_itself() -> None:
    told = document(organization(changes=[change("done")]))
    assert json.loads(FORMATS["json"](told, Look())) == told


def test_what_was_taken_away_stands_first_and_is_never_cut_from_a_comment() -> None:
    rows = [change("done", action="grant", **{"from": None}) for _ in range(1_200)]
    rows.append(change("done", action="remove", subject="eve@example.com", **{"from": None}))
    lines = FORMATS["text"](document(organization(changes=rows)), Look()).splitlines()
    assert lines[1] == "Taking away: 1 removal (1 done)"
    assert lines[2] == "  done           remove kse  eve@example.com"
    assert "eve@example.com" in outcome_text(0, "\n".join(lines), None)


def test_very_much_of_it_is_counted_by_organization_the_most_first() -> None:
    def gone(number: int, count: int) -> dict[str, Any]:
        rows = [change("done", action="remove", **{"from": None}) for _ in range(count)]
        return organization(id=number, changes=[*rows, change("failed")])

    told = FORMATS["text"](document(*(gone(n, n) for n in range(1, 121))), Look())
    lines = told[: told.index("\n\n")].splitlines()
    assert lines[1] == "Taking away: 7,260 removals and 120 reassignments (7,260 done, 120 failed)"
    assert lines[2] == "  Acme QA (120): 120 removals and 1 reassignment (120 done, 1 failed)"
    assert (
        lines[-1]
        == "  20 more organizations: 210 removals and 20 reassignments (210 done, 20 failed)"
    )
    assert len(lines) == 103
