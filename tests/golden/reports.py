"""Every report of a few fixed documents; `script/golden` writes them beside this file."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from datetime import UTC, date, datetime
from pathlib import Path

from reconciler import __version__
from reconciler.model.source import Problem, Source
from reconciler.model.state import (
    LicensedUser,
    Machine,
    Member,
    MemberStatus,
    OfflineLicense,
    OrganizationState,
    Session,
    Subscription,
)
from reconciler.reports import forecast_formats, formats, page_formats, problems
from reconciler.reports.license_page import page_of
from reconciler.reports.spans import Look
from tests.unit.reports.documents import forecast, full_document, hostile_document

FOLDER = Path(__file__).parent
ENDINGS = {
    "text": "txt", "json": "json", "markdown": "md", "html": "html", "github": "github.txt",
    "sarif": "sarif.json", "junit": "xml",
}  # fmt: skip

STATE = OrganizationState(
    id=101,
    name="Acme QA",
    members=(Member("ada@example.com"), Member("bob@example.com", status=MemberStatus.PENDING)),
    subscriptions=(
        Subscription("kse", quota=5, used=2, machine_quota=8, expires=date(2099, 6, 30)),
        Subscription("testops", quota=None),
    ),
    licensed_users=(LicensedUser("kse", "zoe@example.com"), LicensedUser("kse", "ada@example.com")),
    machines=(
        Machine("kse", "m1", "ada@example.com", "laptop", datetime(2026, 11, 20, 8, tzinfo=UTC)),
    ),
    offline_licenses=(OfflineLicense("kse", "m1", date(2097, 1, 31), "ada@example.com"),),
    sessions=(Session("kse", "m1", "ada@example.com", datetime(2026, 11, 24, 8, tzinfo=UTC)),),
)
FINDINGS = problems.Findings(
    problems=(
        Problem(Source("orgs/acme.yaml", 3, 5), "unknown key 'usres'; did you mean 'users'?"),
        Problem(Source("orgs/beta.yaml"), "the file is empty"),
    ),
    warnings=(Problem(Source("orgs/cedar.yaml", 9, 1), "an odd machine ID"),),
)


def reports() -> Iterator[tuple[str, str]]:
    """Yield the file name and the text of each report."""
    plan = full_document()
    unread = [{"id": 404, "message": "https://x.example: the server closed the connection"}]
    hostile = hostile_document("<b>`|`</b> @all ::error::x ##[error]y\n\u202e&")
    for name, render in formats.RENDERERS.items():
        shown = plan | {"forecast": forecast()} if name == "html" else plan
        yield f"plan.{ENDINGS[name]}", render([shown | {"unread": unread}], Look())
        yield f"hostile.{ENDINGS[name]}", render([hostile], Look())
    yield "plan.colours.txt", formats.RENDERERS["text"]([plan], Look(colours=True, width=80))
    page = page_of([STATE, OrganizationState(id=7)], date(2026, 11, 24))
    for name, show in page_formats.FORMATS.items():
        yield f"licenses.{ENDINGS[name]}", show(page, Look())
    for name, tell in problems.FORMATS.items():
        yield f"problems.{ENDINGS[name]}", tell(FINDINGS, Look())
    for name, foretell in forecast_formats.FORMATS.items():
        yield f"forecast.{ENDINGS[name]}", foretell(forecast(), Look())


def stored(text: str) -> str:
    """Return a report as it is stored: without the version, which each release changes."""
    return text.replace(f'"{__version__}"', '"VERSION"')


def main() -> None:
    """Write every report, and remove those that are none any more."""
    made = {name: stored(text) for name, text in reports()}
    for name, text in made.items():
        (FOLDER / name).write_text(text, encoding="utf-8", newline="\n")
    for file in FOLDER.iterdir():
        if file.is_file() and file.suffix != ".py" and file.name not in made:
            file.unlink()
    sys.stdout.write(f"{len(made)} reports in {FOLDER}\n")


if __name__ == "__main__":
    main()
