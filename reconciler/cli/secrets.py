"""The last guard of the rule that no output holds a key."""

from __future__ import annotations

import base64
from collections.abc import Mapping

_NOT_SECRET = frozenset({"RECONCILER_API_URL", "RECONCILER_DEBUG"})
_SHORTEST = 6


def redacted(text: str, environ: Mapping[str, str]) -> str:
    """Return the text with every key of the environment, plain or as sent, replaced."""
    for name, value in environ.items():
        key = value.strip()
        if not name.startswith("RECONCILER_") or name in _NOT_SECRET or len(key) < _SHORTEST:
            continue
        sent = base64.b64encode(f":{key}".encode()).decode()
        text = text.replace(key, f"[{name}]").replace(sent, f"[{name}]")
    return text
