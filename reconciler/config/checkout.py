"""Where a git checkout begins, told without asking git."""

from __future__ import annotations

import os
from pathlib import Path

GIT = ".git"
"""The entry that makes a folder the top of a checkout."""


def checkout_of(folder: Path) -> Path | None:
    """Return the real path of the nearest folder, upwards from this one, that is a checkout's top.

    Git itself would take any folder for a repository that holds `HEAD`, `objects` and `refs`, which
    a pull request can bring. An entry named `.git` no commit can hold: git refuses to check it out.
    """
    real = Path(os.path.realpath(folder))
    return next((top for top in (real, *real.parents) if _is_repository(top / GIT)), None)


def _is_repository(path: Path) -> bool:
    """Tell whether this is a repository's folder, or a file that names one, as worktrees have."""
    if not os.path.isdir(path):  # noqa: PTH112 - says no, and does not raise, for what is not there
        return os.path.isfile(path)  # noqa: PTH113
    return all(os.path.lexists(path / name) for name in ("HEAD", "objects", "refs"))
