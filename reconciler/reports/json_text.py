"""Data as JSON for people and programs, the same bytes for the same data."""

from __future__ import annotations

import json
from typing import Any


def json_text(data: Any) -> str:
    """Return data as indented JSON, its keys in their own order.

    A log is a place too where it is shown, and in one GitHub's runner takes `##[` for a command
    wherever that stands. In JSON it can only stand inside of text, where an escape means the same.
    """
    text = json.dumps(data, ensure_ascii=False, indent=2, allow_nan=False)
    return text.replace("##[", "\\u0023#[") + "\n"
