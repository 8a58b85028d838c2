"""What a server says it can search: its entities, and how each is narrowed to an organization."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

from reconciler.backends.answers import decode, failure, is_declined
from reconciler.backends.rows import LISTINGS
from reconciler.backends.transport import Call, Transport
from reconciler.errors import MalformedAnswerError

INFO_PATH = "/api/v1/search/info"
SERVER_HEADER = "x-licensing-server"
"""Sent by the project's own licensing server; whoever sends it has the write routes."""

# The vendor publishes search/info, but not by which key the license entities are narrowed.
_CANDIDATES = ("Organization.id", "organizationId", "organization.id")
_OWN_CANDIDATES = (*_CANDIDATES, "id")
_UNDESCRIBED: Mapping[str, str] = MappingProxyType(
    dict.fromkeys(
        (*(listing.entity for listing in LISTINGS.values()), "Organization"), _CANDIDATES[0]
    )
)

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Discovery:
    """The condition key that narrows each searchable entity to one organization.

    An entity that is not there, or that cannot be narrowed, is absent. `own_server` tells that
    it is the project's own licensing server, with its write routes.
    """

    condition_keys: Mapping[str, str]
    own_server: bool


def discover(transport: Transport) -> Discovery:
    """Ask the server what can be searched; raises `ApiError`.

    Where it does not describe its search at all, every entity is taken as narrowed by the first
    candidate, and a search that it refuses then tells which it does not have.
    """
    call = Call("GET", INFO_PATH)
    answer = transport.request(call)
    own = answer.headers.get(SERVER_HEADER, "").strip().lower().startswith("reconciler")
    if answer.status != 200:
        error = failure(answer, call, transport)
        if not is_declined(error):
            raise error
        _log.info("%s does not describe its search: %s", transport.address, error.message)
        return Discovery(_UNDESCRIBED, own)
    info = decode(answer, call, transport)
    if not isinstance(info, dict):
        raise MalformedAnswerError(f"{transport.address}: {INFO_PATH} does not describe entities")
    keys = {}
    for entity, described in info.items():
        legal = described.get("filterConfig") if isinstance(described, dict) else None
        candidates = _OWN_CANDIDATES if entity == "Organization" else _CANDIDATES
        key = next((key for key in candidates if isinstance(legal, dict) and key in legal), None)
        if key is not None:
            keys[entity] = key
    return Discovery(MappingProxyType(keys), own)
