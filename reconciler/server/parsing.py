"""Reading the parts of a request: every complaint is a 400 (or 413, 415) that says what to send."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Collection, Mapping
from typing import Any

from reconciler.products import BY_FEATURE, Product
from reconciler.server.clock import parse_instant, second_text
from reconciler.server.messages import MAX_BODY, HttpError, Request

_ID = re.compile(r"[0-9]{1,18}", re.ASCII)
_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029]")
_SURROGATE = re.compile(r"\\u[dD][89a-fA-F]")

_MOST_DIGITS = 40

MAX_TEXT = 512
"""The longest email, machine ID or session ID that is taken, in characters."""

MAX_BATCH = 1000
"""The most users or machines of one request."""


def json_body(request: Request) -> Any:
    """Return the decoded body."""
    body = request.body or b""
    if len(body) > MAX_BODY:
        raise HttpError(413, f"The body is larger than {MAX_BODY} bytes.")
    if not _is_json(request.header("Content-Type")) or not _is_plain(request):
        raise HttpError(415, "The body must be application/json in UTF-8, and not be compressed.")
    return decode_json(body)


def _is_json(content_type: str | None) -> bool:
    kind, _, parameters = (content_type or "application/json").lower().partition(";")
    charset = re.search(r"charset\s*=\s*\"?([^\s\";]*)", parameters)
    return kind.strip() == "application/json" and (
        charset is None or charset[1] in ("utf-8", "utf8", "us-ascii")
    )


def _is_plain(request: Request) -> bool:
    return (request.header("Content-Encoding") or "identity").strip().lower() == "identity"


def decode_json(data: bytes | str) -> Any:
    """Return the value of a JSON text in UTF-8.

    A repeated name, a number that is none and a text that is no Unicode are refused.
    """
    try:
        text = data if isinstance(data, str) else data.decode()
        value = json.loads(
            text,
            object_pairs_hook=_unique,
            parse_constant=_no_constant,
            parse_float=_finite,
            parse_int=_whole,
        )
        if _SURROGATE.search(text):
            # Half of a pair could neither be stored nor be answered.
            json.dumps(value, ensure_ascii=False).encode()
    except UnicodeError as error:
        raise HttpError(400, "The JSON cannot be read: it is not valid Unicode.") from error
    except RecursionError as error:
        raise HttpError(400, "The JSON cannot be read: it is nested too deeply.") from error
    except ValueError as error:
        raise HttpError(400, f"The JSON cannot be read: {error}.") from error
    return value


def canonical(value: Any) -> str:
    """Return the one text of a JSON value, whatever the order and spacing it came in."""
    return json.dumps(value, sort_keys=True, separators=(",", ":"))


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    result = dict(pairs)
    if len(result) < len(pairs):
        raise ValueError("a name is repeated in an object")
    return result


def _no_constant(name: str) -> Any:
    raise ValueError(f"{name} is no number")


def _finite(text: str) -> float:
    value = float(text)
    if math.isinf(value):
        raise ValueError("a number is too large")
    return value


def _whole(text: str) -> int:
    if len(text) > _MOST_DIGITS:
        raise ValueError("a number is too large")
    return int(text)


def no_body(request: Request) -> None:
    """Refuse a body on a route that takes none."""
    if request.body:
        raise HttpError(400, "This route takes no body.")


def fields(
    data: Any, required: Collection[str], optional: Collection[str] = ()
) -> Mapping[str, Any]:
    """Return an object that has the required names and no unknown ones."""
    if not isinstance(data, dict):
        raise HttpError(400, f"The body must be an object of {', '.join(required)}.")
    missing = [name for name in required if name not in data]
    if missing:
        raise HttpError(400, f"`{missing[0]}` is missing.")
    unknown = [name for name in data if name not in required and name not in optional]
    if unknown:
        raise HttpError(400, f"`{unknown[0]}` is not known here.")
    return data


def no_query(request: Request) -> None:
    """Refuse query parameters on a route that takes none."""
    fields(dict(request.query), ())


def is_name(value: str) -> bool:
    """Tell whether a text can name anything: not empty, not too long, no control characters."""
    return 0 < len(value) <= MAX_TEXT and _CONTROL.search(value) is None


def text(value: Any, name: str) -> str:
    """Return a text that can name something and stand in the database."""
    if not isinstance(value, str) or not is_name(value):
        raise HttpError(400, f"`{name}` must be a text of 1 to {MAX_TEXT} printable characters.")
    try:
        value.encode()
    except UnicodeEncodeError as error:
        raise HttpError(400, f"`{name}` is not valid Unicode.") from error
    return value


def texts(value: Any, name: str) -> list[str]:
    """Return a list of at least one text."""
    if not isinstance(value, list) or not value:
        raise HttpError(400, f"`{name}` must be a list of at least one text.")
    if len(value) > MAX_BATCH:
        raise HttpError(
            400, f"`{name}` has {len(value)} entries; one request takes {MAX_BATCH} at most."
        )
    return [text(item, name) for item in value]


def product_of(value: Any, name: str) -> Product:
    """Return the product of an API feature name."""
    product = BY_FEATURE.get(value) if isinstance(value, str) else None
    if product is None:
        raise HttpError(
            400,
            f"`{name}` must be one of {', '.join(BY_FEATURE)}.",
            code="unknown_feature",
        )
    return product


def organization_id(value: str, status: int = 400) -> int:
    """Return an organization's ID; in a path a text that is none names nothing (404)."""
    if not _ID.fullmatch(value):
        raise HttpError(status, f"{value!r} is no organization ID.")
    return int(value)


def instant(value: Any, name: str) -> str:
    """Return the second that an ISO 8601 date-time with an offset names."""
    try:
        return second_text(parse_instant(text(value, name)))
    except ValueError as error:
        raise HttpError(
            400, f"`{name}` must be an ISO 8601 date-time with an offset, as 2027-03-31T23:59:59Z."
        ) from error
