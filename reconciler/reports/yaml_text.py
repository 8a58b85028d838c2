"""Data as YAML for people and programs, the same bytes for the same data."""

from __future__ import annotations

import re
from typing import Any

import yaml

from reconciler.model.text import HIDDEN, revealed

_ONE_LINE = 2**31 - 1
"""So wide that no text is folded: what then begins a line is never a part of one."""

_ESCAPED = re.compile("##\\[|[\n\r]")
_NUMBER = re.compile("[-+]?(?:0[oO])?[0-9_.:eE+-]+")
"""What is a number to some readers of YAML, the `1e5` among it that is none to PyYAML."""


class _Dumper(yaml.CSafeDumper):
    """Quotes all text that is not the same without quotes to every reader."""


def _represent(dumper: _Dumper, text: str) -> yaml.ScalarNode:
    quoted = _ESCAPED.search(text) or HIDDEN.search(text)
    style = '"' if quoted else "'" if _NUMBER.fullmatch(text) else None
    return dumper.represent_scalar("tag:yaml.org,2002:str", text, style)


_Dumper.add_representer(str, _represent)


def yaml_text(data: Any) -> str:
    """Return data as YAML, its keys in their own order.

    A person may read it too, so what hides or reorders text is written as YAML's escape, and so is
    what GitHub's runner takes for a command in a log: `##[` wherever that stands, and `::` at the
    beginning of a line. Text that holds any of it stands in double quotes.
    """
    text: str = yaml.dump(
        data, Dumper=_Dumper, sort_keys=False, allow_unicode=True, width=_ONE_LINE
    )
    return revealed(text, _escape).replace("##[", "\\x23#[")


def _escape(character: str) -> str:
    code = ord(character)
    return f"\\u{code:04x}" if code < 0x10000 else f"\\U{code:08x}"
