"""What a failed connection means: which of our errors, and what a person can do about it."""

from __future__ import annotations

import http.client
import socket
import ssl
from collections.abc import Iterator
from dataclasses import dataclass, replace

from requests import exceptions as errors
from urllib3 import exceptions as urllib3_errors

from reconciler.backends.answers import UNCLEAR
from reconciler.backends.prompt import PlainServerError, SlowAnswerError, TlsServerError
from reconciler.errors import ApiError, UnclearOutcomeError, UnreachableError


class CrossedAnswerError(OSError):
    """The answer that came is another request's."""


@dataclass(frozen=True, slots=True)
class _Account:
    """`sent`: the request may have arrived; `passing`: the same may go well a moment later."""

    what: str
    hint: str
    sent: bool
    passing: bool = False


def connection_failure(
    error: BaseException, *, address: str, timeout: float, write: bool
) -> ApiError:
    """Return the error for a request that got no whole answer.

    A write that may have reached the server is an `UnclearOutcomeError`; everything else is an
    `UnreachableError`, after which nothing has changed.
    """
    account = _account(tuple(_causes(error)), timeout)
    if write and account.sent:
        return UnclearOutcomeError(f"{address}: {account.what}; {UNCLEAR}")
    return UnreachableError(f"{address}: {account.what}", hint=account.hint)


def is_passing(error: BaseException) -> bool:
    """Tell whether the same request may get its answer a moment later."""
    return _account(tuple(_causes(error)), 0).passing


def _causes(error: BaseException | None) -> Iterator[BaseException]:
    """Yield the error and all that it wraps: requests and urllib3 nest by args and by reason."""
    pending = [error]
    seen: set[int] = set()
    while pending:
        current = pending.pop()
        if not isinstance(current, BaseException) or id(current) in seen:
            continue
        seen.add(id(current))
        yield current
        pending += [current.__cause__, current.__context__, getattr(current, "reason", None)]
        pending += [argument for argument in current.args if isinstance(argument, BaseException)]


def _account(causes: tuple[BaseException, ...], timeout: float) -> _Account:
    for kinds, account in _ACCOUNTS:
        if any(isinstance(cause, kinds) for cause in causes):
            return replace(account, what=account.what.format(timeout=f"{timeout:g}"))
    if type(causes[0]) is OSError and causes[0].errno is None:
        # requests raises a bare OSError for a CA bundle that is not there, before it connects.
        return _Account("no request can be made", "check REQUESTS_CA_BUNDLE", sent=False)
    return _GARBLED


_ADDRESS = "check that the URL is the API's own (no proxy or other product answers there)"
_GARBLED = _Account("the answer is garbled", _ADDRESS, sent=True, passing=True)
_BROKEN = _Account("the connection broke off", "try again", sent=True, passing=True)
_SLOW = "try again, or raise api.timeout in the workspace file"

_ACCOUNTS: tuple[tuple[tuple[type[BaseException], ...], _Account], ...] = (
    (
        (PlainServerError,),
        _Account(
            "this port speaks plain HTTP, and no TLS",
            "use http://, which is for this machine alone, or the port that speaks TLS",
            sent=False,
        ),
    ),
    (
        (TlsServerError,),
        _Account("this port speaks TLS, and no plain HTTP", "use https://", sent=True),
    ),
    (
        (ssl.SSLCertVerificationError,),
        _Account(
            "the server's TLS certificate cannot be verified",
            "for a company's own CA let REQUESTS_CA_BUNDLE name its PEM file",
            sent=False,
        ),
    ),
    (
        (errors.ProxyError, urllib3_errors.ProxyError),
        _Account("the proxy cannot be used", "check HTTPS_PROXY and NO_PROXY", sent=False),
    ),
    (
        (socket.gaierror,),
        _Account("there is no host of this name", "check the URL and the DNS", sent=False),
    ),
    (
        (ConnectionRefusedError,),
        _Account("the connection was refused", "is the server up, is the port right?", sent=False),
    ),
    (
        (urllib3_errors.NewConnectionError, errors.InvalidURL),
        _Account("no connection can be made", "check the URL and the network", sent=False),
    ),
    (
        (urllib3_errors.ConnectTimeoutError, errors.ConnectTimeout),
        _Account("no connection within {timeout} s", _SLOW, sent=False, passing=True),
    ),
    (
        (CrossedAnswerError,),
        _Account("the answer is to another request", "try again", sent=True, passing=True),
    ),
    (
        (SlowAnswerError,),
        _Account("the answer began to come and did not end in time", _SLOW, sent=True),
    ),
    (
        (urllib3_errors.ReadTimeoutError, errors.ReadTimeout, TimeoutError),
        _Account("no answer within {timeout} s", _SLOW, sent=True, passing=True),
    ),
    (
        (urllib3_errors.SSLError, errors.SSLError, ssl.SSLError),
        _Account("the TLS connection failed", "check that it is an https address", sent=True),
    ),
    ((urllib3_errors.InvalidChunkLength,), _GARBLED),
    ((ConnectionError, http.client.IncompleteRead), _BROKEN),
    (
        (http.client.HTTPException, urllib3_errors.DecodeError, ValueError),
        _GARBLED,
    ),
    ((errors.RequestException, urllib3_errors.HTTPError), _BROKEN),
)
"""The first row whose kinds are among the causes tells. Whatever is in none is a garbled answer."""
