"""Which revision the files are, and what they wanted at an older one."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from tempfile import TemporaryDirectory

from reconciler.config.discovery import Folders
from reconciler.config.git import Repository, repository_of
from reconciler.config.links import links_to
from reconciler.config.load import Workspace, load_past
from reconciler.config.older_tree import write_tree
from reconciler.errors import ConfigurationError, ReconcilerError, UsageError


@dataclass(frozen=True, slots=True)
class Revision:
    """The commit that is checked out, and whether any of the files read differs from it.

    `sha` is None outside of a repository, in one without commits, and without git.
    """

    sha: str | None
    dirty: bool = False


def describe(files: Iterable[Path], folder: Path) -> Revision:
    """Return the revision of files, of the repository that a folder lies in.

    A file that the commit does not hold, or that is outside of the repository, is dirty; and so is
    a link on the way to a file. Calls git twice, and once more for each further 500 files.
    """
    files = list(files)
    ends = {path for file in files for path in _real_paths(file)}
    # Where the checkout itself is reached through links, those are not its own.
    ways = {link for file in files for link in links_to(file)}
    try:
        repository = repository_of(folder)
        inside = sorted(path for path in ends | ways if path.is_relative_to(repository.root))
        sha, differs = repository.status(inside)
    except ReconcilerError:
        # The revision is a remark in a plan; planning does not depend on git.
        return Revision(None)
    return Revision(sha, differs or not ends <= set(inside))


def with_revision(workspace: Workspace, *, cwd: Path | None = None) -> Workspace:
    """Return a workspace whose desired state names its revision; `cwd` as for its loading."""
    here = Path.cwd() if cwd is None else cwd
    revision = describe((here / name for name in workspace.files), workspace.root)
    desired = replace(workspace.desired, revision=revision.sha, dirty=revision.dirty)
    return replace(workspace, desired=desired)


def base_workspace(base: str, paths: Sequence[str], *, cwd: Path | None = None) -> Workspace:
    """Return what the same paths wanted at the base: a git revision, or a folder with older files.

    What does not exist there wanted nothing. Sources are in `REVISION:path`, from the repository's
    root, or in the folder. Raises `ConfigurationError` where the files of the base are invalid,
    `UsageError` for a base or a path that makes no sense, `ReconcilerError` where the revision
    cannot be had.
    """
    if not base or base.startswith("-") or not base.isprintable():
        raise UsageError(f"the base must be a git revision or a folder, not {base!r}")
    here = Path(os.path.realpath(Path.cwd() if cwd is None else cwd))
    if os.path.isdir(here / base):  # noqa: PTH112 - no for a name that is too long
        _refuse_ambiguous(base, here)
        return _checked(base, lambda: _of_folder(base, paths, here))
    repository = repository_of(here)
    commit = repository.commit(base)
    if commit is None:
        raise _missing(base, repository)
    return _checked(base, lambda: _of_revision(base, commit, paths, here, repository))


def _of_folder(base: str, paths: Sequence[str], here: Path) -> Workspace:
    folder = Path(os.path.normpath(here / base))
    shown = Path(base).as_posix()
    prefix = "" if shown == "." else f"{shown.rstrip('/')}/"
    older = [str(folder / os.path.relpath(_absolute(path, here), here)) for path in paths]
    return load_past(_kept(paths, older, here), Folders(folder, folder, prefix))


def _of_revision(
    base: str, commit: str, paths: Sequence[str], here: Path, repository: Repository
) -> Workspace:
    inside = [_inside(path, here, repository.root) for path in paths]
    with TemporaryDirectory(prefix="reconciler-base-") as name:
        top = Path(os.path.realpath(name))
        write_tree(repository, commit, top, also=frozenset(path.as_posix() for path in inside))
        cwd = top / here.relative_to(repository.root)
        cwd.mkdir(parents=True, exist_ok=True)
        older = [str(top / path) for path in inside]
        workspace = load_past(_kept(paths, older, here), Folders(cwd, top, f"{base}:", fence=top))
        root = repository.root / workspace.root.relative_to(top)
    return replace(workspace, root=root, desired=replace(workspace.desired, revision=commit))


def _kept(paths: Sequence[str], older: Sequence[str], here: Path) -> list[str]:
    """Return the older paths without those that are a workspace's folder now and were none then."""
    folders = Folders(here)
    return [
        before
        for path, before in zip(paths, older, strict=True)
        if folders.workspace_in(Path(path)) is None
        or folders.workspace_in(Path(before)) is not None
    ]


def _inside(path: str, here: Path, root: Path) -> Path:
    """Return a path as seen from the repository's root."""
    absolute = _absolute(path, here)
    if absolute.is_relative_to(root):
        return absolute.relative_to(root)
    raise UsageError(f"{path} lies outside of the git repository and has no older revision there")


def _absolute(path: str, here: Path) -> Path:
    """Return the file that a path means, by its real folder where it was not given from here."""
    if not Path(path).is_absolute():
        return Path(os.path.normpath(here / path))
    absolute = Path(os.path.normpath(path))
    return Path(os.path.realpath(absolute.parent)) / absolute.name


def _real_paths(file: Path) -> set[Path]:
    """Return where a file really is, and the link to it where it is one."""
    link = Path(os.path.realpath(file.parent)) / file.name
    return {link, Path(os.path.realpath(file))}


def _refuse_ambiguous(base: str, here: Path) -> None:
    if base.startswith((".", "/")):
        return
    try:
        commit = repository_of(here).commit(base)
    except ReconcilerError:
        return
    if commit is not None:
        raise UsageError(
            f"{base!r} is a folder and a git revision",
            hint=f"write ./{base} for the folder, or {base}^0 for the revision",
        )


def _missing(base: str, repository: Repository) -> ReconcilerError:
    if repository.commit(f"refs/remotes/origin/{base}") is not None:
        hint = f"did you mean 'origin/{base}'?"
    elif repository.is_shallow():
        hint = (
            "this clone is shallow: fetch the whole history with `git fetch --unshallow`, "
            "or in CI with `fetch-depth: 0`"
        )
    else:
        hint = f"fetch it first (git fetch origin {base}), or check its spelling"
    return ReconcilerError(f"git knows no revision {base!r} here", hint=hint)


def _checked(base: str, load: Callable[[], Workspace]) -> Workspace:
    try:
        return load()
    except ConfigurationError as error:
        hint = f"the base ({base}) is at fault, not this change: mend it there, or name another one"
        raise ConfigurationError(error.problems, hint=hint) from error
