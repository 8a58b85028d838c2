"""The formats of a checklist; a new one is a module and a row."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import MappingProxyType

from reconciler.applying import checklist_html, checklist_json, checklist_markdown
from reconciler.applying.checklist import Checklist

FORMATS: Mapping[str, Callable[[Checklist], str]] = MappingProxyType(
    {
        "markdown": checklist_markdown.render,
        "html": checklist_html.render,
        "json": checklist_json.render,
    }
)
"""Each format's name and what writes it."""
