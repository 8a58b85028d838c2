"""The two lines at the head of what a workflow writes, by which it finds that again.

The first one is the report's own and holds the changes digest; the second says what this comment
or issue is for, which run wrote it, and for a plan the commit that it was made for. Nothing below
these lines is ever read back, so that no value inside of a report can stand for them.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

_CHANGES = re.compile(r"<!-- reconciler: changes=(sha256:[0-9a-f]{64}) -->")
_PURPOSE = re.compile(
    r"<!-- reconciler-ci: ([a-z0-9.-]+)(?: run=([0-9]+))?(?: head=([0-9a-f]{40}|[0-9a-f]{64}))? -->"
)
NAME = re.compile(r"[a-z0-9][a-z0-9-]{0,39}")
"""What a comment or an issue may be called, to tell several workspaces of one project apart. A
further comment of that name adds a dot and what it is for, so that no other name can be its."""


@dataclass(frozen=True, slots=True)
class Marker:
    """What the head of a comment or an issue says.

    `head` is the commit of the pull request's branch for which the plan of `digest` was made.
    """

    name: str
    digest: str | None = None
    run: str | None = None
    head: str | None = None


def read_marker(body: str) -> Marker | None:
    """Return what the first two lines say; None where they are not a workflow's."""
    head = body.split("\n", 2)[:2]
    lines = [line.rstrip("\r") for line in head]
    changes = _CHANGES.fullmatch(lines[0])
    purpose = _PURPOSE.fullmatch(lines[1] if changes and len(lines) > 1 else lines[0])
    if purpose is None:
        return None
    return Marker(purpose[1], changes[1] if changes else None, purpose[2], purpose[3])


def marked(marker: Marker, text: str) -> str:
    """Return a body that begins with the marker; a digest in the text's first line is dropped."""
    first, _, rest = text.partition("\n")
    lines = [f"<!-- reconciler: changes={marker.digest} -->"] if marker.digest else []
    run = f" run={marker.run}" if marker.run else ""
    head = f" head={marker.head}" if marker.head else ""
    lines.append(f"<!-- reconciler-ci: {marker.name}{run}{head} -->")
    return "\n".join((*lines, rest if _CHANGES.fullmatch(first) else text))
