"""A plan that has been checked: the planner's result, judged by the checker's own rules."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from reconciler.errors import UnsoundPlanError
from reconciler.model.desired import DesiredOrganization
from reconciler.model.plan import Plan
from reconciler.planning.cause import with_causes
from reconciler.planning.checker import Case, check
from reconciler.planning.planner import PlanRequest, make_plan


def sound_plan(request: PlanRequest, *, base: Iterable[DesiredOrganization] | None = None) -> Plan:
    """Plan and check the result; with a `base`, tell what this change causes from older drift.

    `base` are the organizations as another revision of the files has them; those that it does
    not have are this change's as a whole. Raises `UnsoundPlanError` where the planner and the
    checker disagree, which is a bug in one of them.
    """
    plan = make_plan(request)
    desired = {organization.id: organization for organization in request.desired}
    for organization in plan.organizations:
        case = Case(
            request.states[organization.id],
            desired[organization.id],
            request.as_of,
            request.allowed,
            request.day_of_states,
        )
        broken = check(case, organization)
        if broken:
            raise UnsoundPlanError(organization.id, broken)
    if base is None:
        return plan
    known = tuple(row for row in base if row.id in desired)
    before = make_plan(replace(request, desired=known))
    return with_causes(plan, before, request.desired)
