"""A journal's account by format name."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any

from reconciler.reports import audit_csv, audit_text
from reconciler.reports.json_text import json_text
from reconciler.reports.spans import Look


def _json(document: Mapping[str, Any], look: Look) -> str:
    return json_text(document)


FORMATS: Mapping[str, Callable[[Mapping[str, Any], Look], str]] = MappingProxyType(
    {"text": audit_text.render, "csv": audit_csv.render, "json": _json}
)
"""Every format in which a journal's account can be shown; a new one is a function and a row."""
