"""The files that `init` writes, from the templates in the package."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from contextlib import suppress
from importlib.resources import files
from pathlib import Path
from types import MappingProxyType

from reconciler.cli.output import replace_file
from reconciler.errors import ReconcilerError, RefusedError
from reconciler.file_text import MAX_FILE_SIZE, read_bytes

_IGNORED = ".gitignore"
_README = "README.md"
_DEPENDABOT = ".github/dependabot.yml"
_KEPT = frozenset({_README, _DEPENDABOT})
_BRANCH = "main"
_LOCK = "requirements.txt"

_WORKSPACE: Mapping[str, tuple[str, ...]] = MappingProxyType(
    {
        "reconciler.yaml": ("workspace/reconciler.yaml",),
        "orgs/example.yaml": ("workspace/orgs/example.yaml",),
        "groups/teams.yaml": ("workspace/groups/teams.yaml",),
        _IGNORED: ("workspace/gitignore",),
    }
)

_CI: Mapping[str, Mapping[str, tuple[str, ...]]] = MappingProxyType(
    {
        "github": {
            _README: ("workspace/README.md", "workspace/README.github.md"),
            _DEPENDABOT: ("github/dependabot.yml",),
            ".github/licenses/requirements.txt": (_LOCK,),
            **{
                f".github/workflows/licenses-{name}.yml": (f"github/licenses-{name}.yml",)
                for name in ("plan", "apply", "drift")
            },
        },
        "gitlab": {
            _README: ("workspace/README.md", "workspace/README.gitlab.md"),
            ".gitlab-ci.yml": ("gitlab/gitlab-ci.yml",),
            ".gitlab/licenses/requirements.txt": (_LOCK,),
        },
        "none": {_README: ("workspace/README.md",)},
    }
)
"""By whose pipelines: each file, and the templates that it is made of, one after the other."""


def starter_files(
    ci: str, *, package: str | None, organization: int, branch: str = _BRANCH
) -> Mapping[str, str]:
    """Return the files of a new workspace by their names, for one of the kinds of pipelines.

    `package` is what pip installs there, beside what the lock names; only where there are no
    pipelines it may be unknown. `branch` is the default branch of the repository.
    """
    templates = files("reconciler") / "starter"
    lock = next((name for name in _CI[ci] if name.endswith(_LOCK)), None)

    def text(name: str) -> str:
        found = templates.joinpath(name).read_text(encoding="utf-8")
        found = found.replace("__INSTALL__", _install(package, lock))
        found = found.replace("__PACKAGE__", package or "").replace(
            "__ORGANIZATION__", str(organization)
        )
        if branch == _BRANCH:
            return found
        return found.replace(f"branches: [{_BRANCH}]", f"branches: [{json.dumps(branch)}]")

    return {
        name: "".join(text(part) for part in parts)
        for name, parts in sorted({**_WORKSPACE, **_CI[ci]}.items())
    }


def _install(package: str | None, lock: str | None) -> str:
    """Return the lines of a shell that install the package as the pipelines do."""
    if package is None:
        return "# install reconciler first, as its own README says"
    named = f'pip install --no-deps --no-build-isolation "{package}"'
    return (
        f"pip install --require-hashes -r {lock}\n{named}" if lock else f'pip install "{package}"'
    )


def write_starter(folder: Path, contents: Mapping[str, str]) -> tuple[str, ...]:
    """Write the files below a folder, which is made, and return the names of those written.

    Raises `RefusedError`, and writes nothing, where any of them exists; but what a repository has
    for more than licenses, its README.md and .github/dependabot.yml, is kept, and lines that a
    .gitignore lacks are added to it. Raises `ReconcilerError` where one cannot be written; what was
    written before is taken back then.
    """
    there = [name for name in contents if os.path.lexists(folder / name)]
    taken = [name for name in there if name not in {_IGNORED, *_KEPT}]
    if taken:
        raise RefusedError(
            f"nothing was written: {', '.join(taken)} exist(s) already",
            hint="name another folder, or move them away; `git diff` then shows what you had",
        )
    made: list[Path] = []
    try:
        written = [
            _written(folder, name, text, made)
            for name, text in sorted(contents.items(), key=lambda row: row[0] == _IGNORED)
            if not (name in _KEPT and name in there)
        ]
    except BaseException as error:
        _take_back(made)
        if isinstance(error, OSError | UnicodeDecodeError):
            reason = getattr(error, "strerror", None) or error
            place = getattr(error, "filename", None) or folder
            raise ReconcilerError(f"{place}: cannot be written: {reason}") from error
        raise
    return tuple(sorted(written))


def _written(folder: Path, name: str, text: str, made: list[Path]) -> str:
    """Write one file, note down what is new, and return its name."""
    path = folder / name
    _make_folder(path.parent, made)
    if name == _IGNORED and path.exists():
        # The last of all files, and in one step: nothing can fail after it.
        old = read_bytes(path, path.as_posix(), MAX_FILE_SIZE).decode("utf-8")
        replace_file(path, _added(old, text))
    else:
        with path.open("x", encoding="utf-8", newline="\n") as file:
            made.append(path)
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
    return path.as_posix()


def _make_folder(folder: Path, made: list[Path]) -> None:
    if folder.is_dir():
        return
    if folder.parent != folder:
        _make_folder(folder.parent, made)
    folder.mkdir()
    made.append(folder)


def _take_back(made: list[Path]) -> None:
    for path in reversed(made):
        with suppress(OSError):
            if path.is_dir():
                path.rmdir()
            else:
                path.unlink()


def _added(old: str, new: str) -> str:
    if not old:
        return new
    missing = [line for line in new.splitlines() if line not in old.splitlines()]
    if not any(line and not line.startswith("#") for line in missing):
        return old
    return old + ("" if old.endswith("\n") else "\n") + "\n".join(missing) + "\n"
