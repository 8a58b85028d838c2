"""What unquoted text in YAML means: the few types on which readers of YAML 1.1 and 1.2 agree.

Where they do not agree (`0123`, `1_000`, `12:30`, `1e3`), the text is refused, so that no file
means one thing here and another in an editor. `yes`, `no`, `on` and `off` are booleans, as in
YAML 1.1: where text is wanted, the schema then refuses them.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import lru_cache

_CASES = (str.lower, str.upper, str.capitalize)

WORDS: Mapping[str, bool | None] = {
    "": None,
    "~": None,
    **{case("null"): None for case in _CASES},
    **{case(word): True for word in ("true", "yes", "on") for case in _CASES},
    **{case(word): False for word in ("false", "no", "off") for case in _CASES},
}
"""Every unquoted word that is not text."""

NUMERIC_STARTS = frozenset("0123456789+-.")
"""What an unquoted number can begin with; for all other text `number` need not be asked."""

_PLAIN = re.compile(r"[-+]?(?:0|[1-9][0-9]{0,18})(\.[0-9]{1,17})?")
_ANY_NUMBER = re.compile(
    r"""[-+]?(?:
        0[xX][0-9a-fA-F_]+ | 0[oO]?[0-7_]+ | 0[bB][01_]+
      | [0-9][0-9_]*(?:\.[0-9_]*)?(?:[eE][-+]?[0-9]+)?
      | \.[0-9][0-9_]*(?:[eE][-+]?[0-9]+)?
      | [0-9][0-9_]*(?::[0-5]?[0-9])+(?:\.[0-9_]*)?
      | \.(?:inf|Inf|INF|nan|NaN|NAN)
    )""",
    re.VERBOSE,
)


class AmbiguousNumberError(ValueError):
    """Unquoted text that is a number to some readers of YAML, and not the same one to all."""


@lru_cache(maxsize=4096)
def number(text: str) -> str | int | float:
    """Return the number that unquoted text stands for, or the text where it is none.

    Remembers what it was asked, since long lists hold few different dates. Raises
    `AmbiguousNumberError`.
    """
    plain = _PLAIN.fullmatch(text)
    if plain:
        value = float(text) if plain[1] else int(text)
        # A schema takes 5.0 for a whole number, so it is one.
        return int(value) if value == int(value) else value
    if _ANY_NUMBER.fullmatch(text):
        raise AmbiguousNumberError(text)
    return text


def is_text(text: str) -> bool:
    """Tell whether unquoted text is text to every reader."""
    if text in WORDS:
        return False
    try:
        return isinstance(number(text), str)
    except AmbiguousNumberError:
        return False
