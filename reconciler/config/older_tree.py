"""The configuration files of a revision, written into an empty folder."""

from __future__ import annotations

import os
from collections.abc import Collection, Iterator
from pathlib import Path, PurePosixPath

from reconciler.config.discovery import SUFFIXES
from reconciler.config.git import Blob, Repository
from reconciler.errors import ReconcilerError
from reconciler.file_text import MAX_FILE_SIZE


def write_tree(
    repository: Repository, commit: str, folder: Path, *, also: Collection[str] = ()
) -> None:
    """Write the YAML and JSON files of a commit, its links, and the files named in `also`.

    `folder` is a real path, and nothing is written outside of it. Links are as the commit has them:
    whoever reads them must refuse those that lead out.
    """
    wanted = [blob for blob in repository.blobs(commit) if _is_wanted(blob, also)]
    try:
        links = _write_files(repository, wanted, folder)
        # Only after all files: otherwise one could be written through a link.
        for path, target in links.items():
            path.symlink_to(os.fsdecode(target))
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or error
        message = f"the files of commit {commit} cannot be written to {folder}: {reason}"
        raise ReconcilerError(message) from error


def _is_wanted(blob: Blob, also: Collection[str]) -> bool:
    return blob.link or blob.path.endswith(SUFFIXES) or blob.path in also


def _write_files(repository: Repository, wanted: list[Blob], folder: Path) -> dict[Path, bytes]:
    """Write all files but links, and return those with their targets."""
    by_id: dict[str, list[Blob]] = {}
    for blob in wanted:
        by_id.setdefault(blob.object_id, []).append(blob)
    links: dict[Path, bytes] = {}

    def write(object_id: str, pieces: Iterator[bytes]) -> None:
        content = _within_limit(pieces)
        for blob in by_id[object_id]:
            path = folder / _safe(blob.path)
            path.parent.mkdir(parents=True, exist_ok=True)
            if blob.link:
                links[path] = content
            else:
                path.write_bytes(content)

    repository.contents(list(by_id), write)
    return links


def _within_limit(pieces: Iterator[bytes]) -> bytes:
    """Return the content, or so much of it that it is refused for its size."""
    content = bytearray()
    for piece in pieces:
        content += piece[: MAX_FILE_SIZE + 1 - len(content)]
    return bytes(content)


def _safe(path: str) -> PurePosixPath:
    """Return a path of a git tree, which a broken or hostile one can hold in bad form."""
    parts = path.split("/")
    if any(part in {"", ".", ".."} for part in parts):
        raise ReconcilerError(f"the repository holds a path that is not possible: {path!r}")
    return PurePosixPath(*parts)
