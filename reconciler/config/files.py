"""The files of one run: each one read once, and its problems collected."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from reconciler.config.discovery import Folders
from reconciler.config.document import Document, load_document
from reconciler.errors import ConfigurationError
from reconciler.model.source import Problem, Source

_WORKSPACE_KEYS = frozenset({"api", "keys", "organizations", "timezone"})
_ORGANIZATION_KEYS = frozenset({"organization", "products"})


@dataclass(slots=True)
class Findings:
    """Collects what is wrong, and what a person should only know of."""

    problems: list[Problem] = field(default_factory=list)
    warnings: list[Problem] = field(default_factory=list)


class Files:
    """Reads files by their paths; what is wrong with them is added to `findings`."""

    def __init__(self, folders: Folders, findings: Findings) -> None:
        self.folders = folders
        self._findings = findings
        self._documents: dict[Path, Document | None] = {}

    def document(self, path: Path) -> Document | None:
        """Return a file's document, read once; None where it is broken, which is reported."""
        resolved = self.folders.real(path)
        if resolved not in self._documents:
            try:
                document = load_document(self.folders.absolute(path), self.folders.name(path))
            except ConfigurationError as error:
                self._findings.problems.extend(error.problems)
                self._documents[resolved] = None
            else:
                self._documents[resolved] = document
        return self._documents[resolved]

    def fitting(self, path: Path, schema: str) -> Document | None:
        """Return a file's document if it fits its schema; None otherwise, which is reported."""
        document = self.document(path)
        return document if document is not None and self.fits(document, schema) else None

    def fits(self, document: Document, schema: str) -> bool:
        """Tell whether a document fits its schema; reports where it does not."""
        found = list(document.schema_problems(schema))
        self._findings.problems.extend(found)
        return not found

    def refuse(self, path: Path, message: str) -> None:
        """Report a file as a whole."""
        self._findings.problems.append(Problem(Source(self.folders.name(path)), message))

    def digest(self, paths: Iterable[Path], root: Path) -> str:
        """Return the digest of files, by their paths as seen from `root` and their bytes."""
        sums = {
            Path(os.path.relpath(self.folders.absolute(path), root)).as_posix(): document.sha256
            for path in paths
            if (document := self.document(path)) is not None
        }
        lines = "".join(f"{sha256}  {name}\n" for name, sha256 in sorted(sums.items()))
        return f"sha256:{hashlib.sha256(lines.encode('utf-8', 'surrogateescape')).hexdigest()}"


def is_workspace(document: Document | None) -> bool:
    """Tell whether a file is a workspace's, whatever its name."""
    keys = _keys(document)
    return not keys & _ORGANIZATION_KEYS and bool(keys & _WORKSPACE_KEYS)


def is_groups(document: Document) -> bool:
    """Tell whether a file can only be one of shared groups."""
    keys = _keys(document)
    return "groups" in keys and not keys & (_ORGANIZATION_KEYS | _WORKSPACE_KEYS | {"policy"})


def is_other_format(document: Document | None) -> bool:
    """Tell whether a file of a folder is a snapshot or a plan, which say so themselves."""
    data: Any = None if document is None else document.data
    return isinstance(data, dict) and str(data.get("format", "")).startswith("license-")


def _keys(document: Document | None) -> frozenset[str]:
    data: Any = None if document is None else document.data
    return frozenset(data) if isinstance(data, dict) else frozenset()
