"""Reports by format name: from the JSON documents of plans to text."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from importlib import import_module
from types import MappingProxyType
from typing import Any

from reconciler.reports.spans import Look

Renderer = Callable[[Sequence[Mapping[str, Any]], Look], str]


def _module(name: str) -> Renderer:
    """Return a module's `render_all`; the module is imported when it is called."""

    def render(documents: Sequence[Mapping[str, Any]], look: Look) -> str:
        text: str = import_module(f"reconciler.reports.{name}").render_all(documents, look)
        return text

    return render


RENDERERS: Mapping[str, Renderer] = MappingProxyType(
    {
        "text": _module("text"),
        "json": _module("plan_json"),
        "markdown": _module("markdown"),
        "html": _module("html"),
        "github": _module("github"),
        "sarif": _module("sarif"),
        "junit": _module("junit"),
    }
)
"""Every format in which plans can be shown; a new one is a module and a row."""
