"""How the API client reaches a licensing system: one request, one answer."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any, Protocol

_NONE: Mapping[str, str] = MappingProxyType({})


@dataclass(frozen=True, slots=True)
class Call:
    """One request. `path` is percent-encoded already, `query` and `json` are not.

    `write` tells that the request may change something: it is sent once, and a failure after
    that leaves its outcome unclear.
    """

    method: str
    path: str
    query: Mapping[str, str] = field(default_factory=lambda: _NONE)
    json: Any = None
    headers: Mapping[str, str] = field(default_factory=lambda: _NONE)
    write: bool = False


@dataclass(frozen=True, slots=True)
class Answer:
    """What came back, whatever its status; the names of `headers` are in lower case."""

    status: int
    headers: Mapping[str, str]
    body: bytes


class Transport(Protocol):
    """A way to one licensing system with one key. Both properties are for messages."""

    @property
    def address(self) -> str:
        """The address, without credentials."""
        ...

    @property
    def key_name(self) -> str | None:
        """The environment variable that holds the key, None where there is no key."""
        ...

    def request(self, call: Call) -> Answer:
        """Send the call and return its answer.

        Raises `UnreachableError` where nothing was sent or a read failed, `UnclearOutcomeError`
        where a write was sent and no answer came.
        """
        ...

    def redact(self, text: str) -> str:
        """Return the text without the key, should the other side have repeated it."""
        ...

    def close(self) -> None:
        """Let go of the connections."""
        ...


class Connections(Protocol):
    """The transports of one backend, one for each distinct key."""

    def for_organization(self, organization: int) -> Transport:
        """Return the transport whose key is used for this organization."""
        ...

    def all(self) -> tuple[Transport, ...]:
        """Return every transport for which there is a key, the default one first."""
        ...

    def close(self) -> None:
        """Close every transport."""
        ...
