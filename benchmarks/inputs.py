"""Organizations of a given size, as the files that the commands read."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

NEW_PERCENT = 5
GONE_PERCENT = 2
ENTRIES_WITH_A_NOTE = 10


@dataclass(frozen=True, slots=True)
class Inputs:
    """One organization file and the snapshot that it is planned against."""

    organization: Path
    snapshot: Path


def write_inputs(folder: Path, users: int) -> Inputs:
    """Write an organization of this many users: 5 % of the wanted are new, 2 % have gone."""
    folder.mkdir(parents=True, exist_ok=True)
    new, gone = users * NEW_PERCENT // 100, users * GONE_PERCENT // 100
    wanted = [_email(number) for number in range(gone, users + new)]
    holders = [_email(number) for number in range(users)]
    members = [_email(number) for number in range(users + new)]
    return Inputs(
        _organization(folder / "organization.yaml", wanted),
        _snapshot(folder / "snapshot.json", members, holders, quota=users + new),
    )


def _email(number: int) -> str:
    return f"user{number:06d}@example.com"


def _organization(path: Path, wanted: list[str]) -> Path:
    lines = [
        "version: 1",
        "organization: {id: 1, name: Large}",
        "products:",
        "  kse:",
        "    users:",
    ]
    for number, email in enumerate(wanted):
        if number % ENTRIES_WITH_A_NOTE:
            lines.append(f"      - {email}")
        else:
            lines += [f"      - email: {email}", "        note: from the directory"]
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return path


def _snapshot(path: Path, members: list[str], holders: list[str], *, quota: int) -> Path:
    document = {
        "format": "license-snapshot/1",
        "taken_at": "2026-11-24T09:00:00Z",
        "organizations": [
            {
                "id": 1,
                "name": "Large",
                "members": [
                    {"email": email, "role": "user", "status": "active"} for email in members
                ],
                "subscriptions": [
                    {
                        "product": "kse",
                        "quota": quota,
                        "used": len(holders),
                        "expires": "2099-12-31",
                    }
                ],
                "licensed_users": [{"product": "kse", "email": email} for email in holders],
                "machines": [],
                "offline_licenses": [],
                "sessions": [],
            }
        ],
    }
    path.write_text(json.dumps(document), encoding="utf-8")
    return path
