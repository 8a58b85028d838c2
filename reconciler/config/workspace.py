"""The settings of a workspace file."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from types import MappingProxyType
from typing import Any
from zoneinfo import ZoneInfo, available_timezones

from reconciler.config.document import Document
from reconciler.model.settings import ApiSettings, Settings, WriteMode, not_a_key
from reconciler.model.source import Problem, Source
from reconciler.schema_messages import shown, suggestion

_PLACEHOLDERS = ("organization", "feature", "machine", "session")


def read_settings(document: Document) -> Settings:
    """Return the settings of a workspace file that fits its schema."""
    data: Mapping[str, Any] = document.data
    api = data.get("api", {})
    keys = {int(organization): name for organization, name in data.get("keys", {}).items()}
    defaults = ApiSettings()
    return Settings(
        api=ApiSettings(
            url=api.get("url"),
            key_env=api.get("key_env"),
            writes=WriteMode(api["writes"]) if "writes" in api else None,
            routes=MappingProxyType(dict(api.get("routes", {}))),
            timeout=float(api.get("timeout", defaults.timeout)),
            max_parallel=int(api.get("max_parallel", defaults.max_parallel)),
            places=MappingProxyType(dict(_places(document))),
        ),
        keys=MappingProxyType(dict(sorted(keys.items()))),
        timezone=data.get("timezone", "UTC"),
    )


def _places(document: Document) -> Iterator[tuple[str, Source]]:
    api: Mapping[str, Any] = document.data.get("api", {})
    if "writes" in api:
        yield "writes", document.source(("api", "writes"))
    for name in api.get("routes", {}):
        yield name, document.source(("api", "routes", name))


def workspace_problems(document: Document) -> Iterator[Problem]:
    """Yield what is wrong with a workspace file that fits its schema."""
    data: Mapping[str, Any] = document.data
    yield from _key_problems(document)
    if "timezone" in data and not _is_timezone(data["timezone"]):
        hint = suggestion(data["timezone"], sorted(available_timezones()))
        message = f"unknown time zone {shown(data['timezone'])}{hint}"
        yield Problem(document.source(("timezone",)), message)
    routes = data.get("api", {}).get("routes", {})
    for name, route in routes.items():
        for placeholder in re.findall(r"\{([^{}]*)\}", route):
            if placeholder not in _PLACEHOLDERS:
                hint = suggestion(placeholder, list(_PLACEHOLDERS))
                message = f"unknown placeholder {{{placeholder}}} in a route{hint}"
                yield Problem(document.source(("api", "routes", name)), message)


def _key_problems(document: Document) -> Iterator[Problem]:
    api, keys = document.data.get("api", {}), document.data.get("keys", {})
    names = {("keys", organization): name for organization, name in keys.items()}
    if "key_env" in api:
        names["api", "key_env"] = api["key_env"]
    for place, name in names.items():
        reason = not_a_key(name)
        if reason is not None:
            message = f"{reason}: name another variable, such as RECONCILER_API_KEY"
            yield Problem(document.source(place), message)


def _is_timezone(name: str) -> bool:
    if name == "UTC":
        return True  # also where the system has no database of time zones
    try:
        ZoneInfo(name)
    except (ValueError, OSError, KeyError):
        # ZoneInfoNotFoundError is a KeyError; OSError is what the name of a folder gives.
        return False
    return True
