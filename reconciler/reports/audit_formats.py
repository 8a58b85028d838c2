"""A journal's account by format name."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any

from reconciler.reports import audit_csv, audit_text
from reconciler.reports.spans import Look


def _json(document: Mapping[str, Any], look: Look) -> str:
    return json.dumps(document, ensure_ascii=False, indent=2) + "\n"


FORMATS: Mapping[str, Callable[[Mapping[str, Any], Look], str]] = MappingProxyType(
    {"text": audit_text.render, "csv": audit_csv.render, "json": _json}
)
"""Every format in which a journal's account can be shown; a new one is a function and a row."""
