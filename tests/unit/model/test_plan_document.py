from __future__ import annotations

import copy
import json
from dataclasses import replace
from datetime import timedelta

from hypothesis import given, settings

from reconciler.model.plan_document import (
    changes_digest,
    document_digest,
    from_document,
    to_document,
)
from reconciler.schema import problems
from tests.laws.organizations import examples
from tests.worlds import NOW, plan_many


def planned(example):
    return plan_many(
        [example.desired],
        [example.seen],
        removals=example.allowed.removals,
        irrevocable=example.allowed.irrevocable,
    )


@settings(max_examples=100, deadline=None)
@given(examples())
def test_a_plan_survives_its_document_which_the_schema_accepts(example):
    plan = planned(example)
    document = json.loads(json.dumps(to_document(plan)))
    assert problems("plan", document) == ()
    again = from_document(document)
    assert to_document(again) == document
    assert again.organizations[0].changes == plan.organizations[0].changes
    assert again.organizations[0].deferred == plan.organizations[0].deferred


@settings(max_examples=50, deadline=None)
@given(examples())
def test_the_digest_tells_of_any_edit_and_the_changes_digest_of_what_is_done_only(example):
    plan = planned(example)
    document = to_document(plan)
    assert document_digest(document) == document["digest"]
    edited = copy.deepcopy(document)
    edited["summary"]["losing"] += 1
    assert document_digest(edited) != document["digest"]
    later = replace(plan, created_at=NOW + timedelta(hours=1))
    assert changes_digest(later) == document["changes_digest"]
    assert to_document(later)["digest"] != document["digest"]


@settings(max_examples=50, deadline=None)
@given(examples())
def test_the_changes_digest_depends_on_their_order_and_content(example):
    plan = planned(example)
    (organization,) = plan.organizations
    reversed_ = replace(organization, changes=organization.changes[::-1])
    same = changes_digest(replace(plan, organizations=(reversed_,))) == changes_digest(plan)
    assert same == (len(organization.changes) < 2)
    moved = replace(organization, id=organization.id + 1)
    differs = changes_digest(replace(plan, organizations=(moved,))) != changes_digest(plan)
    assert differs == bool(organization.changes)
