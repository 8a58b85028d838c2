"""Which files a command is about: organization files, folders and workspace files, in any mix."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from reconciler.config.links import link_out
from reconciler.config.tree import Found, TooMuchToLookAtError, Tree
from reconciler.model.source import Problem, Source

WORKSPACE_NAMES = ("reconciler.yaml", "reconciler.yml", "reconciler.json")
"""The names of a workspace file; the first one is what is written."""

SUFFIXES = (".yaml", ".yml", ".json")
"""How the names of the files end that folders and patterns stand for."""

Report = Callable[[Problem], None]


@dataclass(frozen=True, slots=True)
class Folders:
    """Turns the paths that were typed into files to open, and files into the names to show.

    Names are relative to `top`, by default the current folder, and begin with `prefix`. `fence` and
    `homes` are where links may lead, as `link_out` takes them.
    """

    cwd: Path
    top: Path | None = None
    prefix: str = ""
    fence: Path | None = None
    homes: tuple[Path, ...] = ()
    tree: Tree = field(default_factory=Tree, compare=False)

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
            # Unlike a path's own method, this says no, and does not raise, for a name too long.
            if os.path.isfile(self.absolute(folder / name)):  # noqa: PTH113
                return folder / name
        return None

    def link_out(self, path: Path) -> Path | None:
        """Return the first link on the way to a file or folder that leads out, or None."""
        return link_out(self.absolute(path), self.homes, self.fence)

    def of(self, paths: Sequence[str]) -> Folders:
        """Return the same for a run about these paths, which tell where links may lead."""
        homes = [self.absolute(path) for path in map(Path, paths)]
        homes = [path if os.path.isdir(path) else path.parent for path in homes]  # noqa: PTH112
        if not paths or self.workspace_in(Path()) is not None:
            homes.append(self.cwd)
        real = (Path(os.path.realpath(path)) for path in homes)
        return replace(self, homes=tuple(dict.fromkeys(real)))

    def organization_files(self, folder: Path) -> Found:
        """Return every YAML and JSON file below a folder; nothing hidden, no schemas."""
        found = self.tree.walk(self.absolute(folder))
        named = [path for path in found.files if not path.name.endswith(".schema.json")]
        return _below(folder, found, named)

    def matches(self, folder: Path, pattern: str) -> Found:
        """Return the YAML and JSON files that a pattern names, sorted, without hidden ones.

        Raises `ValueError` for a pattern that is none, or that leads out of the folder.
        """
        found = self.tree.match(self.absolute(folder), pattern)
        return _below(folder, found, found.files)


def _below(folder: Path, found: Found, files: Iterable[Path]) -> Found:
    """Return what was found with the folder's name before it, of the files those that count."""
    return Found(
        files=[folder / path for path in files if path.name.endswith(SUFFIXES)],
        links=[folder / path for path in found.links],
        unreadable=[(folder / path, reason) for path, reason in found.unreadable],
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
    warnings: tuple[Problem, ...] = ()


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
    warnings: list[Problem] = []
    for path in map(Path, paths):
        if not os.path.isdir(folders.absolute(path)):  # noqa: PTH112 - as in workspace_in
            (workspaces if path.name in WORKSPACE_NAMES else files).append(path)
        elif (workspace := folders.workspace_in(path)) is not None:
            workspaces.append(workspace)
        elif (link := folders.link_out(path)) is not None:
            problems.append(leads_out(path, link, folders))
        else:
            before = len(problems)
            inside = files_below(path, folders, problems.append, warnings.append)
            found.extend(file for file in inside if file.name not in WORKSPACE_NAMES)
            # Where a part could not be looked at, nobody can say that nothing is there.
            unsure = absent_ok or len(problems) > before
            problems.extend(folder_problems(path, inside, folders, absent_ok=unsure))
    return Selection(
        workspaces=distinct(workspaces, folders),
        files=tuple(files),
        found=tuple(found),
        problems=tuple(problems),
        warnings=tuple(warnings),
    )


def files_below(folder: Path, folders: Folders, report: Report, warn: Report) -> tuple[Path, ...]:
    """Return the YAML and JSON files below a folder; reports what could not be looked at."""
    try:
        found = folders.organization_files(folder)
    except TooMuchToLookAtError as error:
        message = f"{error}: name the files by patterns in a workspace file"
        report(Problem(Source(folders.name(folder)), message))
        return ()
    tell_unseen(found, folders, report, warn)
    return tuple(found.files)


def tell_unseen(found: Found, folders: Folders, report: Report, warn: Report) -> None:
    """Report the folders that could not be read, and the links that were not followed."""
    for folder, reason in found.unreadable:
        message = f"the folder cannot be read: {reason}"
        report(Problem(Source(folders.name(folder)), message))
    for link in found.links:
        if (out := folders.link_out(link)) is not None:
            report(leads_out(link, out, folders))
        else:
            message = "a link to a folder is not followed: files are found in the folder itself"
            warn(Problem(Source(folders.name(link)), message))


def leads_out(path: Path, link: Path, folders: Folders) -> Problem:
    """Return the problem that a link on the way to a file leads out."""
    which = "the link" if link.name == path.name else f"the link {folders.name(link)}"
    message = (
        f"{which} leads out of the git checkout, or of the workspace's folder where there is none, "
        "and is not followed: put the file itself there"
    )
    return Problem(Source(folders.name(path)), message)


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
