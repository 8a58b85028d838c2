"""Other programs: where they are looked for, and what they see of the environment.

Files of a pull request choose neither: they run beside the key of the licensing system.
"""

from __future__ import annotations

import os
from collections.abc import Collection
from pathlib import Path

from reconciler.config.checkout import checkout_of

FOLDERS = ("/opt/homebrew/bin", "/usr/local/bin", "/usr/bin", "/bin")
"""Where programs are looked for first, and the whole `PATH` of those that are called."""

_SHARED = frozenset({
    "HOME", "LANG", "LC_ALL", "LC_CTYPE", "TMPDIR", "TEMP", "TMP",
    "SYSTEMROOT", "USERPROFILE", "APPDATA", "LOCALAPPDATA",
})  # fmt: skip


def find_program(name: str) -> str | None:
    """Return the absolute path of a program, or None where it is not found.

    After `FOLDERS` come those of `PATH`, but for relative ones and for those in the current folder
    or its checkout, where a pull request could put a program of this name.
    """
    here = Path(os.path.realpath(Path.cwd()))
    own = checkout_of(here) or here
    for folder in (*FOLDERS, *os.get_exec_path()):
        path = Path(folder, name)
        if not path.is_absolute() or not _is_program(path):
            continue
        if folder in FOLDERS or not Path(os.path.realpath(path)).is_relative_to(own):
            return str(path)
    return None


def environment(names: Collection[str] = ()) -> dict[str, str]:
    """Return what a program sees: the home, the language, where to put files, and these names.

    Everything else is left out, the keys of the licensing system first of all.
    """
    kept = {name: value for name, value in os.environ.items() if name in _SHARED or name in names}
    return kept | {"PATH": os.pathsep.join(FOLDERS)}


def _is_program(path: Path) -> bool:
    return os.path.isfile(path) and os.access(path, os.X_OK)  # noqa: PTH113
