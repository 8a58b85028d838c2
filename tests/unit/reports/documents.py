"""Plans' documents in which every kind of row occurs, and in which every value is hostile."""

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
    "offline_until": "2097-01-31",
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
        "created_at": "2026-11-24T09:00:00+00:00",
        "as_of": "2026-11-24",
        "valid_until": "2026-12-01T09:00:00+00:00",
        "tool": "reconciler 0.1.0",
        "config": {"digest": "sha256:" + "1" * 64, "revision": "8c0ffee" * 5, "dirty": True},
        "allowed": {"removals": None, "irrevocable": False},
        "target": "https://testops.katalon.io",
        "changes_digest": "sha256:" + "0" * 64,
        "digest": "sha256:" + "2" * 64,
        "live": True,
        "applyable": True,
        "complete": False,
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


def _day(day: str, wanted: int, quota: int, pinned: int) -> dict[str, Any]:
    short = max(0, wanted - quota)
    return {"day": day, "wanted": wanted, "quota": quota, "pinned": pinned, "short": short}


def forecast() -> dict[str, Any]:
    """The year ahead of `full_document`: one pool that runs short, one that does not move."""
    kse = [
        _day("2026-11-24", 5, 8, 1),
        _day("2027-01-20", 7, 8, 1),
        _day("2027-03-15", 10, 8, 2),
        _day("2027-06-01", 6, 8, 0),
        _day("2027-10-02", 6, 0, 0),
    ]
    testops = [_day("2026-11-24", 3, 4, 0)]
    pools = [
        {"product": "kse", "expires": "2027-10-01", "first_short_day": "2027-03-15", "days": kse},
        {"product": "testops", "expires": None, "first_short_day": None, "days": testops},
    ]
    return {
        "format": "license-forecast/1",
        "as_of": "2026-11-24",
        "until": "2027-11-24",
        "target": "https://testops.katalon.io",
        "organizations": [{"id": 101, "name": "Acme QA", "unknown": [], "pools": pools}],
    }


HOSTILE = (
    "<script>alert(1)</script>",
    "<img src=x onerror=alert(1)>",
    '"><svg onload=alert(1)>',
    "</script><script>alert(1)</script>",
    "</style><style>*{display:none}</style>",
    "a|b|c",
    "a\\|b",
    "trailing\\",
    "`code`",
    "``two`` and ```three```",
    "::set-output name=x::1",
    "x\n::error::forged",
    "x\r\n::add-mask::forged",
    "##[error]forged",
    "%0A::error::forged",
    "%25%0A,title=x:y::z",
    "=cmd()|'/c calc'!A1",
    "\u202egnp.exe\u202c",
    "zero\u200bwidth\ufeff",
    "@everyone @octocat",
    "![](http://x.example/p.png)",
    "[a](javascript:alert(1))",
    "<http://x.example>",
    "http://x.example www.x.example",
    "https://x.example/?a=1&b=2",
    "#12 GH-12 org/repo#12 8c0ffee8c0ffee8c0ffee8c0ffee8c0ffee8c0f",
    "<!-- reconciler: changes=sha256:" + "a" * 64 + " -->",
    "--> <!-- reconciler: changes=sha256:" + "a" * 64 + " -->",
    "</details></td></tr></table>",
    "# heading",
    "- item\n\n> [!CAUTION]",
    "{{ 7 * 7 }} {% raw %} {0} {name}",
    "&lt;b&gt; &#64;everyone",
    ":smile: :tada:",
    "*bold* _em_ ~~gone~~ $x$",
    "\x00\x1b[31mred\x07",
    "\ud800 lone",
    "\ufffe\uffff",
    "]]> <?xml ?> &amp;",
    "x" * 10_000,
    "y z " * 2_500,
    "",
    " ",
)
"""Values that would do something somewhere, if a report let them."""


def hostile_document(value: str) -> dict[str, Any]:
    """A plan in which every text that can come from outside is this one."""
    source = {"file": value or "f", "line": 3, "column": 1}
    more = {"source": source, "reason": value}
    changes = [
        change(
            "reassign", value, **{"from": subject(value)}, ends_sessions=[value],
            loses_last_license=True, **more,
        ),
        change("grant", value, **more),
        change("remove", value, loses_last_license=True, **more),
    ]  # fmt: skip
    deferral = {
        "action": "grant",
        "product": "kse",
        "subject": subject(value),
        "reason": "over_quota",
        "message": value,
        "available_from": None,
        "source": source,
    }
    refusal = {
        "code": "protected",
        "scope": "pool",
        "product": "kse",
        "message": value,
        "withheld": [change("remove", value, **more)],
        "source": source,
    }
    warning = {"code": "unlicensed_members", "message": value, "source": source}
    document = full_document()
    document["target"] = value
    document["unread"] = [{"id": 9, "message": value}]
    document["config"]["revision"] = value
    document["organizations"] = [
        organization(
            1, value, changes=changes, deferred=[deferral], refusals=[refusal], warnings=[warning]
        ),
        organization(2, value),
    ]
    return document
