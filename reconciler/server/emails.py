"""When two spellings of an email are one account, by the licensing server's own reckoning."""

from __future__ import annotations

import unicodedata


def account_key(email: str) -> str:
    """Return the form in which accounts are told apart: NFC, casefolded, and NFC once more.

    The planner has a function of the same law. They share no code, so that each checks the other.
    """
    composed = unicodedata.normalize("NFC", email)
    return unicodedata.normalize("NFC", composed.casefold())
