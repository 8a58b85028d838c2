"""The API over HTTP: one requests session for reads, one for writes, and one key."""

from __future__ import annotations

import base64
import platform
from collections.abc import Callable
from http.cookiejar import DefaultCookiePolicy
from threading import Lock

import requests
from requests.adapters import HTTPAdapter
from requests.auth import AuthBase
from urllib3.exceptions import HTTPError
from urllib3.util.retry import Retry

from reconciler import __version__
from reconciler.backends.failures import connection_failure
from reconciler.backends.keys import ApiKey, KeyRing, require_private
from reconciler.backends.retries import read_retry
from reconciler.backends.transport import Answer, Call
from reconciler.errors import MalformedAnswerError, UnclearOutcomeError

LARGEST_ANSWER = 64 * 1024 * 1024
"""Bytes; a page of a list takes some hundred kilobytes."""
_CHUNK = 64 * 1024
USER_AGENT = f"reconciler/{__version__} (license-as-code; Python {platform.python_version()})"


class _KeyAuth(AuthBase):
    """Basic authentication with an empty user name and the key as password."""

    def __init__(self, key: ApiKey) -> None:
        self._key = key

    def __call__(self, request: requests.PreparedRequest) -> requests.PreparedRequest:
        request.headers["Authorization"] = f"Basic {_encoded(self._key)}"
        return request


def _encoded(key: ApiKey) -> str:
    return base64.b64encode(f":{key.reveal()}".encode()).decode("ascii")


class HttpTransport:
    """A `Transport` to one address with one key; safe to use from several threads.

    TLS certificates are always verified. Redirects are not followed, so that the key goes nowhere
    else. Reads are retried a few times, writes never.
    """

    def __init__(self, address: str, key: ApiKey, *, timeout: float, parallel: int = 8) -> None:
        require_private(address)
        self._address = address
        self._key = key
        self._timeout = timeout
        self._reads = _session(address, key, read_retry(), parallel)
        # `read=False` has urllib3 raise a broken connection as it is, and retry nothing.
        self._writes = _session(address, key, Retry(0, read=False), parallel)

    @property
    def address(self) -> str:
        """The base URL, as it stands in messages."""
        return self._address

    @property
    def key_name(self) -> str | None:
        """The environment variable that the key came from."""
        return self._key.name

    def request(self, call: Call) -> Answer:
        """Send the call, verify TLS, and return the answer with a body of bounded size."""
        session = self._writes if call.write else self._reads
        try:
            with session.request(
                call.method,
                self._address + call.path,
                params=dict(call.query) or None,
                json=call.json,
                headers=dict(call.headers),
                timeout=(self._timeout, self._timeout),
                allow_redirects=False,
                stream=True,
            ) as response:
                headers = {name.lower(): value for name, value in response.headers.items()}
                return Answer(response.status_code, headers, self._body(response, call))
        except (OSError, HTTPError) as error:
            raise connection_failure(
                error, address=self._address, timeout=self._timeout, write=call.write
            ) from error

    def _body(self, response: requests.Response, call: Call) -> bytes:
        body = bytearray()
        for chunk in response.iter_content(_CHUNK):
            body += chunk
            if len(body) > LARGEST_ANSWER:
                kind = UnclearOutcomeError if call.write else MalformedAnswerError
                raise kind(
                    f"{self._address}: the answer to {call.method} {call.path} is larger than "
                    f"{LARGEST_ANSWER // 1024 // 1024} MiB",
                    hint="check that the URL is the API's own",
                    status=response.status_code,
                )
        return bytes(body)

    def redact(self, text: str) -> str:
        """Return the text without the key, plain or as it is sent."""
        for secret in (_encoded(self._key), self._key.reveal()):
            text = text.replace(secret, "***")
        return text

    def close(self) -> None:
        """Close both sessions."""
        self._reads.close()
        self._writes.close()

    def __repr__(self) -> str:
        return f"HttpTransport({self._address!r}, {self._key!r})"


def _session(address: str, key: ApiKey, retry: Retry, parallel: int) -> requests.Session:
    session = requests.Session()
    # An explicit auth also keeps requests from taking another one out of ~/.netrc.
    session.auth = _KeyAuth(key)
    # Plain http goes to this machine only: straight there, never by a proxy of the environment.
    session.trust_env = address.startswith("https:")
    session.headers.update({"User-Agent": USER_AGENT, "Accept": "application/json"})
    session.cookies.set_policy(DefaultCookiePolicy(allowed_domains=[]))
    adapter = HTTPAdapter(max_retries=retry, pool_connections=1, pool_maxsize=max(1, parallel))
    for prefix in ("https://", "http://"):
        session.mount(prefix, adapter)
    return session


class KeyedConnections:
    """The transports to one address, one for each distinct key, made when they are needed."""

    def __init__(self, keys: KeyRing, make: Callable[[ApiKey], HttpTransport]) -> None:
        self._keys = keys
        self._make = make
        self._made: dict[ApiKey, HttpTransport] = {}
        self._lock = Lock()

    def for_organization(self, organization: int) -> HttpTransport:
        """Return the transport with this organization's key."""
        return self._transport(self._keys.for_organization(organization))

    def all(self) -> tuple[HttpTransport, ...]:
        """Return a transport for every key."""
        return tuple(self._transport(key) for key in self._keys.all())

    def _transport(self, key: ApiKey) -> HttpTransport:
        with self._lock:
            if key not in self._made:
                self._made[key] = self._make(key)
            return self._made[key]

    def close(self) -> None:
        """Close every transport that was made."""
        for transport in self._made.values():
            transport.close()

    def __repr__(self) -> str:
        return f"KeyedConnections({self._keys!r})"


def http_connections(
    address: str, keys: KeyRing, *, timeout: float, parallel: int
) -> KeyedConnections:
    """Return the connections to an API at this address."""
    return KeyedConnections(
        keys, lambda key: HttpTransport(address, key, timeout=timeout, parallel=parallel)
    )
