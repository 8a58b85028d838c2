"""Values from outside, made safe in Markdown."""

from __future__ import annotations

import re

from reconciler.reports.printable import printable

_SPECIAL = re.compile(r"([\\`*_{}\[\]()#+!|~$:@/<>&\"'.-])")


def row(text: str) -> str:
    """Return the text so that Markdown shows it as it is: no link, mention, HTML or new cell."""
    return _SPECIAL.sub(lambda found: f"&#{ord(found.group())};", printable(text))
