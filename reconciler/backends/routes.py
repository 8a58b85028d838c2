"""The address of every write: ours by default, the workspace file's where it sets one."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from string import Formatter
from types import MappingProxyType
from typing import ClassVar
from urllib.parse import parse_qsl, quote

from reconciler.backends.protocol import Write
from reconciler.errors import ReconcilerError

_SEAT = "/api/v1/organizations/{organization}"
_PLACE = "package={feature}&organizationId={organization}"

DEFAULTS: Mapping[Write, str] = {
    Write.GRANT_USERS: f"POST {_SEAT}/licensed-users",
    Write.REMOVE_USERS: f"POST {_SEAT}/licensed-users/remove",
    Write.GRANT_MACHINES: f"POST {_SEAT}/machines",
    Write.ISSUE_OFFLINE: f"POST {_SEAT}/offline-licenses",
    Write.REMOVE_MACHINE: f"DELETE /api/v1/machine?machineKey={{machine}}&{_PLACE}",
    Write.END_SESSION: (
        f"POST /api/v1/license-keys/release?machineKey={{machine}}&sessionId={{session}}&{_PLACE}"
    ),
}
"""The project's own contract; the last two were seen at the vendor and are not documented."""

_NEEDED: Mapping[Write, frozenset[str]] = {
    Write.GRANT_USERS: frozenset({"organization"}),
    Write.REMOVE_USERS: frozenset({"organization"}),
    Write.GRANT_MACHINES: frozenset({"organization"}),
    Write.ISSUE_OFFLINE: frozenset({"organization"}),
    Write.REMOVE_MACHINE: frozenset({"organization", "feature", "machine"}),
    Write.END_SESSION: frozenset({"session"}),
}
"""Without these a request would not say whose seat it is about."""

_ALLOWED: Mapping[Write, frozenset[str]] = {
    Write.GRANT_USERS: frozenset({"organization", "feature"}),
    Write.REMOVE_USERS: frozenset({"organization", "feature"}),
    Write.GRANT_MACHINES: frozenset({"organization", "feature"}),
    Write.ISSUE_OFFLINE: frozenset({"organization", "feature", "machine"}),
    Write.REMOVE_MACHINE: frozenset({"organization", "feature", "machine"}),
    Write.END_SESSION: frozenset({"organization", "feature", "machine", "session"}),
}

_SHAPE = re.compile(r"(POST|PUT|PATCH|DELETE) (/(?!/)[^\s?#]*)(?:\?([^\s#]*))?", re.ASCII)
# What a host could read as a number, as a step upwards or as an escape begins otherwise.
_LITERAL = re.compile(r"[A-Za-z_][A-Za-z0-9_.:~-]*", re.ASCII)
_HINT = 'a route reads "METHOD /path?query", for example "DELETE /machine/{machine}"'


class RouteError(ReconcilerError):
    """The workspace file sets a route that cannot be used."""

    exit_code: ClassVar[int] = 3


@dataclass(frozen=True, slots=True)
class Route:
    """A method, a path and a query whose placeholders are filled in for each request.

    `standard` tells that it is the default one, whose answer is the contract's.
    """

    method: str
    path: str
    query: tuple[tuple[str, str], ...]
    standard: bool

    def fill(self, values: Mapping[str, str]) -> tuple[str, dict[str, str]]:
        """Return the path, percent-encoded, and the query for these values.

        Raises `ValueError` for a value that would lead the path elsewhere.
        """
        encoded = {name: quote(value, safe="") for name, value in values.items()}
        path = self.path.format_map(encoded)
        if any(part in {".", ".."} for part in path.split("/")):
            raise ValueError("a part of the path is a dot")
        return path, {name: text.format_map(values) for name, text in self.query}


def read_routes(overrides: Mapping[str, str]) -> Mapping[Write, Route]:
    """Return the route of every write; raises `RouteError` with all that is wrong with them."""
    problems: list[str] = []
    routes = {write: _parse(text, standard=True) for write, text in DEFAULTS.items()}
    for name, text in sorted(overrides.items()):
        try:
            routes[_write(name)] = _checked(_write(name), text)
        except ValueError as error:
            problems.append(f"api.routes.{name}: {error}")
    seen: dict[tuple[object, ...], Write] = {}
    for write, route in routes.items():
        other = seen.setdefault((route.method, _plain(route.path), route.query), write)
        if other is not write and not problems:
            problems.append(f"api.routes.{write}: it is the route of {other} as well")
    if problems:
        raise RouteError("; ".join(problems), hint=_HINT)
    return MappingProxyType(routes)


def route_problem(name: str, text: str) -> str | None:
    """Return what is wrong with a route by itself, None where that is nothing."""
    try:
        _checked(_write(name), text)
    except ValueError as error:
        return str(error)
    return None


def other_routes(overrides: Mapping[str, str]) -> Mapping[str, str]:
    """Return the routes that are not the built-in ones, sorted by name."""
    rows = sorted(overrides.items())
    return MappingProxyType({name: text for name, text in rows if DEFAULTS[_write(name)] != text})


def _write(name: str) -> Write:
    try:
        return Write(name)
    except ValueError:
        raise ValueError(f"there is no such write; there are {', '.join(Write)}") from None


def _checked(write: Write, text: str) -> Route:
    route = _parse(text, standard=text == DEFAULTS[write])
    used = _placeholders(route.path)
    for name, value in route.query:
        if _placeholders(name):
            raise ValueError("a placeholder stands in the name of a query parameter")
        used |= _placeholders(value)
    unknown = sorted(used - _ALLOWED[write])
    if unknown:
        raise ValueError(
            f"the placeholder {{{unknown[0]}}} is not one of "
            + ", ".join(f"{{{name}}}" for name in sorted(_ALLOWED[write]))
        )
    missing = sorted(_NEEDED[write] - used)
    if missing:
        raise ValueError(f"the placeholder {{{missing[0]}}} is missing")
    _check_parts(route)
    for other, default in DEFAULTS.items():
        taken = _parse(default, standard=True)
        if other is not write and (route.method, _plain(route.path)) == (taken.method, taken.path):
            raise ValueError(f"it is the built-in route of {other}")
    return route


def _check_parts(route: Route) -> None:
    """Refuse a part of a path or a query that could name another organization than its own.

    A placeholder is a whole part, and what stands for itself is a word: it begins with a letter,
    and holds nothing that a host might decode.
    """
    parts = route.path.removesuffix("/").split("/")[1:]
    parts += [name for name, _ in route.query]
    parts += [value for _, value in route.query if value]
    for part in parts:
        if _placeholders(part):
            if not re.fullmatch(r"\{\w+\}", part, re.ASCII):
                raise ValueError(f"{part!r} is more than a placeholder, which must be a whole part")
        elif not _LITERAL.fullmatch(part):
            raise ValueError(
                f"{part!r} may name something else than the request does: a part is a "
                "placeholder, or a word that begins with a letter"
            )


def _plain(path: str) -> str:
    # As hosts tend to match: without a slash at the end, in any case.
    return path.removesuffix("/").lower()


def _parse(text: str, *, standard: bool) -> Route:
    match = _SHAPE.fullmatch(text)
    if match is None:
        raise ValueError("it must be POST, PUT, PATCH or DELETE, a space, and a path from /")
    method, path, query = match.groups()
    if "%" in text:
        raise ValueError("a route holds no escape (%)")
    pairs = tuple(parse_qsl(query or "", keep_blank_values=True))
    if len(dict(pairs)) != len(pairs):
        raise ValueError("a query parameter is there twice")
    return Route(method, path, pairs, standard)


def _placeholders(template: str) -> set[str]:
    names = set()
    for _, name, specification, conversion in Formatter().parse(template):
        if name is None:
            continue
        if not name.isidentifier() or specification or conversion:
            raise ValueError(f"{{{name}}} is no placeholder")
        names.add(name)
    return names
