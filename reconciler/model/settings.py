"""The workspace file's settings as values, apart from the policy."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from types import MappingProxyType

from reconciler.model.source import Source

WRITES_VARIABLE = "RECONCILER_API_WRITES"
"""The environment variable that says how changes are written: `api` or `checklist`."""

ROUTES_VARIABLE = "RECONCILER_API_ROUTES"
"""The environment variable with routes: a JSON object of names and `METHOD /path`."""

OF_ANOTHER_USE: Mapping[str, str] = MappingProxyType(
    {
        ROUTES_VARIABLE: "the routes of the licensing system's writes",
        "RECONCILER_API_URL": "the address of the licensing system",
        WRITES_VARIABLE: "how changes are written",
        "RECONCILER_DEBUG": "whether tracebacks are shown",
        "RECONCILER_GITLAB_TOKEN": "the token for GitLab",
    }
)
"""The environment variables that hold something else than a key: what must not be sent as one."""


class WriteMode(StrEnum):
    """How changes reach a licensing system: by its API, or by a person with a checklist."""

    API = "api"
    CHECKLIST = "checklist"


@dataclass(frozen=True, slots=True)
class Writing:
    """How changes are written, as far as it is not what the host has by default.

    `mode` is None where it is the host's own: the embedded server takes writes by its API, for any
    other host a person makes them. `routes` are those that differ from the built-in ones, by the
    name of their write.
    """

    mode: WriteMode | None = None
    routes: Mapping[str, str] = field(default_factory=lambda: MappingProxyType({}))


@dataclass(frozen=True, slots=True)
class ApiSettings:
    """The `api` section. `timeout` is in seconds, for connecting and for each read.

    `writes` is None where the workspace does not say; the backend then decides (the embedded
    server: api, any other host: checklist). `routes` maps the name of a write (`grant_users`,
    `remove_users`, `grant_machines`, `remove_machine`, `issue_offline`, `end_session`) to
    `METHOD /path`, with `{organization}`, `{feature}`, `{machine}`, `{session}` filled in.
    `places` are where a file says so, by `writes` or the name of a route.
    """

    url: str | None = None
    key_env: str | None = None
    writes: WriteMode | None = None
    routes: Mapping[str, str] = field(default_factory=lambda: MappingProxyType({}))
    timeout: float = 30.0
    max_parallel: int = 8
    places: Mapping[str, Source] = field(
        default_factory=lambda: MappingProxyType({}), compare=False
    )


@dataclass(frozen=True, slots=True)
class Settings:
    """What a workspace says of how to reach the licensing system.

    `keys` maps an organization's ID to the name of the environment variable with its key.
    `timezone` is an IANA name; the day of `from` and `until` is the day there.
    """

    api: ApiSettings = ApiSettings()
    keys: Mapping[int, str] = field(default_factory=lambda: MappingProxyType({}))
    timezone: str = "UTC"


def not_a_key(name: str) -> str | None:
    """Return why this environment variable cannot hold an API key; None where it can.

    A file in git names the variable, and whoever changes that file must not be able to have
    another secret sent to the licensing system.
    """
    use = OF_ANOTHER_USE.get(name.upper())  # on Windows the names are the same in any case
    return None if use is None else f"{name} is {use}, never an API key"
