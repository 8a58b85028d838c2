"""Reports by format name: from the JSON documents of plans to text."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from types import MappingProxyType
from typing import Any

from reconciler.reports import plan_json, text
from reconciler.reports.spans import Look

Renderer = Callable[[Sequence[Mapping[str, Any]], Look], str]

RENDERERS: Mapping[str, Renderer] = MappingProxyType(
    {"text": text.render_all, "json": plan_json.render_all}
)
"""Every format in which plans can be shown; a new one is a module and a row."""
