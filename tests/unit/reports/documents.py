"""A plan's document in which every kind of row occurs."""

from __future__ import annotations

from typing import Any


def place(line: int) -> dict[str, Any]:
    return {"file": "orgs/acme.yaml", "line": line, "column": 9}


def subject(name: str, kind: str = "user") -> dict[str, Any]:
    return {"kind": kind, "id": name}


def change(action: str, name: str, **more: Any) -> dict[str, Any]:
    return {
        "id": f"{action}-{name}",
        "action": action,
        "product": "kse",
        "subject": subject(name),
        "used_after": 5,
        "cause": "change",
        "source": place(7),
        **more,
    }


POOL = {
    "product": "kse",
    "quota": 5,
    "used": 5,
    "used_after": 5,
    "peak": 5,
    "offline": 1,
    "machine_quota": 8,
    "machines": 4,
    "expires": "2099-06-30",
}


def organization(number: int, name: str | None, **more: Any) -> dict[str, Any]:
    return {
        "id": number,
        "name": name,
        "applyable": bool(more.get("changes")),
        "complete": True,
        "pools": [POOL],
        "changes": [],
        "deferred": [],
        "refusals": [],
        "warnings": [],
        **more,
    }


def full_document() -> dict[str, Any]:
    acme = organization(
        101,
        "Acme QA",
        changes=[
            change(
                "reassign",
                "bob@example.com",
                **{"from": subject("carol@example.com")},
                pairing="declared",
                loses_last_license=True,
                ends_sessions=["5d41402abc4b2a76b9719d911017c592"],
                reason="replaces carol@example.com",
            ),
            change("grant", "dan@example.com", cause="drift"),
            change("remove", "eve@example.com", loses_last_license=True),
            change("issue_offline", "m1", expires="2097-03-31"),
        ],
        deferred=[
            {
                "action": "grant",
                "product": "kse",
                "subject": subject("fay@example.com"),
                "reason": "over_quota",
                "message": "no seat is free",
                "available_from": "2097-02-01",
                "source": place(12),
            }
        ],
        refusals=[
            {
                "code": "max_removals",
                "scope": "organization",
                "message": "9 would lose something; 5 may",
                "withheld": [change("remove", "gus@example.com")],
            }
        ],
        warnings=[
            {"code": "unlicensed_members", "message": "2 members hold no license", "source": None}
        ],
    )
    return {
        "format": "license-plan/1",
        "as_of": "2026-11-24",
        "target": "https://testops.katalon.io",
        "changes_digest": "sha256:" + "0" * 64,
        "live": True,
        "applyable": True,
        "summary": {
            "grant": 1,
            "remove": 1,
            "reassign": 1,
            "issue_offline": 1,
            "losing": 2,
            "deferred": 1,
            "refused": 1,
            "organizations": 3,
        },
        "organizations": [acme, organization(102, "Beta"), organization(103, None)],
    }
