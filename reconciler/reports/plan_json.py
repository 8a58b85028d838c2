"""The plan as JSON: the published format, the same bytes for the same document."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

from reconciler.reports.spans import Look


def render(document: Mapping[str, Any]) -> str:
    """Return one document as indented JSON, its keys in the document's own order."""
    return _text(document)


def render_all(documents: Sequence[Mapping[str, Any]], look: Look) -> str:
    """Return one plan as its document, several as a list of them."""
    if len(documents) == 1:
        return render(documents[0])
    return _text(list(documents))


def _text(data: Any) -> str:
    text = json.dumps(data, ensure_ascii=False, indent=2, allow_nan=False)
    # In a log, GitHub's runner takes `##[` for a command; in JSON it can only stand inside of text,
    # where an escape means the same.
    return text.replace("##[", "\\u0023#[") + "\n"
