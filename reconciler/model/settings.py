"""The workspace file's settings as values, apart from the policy."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from types import MappingProxyType


class WriteMode(StrEnum):
    """How changes reach a licensing system: by its API, or by a person with a checklist."""

    API = "api"
    CHECKLIST = "checklist"


@dataclass(frozen=True, slots=True)
class ApiSettings:
    """The `api` section. `timeout` is in seconds, for connecting and for each read.

    `writes` is None where the workspace does not say; the backend then decides (the embedded
    server: api, any other host: checklist). `routes` maps the name of a write (`grant_users`,
    `remove_users`, `grant_machines`, `remove_machine`, `issue_offline`, `end_session`) to
    `METHOD /path`, with `{organization}`, `{feature}`, `{machine}`, `{session}` filled in.
    """

    url: str | None = None
    key_env: str | None = None
    writes: WriteMode | None = None
    routes: Mapping[str, str] = field(default_factory=lambda: MappingProxyType({}))
    timeout: float = 30.0
    max_parallel: int = 8


@dataclass(frozen=True, slots=True)
class Settings:
    """What a workspace says of how to reach the licensing system.

    `keys` maps an organization's ID to the name of the environment variable with its key.
    `timezone` is an IANA name; the day of `from` and `until` is the day there.
    """

    api: ApiSettings = ApiSettings()
    keys: Mapping[int, str] = field(default_factory=lambda: MappingProxyType({}))
    timezone: str = "UTC"
