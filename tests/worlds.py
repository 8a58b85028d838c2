"""Small worlds for tests: a state and a desired state in few words."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import UTC, date, datetime

from reconciler.model.desired import (
    DesiredOrganization,
    DesiredProduct,
    Entry,
    Policy,
    Wanted,
    WantedList,
)
from reconciler.model.identity import Subject, SubjectKind, machine, user
from reconciler.model.plan import Allowed, Change, Configuration, OrganizationPlan, Plan
from reconciler.model.source import Source
from reconciler.model.state import (
    LicensedUser,
    Machine,
    Member,
    OfflineLicense,
    OrganizationState,
    Session,
    Subscription,
)
from reconciler.planning.planner import PlanRequest, make_plan
from reconciler.products import PRODUCTS

TODAY = date(2026, 11, 24)
NOW = datetime(2026, 11, 24, 9, 0, tzinfo=UTC)
FILE = "orgs/acme.yaml"


def email(name: str) -> str:
    return name if "@" in name else f"{name}@example.com"


def members(*names: str) -> tuple[Member, ...]:
    return tuple(Member(email(name)) for name in names)


def wants(
    subject: str,
    *,
    start: date | None = None,
    end: date | None = None,
    replaces: str | None = None,
    priority: int = 0,
    offline_until: date | None = None,
    name: str | None = None,
) -> tuple[str, dict[str, object]]:
    return subject, {
        "start": start,
        "end": end,
        "replaces": replaces,
        "priority": priority,
        "offline_until": offline_until,
        "name": name,
    }


Line = str | tuple[str, dict[str, object]]


def wanted_list(kind: SubjectKind, lines: Iterable[Line], line: int) -> WantedList:
    rows = []
    for order, item in enumerate(lines):
        name, options = (item, {}) if isinstance(item, str) else item
        options = dict(options)
        replaced = options.pop("replaces", None)
        entry = Entry(
            Source(FILE, line + 1 + order, 9), options.pop("start", None), options.pop("end", None)
        )
        rows.append(
            Wanted(
                subject=_subject(kind, name),
                entries=(entry,),
                order=order,
                replaces=None if replaced is None else _subject(kind, replaced),
                **options,
            )
        )
    return WantedList(kind, Source(FILE, line, 5), tuple(rows))


def _subject(kind: SubjectKind, name: str) -> Subject:
    return user(email(name)) if kind is SubjectKind.USER else machine(name)


def desired(
    organization: int = 101,
    *,
    users: Mapping[str, Iterable[Line]] | None = None,
    machines: Mapping[str, Iterable[Line]] | None = None,
    policy: Policy | None = None,
) -> DesiredOrganization:
    products = []
    for number, product in enumerate(PRODUCTS):
        line = 100 * (number + 1)
        user_lines = (users or {}).get(product)
        machine_lines = (machines or {}).get(product)
        if user_lines is None and machine_lines is None:
            continue
        products.append(
            DesiredProduct(
                product,
                Source(FILE, line, 3),
                None if user_lines is None else wanted_list(SubjectKind.USER, user_lines, line + 1),
                None
                if machine_lines is None
                else wanted_list(SubjectKind.MACHINE, machine_lines, line + 51),
            )
        )
    return DesiredOrganization(
        organization, "Acme QA", Source(FILE, 2, 1), tuple(products), policy or Policy()
    )


def state(
    organization: int = 101,
    *,
    people: tuple[Member, ...] | None = (),
    subscriptions: tuple[Subscription, ...] | None = (),
    users: Mapping[str, Iterable[str]] | None = None,
    machines: Mapping[str, Iterable[str]] | None = None,
    offline: Mapping[str, Mapping[str, date | None]] | None = None,
    sessions: Iterable[Session] = (),
) -> OrganizationState:
    licenses = tuple(
        OfflineLicense(product, name, until)
        for product, rows in (offline or {}).items()
        for name, until in rows.items()
    )
    registered = {
        (product, name) for product, names in (machines or {}).items() for name in names
    } | {(row.product, row.machine) for row in licenses}
    return OrganizationState(
        id=organization,
        name="Acme QA",
        members=people,
        subscriptions=subscriptions,
        licensed_users=tuple(
            LicensedUser(product, email(name))
            for product, names in (users or {}).items()
            for name in names
        ),
        machines=tuple(Machine(product, name) for product, name in sorted(registered)),
        offline_licenses=licenses,
        sessions=tuple(sessions),
    )


def plan_many(
    wanted: Iterable[DesiredOrganization],
    states: Iterable[OrganizationState],
    *,
    as_of: date = TODAY,
    read_on: date | None = None,
    removals: int | None = None,
    irrevocable: bool = False,
) -> Plan:
    return make_plan(
        PlanRequest(
            desired=tuple(wanted),
            states={row.id: row for row in states},
            as_of=as_of,
            created_at=NOW,
            tool="reconciler test",
            target="snapshot:test",
            configuration=Configuration("sha256:" + 64 * "0"),
            allowed=Allowed(removals, irrevocable),
            live=True,
            timezone=UTC,
            read_on=read_on,
        )
    )


def plan(
    wanted: DesiredOrganization, current: OrganizationState, **options: object
) -> OrganizationPlan:
    (found,) = plan_many([wanted], [current], **options).organizations
    return found


def short(change: Change) -> str:
    """One change in one word: `carol->bob`, `+bob`, `-carol`, `!machine`."""
    name = change.subject.id.removesuffix("@example.com")
    if change.holder is not None:
        return f"{change.holder.id.removesuffix('@example.com')}->{name}"
    return {"grant": "+", "remove": "-", "issue_offline": "!"}[change.action] + name


def words(found: OrganizationPlan) -> list[str]:
    return [short(change) for change in found.changes]
