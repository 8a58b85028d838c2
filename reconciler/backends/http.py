"""The API over HTTP: one requests session and one key."""

from __future__ import annotations

import base64
import platform
import secrets
import zlib
from collections.abc import Callable
from http.cookiejar import DefaultCookiePolicy
from threading import Lock

import requests
from requests.auth import AuthBase
from urllib3.exceptions import DecodeError
from urllib3.util.retry import Retry

from reconciler import __version__
from reconciler.backends.answers import UNCLEAR
from reconciler.backends.failures import CrossedAnswerError, connection_failure
from reconciler.backends.keys import ApiKey, KeyRing, require_private
from reconciler.backends.prompt import PromptAdapter
from reconciler.backends.retries import patiently, read_retry
from reconciler.backends.transport import Answer, Call
from reconciler.errors import MalformedAnswerError, ReconcilerError, UnclearOutcomeError
from reconciler.model.redaction import Redaction

LARGEST_ANSWER = 64 * 1024 * 1024
"""Bytes; a page of a list takes some hundred kilobytes."""
_CHUNK = 64 * 1024
_GZIP = 16 + zlib.MAX_WBITS
WHOLE = 4
"""How many time-outs an answer may take to be whole, once its request is sent."""
REQUEST_HEADER = "X-Licensing-Request"
"""A request's own ID. The project's own server repeats it, others leave it out."""
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


class _Session(requests.Session):
    def get_redirect_target(self, resp: requests.Response) -> str | None:
        """Return None: even unfollowed, a redirect would be read and unpacked whole, unbounded."""
        return None


class HttpTransport:
    """A `Transport` to one address with one key; safe to use from several threads.

    TLS certificates are always verified. Redirects are not followed, so that the key goes nowhere
    else. Reads are retried a few times, as `retry` says, writes never. A key that an answer repeats
    is replaced before anything is made of the answer.
    """

    def __init__(
        self,
        address: str,
        key: ApiKey,
        *,
        timeout: float,
        parallel: int = 8,
        retry: Retry | None = None,
        redaction: Redaction | None = None,
    ) -> None:
        require_private(address)
        self._address = address
        self._key = key
        self._redaction = redaction or Redaction({key.name: key.reveal()})
        self._timeout = timeout
        self._retry = retry or read_retry()
        adapter = PromptAdapter(
            WHOLE * timeout,
            # `read=False` has urllib3 raise a broken connection as it is, and retry nothing.
            max_retries=Retry(0, read=False),
            pool_connections=1,
            pool_maxsize=max(1, parallel),
        )
        self._session = _session(address, key, adapter)

    @property
    def address(self) -> str:
        """The base URL, as it stands in messages."""
        return self._address

    @property
    def key_name(self) -> str | None:
        """The environment variable that the key came from."""
        return self._key.name

    def request(self, call: Call) -> Answer:
        """Send the call, verify TLS, and return the answer with a body of bounded size.

        The body of a redirect is not read.
        """
        try:
            if call.write:
                return self._send(call)
            return patiently(lambda: self._send(call), self._retry)
        except ReconcilerError:
            raise
        except Exception as error:
            # No list of what the libraries raise over bytes that somebody else chose is complete.
            raise connection_failure(
                error, address=self._address, timeout=self._timeout, write=call.write
            ) from error

    def _send(self, call: Call) -> Answer:
        identity = secrets.token_hex(8)
        with self._session.request(
            call.method,
            self._address + call.path,
            params=dict(call.query) or None,
            json=call.json,
            headers={**call.headers, REQUEST_HEADER: identity},
            timeout=(self._timeout, self._timeout),
            allow_redirects=False,
            stream=True,
        ) as response:
            if response.headers.get(REQUEST_HEADER, identity) != identity:
                # Leaving the body unread also closes the connection, which is out of step.
                raise CrossedAnswerError
            headers = {name.lower(): self.redact(text) for name, text in response.headers.items()}
            body = self._redaction.body(self._body(response, call))
            return Answer(response.status_code, headers, body)

    def _body(self, response: requests.Response, call: Call) -> bytes:
        if response.status_code < 200 or 300 <= response.status_code < 400:
            return b""  # It says nothing; unread, the connection is closed, with what follows.
        unpack = _unpacker(response.headers.get("Content-Encoding", ""))
        body = bytearray()
        for chunk in response.raw.stream(_CHUNK, decode_content=False):
            body += unpack(chunk, LARGEST_ANSWER + 1 - len(body))
            if len(body) > LARGEST_ANSWER:
                kind = UnclearOutcomeError if call.write else MalformedAnswerError
                raise kind(
                    f"{self._address}: the answer to {call.method} {call.path} is larger than "
                    f"{LARGEST_ANSWER // 1024 // 1024} MiB{f'; {UNCLEAR}' if call.write else ''}",
                    hint="check that the URL is the API's own",
                    status=response.status_code,
                )
        return bytes(body)

    def redact(self, text: str) -> str:
        """Return the text without any key, plain or as it is sent."""
        return self._redaction.text(text)

    def close(self) -> None:
        """Close the session."""
        self._session.close()

    def __repr__(self) -> str:
        return f"HttpTransport({self._address!r}, {self._key!r})"


def _session(address: str, key: ApiKey, adapter: PromptAdapter) -> requests.Session:
    session = _Session()
    # An explicit auth also keeps requests from taking another one out of ~/.netrc.
    session.auth = _KeyAuth(key)
    # Plain http goes to this machine only: straight there, never by a proxy of the environment.
    session.trust_env = address.startswith("https:")
    session.headers.update(
        {"User-Agent": USER_AGENT, "Accept": "application/json", "Accept-Encoding": "gzip"}
    )
    session.cookies.set_policy(DefaultCookiePolicy(allowed_domains=[]))
    for prefix in ("https://", "http://"):
        session.mount(prefix, adapter)
    return session


def _unpacker(coding: str) -> Callable[[bytes, int], bytes]:
    """Return what unpacks the pieces of a body, each to so many bytes at most.

    One layer of gzip is all that was asked for: several layers could take hours to unpack to
    nothing, and older versions of urllib3 unpack a piece of any kind whole.
    """
    match coding.strip().lower():
        case "" | "identity":
            return lambda piece, _: piece
        case "gzip":
            return _unzipper()
        case _:
            raise DecodeError("the answer is packed in a way that was not asked for")


def _unzipper() -> Callable[[bytes, int], bytes]:
    unzipper = zlib.decompressobj(_GZIP)

    def unpack(piece: bytes, most: int) -> bytes:
        unpacked = unzipper.decompress(piece, most)
        if unzipper.unused_data:
            raise DecodeError("the answer goes on after its end")
        return unpacked

    return unpack


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
        keys,
        lambda key: HttpTransport(
            address, key, timeout=timeout, parallel=parallel, redaction=keys.redaction
        ),
    )
