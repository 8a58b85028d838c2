"""The licensing service as a client sees it on a bad day; what it does stays right and recorded."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Mapping
from dataclasses import replace
from email.utils import formatdate
from threading import Lock
from typing import Any

from reconciler.server.asked import Asked, asked_by
from reconciler.server.clock import instant_text, system_clock
from reconciler.server.faults import Fault, Faults, Rule
from reconciler.server.messages import (
    ConnectionDropped,
    Handler,
    Request,
    Response,
    answer_to,
    encode,
    error_payload,
    respond,
)
from reconciler.server.search_request import PAGINATION


class FaultyService:
    """A `Handler` that stands before another one and misbehaves by the rules.

    Every fault is one of the answer or of the connection: what the service behind it did, it did
    once, and its history tells it.
    """

    def __init__(
        self, handler: Handler, faults: Faults, *, sleep: Callable[[float], None] = time.sleep
    ) -> None:
        self._handler = handler
        self._faults = faults
        self._sleep = sleep
        self._last: Response | None = None
        self._lock = Lock()

    def handle(self, request: Request, principal: Any = None) -> Response:
        """Return the response or what is left of it; raises `ConnectionDropped` in its place."""
        asked = asked_by(request)
        verdict = self._faults.verdict(asked)
        self._wait(verdict.wait_before)
        rule = verdict.rule
        if rule is not None and not rule.after and rule.fault in _INSTEAD:
            self._wait(verdict.wait_after)
            return answer_to(request, _INSTEAD[rule.fault](rule))
        response = self._handler.handle(request, principal)
        with self._lock:
            other, self._last = self._last, response
        self._wait(verdict.wait_after)
        match rule:
            case None:
                return response
            case Rule(fault=Fault.OTHER_REQUEST):
                # The very first request has none before it: its answer gets lost on the way.
                return _dropped(rule) if other is None else other
            case Rule(fault=Fault.PAGE_MISSING | Fault.PAGE_TWICE):
                return _as_page(response, self._neighbour(request, asked, rule.fault, principal))
            case Rule(fault=fault) if fault in _INSTEAD:
                return answer_to(request, _INSTEAD[fault](rule))
            case _:
                return _BENT[rule.fault](response, rule)

    def _wait(self, seconds: float) -> None:
        if seconds:
            self._sleep(seconds)

    def _neighbour(
        self, request: Request, asked: Asked, fault: Fault, principal: Any
    ) -> list[Any] | None:
        """Return the rows of the page after or before the one that was asked for."""
        step = 1 if fault is Fault.PAGE_MISSING else -1
        if asked.page is None or asked.page + step < 0:
            return None
        moved = _moved(request, asked.page + step)
        return _rows(self._handler.handle(moved, principal))


def _dropped(_: Rule) -> Response:
    raise ConnectionDropped


def _error(rule: Rule) -> Response:
    headers = {}
    if rule.retry_after is not None:
        date = formatdate(time.time() + rule.retry_after, usegmt=True)
        headers["Retry-After"] = date if rule.retry_after_as_date else str(rule.retry_after)
    now = instant_text(system_clock())
    payload = error_payload(rule.status, "A fault that was asked for.", timestamp=now)
    return respond(rule.status, payload, headers)


def _half(response: Response, _: Rule) -> Response:
    # The length is that of the whole, so that the client waits for what never comes.
    length = {"Content-Length": str(len(response.body))}
    half = response.body[: len(response.body) // 2]
    return replace(response, headers={**response.headers, **length}, body=half)


def _other_subject(response: Response, _: Rule) -> Response:
    return _with_payload(response, _renamed(_payload(response)))


def _wrong_total(response: Response, rule: Rule) -> Response:
    page = _payload(response)
    if "totalElements" not in page:
        return response
    total = max(0, page["totalElements"] + rule.by)
    pages = -(-total // page["size"])
    told = {"totalElements": total, "totalPages": pages, "last": page["number"] + 1 >= pages}
    return _with_payload(response, {**page, **told})


_INSTEAD: Mapping[Fault, Callable[[Rule], Response]] = {
    Fault.DROP: _dropped,
    Fault.ERROR: _error,
}
"""The faults in place of an answer: before the request takes effect, or after."""

_BENT: Mapping[Fault, Callable[[Response, Rule], Response]] = {
    Fault.HALF_ANSWER: _half,
    Fault.OTHER_SUBJECT: _other_subject,
    Fault.WRONG_TOTAL: _wrong_total,
}
"""The faults of an answer."""


def _payload(response: Response) -> dict[str, Any]:
    payload = response.json()
    return payload if isinstance(payload, dict) else {}


def _with_payload(response: Response, payload: Mapping[str, Any]) -> Response:
    return replace(response, body=encode(payload))


def _rows(response: Response) -> list[Any] | None:
    rows = _payload(response).get("content")
    return rows if isinstance(rows, list) else None


def _as_page(response: Response, rows: list[Any] | None) -> Response:
    """Return a page with other rows, which tells the rest of itself as it would with them."""
    page = _payload(response)
    if "content" not in page:
        return response
    if rows is None:
        # There is no page before the first one, which then holds its own rows twice.
        rows = [*page["content"], *page["content"]]
    told = {"content": rows, "numberOfElements": len(rows), "empty": not rows}
    return _with_payload(response, {**page, **told})


def _moved(request: Request, page: int) -> Request:
    if request.method == "GET":
        query = {**request.query, "q": json.dumps(_turned(json.loads(request.query["q"]), page))}
        return replace(request, query=query)
    return replace(request, body=encode(_turned(json.loads(request.body or b""), page)))


def _turned(search: Mapping[str, Any], page: int) -> dict[str, Any]:
    spelled = [name for name in PAGINATION if search.get(name) is not None]
    turned = {name: {**(search.get(name) or {}), "page": page} for name in spelled or PAGINATION}
    return {**search, **turned}


_SUBJECTS = ("email", "machineId", "sessionId")


def _renamed(value: Any) -> Any:
    """Return an answer that names others wherever it names the subject of a write."""
    if isinstance(value, list):
        return [_renamed(item) for item in value]
    if not isinstance(value, dict):
        return value
    return {
        key: f"other-{item}" if key in _SUBJECTS and isinstance(item, str) else _renamed(item)
        for key, item in value.items()
    }
