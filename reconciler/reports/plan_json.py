"""The plan as JSON: the published format, the same bytes for the same document."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from reconciler.reports.json_text import json_text
from reconciler.reports.spans import Look


def render(document: Mapping[str, Any]) -> str:
    """Return one document as indented JSON, its keys in the document's own order."""
    return json_text(document)


def render_all(documents: Sequence[Mapping[str, Any]], look: Look) -> str:
    """Return one plan as its document, several as a list of them."""
    if len(documents) == 1:
        return render(documents[0])
    return json_text(list(documents))
