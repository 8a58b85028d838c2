"""An organization that could not be read is told in every format."""

from __future__ import annotations

import json
from typing import Any

import pytest

from reconciler.reports.formats import RENDERERS
from reconciler.reports.spans import Look
from tests.unit.reports.documents import full_document

REASON = "the server closed the connection"


def document(unread: int) -> dict[str, Any]:
    rows = [{"id": 303 + number, "message": REASON} for number in range(unread)]
    return full_document() | {"unread": rows}


@pytest.mark.parametrize("name", sorted(RENDERERS))
def test_it_is_named_with_the_reason(name: str) -> None:
    shown = RENDERERS[name]([document(2)], Look())
    assert shown.count(REASON) >= 2
    assert "304" in shown
    assert REASON not in RENDERERS[name]([document(0)], Look())


def test_it_is_an_error_where_there_are_levels() -> None:
    assert RENDERERS["github"]([document(1)], Look()).startswith(
        "::error title=not read%2C and so not planned::organization 303: the server closed"
    )
    (run,) = json.loads(RENDERERS["sarif"]([document(1)], Look()))["runs"]
    assert (run["results"][0]["level"], run["results"][0]["ruleId"]) == ("error", "not_read")
    assert 'failures="2"' in RENDERERS["junit"]([document(1)], Look())


def test_a_comment_and_a_page_name_the_first_and_count_the_rest() -> None:
    assert "> - … and 30 more" in RENDERERS["markdown"]([document(40)], Look())
    assert "… and 20 more" in RENDERERS["html"]([document(40)], Look())
