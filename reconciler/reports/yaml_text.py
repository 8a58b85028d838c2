"""Data as YAML for people and programs, the same bytes for the same data."""

from __future__ import annotations

import re
from typing import Any

import yaml

_ONE_LINE = 2**31 - 1
"""So wide that no text is folded: what then begins a line is never a part of one."""

_ESCAPED = re.compile("##\\[|[\n\r\x85\u2028\u2029]")
_NUMBER = re.compile("[-+]?(?:0[oO])?[0-9_.:eE+-]+")
"""What is a number to some readers of YAML, the `1e5` among it that is none to PyYAML."""


class _Dumper(yaml.CSafeDumper):
    """Quotes all text that is not the same without quotes to every reader."""


def _represent(dumper: _Dumper, text: str) -> yaml.ScalarNode:
    style = '"' if _ESCAPED.search(text) else "'" if _NUMBER.fullmatch(text) else None
    return dumper.represent_scalar("tag:yaml.org,2002:str", text, style)


_Dumper.add_representer(str, _represent)


def yaml_text(data: Any) -> str:
    """Return data as YAML, its keys in their own order.

    A log is a place too where it is shown, and in one GitHub's runner takes `##[` for a command
    wherever that stands, and `::` at the beginning of a line.
    """
    text: str = yaml.dump(
        data, Dumper=_Dumper, sort_keys=False, allow_unicode=True, width=_ONE_LINE
    )
    return text.replace("##[", "\\x23#[")
