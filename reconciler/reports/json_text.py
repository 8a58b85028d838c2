"""Data as JSON for people and programs, the same bytes for the same data."""

from __future__ import annotations

import json
from typing import Any

from reconciler.model.text import revealed


def json_text(data: Any) -> str:
    """Return data as indented JSON, its keys in their own order.

    A person may read it too, so what hides or reorders text is written as JSON's escape, and so is
    what GitHub's runner takes for a command wherever it stands in a log. Both can only stand inside
    of text, where an escape means the same.
    """
    text = json.dumps(data, ensure_ascii=False, indent=2, allow_nan=False)
    return revealed(text, _escape).replace("##[", "\\u0023#[") + "\n"


def _escape(character: str) -> str:
    return json.dumps(character)[1:-1] if character != "\x7f" else "\\u007f"
