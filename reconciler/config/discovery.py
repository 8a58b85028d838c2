"""Which files a command is about: organization files, folders and workspace files, in any mix."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from reconciler.model.source import Problem, Source

WORKSPACE_NAMES = ("reconciler.yaml", "reconciler.yml", "reconciler.json")
"""The names of a workspace file; the first one is what is written."""

SUFFIXES = (".yaml", ".yml", ".json")
"""How the names of the files end that folders and patterns stand for."""


@dataclass(frozen=True, slots=True)
class Folders:
    """Turns the paths that were typed into files to open, and files into the names to show.

    Names are relative to `top`, by default the current folder, and begin with `prefix`.
    """

    cwd: Path
    top: Path | None = None
    prefix: str = ""

    def absolute(self, path: Path) -> Path:
        """Return the file to open; links are not followed, so that names stay what they are."""
        return Path(os.path.normpath(self.cwd / path))

    def real(self, path: Path) -> Path:
        """Return the file that a path leads to in the end, the same for all of its names."""
        return Path(os.path.realpath(self.absolute(path)))

    def name(self, path: Path) -> str:
        """Return how a person would type this file: relative to the current folder if below it."""
        absolute = self.absolute(path)
        top = self.cwd if self.top is None else self.top
        if absolute.is_relative_to(top):
            return self.prefix + absolute.relative_to(top).as_posix()
        return Path(os.path.normpath(path)).as_posix()

    def workspace_in(self, folder: Path) -> Path | None:
        """Return the folder's workspace file, if it has one."""
        for name in WORKSPACE_NAMES:
            if self.absolute(folder / name).is_file():
                return folder / name
        return None

    def organization_files(self, folder: Path) -> Iterator[Path]:
        """Yield every YAML and JSON file below a folder, sorted; nothing hidden, no schemas."""
        for parent, folders, files in os.walk(self.absolute(folder)):
            folders[:] = sorted(name for name in folders if not name.startswith("."))
            inside = folder / os.path.relpath(parent, self.absolute(folder))
            for name in sorted(files):
                hidden = name.startswith(".") or name.endswith(".schema.json")
                if name.endswith(SUFFIXES) and not hidden:
                    yield inside / name

    def matches(self, folder: Path, pattern: str) -> tuple[Path, ...]:
        """Return the YAML and JSON files that a pattern names, sorted, without hidden ones.

        Raises `ValueError` for a pattern that is none, or that leads out of the folder.
        """
        if ".." in Path(pattern).parts:
            raise ValueError("`..` is not possible in a pattern")
        base = self.absolute(folder)
        found = (path.relative_to(base) for path in base.glob(pattern) if path.is_file())
        return tuple(
            folder / path
            for path in sorted(found)
            if path.name.endswith(SUFFIXES) and not any(part.startswith(".") for part in path.parts)
        )


@dataclass(frozen=True, slots=True)
class Selection:
    """What the paths name. `files` may hold anything but a folder, also what is not there.

    `found` are files out of folders, of which those are passed over that say to be another format.
    """

    workspaces: tuple[Path, ...] = ()
    files: tuple[Path, ...] = ()
    found: tuple[Path, ...] = ()
    problems: tuple[Problem, ...] = ()


def select(paths: Sequence[str], folders: Folders, *, absent_ok: bool = False) -> Selection:
    """Return what the paths name; no path at all means the current folder's workspace.

    With `absent_ok` neither that nor the files of a folder have to be there.
    """
    if not paths:
        workspace = folders.workspace_in(Path())
        if workspace is not None:
            return Selection(workspaces=(workspace,))
        if absent_ok:
            return Selection()
        message = "there is no workspace file here: write one, or name organization files"
        return Selection(problems=(Problem(Source(WORKSPACE_NAMES[0]), message),))
    workspaces: list[Path] = []
    files: list[Path] = []
    found: list[Path] = []
    problems: list[Problem] = []
    for path in map(Path, paths):
        if not folders.absolute(path).is_dir():
            (workspaces if path.name in WORKSPACE_NAMES else files).append(path)
        elif (workspace := folders.workspace_in(path)) is not None:
            workspaces.append(workspace)
        else:
            inside = tuple(folders.organization_files(path))
            found.extend(file for file in inside if file.name not in WORKSPACE_NAMES)
            problems.extend(folder_problems(path, inside, folders, absent_ok=absent_ok))
    return Selection(distinct(workspaces, folders), tuple(files), tuple(found), tuple(problems))


def distinct(paths: Iterable[Path], folders: Folders) -> tuple[Path, ...]:
    """Return the paths without those that lead to a file that an earlier one leads to."""
    seen: dict[Path, Path] = {}
    for path in paths:
        seen.setdefault(folders.real(path), path)
    return tuple(seen.values())


def folder_problems(
    folder: Path, inside: Sequence[Path], folders: Folders, *, absent_ok: bool
) -> Iterator[Problem]:
    """Yield what is wrong with a folder whose files are to be organization files."""
    if not inside and not absent_ok:
        message = "there is no organization file in this folder"
        yield Problem(Source(folders.name(folder)), message)
    for path in inside:
        if path.name in WORKSPACE_NAMES:
            message = (
                "a workspace of its own below the folder that was named: name its folder instead"
            )
            yield Problem(Source(folders.name(path)), message)
