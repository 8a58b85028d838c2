"""Reading the parts of a request: every complaint is a 400 (or 413, 415) that says what to send."""

from __future__ import annotations

import json
import re
from collections.abc import Collection, Mapping
from typing import Any

from reconciler.products import BY_FEATURE, Product
from reconciler.server.clock import parse_instant, second_text
from reconciler.server.messages import MAX_BODY, HttpError, Request

_ID = re.compile(r"[0-9]{1,18}", re.ASCII)
_CONTROL = re.compile(r"[\x00-\x1f\x7f]")

MAX_TEXT = 512
"""The longest email, machine ID or session ID that is taken, in characters."""


def json_body(request: Request) -> Any:
    """Return the decoded body."""
    body = request.body or b""
    if len(body) > MAX_BODY:
        raise HttpError(413, f"The body is larger than {MAX_BODY} bytes.")
    kind = (request.header("Content-Type") or "application/json").partition(";")[0]
    if kind.strip().lower() != "application/json":
        raise HttpError(415, "The body must be application/json.")
    return decode_json(body)


def decode_json(text: bytes | str) -> Any:
    """Return the value of a JSON text; a repeated name or a number that is none is refused."""
    try:
        return json.loads(text, object_pairs_hook=_unique, parse_constant=_no_constant)
    except (ValueError, RecursionError) as error:
        raise HttpError(400, f"The JSON cannot be read: {error}.") from error


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    result = dict(pairs)
    if len(result) < len(pairs):
        raise ValueError("a name is repeated in an object")
    return result


def _no_constant(name: str) -> Any:
    raise ValueError(f"{name} is no number")


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


def text(value: Any, name: str) -> str:
    """Return a text that can stand in the database: not empty, no control characters, encodable."""
    if not isinstance(value, str) or not value or len(value) > MAX_TEXT or _CONTROL.search(value):
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
