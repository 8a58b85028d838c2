"""The last guard of the rule that no output holds a key."""

from __future__ import annotations

from collections.abc import Mapping

from reconciler.model.redaction import Redaction, secrets_of


def redacted(text: str, environ: Mapping[str, str]) -> str:
    """Return the text with every key of the environment, plain or as sent, replaced."""
    return Redaction(secrets_of(environ)).text(text)
