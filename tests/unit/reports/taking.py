"""Plans in which what takes something away would be easy to overlook."""

from __future__ import annotations

from typing import Any

from tests.unit.reports.documents import change, full_document, organization, place, subject

Document = dict[str, Any]


def of(*organizations: Document) -> Document:
    """Return the plan of these organizations, with its summary."""
    summary = dict.fromkeys(("grant", "remove", "reassign", "issue_offline"), 0)
    for row in organizations:
        for one in row["changes"]:
            summary[one["action"]] += 1
    counts = {**summary, "deferred": 0, "refused": 0, "organizations": len(organizations)}
    return full_document() | {"organizations": list(organizations), "summary": counts}


def grants(number: int, start: int = 1) -> list[Document]:
    """Return so many grants, each at a line of its own."""
    return [
        change("grant", f"new-{row}@example.com", source=place(row))
        for row in range(start, start + number)
    ]


def removal(name: str, line: int = 5, **more: Any) -> Document:
    return change("remove", name, source=place(line), **more)


def with_one_removal(number: int) -> Document:
    """So many grants, and one plain removal after all of them, at the key of the list."""
    return of(
        organization(101, "Acme QA", changes=[*grants(number, 10), removal("eve@example.com")])
    )


def of_forty_organizations() -> Document:
    """3,000 removals in 40 organizations; the worst is the last but one."""
    return of(
        *(
            organization(
                number,
                f"Organization {number}",
                changes=[
                    removal(f"user-{number}-{row}@example.com", loses_last_license=number == 39)
                    for row in range(75)
                ],
            )
            for number in range(1, 41)
        )
    )


def with_a_hundred_pairs() -> Document:
    """2,900 grants, and 100 people whose seats somebody else gets, and who hold no other."""
    pairs = [
        change(
            "reassign", f"joiner-{row}@example.com", source=place(5000 + row), pairing="automatic",
            loses_last_license=True, **{"from": subject(f"leaver-{row}@example.com")},
        )
        for row in range(100)
    ]  # fmt: skip
    return of(organization(101, "Acme QA", changes=[*grants(2900, 10), *pairs]))
