"""What a request asks for, in the words of the faults' rules."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from reconciler.server import endpoints
from reconciler.server.endpoints import Endpoint
from reconciler.server.messages import HttpError, Request
from reconciler.server.parsing import decode_json
from reconciler.server.routes import find_route
from reconciler.server.search_request import SearchRequest, parse_search

OPERATIONS: Mapping[Endpoint, str] = {
    endpoints.users_me: "users_me",
    endpoints.search_by_get: "search",
    endpoints.search_by_post: "search",
    endpoints.describe_search: "search_info",
    endpoints.post_licensed_users: "grant_users",
    endpoints.post_licensed_users_remove: "remove_users",
    endpoints.post_machines: "grant_machines",
    endpoints.delete_machine: "remove_machine",
    endpoints.post_offline_licenses: "issue_offline",
    endpoints.post_release: "end_session",
    endpoints.post_activate: "activate",
    endpoints.delete_member: "remove_member",
}
"""What each endpoint is called."""


@dataclass(frozen=True, slots=True)
class Asked:
    """One request as a rule sees it; what it does not name is None.

    `entity` and `page` are those of a search.
    """

    method: str
    path: str
    operation: str | None = None
    writes: bool = False
    organization: int | None = None
    entity: str | None = None
    page: int | None = None


def asked_by(request: Request) -> Asked:
    """Return what a request asks for; one that the server will refuse may name little."""
    try:
        route, parameters = find_route(request.method, request.path)
    except HttpError:
        return Asked(request.method, request.path)
    operation = OPERATIONS[route.endpoint]
    searched = _search(request) if operation == "search" else None
    return Asked(
        request.method,
        request.path,
        operation,
        route.writes,
        _organization(request, parameters) if searched is None else _narrowed(searched),
        None if searched is None else searched.entity.name,
        None if searched is None else searched.pagination.page,
    )


def _organization(request: Request, parameters: Mapping[str, str]) -> int | None:
    text = parameters.get("organization") or request.query.get("organizationId", "")
    return int(text) if text.isascii() and text.isdigit() and len(text) < 20 else None


def _search(request: Request) -> SearchRequest | None:
    text: str | bytes = (
        request.query.get("q", "") if request.method == "GET" else request.body or b""
    )
    try:
        return parse_search(decode_json(text))
    except HttpError:
        return None


def _narrowed(search: SearchRequest) -> int | None:
    """Return the one organization that a search is narrowed to."""
    for condition in search.conditions:
        if condition.key.column == "organization_id":
            match condition.values:
                case (str() | int() as organization,):
                    return int(organization)
    return None
