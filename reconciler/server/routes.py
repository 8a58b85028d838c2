"""The routes: method, path and endpoint, one row each."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

from reconciler.server import endpoints
from reconciler.server.endpoints import Endpoint
from reconciler.server.messages import HttpError

_ORGANIZATION = "/api/v1/organizations/{organization}"


@dataclass(frozen=True, slots=True)
class Route:
    """One route; `writes` tells whether it runs in a write transaction."""

    method: str
    template: str
    endpoint: Endpoint
    writes: bool

    def match(self, path: str) -> Mapping[str, str] | None:
        """Return the parameters of a path that this template fits, or None."""
        pattern = re.sub(r"\{(\w+)\}", r"(?P<\1>[^/]+)", self.template)
        found = re.fullmatch(pattern, path)
        return found.groupdict() if found else None


ROUTES = (
    Route("GET", "/api/v1/users/me", endpoints.users_me, writes=False),
    Route("GET", "/api/v1/search", endpoints.search_by_get, writes=False),
    Route("POST", "/api/v1/search", endpoints.search_by_post, writes=False),
    Route("GET", "/api/v1/search/info", endpoints.describe_search, writes=False),
    Route("POST", f"{_ORGANIZATION}/licensed-users", endpoints.post_licensed_users, writes=True),
    Route(
        "POST",
        f"{_ORGANIZATION}/licensed-users/remove",
        endpoints.post_licensed_users_remove,
        writes=True,
    ),
    Route("POST", f"{_ORGANIZATION}/machines", endpoints.post_machines, writes=True),
    Route(
        "POST", f"{_ORGANIZATION}/offline-licenses", endpoints.post_offline_licenses, writes=True
    ),
    Route("DELETE", f"{_ORGANIZATION}/members/{{email}}", endpoints.delete_member, writes=True),
    Route("DELETE", "/api/v1/machine", endpoints.delete_machine, writes=True),
    Route("POST", "/api/v1/license-keys/release", endpoints.post_release, writes=True),
    Route("POST", "/api/v1/license-keys/activate", endpoints.post_activate, writes=True),
)


def find_route(method: str, path: str) -> tuple[Route, Mapping[str, str]]:
    """Return the route of a request and its path's parameters, else raise a 404 or 405."""
    allowed = []
    for route in ROUTES:
        parameters = route.match(path)
        if parameters is not None:
            if route.method == method:
                return route, parameters
            allowed.append(route.method)
    if allowed:
        raise HttpError(
            405,
            f"{path} takes {' and '.join(allowed)} only.",
            headers={"Allow": ", ".join(allowed)},
        )
    raise HttpError(404, f"There is no {path} here.")
