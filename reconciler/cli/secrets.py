"""The last guard of the rule that no output holds a key."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from reconciler.model.redaction import Redaction, secrets_of


def redacted(text: str, environ: Mapping[str, str]) -> str:
    """Return the text with every key of the environment, plain or as sent, replaced."""
    return Redaction(secrets_of(environ)).text(text)


def redacted_data(data: Any, environ: Mapping[str, str]) -> Any:
    """Return what is sent as JSON with every key in its strings replaced; it stays what it says."""
    return Redaction(secrets_of(environ)).data(data)
