"""How changes are written: what the command line, the environment and the workspace say of it."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from types import MappingProxyType
from typing import Any

from reconciler.backends.pipeline import pipeline_variable
from reconciler.backends.routes import DEFAULTS, route_problem
from reconciler.errors import ConfigurationError, UsageError
from reconciler.model.settings import ROUTES_VARIABLE, WRITES_VARIABLE, ApiSettings, WriteMode
from reconciler.model.source import Problem, Source

_HINT = f"give it in the pipeline: --writes or {WRITES_VARIABLE}, --route or {ROUTES_VARIABLE}"


@dataclass(frozen=True, slots=True)
class WriteOptions:
    """The command line's `--writes`, and each `--route NAME="METHOD /path"`."""

    writes: str | None = None
    routes: tuple[str, ...] = ()

    def __bool__(self) -> bool:
        return bool(self.writes or self.routes)


def settled(api: ApiSettings, options: WriteOptions, environ: Mapping[str, str]) -> ApiSettings:
    """Return the settings with `writes` and routes from the command line, else the environment.

    Only outside of a pipeline the workspace file's count too. Raises `ConfigurationError` with the
    places of those that do not count or cannot be used, `UsageError` for the other two sources.
    """
    writes = _writes(options, environ)
    routes = {**_routes_of_environment(environ), **_routes_of_options(options.routes)}
    variable = pipeline_variable(environ)
    found = _not_taken(api, writes, routes, variable) if variable else _unusable(api)
    problems = list(found)
    if problems:
        raise ConfigurationError(problems, hint=None if variable is None else _HINT)
    if variable is None:
        writes, routes = writes or api.writes, {**api.routes, **routes}
    return replace(api, writes=writes, routes=MappingProxyType(routes), places=MappingProxyType({}))


def _unusable(api: ApiSettings) -> Iterator[Problem]:
    for name, text in api.routes.items():
        problem = route_problem(name, text)
        if problem is not None:
            yield Problem(_place(api, name), f"api.routes.{name}: {problem}")


def _not_taken(
    api: ApiSettings, writes: WriteMode | None, routes: Mapping[str, str], variable: str
) -> Iterator[Problem]:
    """Yield what a file says otherwise than the pipeline: a pull request can change the file."""
    built_in = {write.value: text for write, text in DEFAULTS.items()}
    said = {f"routes.{name}": (name, text) for name, text in api.routes.items()}
    if api.writes is not None and api.writes is not writes:
        said["writes"] = ("writes", api.writes.value)
    for key, (name, text) in said.items():
        if text != {**built_in, **routes}.get(name):
            message = f"api.{key}: in CI ({variable} is set) it is not taken from a file"
            yield Problem(_place(api, name), message)


def _place(api: ApiSettings, name: str) -> Source:
    return api.places.get(name, Source("reconciler.yaml"))


def _writes(options: WriteOptions, environ: Mapping[str, str]) -> WriteMode | None:
    said = environ.get(WRITES_VARIABLE, "").strip()
    if options.writes is None and said and said not in set(WriteMode):
        raise UsageError(f"{WRITES_VARIABLE} must be {' or '.join(WriteMode)}")
    chosen = options.writes or said
    return WriteMode(chosen) if chosen else None


def _routes_of_options(options: Iterable[str]) -> Mapping[str, str]:
    routes: dict[str, str] = {}
    for option in options:
        name, equals, text = (part.strip() for part in option.partition("="))
        problem = "it is given twice" if name in routes else route_problem(name, text)
        if not equals or problem is not None:
            raise UsageError(
                f"--route {name}: {problem}" if equals else f"--route {option}: there is no =",
                hint='for example --route grant_users="POST /seats/{organization}"',
            )
        routes[name] = text
    return routes


def _routes_of_environment(environ: Mapping[str, str]) -> Mapping[str, str]:
    said = environ.get(ROUTES_VARIABLE, "").strip()
    try:
        routes = json.loads(said, object_pairs_hook=_object) if said else {}
        if not isinstance(routes, dict):
            raise ValueError("it is no object")
        for name, text in routes.items():
            if not isinstance(text, str):
                raise ValueError(f"{name} is no text")
            problem = route_problem(name, text)
            if problem is not None:
                raise ValueError(f"{name}: {problem}")
    except (ValueError, RecursionError) as error:
        raise UsageError(
            f"{ROUTES_VARIABLE}: {error}",
            hint='it is a JSON object such as {"grant_users": "POST /seats/{organization}"}',
        ) from error
    return routes


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    names = [name for name, _ in pairs]
    for name in names:
        if names.count(name) > 1:
            raise ValueError(f"{name} is there twice")
    return dict(pairs)
