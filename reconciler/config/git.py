"""Git, through its command line: what differs, and files of a revision.

Git is called on the one repository that is named to it, reads objects and names of them, and runs
nothing that a configuration, an attribute or the environment tells it to.
"""

from __future__ import annotations

import errno
import hashlib
import os
import stat
import subprocess
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryFile
from typing import IO

from reconciler.config.checkout import GIT, checkout_of
from reconciler.config.programs import environment, find_program
from reconciler.errors import ReconcilerError, UsageError

TIMEOUT = 60.0
"""Seconds after which a call of git is given up."""

MOST_PATHS = 500
"""How many paths one call of git is given; a command line has an end."""

# No command that is called here reads the index or the work tree, runs a hook, a filter or an
# external diff, or writes; what a repository's own configuration could start is off all the same.
_OPTIONS = (
    "--no-pager", "--no-optional-locks", "--no-replace-objects", "--literal-pathspecs",
    "-c", "core.fsmonitor=false", "-c", f"core.hooksPath={os.devnull}",
    "-c", f"core.attributesFile={os.devnull}", "-c", "credential.helper=", "-c", "core.askPass=",
    "-c", "core.sshCommand=false", "-c", "protocol.allow=never",
)  # fmt: skip
_VARIABLES = {
    "GIT_CONFIG_NOSYSTEM": "1",
    "GIT_CONFIG_SYSTEM": os.devnull,
    "GIT_CONFIG_GLOBAL": os.devnull,
    "GIT_ATTR_NOSYSTEM": "1",
    # A partial clone would fetch what it lacks. Older versions of git do not know the first one.
    "GIT_NO_LAZY_FETCH": "1",
    "GIT_ALLOW_PROTOCOL": "none",
    "GIT_NO_REPLACE_OBJECTS": "1",
    "GIT_GRAFT_FILE": os.devnull,
    "GIT_OPTIONAL_LOCKS": "0",
    "GIT_TERMINAL_PROMPT": "0",
    "GIT_PAGER": "cat",
    "LC_ALL": "C",
}
_LINK = "120000"
_FILES = frozenset({"100644", "100755", _LINK})
_SHA1_DIGITS = 40
_CHUNK = 1024 * 1024
_PARTIAL = (
    "nothing is fetched from here: where this clone is a partial one, clone without --filter, or "
    "fetch what it lacks first (git fetch --refetch --no-filter)"
)


@dataclass(frozen=True, slots=True)
class Blob:
    """A file of a revision: its path from the repository's root, and whether it is a link."""

    path: str
    link: bool
    object_id: str

    def differs(self, path: Path) -> bool:
        """Tell whether a path holds anything else than this: other bytes, or a link for a file."""
        try:
            content = os.fsencode(path.readlink()) if self.link else _bytes_of(path)
        except OSError:
            return True
        # Newer repositories name their objects by a longer sum.
        kind = "sha1" if len(self.object_id) == _SHA1_DIGITS else "sha256"
        found = hashlib.new(kind, b"blob %d\0" % len(content), usedforsecurity=False)
        found.update(content)
        return found.hexdigest() != self.object_id


@dataclass(frozen=True, slots=True)
class Checkout:
    """A commit that is checked out, and the address that the repository was cloned from."""

    origin: str
    commit: str


@dataclass(frozen=True, slots=True)
class Repository:
    """A git repository; `root` is the real path of its work tree."""

    root: Path

    def status(self, paths: Sequence[Path]) -> tuple[str | None, bool]:
        """Return the checked-out commit, and whether any of the files differs from it.

        The paths are real ones below the root. Bytes are compared, as they are: no filter and no
        line end is converted. A file that the commit does not hold differs. The commit is None in
        a repository without any.
        """
        commit = self.commit("HEAD")
        if commit is None:
            return None, bool(paths)
        names = {path.relative_to(self.root).as_posix(): path for path in paths}
        for begin in range(0, len(names), MOST_PATHS):
            some = list(names)[begin : begin + MOST_PATHS]
            arguments = ("ls-tree", "-z", "--full-tree", commit, "--", *some)
            known = {blob.path: blob for blob in _blobs(self._run(*arguments))}
            if any(name not in known or known[name].differs(names[name]) for name in some):
                return commit, True
        return commit, False

    def commit(self, revision: str) -> str | None:
        """Return the ID of the commit that a revision names, or None where there is none."""
        arguments = ("rev-parse", "--verify", "--quiet", f"{revision}^{{commit}}")
        found = self._call(*arguments)
        if found.returncode == 1:
            return None
        _check(found)
        return found.stdout.decode().strip()

    def is_shallow(self) -> bool:
        """Tell whether the repository lacks a part of its history."""
        return self._run("rev-parse", "--is-shallow-repository").strip() == b"true"

    def blobs(self, commit: str) -> Iterator[Blob]:
        """Yield every file and link of a commit; submodules are none."""
        yield from _blobs(self._run("ls-tree", "-r", "-z", "--full-tree", commit))

    def contents(
        self, object_ids: Sequence[str], write: Callable[[str, Iterator[bytes]], None]
    ) -> None:
        """Give the content of each of the objects to `write`, piece by piece."""
        with TemporaryFile() as names, TemporaryFile() as output:
            names.write("".join(f"{name}\n" for name in object_ids).encode())
            names.seek(0)
            # Files on both sides: a pipe in each direction can block both ends.
            _check(self._call("cat-file", "--batch", stdin=names, stdout=output))
            output.seek(0)
            for name in object_ids:
                header = output.readline().decode().split()
                if len(header) != 3:
                    raise ReconcilerError(
                        f"git has no content of object {name}: {' '.join(header)}",
                        hint=_PARTIAL,
                    )
                write(name, _pieces(output, int(header[2])))
                output.read(1)

    def default_branch(self) -> str | None:
        """Return the default branch; None where nothing tells it.

        It is what the origin says, else the only branch, in a new repository the one it begins
        with.
        """
        origin = self._said("symbolic-ref", "--quiet", "refs/remotes/origin/HEAD")
        if origin:
            return origin.removeprefix("refs/remotes/origin/")
        branches = self._said("for-each-ref", "--format=%(refname)", "refs/heads", "refs/remotes")
        only = branches or self._said("symbolic-ref", "--quiet", "HEAD")
        prefix, _, name = only.partition("refs/heads/")
        return None if prefix or "\n" in name else name or None

    def _run(self, *arguments: str) -> bytes:
        found = self._call(*arguments)
        _check(found)
        return found.stdout

    def checked_out(self) -> Checkout | None:
        """Return what is checked out and where it came from, None where nothing tells both."""
        commit = self._said("rev-parse", "--verify", "--quiet", "HEAD^{commit}")
        origin = self._said("config", "--local", "--get", "remote.origin.url")
        return Checkout(origin, commit) if commit and origin else None

    def _said(self, *arguments: str) -> str:
        """Return what git says, without its last line end; nothing where it fails."""
        return os.fsdecode(self._call(*arguments).stdout).removesuffix("\n")

    def _call(
        self,
        *arguments: str,
        stdin: IO[bytes] | int = subprocess.DEVNULL,
        stdout: IO[bytes] | int = subprocess.PIPE,
    ) -> subprocess.CompletedProcess[bytes]:
        """Call git on this very repository: it looks for none."""
        program = find_program("git")
        if program is None:
            message = "git is not installed, or not where it is looked for"
            raise ReconcilerError(f"{message}: it is needed to read a revision")
        place = (f"--git-dir={self.root / GIT}", f"--work-tree={self.root}")
        try:
            return subprocess.run(  # noqa: S603 - no shell, and an absolute path
                [program, *place, *_OPTIONS, *arguments],
                cwd=self.root,
                stdin=stdin,
                stdout=stdout,
                stderr=subprocess.PIPE,
                env=environment() | _VARIABLES,
                timeout=TIMEOUT,
                check=False,
            )
        except OSError as error:
            raise ReconcilerError(f"git cannot be run: {error.strerror or error}") from error
        except subprocess.TimeoutExpired as error:
            message = f"git {arguments[0]} did not end within {TIMEOUT:.0f} seconds"
            raise ReconcilerError(message) from error


def repository_of(folder: Path) -> Repository:
    """Return the repository that a folder lies in; raises `ReconcilerError` where there is none."""
    try:
        top = checkout_of(folder)
    except ValueError as error:
        raise UsageError(f"git cannot be given this argument: {error}") from error
    if top is None:
        raise ReconcilerError(
            "git: this folder is in no git repository",
            hint="call it inside of the checkout, or name a folder with the older files",
        )
    return Repository(top)


def _blobs(output: bytes) -> Iterator[Blob]:
    """Yield the files and links that `ls-tree -z` tells of."""
    for record in output.split(b"\0"):
        about, _, path = record.partition(b"\t")
        mode, _, rest = about.decode().partition(" ")
        if mode in _FILES:
            yield Blob(os.fsdecode(path), mode == _LINK, rest.split(" ")[1])


def _bytes_of(path: Path) -> bytes:
    """Return the bytes of a regular file that is no link; raises `OSError` for anything else."""
    flags = os.O_RDONLY | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_NONBLOCK", 0)
    with open(os.open(path, flags), "rb") as stream:  # noqa: PTH123
        if not stat.S_ISREG(os.fstat(stream.fileno()).st_mode):
            raise OSError(errno.EINVAL, os.strerror(errno.EINVAL))
        return stream.read()


def _pieces(stream: IO[bytes], size: int) -> Iterator[bytes]:
    while size > 0:
        piece = stream.read(min(size, _CHUNK))
        if not piece:
            raise ReconcilerError("git ended before it had given a whole file")
        size -= len(piece)
        yield piece


def _check(found: subprocess.CompletedProcess[bytes]) -> None:
    if found.returncode == 0:
        return
    text = found.stderr.decode("utf-8", "replace")
    said = [line.strip() for line in text.splitlines() if line.strip()]
    # Warnings come before what went wrong.
    said.sort(key=lambda line: not line.startswith("fatal: "))
    first = said[0] if said else f"exit code {found.returncode}"
    lacking = "lazy fetching disabled" in text or ("transport" in first and "allowed" in first)
    hint = _PARTIAL if lacking else None
    raise ReconcilerError(f"git: {first.removeprefix('fatal: ')}", hint=hint)
