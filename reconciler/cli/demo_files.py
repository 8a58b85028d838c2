"""The files of the demo: a small organization at full quota, and what becomes of it."""

from __future__ import annotations

from datetime import date
from typing import Any

ORGANIZATION = 101
OLD_RUNNER = "5d41402abc4b2a76b9719d911017c592"
NEW_RUNNER = "7d793037a0760186574b0282f2f435e7"
STEADY_RUNNER = "b9719d911017c5925d41402abc4b2a76"
USERS = ("ada@example.com", "carol@example.com", "dan@example.com", "eve@example.com")
NEWCOMER = "bob@example.com"
LEAVER = "dan@example.com"
TRANSFERRED = "carol@example.com"

WORKSPACE = "version: 1\norganizations: [orgs/*.yaml]\n"


def snapshot(today: date) -> dict[str, Any]:
    """Return the state in which the story begins: every KSE seat and every runner is taken."""
    expires = today.replace(year=today.year + 2, day=1).isoformat()
    everyone = (*USERS, NEWCOMER)
    runners = ((OLD_RUNNER, "ci-runner-1"), (STEADY_RUNNER, "ci-runner-2"))
    return {
        "format": "license-snapshot/1",
        "taken_at": f"{today.isoformat()}T00:00:00Z",
        "organizations": [
            {
                "id": ORGANIZATION,
                "name": "Demo QA",
                "members": [
                    {
                        "email": email,
                        "role": "owner" if email == USERS[0] else "user",
                        "status": "active",
                    }
                    for email in everyone
                ],
                "subscriptions": [
                    {"product": "kse", "quota": 4, "used": 4, "expires": expires},
                    {"product": "kre-node-locked", "quota": 2, "used": 2, "expires": expires},
                ],
                "licensed_users": [{"product": "kse", "email": email} for email in USERS],
                "machines": [
                    {"product": "kre-node-locked", "id": machine, "name": name}
                    for machine, name in runners
                ],
                "offline_licenses": [],
                "sessions": [],
            }
        ],
    }


def organization(users: tuple[str, ...], machines: tuple[str, ...]) -> str:
    """Return an organization file with these lists, each item as it stands in YAML."""
    return "\n".join(
        (
            "version: 1",
            f"organization: {{id: {ORGANIZATION}, name: Demo QA}}",
            "products:",
            "  kse:",
            "    users:" if users else "    users: []",
            *(f"      - {item}" for item in users),
            "  kre-node-locked:",
            "    machines:",
            *(f"      - {item}" for item in machines),
            "",
        )
    )


def transfer(email: str, holder: str) -> str:
    """Return a list item that gives one user's seat to another."""
    return f"{{email: {email}, replaces: {holder}}}"


def moved(machine: str, old: str) -> str:
    """Return a list item that gives one machine's seat to another."""
    return f"{{id: {machine}, name: ci-runner-1, replaces: {old}}}"
