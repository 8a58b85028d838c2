"""Generated organizations: a state as a licensing system may show it, and files that want a change.

Everything is drawn small, so that a failing example can be read, and shapes that matter (full,
over quota, offline, expired, waitlist, declared transfers, moves, unknown lists) come often.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import date, timedelta

from hypothesis import strategies as st

from reconciler.model.desired import (
    DesiredOrganization,
    Entry,
    Everyone,
    MaxRemovals,
    NotAMember,
    OnShortage,
    Policy,
    UnlicensedMembers,
    UnlistedMachines,
)
from reconciler.model.identity import email_key, user
from reconciler.model.plan import Allowed
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
from reconciler.planning.reimages import reimages
from reconciler.products import PRODUCTS, Product, SeatUnit
from tests.worlds import TODAY, desired, email, wants

PEOPLE = [f"u{number}" for number in range(7)]
MACHINES = [f"{number:032x}" for number in range(1, 7)]
NAMES = ["host-a", None, "Host-A", "host-b"]
DATES = [TODAY + timedelta(days=days) for days in (-30, -1, 0, 1, 40, 300)]


@dataclass(frozen=True)
class Example:
    """`full` is what the licensing system holds, `seen` what it shows: some lists may be hidden.

    `as_of` is the day that is planned for; the state is that of today.
    """

    full: OrganizationState
    seen: OrganizationState
    desired: DesiredOrganization
    allowed: Allowed
    as_of: date = TODAY


def subset(names: list[str], *, least: int = 0) -> st.SearchStrategy[list[str]]:
    return st.lists(st.sampled_from(names), unique=True, min_size=least, max_size=len(names))


@st.composite
def policies(draw: st.DrawFn) -> Policy:
    protected = draw(st.sampled_from([[], [], [], [], ["u1"], ["u2"], [MACHINES[0]]]))
    return Policy(
        max_removals=draw(st.sampled_from([MaxRemovals(50, 100)] * 7 + [MaxRemovals(2, 25)])),
        protected=frozenset(email_key(email(n)) if n in PEOPLE else n for n in protected),
        on_shortage=draw(st.sampled_from(OnShortage)),
        not_a_member=draw(st.sampled_from(NotAMember)),
        unlicensed_members=draw(
            st.sampled_from(
                [UnlicensedMembers.IGNORE, UnlicensedMembers.WARN] * 6 + [UnlicensedMembers.FAIL]
            )
        ),
        unlisted_machines=draw(st.sampled_from(UnlistedMachines)),
        allow_irrevocable=draw(st.sampled_from([True, True, False])),
    )


@st.composite
def examples(draw: st.DrawFn) -> Example:
    # Two user products at least half of the time, so that people move between them.
    both = draw(st.sampled_from([["kse", "testops"], []]))
    more = draw(st.lists(st.sampled_from(list(PRODUCTS)), min_size=1, max_size=3, unique=True))
    keys = list(dict.fromkeys([*both, *more]))
    people = list(draw(st.permutations(PEOPLE)))[draw(st.sampled_from([0, 0, 0, 1])) :]
    pending = {people[-1]} if draw(st.sampled_from([False, False, True])) else set()
    state = OrganizationState(
        id=101,
        name="Acme",
        members=tuple(
            Member(
                draw(st.sampled_from([email(n), email(n).upper()])) if n == "u0" else email(n),
                status=MemberStatus.PENDING if n in pending else MemberStatus.ACTIVE,
            )
            for n in people
        ),
        subscriptions=(),
        licensed_users=(),
        machines=(),
        offline_licenses=(),
        sessions=(),
    )
    active = [n for n in people if n not in pending]
    # The API has one flag for all the products of a family.
    flags = {
        flag: draw(st.sampled_from([True, True, True, False]))
        for flag in ("canCreateOfflineKSE", "canCreateOfflineRE")
    }
    for key in keys:
        offline_allowed = flags.get(PRODUCTS[key].offline_field or "", False)
        state = draw(pools(state, PRODUCTS[key], active, offline_allowed))
    users, machines = {}, {}
    for key in dict.fromkeys([*both, draw(st.sampled_from(keys)), draw(st.sampled_from(keys))]):
        product = PRODUCTS[key]
        if product.users and (key in both or not product.machines or draw(st.booleans())):
            users[key] = draw(user_lines(state, key))
        if product.machines and (key not in users or draw(st.booleans())):
            machines[key] = draw(machine_lines(state, product))
    wanted = desired(users=users, machines=machines, policy=draw(policies()))
    if users and draw(st.sampled_from([False] * 4 + [True])):
        wanted = draw(with_everyone(wanted))
    hidden = draw(
        st.sampled_from([None] * 8 + ["members", "licensed_users", "offline_licenses", "machines"])
    )
    seen = state if hidden is None else replace(state, **{hidden: None})
    # What a list that cannot be read comes to on a later day nobody can foresee.
    later = [TODAY, DATES[3], TODAY, DATES[4] + timedelta(days=1), TODAY]
    as_of = TODAY if hidden is not None else draw(st.sampled_from(later))
    ceiling = draw(st.sampled_from([None, 20, 20, None, 20, 1, 0]))
    irrevocable = draw(st.sampled_from([True, True, False]))
    return Example(state, seen, wanted, Allowed(ceiling, irrevocable), as_of)


@st.composite
def with_everyone(draw: st.DrawFn, wanted: DesiredOrganization) -> DesiredOrganization:
    """Put a `members: all` at the end of the first list of users."""
    first = next(product for product in wanted.products if product.users is not None)
    source = first.users.source
    left_out = draw(subset(["u0", "u1", "somebody-else"]))
    line = Everyone(
        Entry(source, end=draw(st.sampled_from([None, None, DATES[1], DATES[4]]))),
        order=len(first.users.wanted),
        priority=draw(st.sampled_from([0, 0, 7])),
        excluded=tuple((user(email(name)), source) for name in left_out),
    )
    users = replace(first.users, everyone=(line,))
    products = tuple(
        replace(product, users=users) if product is first else product
        for product in wanted.products
    )
    return replace(wanted, products=products)


@st.composite
def pools(
    draw: st.DrawFn,
    state: OrganizationState,
    product: Product,
    active: list[str],
    offline_allowed: bool,
) -> OrganizationState:
    key = product.key
    holders = draw(subset(active)) if product.users and active else []
    machines = draw(subset(MACHINES)) if product.machines else []
    offline = {}
    if product.offline_field and machines:
        for name in draw(st.lists(st.sampled_from(machines), unique=True, max_size=2)):
            offline[name] = draw(st.sampled_from(DATES[2:]))
    sessions = []
    if product.seat is SeatUnit.SESSION and holders and machines:
        pairs = st.tuples(st.sampled_from(machines), st.sampled_from(holders))
        for number, (name, owner) in enumerate(draw(st.lists(pairs, max_size=2, unique=True))):
            sessions.append(Session(key, name, email(owner), id=f"{key}-{number}"))
    taken = {
        SeatUnit.USER: len(holders) + len(offline),
        SeatUnit.MACHINE: len(machines),
        SeatUnit.SESSION: len(sessions) + len(offline),
    }[product.seat]
    surplus = draw(st.sampled_from([0] * 7 + [1]))
    used = taken + surplus
    quota = max(0, used + draw(st.sampled_from([0, 1, 2, 0, 5, 3, 0, -1, 8, -2])))
    limit = None
    if product.machine_quota_field:
        limit = draw(st.sampled_from([None, None, len(machines), len(machines) + 1]))
    subscription = Subscription(
        key,
        quota,
        used,
        limit,
        draw(st.sampled_from([None, DATES[5], DATES[5], None, DATES[5], DATES[4], DATES[0]])),
        offline_allowed,
    )
    return replace(
        state,
        subscriptions=(*state.subscriptions, subscription),
        licensed_users=(
            *state.licensed_users,
            *(LicensedUser(key, email(n)) for n in holders),
        ),
        machines=(
            *state.machines,
            *(Machine(key, n, name=draw(st.sampled_from(NAMES))) for n in machines),
        ),
        offline_licenses=(
            *state.offline_licenses,
            *(OfflineLicense(key, n, until) for n, until in offline.items()),
        ),
        sessions=(*state.sessions, *sessions),
    )


@st.composite
def user_lines(draw: st.DrawFn, state: OrganizationState, product: str) -> list:
    holders = {
        email_key(row.email).removesuffix("@example.com")
        for row in state.licensed_users
        if row.product == product
    }
    names = draw(subset(PEOPLE, least=1))
    if draw(st.sampled_from([False] * 8 + [True])):
        names.append("stranger")
    return _with_transfers(draw, names, sorted(holders - set(names)))


@st.composite
def machine_lines(draw: st.DrawFn, state: OrganizationState, product: Product) -> list:
    registered = {row.id for row in state.machines if row.product == product.key}
    names = draw(subset(MACHINES, least=1))
    lines = [
        (name, {**options, "name": draw(st.sampled_from(NAMES))})
        for name, options in _with_transfers(draw, names, sorted(registered - set(names)))
    ]
    if not product.offline_field:
        return lines
    wished = set(draw(st.lists(st.sampled_from(names), max_size=2)))
    until = draw(st.sampled_from([DATES[4], *DATES[3:]]))
    return [
        (n, {**options, "offline_until": until if n in wished else None}) for n, options in lines
    ]


def _with_transfers(draw: st.DrawFn, names: list[str], leaving: list[str]) -> list:
    lines = []
    for name in names:
        replaces = None
        if leaving and draw(st.sampled_from([True, False, False])):
            replaces = leaving.pop()
        start = draw(st.sampled_from([None] * 40 + DATES))
        end = draw(st.sampled_from([None] * 40 + DATES))
        if start is not None and end is not None and end < start:
            start, end = end, start
        priority = draw(st.sampled_from([0, 0, 0, 5, -5]))
        lines.append(wants(name, start=start, end=end, replaces=replaces, priority=priority))
    return lines


def shapes(example: Example) -> set[str]:
    """Return which of the shapes that the laws must meet often this example has."""
    found = set()
    state, wanted = example.full, example.desired
    if _moves(example):
        found.add("move between products")
    for row in state.subscriptions:
        if row.used == row.quota:
            found.add("full")
        if row.used > row.quota:
            found.add("over quota")
        if row.expires is not None and row.expires < example.as_of:
            found.add("expired")
    if state.offline_licenses:
        found.add("offline")
    if wanted.policy.on_shortage is OnShortage.WAITLIST:
        found.add("waitlist")
    if example.seen is not state:
        found.add("unknown list")
    lists = [one for p in wanted.products for one in (p.users, p.machines) if one is not None]
    if any(line.replaces is not None for one in lists for line in one.wanted):
        found.add("declared transfer")
    return found | _corners(example)


def _corners(example: Example) -> set[str]:
    """Return the shapes that are rarer in the world, and here."""
    found = set()
    state, as_of = example.full, example.as_of
    active = {email_key(row.email) for row in state.members if row.status is MemberStatus.ACTIVE}
    if any(row.expires and TODAY <= row.expires < as_of for row in state.offline_licenses):
        found.add("offline license that ends before the day")
    for product in example.desired.products:
        bought = state.subscription(product.product)
        asks = (
            any(line.offline_until for line in product.machines.wanted)
            if product.machines
            else False
        )
        if asks and bought.used >= bought.quota and _sessions(state, product.product):
            found.add("offline license wanted beside sessions in a full pool")
        if product.users is not None and product.users.everyone:
            replaced = {w.replaces.key for w in product.users.wanted if w.replaces is not None}
            if replaced & active:
                found.add("member replaced under `members: all`")
        registered = {row.id: row for row in state.machines if row.product == product.product}
        if any(True for _ in reimages(product.machines, registered, as_of)):
            found.add("reimage")
    return found


def _sessions(state: OrganizationState, product: str) -> bool:
    return any(row.product == product for row in state.sessions)


def _moves(example: Example) -> bool:
    """Tell whether somebody is to gain one product and to lose another."""
    listed: dict[str, set[str]] = {}
    held: dict[str, set[str]] = {}
    managed = [p for p in example.desired.products if p.users is not None]
    for product in managed:
        for line in product.users.wanted:
            if line.wanted_on(example.as_of):
                listed.setdefault(line.subject.key, set()).add(product.product)
    for row in example.full.licensed_users:
        if any(row.product == product.product for product in managed):
            held.setdefault(email_key(row.email), set()).add(row.product)
    return any(
        products - held.get(key, set()) and held.get(key, set()) - products
        for key, products in listed.items()
    )
