"""`python -m benchmarks.planning`: planning alone, with all that it needs in memory."""

from __future__ import annotations

import argparse
import gc
import platform
import statistics
import time
from collections.abc import Callable
from datetime import UTC, date, datetime

from reconciler.model.desired import (
    DesiredOrganization,
    DesiredProduct,
    Entry,
    Wanted,
    WantedList,
)
from reconciler.model.identity import SubjectKind, user
from reconciler.model.plan import Allowed, Configuration, Plan
from reconciler.model.source import Source
from reconciler.model.state import LicensedUser, Member, OrganizationState, Subscription
from reconciler.planning.planner import PlanRequest, make_plan
from reconciler.planning.sound import sound_plan

TODAY = date(2026, 11, 24)
CASES = ((1, 10_000), (1, 30_000), (1, 100_000), (1_000, 100))
AIM = {(1, 100_000): "0.6 s"}


def request(organizations: int, users: int) -> PlanRequest:
    """Return a request for full pools in which 2 % are gone and 5 % are new."""
    desired, states = [], {}
    for number in range(1, organizations + 1):
        wanted, state = _organization(number, users)
        desired.append(wanted)
        states[number] = state
    return PlanRequest(
        desired=tuple(desired),
        states=states,
        as_of=TODAY,
        created_at=datetime(2026, 11, 24, 9, tzinfo=UTC),
        tool="benchmark",
        target="memory",
        configuration=Configuration("sha256:" + 64 * "0"),
        allowed=Allowed(removals=organizations * users),
        live=False,
        timezone=UTC,
    )


def _organization(number: int, users: int) -> tuple[DesiredOrganization, OrganizationState]:
    gone, new = users // 50, users // 20
    emails = [f"user{place}@org{number}.example" for place in range(users + new)]
    state = OrganizationState(
        id=number,
        members=tuple(Member(email) for email in emails),
        subscriptions=(Subscription("kse", users + new, users, None, date(2027, 6, 30), True),),
        licensed_users=tuple(LicensedUser("kse", email) for email in emails[:users]),
        machines=(),
        offline_licenses=(),
        sessions=(),
    )
    file = f"orgs/{number}.yaml"
    wanted = tuple(
        Wanted(user(email), (Entry(Source(file, 6 + place, 9)),), place)
        for place, email in enumerate(emails[gone:])
    )
    users_list = WantedList(SubjectKind.USER, Source(file, 5, 5), wanted)
    product = DesiredProduct("kse", Source(file, 4, 3), users_list)
    return DesiredOrganization(number, None, Source(file, 2, 1), (product,)), state


def _median(plan: Callable[[PlanRequest], Plan], made: PlanRequest, runs: int) -> float:
    seconds = []
    for _ in range(runs):
        gc.collect()
        start = time.perf_counter()
        plan(made)
        seconds.append(time.perf_counter() - start)
    return statistics.median(seconds)


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.planning", description=__doc__)
    parser.add_argument("--runs", type=int, default=5, help="runs of each size")
    runs = parser.parse_args().runs
    print(f"Python {platform.python_version()}, {platform.machine()}; medians of {runs} runs\n")
    print("| organizations x users | planning, s | per user, us | with the checker, s | aim |")
    print("| --- | ---: | ---: | ---: | --- |")
    for organizations, users in CASES:
        made = request(organizations, users)
        # The command keeps the collector off as well: nothing of what is made is garbage.
        gc.disable()
        alone, checked = _median(make_plan, made, runs), _median(sound_plan, made, runs)
        gc.enable()
        each = alone / organizations / users * 1e6
        aim = AIM.get((organizations, users), "")
        print(
            f"| {organizations:,} x {users:,} | {alone:.3f} | {each:.1f} | {checked:.3f} | {aim} |"
        )


if __name__ == "__main__":
    main()
