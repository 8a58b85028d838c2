"""The plan as JSON."""

from __future__ import annotations

import json

from reconciler.reports.formats import RENDERERS
from reconciler.reports.plan_json import render
from reconciler.reports.spans import Look
from tests.unit.reports.documents import full_document


def test_the_same_document_gives_the_same_bytes_and_reads_back_equal() -> None:
    assert render(full_document()) == render(full_document())
    assert json.loads(render(full_document())) == full_document()


def test_one_plan_is_its_document_and_several_are_a_list() -> None:
    one = RENDERERS["json"]([full_document()], Look())
    assert one == render(full_document())
    several = RENDERERS["json"]([full_document(), full_document()], Look())
    assert json.loads(several) == [full_document(), full_document()]
