"""Three organizations with a plan of thirty changes, and what their server's history must show."""

from __future__ import annotations

import json
import shutil
import sqlite3
from collections import Counter
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

CHANGES = 30

_SNAPSHOT: dict[str, Any] = {
    "format": "license-snapshot/1",
    "taken_at": "2026-11-24T09:00:00Z",
    "organizations": [],
}


def _emails(prefix: str, count: int) -> list[str]:
    return [f"{prefix}{number}@x.io" for number in range(count)]


def _machines(prefix: str, count: int) -> list[str]:
    return [prefix * 31 + str(number) for number in range(count)]


def _organization(
    number: int,
    quotas: dict[str, int],
    users: dict[str, list[str]],
    machines: list[str],
    members: list[str],
) -> dict[str, Any]:
    everyone = dict.fromkeys([*(email for row in users.values() for email in row), *members])
    return {
        "id": number,
        "name": f"Organization {number}",
        "members": [{"email": row, "role": "user", "status": "active"} for row in everyone],
        "subscriptions": [
            {"product": product, "quota": quota, "expires": "2099-12-31", "offline_allowed": True}
            for product, quota in quotas.items()
        ],
        "licensed_users": [
            {"product": product, "email": row} for product, rows in users.items() for row in rows
        ],
        "machines": [{"product": "kre-node-locked", "id": row} for row in machines],
        "offline_licenses": [],
        "sessions": [],
    }


def write_files(folder: Path) -> None:
    """Write a snapshot and the files of three organizations, thirty changes apart."""
    old, new = _emails("old", 8), _emails("new", 16)
    boxes, fresh = _machines("a", 5), _machines("b", 6)
    full = _organization(
        1,
        {"kse": 8, "testops": 8, "kre-node-locked": 5},
        {"kse": old, "testops": old[:6]},
        boxes,
        new,
    )
    growing = _organization(2, {"kse": 9, "kre-node-locked": 8}, {"kse": old[:2]}, boxes[:2], new)
    leaving = _organization(
        3,
        {"kse": 9, "testops": 9, "kre-node-locked": 8},
        {"kse": old[:7], "testops": old[:1]},
        boxes,
        new,
    )
    snapshot = {**_SNAPSHOT, "organizations": [full, growing, leaving]}
    (folder / "snapshot.json").write_text(json.dumps(snapshot))

    transfers = [{"email": new[n], "replaces": old[n]} for n in range(4)]
    offline = {"id": boxes[4], "offline_until": "2099-06-30"}
    wanted = {
        1: {
            # Four declared transfers, two automatic pairs, one who stays.
            "kse": {"users": [*transfers, *old[4:6], *new[4:6]]},
            "testops": {"users": [*old[2:6], *new[:3]]},
            "kre-node-locked": {
                "machines": [*({"id": row} for row in [*boxes[2:4], *fresh[:2]]), offline]
            },
        },
        2: {
            "kse": {"users": [*old[:2], *new[:6]]},
            "kre-node-locked": {"machines": [{"id": row} for row in [*boxes[:2], *fresh[:3]]]},
        },
        3: {
            "kse": {"users": old[5:7]},
            "testops": {"users": [old[0], new[0]]},
            "kre-node-locked": {"machines": [{"id": row} for row in boxes[3:]]},
        },
    }
    for number, products in wanted.items():
        document = {
            "version": 1,
            "organization": {"id": number},
            "policy": {"allow_irrevocable": True, "max_removals": {"count": 30}},
            "products": products,
        }
        (folder / f"org{number}.yaml").write_text(json.dumps(document))
    (folder / "reconciler.yaml").write_text(
        "version: 1\norganizations: ['org*.yaml']\n"
        "policy: {allow_irrevocable: true, max_removals: {count: 30}}\n"
    )


_HELD = (
    "SELECT organization_id, feature, email_key FROM licensed_users"
    " UNION SELECT organization_id, feature, machine_id FROM machines"
    " UNION SELECT organization_id, feature, machine_id || ' offline' FROM offline_licenses"
)
_HISTORY = (
    "SELECT organization_id, feature, action, subject FROM history"
    " WHERE status NOT IN ('unchanged', 'rejected')"
)
_OVER_QUOTA = "SELECT count(*) FROM history WHERE used_after > quota"

Row = tuple[Any, ...]


@dataclass(frozen=True)
class Truth:
    """What a server's database holds: who has what, and every effect that ever took place."""

    held: frozenset[Row]
    effects: Counter[Row]
    over_quota: int

    @classmethod
    def of(cls, database: Path) -> Truth:
        """Read a database that nobody writes."""
        with closing(sqlite3.connect(database)) as connection:
            return cls(
                frozenset(connection.execute(_HELD).fetchall()),
                Counter(connection.execute(_HISTORY).fetchall()),
                connection.execute(_OVER_QUOTA).fetchone()[0],
            )


def faults(before: Truth, wanted: Truth, found: Truth) -> list[str]:
    """Return what is wrong with an end state; `wanted` is what one undisturbed apply left."""
    wrong: list[str] = []
    if found.held != wanted.held:
        wrong.append(f"held differs: {sorted(found.held ^ wanted.held)}")
    if found.over_quota:
        wrong.append(f"over quota {found.over_quota} times")
    repeated = [row for row, count in found.effects.items() if count > 1]
    if repeated:
        wrong.append(f"done twice: {repeated}")
    if found.effects != wanted.effects:
        wrong.append(f"other effects: {sorted(set(found.effects) ^ set(wanted.effects))}")
    keepers = before.held & wanted.held
    lost = [
        row for row in found.effects if "remove" in row[2] and (row[0], row[1], row[3]) in keepers
    ]
    if lost:
        wrong.append(f"lost though it was to be kept: {lost}")
    return wrong


def copy_world(source: Path, target: Path) -> Path:
    """Copy a folder with a database at rest."""
    shutil.copytree(source, target)
    return target
