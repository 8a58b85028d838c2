"""Requests and responses without any web framework, and the error that becomes a response."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from http import HTTPStatus
from types import MappingProxyType
from typing import Any, Protocol

MAX_BODY = 2 * 1024 * 1024
"""The largest request body that is taken, in bytes: the largest batch with the longest names."""

SERVER_HEADER = ("X-Licensing-Server", "reconciler")
"""Sent with every response; by it a client knows that the write routes are this project's."""

REQUEST_HEADER = "X-Licensing-Request"
"""A request's own ID; its answer repeats it, so that a client knows an answer for another."""

_LONGEST_ID = 64
_LONGEST_MESSAGE = 1000


@dataclass(frozen=True, slots=True)
class Request:
    """One request; `path` is decoded and without the query, header names are in any case.

    `complaint` is what is wrong with the request line, which only the owner of a key is told.
    """

    method: str
    path: str
    query: Mapping[str, str] = field(default_factory=lambda: MappingProxyType({}))
    headers: Mapping[str, str] = field(default_factory=lambda: MappingProxyType({}))
    body: bytes | None = None
    complaint: str | None = None

    def header(self, name: str) -> str | None:
        """Return a header's value, or None."""
        wanted = name.lower()
        for key, value in self.headers.items():
            if key.lower() == wanted:
                return value
        return None


@dataclass(frozen=True, slots=True)
class Response:
    """One response; the body is JSON in UTF-8."""

    status: int
    headers: Mapping[str, str]
    body: bytes

    def json(self) -> Any:
        """Return the decoded body."""
        return json.loads(self.body)


@dataclass(frozen=True, slots=True)
class Answer:
    """What an endpoint decided, before it is written out."""

    status: int
    payload: Mapping[str, Any]


class HttpError(Exception):
    """A request that is answered with an error and has no effect."""

    def __init__(
        self,
        status: int,
        message: str,
        *,
        code: str | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> None:
        # What was asked may stand in it, and be as long as a request is.
        self.message = (
            message if len(message) <= _LONGEST_MESSAGE else f"{message[:_LONGEST_MESSAGE]}…"
        )
        super().__init__(self.message)
        self.status = status
        self.code = code
        self.headers = headers or {}


class ConnectionDropped(Exception):  # noqa: N818 (no error: it is what was asked for)
    """A request that gets no answer at all: its connection is cut."""


def error_payload(
    status: int, message: str, *, timestamp: str, code: str | None = None
) -> dict[str, Any]:
    """Return the error body, in the vendor's shape as observed; `code` is ours."""
    payload: dict[str, Any] = {
        "timestamp": timestamp,
        "status": status,
        "error": HTTPStatus(status).phrase,
        "message": message,
        "error_description": message,
        "trace": None,
    }
    if code is not None:
        payload["code"] = code
    return payload


def respond(
    status: int, payload: Mapping[str, Any], headers: Mapping[str, str] | None = None
) -> Response:
    """Return the response that carries this payload."""
    return respond_bytes(status, encode(payload), headers)


def respond_bytes(status: int, body: bytes, headers: Mapping[str, str] | None = None) -> Response:
    """Return the response that carries a body that was encoded before."""
    return Response(
        status=status,
        headers={
            "Content-Type": "application/json",
            "Cache-Control": "no-store",
            SERVER_HEADER[0]: SERVER_HEADER[1],
            **(headers or {}),
        },
        body=body,
    )


def answer_to(request: Request, response: Response) -> Response:
    """Return the response with the request's own ID, where it has one that can be repeated."""
    identity = request.header(REQUEST_HEADER)
    if (
        not identity
        or len(identity) > _LONGEST_ID
        or not (identity.isascii() and identity.isalnum())
    ):
        return response
    return replace(response, headers={**response.headers, REQUEST_HEADER: identity})


def encode(payload: Mapping[str, Any]) -> bytes:
    """Return a payload as compact JSON."""
    return json.dumps(payload, ensure_ascii=False, separators=(",", ":")).encode()


class Handler(Protocol):
    """Anything that answers requests: the service, or something that stands before it."""

    def handle(self, request: Request, principal: Any = None) -> Response:
        """Return the response; a principal that is given needs no key.

        Raises `ConnectionDropped` where there is to be none.
        """
        ...
