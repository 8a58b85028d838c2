"""Idempotency keys: a repeated write is answered as it was the first time, and not done again."""

from __future__ import annotations

import hashlib
import re
from datetime import timedelta

from reconciler.server.clock import earlier, second_text
from reconciler.server.messages import HttpError, Request, Response, respond_bytes
from reconciler.server.parsing import canonical, decode_json
from reconciler.server.writing import Write

KEPT = timedelta(hours=24)
"""How long the answer to a key is remembered."""

_KEY = re.compile(r"[ -~]{1,255}", re.ASCII)


def idempotency_key(request: Request) -> str | None:
    """Return the request's Idempotency-Key, or None; raise a 400 where it cannot be one."""
    key = request.header("Idempotency-Key")
    if key is not None and not _KEY.fullmatch(key):
        raise HttpError(400, "An Idempotency-Key has 1 to 255 visible ASCII characters.")
    return key


def recall(write: Write, request: Request) -> Response | None:
    """Return the stored answer to this request, or None; raise a 422 for another request's key."""
    if write.idempotency_key is None:
        return None
    write.connection.execute("DELETE FROM replays WHERE at < ?", (earlier(write.moment, KEPT),))
    row = write.connection.execute(
        "SELECT fingerprint, status, body FROM replays WHERE principal = ? AND key = ?",
        (write.principal.name, write.idempotency_key),
    ).fetchone()
    if row is None:
        return None
    if row["fingerprint"] != _fingerprint(request):
        raise HttpError(422, "This Idempotency-Key was used for another request.")
    return respond_bytes(row["status"], row["body"], {"Idempotency-Replayed": "true"})


def remember(write: Write, request: Request, response: Response) -> None:
    """Store the answer under the request's key, where it has one, within the write itself."""
    if write.idempotency_key is None:
        return
    write.connection.execute(
        "INSERT INTO replays (principal, key, fingerprint, status, body, at)"
        " VALUES (?, ?, ?, ?, ?, ?)",
        (
            write.principal.name,
            write.idempotency_key,
            _fingerprint(request),
            response.status,
            response.body,
            second_text(write.moment),
        ),
    )


def _fingerprint(request: Request) -> str:
    """Return what two requests have in common that ask for the same, however they are spelled."""
    body = decode_json(request.body) if request.body else None
    asked = [request.method, request.path, dict(request.query), body]
    return hashlib.sha256(canonical(asked).encode()).hexdigest()
