"""What an answer of the API means: its JSON, or the error that it stands for."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from math import ceil
from typing import Any

from reconciler.backends.bodies import BodyError, parse_body
from reconciler.backends.retry_after import retry_after
from reconciler.backends.transport import Answer, Call, Transport
from reconciler.errors import (
    ApiError,
    AuthenticationError,
    ForbiddenError,
    MalformedAnswerError,
    UnclearOutcomeError,
    UnknownOrganizationError,
)

_LONGEST_MESSAGE = 300
UNCLEAR = "it is not known whether the change was made"


def fetch(transport: Transport, call: Call) -> tuple[Any, Answer]:
    """Send a read and return the JSON of its answer, with the answer; raises `ApiError`."""
    answer = transport.request(call)
    if answer.status != 200:
        raise failure(answer, call, transport)
    return decode(answer, call, transport), answer


def decode(answer: Answer, call: Call, transport: Transport) -> Any:
    """Return the JSON of an answer, or raise `MalformedAnswerError` with what came instead."""
    try:
        return parse_body(answer.body)
    except ValueError as error:
        why = f" ({clean(str(error), transport)})" if isinstance(error, BodyError) else ""
        raise MalformedAnswerError(
            f"{transport.address}: {call.method} {call.path} answered "
            f"{_kind(answer)} where JSON is due{why}",
            hint=_ADDRESS_HINT,
            status=answer.status,
        ) from error


_ADDRESS_HINT = (
    "check that the URL is the API's own (no login page, proxy or other product answers there)"
)


def failure(answer: Answer, call: Call, transport: Transport) -> ApiError:
    """Return the error that an answer other than success stands for.

    To a write only a refusal in the API's own form says that nothing was changed. Whatever else
    comes, a redirect or a proxy's page say, may have come before the effect or after it: it is an
    `UnclearOutcomeError`.
    """
    status = answer.status
    said = server_message(answer, transport)
    because = f": {said}" if said else ""
    if status == 408 or status >= 500:
        return _broken(answer, call, transport, because)
    if call.write and not is_refusal(answer):
        return _foreign(answer, call, transport, because)
    if status < 400:
        return _unexpected(answer, call, transport)
    special = _REFUSALS.get(status)
    if special is not None:
        return special(answer, call, transport, because)
    return ApiError(
        f"{transport.address} refused {call.method} {call.path} ({status}){because}", status=status
    )


def is_refusal(answer: Answer) -> bool:
    """Tell whether an answer is the API's own error body of a 4xx: a message, and this status.

    A gateway's `{"message": …}` is none.
    """
    body = error_body(answer)
    told = body.get("status")
    return (
        400 <= answer.status < 500
        and type(told) is int
        and told == answer.status
        and _message(body) is not None
    )


_DECLINED = frozenset({400, 403, 404, 405, 410, 422, 501})


def is_declined(error: ApiError) -> bool:
    """Tell whether the server answered, knows the key, and does not give what was asked."""
    return error.status in _DECLINED


def _unauthorized(answer: Answer, call: Call, transport: Transport, because: str) -> ApiError:
    name = transport.key_name or "the API key"
    return AuthenticationError(
        f"{transport.address} does not accept the API key in {name} (401){because}",
        hint=f"set {name} to a valid API key of an Owner or Admin",
        status=401,
    )


def _forbidden(answer: Answer, call: Call, transport: Transport, because: str) -> ApiError:
    return ForbiddenError(
        f"{transport.address} does not allow {call.method} {call.path} (403){because}",
        hint="use the API key of an Owner or Admin of the organization",
        status=403,
    )


def _too_many(answer: Answer, call: Call, transport: Transport, because: str) -> ApiError:
    after = retry_after(answer.headers)
    wait = "later" if after is None else f"in {ceil(after)} s"
    return ApiError(
        f"{transport.address} takes no more requests for now (429){because}",
        hint=f"try again {wait}, or lower api.max_parallel in the workspace file",
        status=429,
        retry_after=after,
    )


def _unexpected(answer: Answer, call: Call, transport: Transport) -> ApiError:
    request = f"{call.method} {call.path}"
    if 300 <= answer.status < 400:
        what = f"redirects {request} ({answer.status}); the key is not sent on"
    elif answer.status >= 400:
        what = f"answered {request} with {answer.status} and {_kind(answer)}"
    else:
        what = f"answered {request} with {answer.status}"
    return MalformedAnswerError(
        f"{transport.address} {what}", hint=_ADDRESS_HINT, status=answer.status
    )


def _foreign(answer: Answer, call: Call, transport: Transport, because: str) -> ApiError:
    if answer.status == 429:
        told = _too_many(answer, call, transport, because)
    else:
        told = _unexpected(answer, call, transport)
    return UnclearOutcomeError(
        f"{told.message}; {UNCLEAR}",
        hint=told.hint,
        status=told.status,
        retry_after=told.retry_after,
    )


def _broken(answer: Answer, call: Call, transport: Transport, because: str) -> ApiError:
    message = f"{transport.address} failed on {call.method} {call.path} ({answer.status}){because}"
    after = retry_after(answer.headers)
    if call.write:
        return UnclearOutcomeError(f"{message}; {UNCLEAR}", status=answer.status, retry_after=after)
    return ApiError(message, hint="try again later", status=answer.status, retry_after=after)


def _not_found(answer: Answer, call: Call, transport: Transport, because: str) -> ApiError:
    if because and (call.write or call.json is not None):
        return UnknownOrganizationError(
            f"{transport.address} does not know what {call.method} {call.path} "
            f"names (404){because}",
            hint="check the organization's ID, and the route if the workspace file sets one",
            status=404,
        )
    return MalformedAnswerError(
        f"{transport.address} has no {call.path} (404)",
        hint="check that the URL is the licensing API's own",
        status=404,
    )


_REFUSALS: Mapping[int, Callable[[Answer, Call, Transport, str], ApiError]] = {
    401: _unauthorized,
    403: _forbidden,
    404: _not_found,
    429: _too_many,
}


def is_json(answer: Answer) -> bool:
    """Tell whether an answer's body is JSON of any kind."""
    try:
        parse_body(answer.body)
    except ValueError:
        return False
    return True


def server_message(answer: Answer, transport: Transport) -> str | None:
    """Return what the server says in its error body, in one short line without the key."""
    text = _message(error_body(answer))
    return None if text is None else clean(text, transport)


def _message(body: Mapping[str, Any]) -> str | None:
    texts = (body.get(name) for name in ("message", "error_description", "error"))
    return next((text for text in texts if isinstance(text, str) and text.strip()), None)


def error_body(answer: Answer) -> Mapping[str, Any]:
    """Return the JSON object of an error's body, empty where there is none."""
    try:
        data = parse_body(answer.body)
    except ValueError:
        return {}
    return data if isinstance(data, dict) else {}


def clean(text: str, transport: Transport) -> str:
    """Return somebody else's text as one short printable line without the key."""
    line = " ".join(transport.redact(text).split())
    line = "".join(c if c.isprintable() else "\N{REPLACEMENT CHARACTER}" for c in line)
    return line if len(line) <= _LONGEST_MESSAGE else line[: _LONGEST_MESSAGE - 1] + "…"


def _kind(answer: Answer) -> str:
    if not answer.body.strip():
        return "nothing"
    if answer.body.lstrip()[:1] == b"<":
        return "a web page (HTML or XML)"
    return "something else"
