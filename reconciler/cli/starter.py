"""The files that `init` writes, from the templates in the package."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from importlib.resources import files
from pathlib import Path
from types import MappingProxyType

from reconciler.errors import ReconcilerError, RefusedError

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
    .gitignore lacks are added to it. Raises `ReconcilerError` where one cannot be written.
    """
    there = [name for name in contents if os.path.lexists(folder / name)]
    taken = [name for name in there if name not in {_IGNORED, *_KEPT}]
    if taken:
        raise RefusedError(
            f"nothing was written: {', '.join(taken)} exist(s) already",
            hint="name another folder, or move them away; `git diff` then shows what you had",
        )
    written = []
    for name, text in contents.items():
        path = folder / name
        if name in _KEPT and name in there:
            continue
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            old = path.read_text(encoding="utf-8") if name == _IGNORED and path.exists() else ""
            path.write_text(_added(old, text), encoding="utf-8", newline="\n")
        except (OSError, UnicodeDecodeError) as error:
            raise ReconcilerError(f"{path}: cannot be written: {error}") from error
        written.append(path.as_posix())
    return tuple(written)


def _added(old: str, new: str) -> str:
    if not old:
        return new
    missing = [line for line in new.splitlines() if line not in old.splitlines()]
    if not any(line and not line.startswith("#") for line in missing):
        return old
    return old + ("" if old.endswith("\n") else "\n") + "\n".join(missing) + "\n"
