"""Git, through its command line: where a repository is, what differs, and files of a revision."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryFile
from typing import IO

from reconciler.errors import ReconcilerError, UsageError

TIMEOUT = 60.0
"""Seconds after which a call of git is given up."""

MOST_PATHS = 500
"""How many paths one call of git is given; a command line has an end."""

_OPTIONS = ("--no-optional-locks", "--literal-pathspecs", "-c", "core.fsmonitor=false")
# Set where git itself calls us, for another folder than ours perhaps.
_OF_A_HOOK = frozenset({"GIT_DIR", "GIT_WORK_TREE", "GIT_INDEX_FILE", "GIT_PREFIX"})
_LINK = "120000"
_FILES = frozenset({"100644", "100755", _LINK})
_CHUNK = 1024 * 1024


@dataclass(frozen=True, slots=True)
class Blob:
    """A file of a revision: its path from the repository's root, and whether it is a link."""

    path: str
    link: bool
    object_id: str


@dataclass(frozen=True, slots=True)
class Repository:
    """A git repository; `root` is the real path of its work tree."""

    root: Path

    def status(self, paths: Sequence[Path]) -> tuple[str | None, bool]:
        """Return the checked-out commit, and whether any of the files differs from it.

        The paths are real ones below the root. A file that git ignores or does not know differs.
        The commit is None in a repository without any.
        """
        commit, differs = None, False
        for begin in range(0, len(paths), MOST_PATHS):
            some = paths[begin : begin + MOST_PATHS]
            output = self._run(
                *("status", "--porcelain=v2", "--branch", "-z", "--no-renames"),
                *("--untracked-files=all", "--ignored=matching", "--ignore-submodules=all"),
                *("--", *map(str, some)),
            )
            for line in output.decode("utf-8", "surrogateescape").split("\0"):
                if line.startswith("# branch.oid "):
                    commit = line.removeprefix("# branch.oid ")
                elif line and not line.startswith("# "):
                    differs = True
        return (None if commit == "(initial)" else commit), differs

    def commit(self, revision: str) -> str | None:
        """Return the ID of the commit that a revision names, or None where there is none."""
        arguments = ("rev-parse", "--verify", "--quiet", f"{revision}^{{commit}}")
        found = _call(self.root, *arguments)
        return found.stdout.decode().strip() if found.returncode == 0 else None

    def is_shallow(self) -> bool:
        """Tell whether the repository lacks a part of its history."""
        return self._run("rev-parse", "--is-shallow-repository").strip() == b"true"

    def blobs(self, commit: str) -> Iterator[Blob]:
        """Yield every file and link of a commit; submodules are none."""
        for record in self._run("ls-tree", "-r", "-z", "--full-tree", commit).split(b"\0"):
            about, _, path = record.partition(b"\t")
            mode, _, rest = about.decode().partition(" ")
            if mode in _FILES:
                yield Blob(os.fsdecode(path), mode == _LINK, rest.split(" ")[1])

    def contents(
        self, object_ids: Sequence[str], write: Callable[[str, Iterator[bytes]], None]
    ) -> None:
        """Give the content of each of the objects to `write`, piece by piece."""
        with TemporaryFile() as names, TemporaryFile() as output:
            names.write("".join(f"{name}\n" for name in object_ids).encode())
            names.seek(0)
            # Files on both sides: a pipe in each direction can block both ends.
            _check(_call(self.root, "cat-file", "--batch", stdin=names, stdout=output))
            output.seek(0)
            for name in object_ids:
                header = output.readline().decode().split()
                if len(header) != 3:
                    raise ReconcilerError(
                        f"git has no content of object {name}: {' '.join(header)}",
                        hint="fetch the whole history (git fetch --refetch)",
                    )
                write(name, _pieces(output, int(header[2])))
                output.read(1)

    def _run(self, *arguments: str) -> bytes:
        found = _call(self.root, *arguments)
        _check(found)
        return found.stdout


def repository_of(folder: Path) -> Repository:
    """Return the repository that a folder lies in; raises `ReconcilerError` where there is none."""
    found = _call(folder, "rev-parse", "--show-toplevel")
    _check(found)
    top = os.fsdecode(found.stdout).removesuffix("\n")
    return Repository(Path(os.path.realpath(top)))


def default_branch(folder: Path) -> str | None:
    """Return the default branch of the repository of a folder; None where nothing tells it.

    It is what the origin says, else the only branch, in a new repository the one it begins with.
    """
    origin = _said(folder, "symbolic-ref", "--quiet", "refs/remotes/origin/HEAD")
    if origin:
        return origin.removeprefix("refs/remotes/origin/")
    branches = _said(folder, "for-each-ref", "--format=%(refname)", "refs/heads", "refs/remotes")
    only = branches or _said(folder, "symbolic-ref", "--quiet", "HEAD")
    prefix, _, name = only.partition("refs/heads/")
    return None if prefix or "\n" in name else name or None


def _said(folder: Path, *arguments: str) -> str:
    """Return what git says, without its last line end; nothing where it fails."""
    return os.fsdecode(_call(folder, *arguments).stdout).removesuffix("\n")


def _pieces(stream: IO[bytes], size: int) -> Iterator[bytes]:
    while size > 0:
        piece = stream.read(min(size, _CHUNK))
        if not piece:
            raise ReconcilerError("git ended before it had given a whole file")
        size -= len(piece)
        yield piece


def _call(
    folder: Path,
    *arguments: str,
    stdin: IO[bytes] | int = subprocess.DEVNULL,
    stdout: IO[bytes] | int = subprocess.PIPE,
) -> subprocess.CompletedProcess[bytes]:
    try:
        return subprocess.run(  # noqa: S603
            ["git", "-C", str(folder), *_OPTIONS, *arguments],  # noqa: S607
            stdin=stdin,
            stdout=stdout,
            stderr=subprocess.PIPE,
            env=_environment(),
            timeout=TIMEOUT,
            check=False,
        )
    except FileNotFoundError as error:
        message = "git is not installed, or not in PATH: it is needed to read a revision"
        raise ReconcilerError(message) from error
    except OSError as error:
        raise ReconcilerError(f"git cannot be run: {error.strerror or error}") from error
    except ValueError as error:
        raise UsageError(f"git cannot be given this argument: {error}") from error
    except subprocess.TimeoutExpired as error:
        message = f"git {arguments[0]} did not end within {TIMEOUT:.0f} seconds"
        raise ReconcilerError(message) from error


def _environment() -> dict[str, str]:
    """Return what git needs of the environment, without the keys of the licensing system."""
    own = {"GIT_TERMINAL_PROMPT": "0", "GIT_OPTIONAL_LOCKS": "0", "LC_ALL": "C"}
    others = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith("RECONCILER_") and name not in _OF_A_HOOK
    }
    return others | own


def _check(found: subprocess.CompletedProcess[bytes]) -> None:
    if found.returncode == 0:
        return
    said = [line.strip() for line in found.stderr.decode("utf-8", "replace").splitlines()]
    first = next((line for line in said if line), f"exit code {found.returncode}")
    hint = None
    if "not a git repository" in first:
        first = "this folder is in no git repository"
        hint = "call it inside of the checkout, or name a folder with the older files"
    elif "dubious ownership" in first:
        hint = "git config --global --add safe.directory FOLDER makes git trust the checkout"
    raise ReconcilerError(f"git: {first.removeprefix('fatal: ')}", hint=hint)
