"""The files of one run: each one read once, and its problems collected."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from reconciler.config.discovery import Folders, leads_out
from reconciler.config.document import Document, load_document
from reconciler.config.look_alikes import look_alikes
from reconciler.config.sound_part import sound_part
from reconciler.errors import ConfigurationError
from reconciler.file_text import is_open_already
from reconciler.model.source import Problem, Source
from reconciler.schema import problems as schema_problems

_WORKSPACE_KEYS = frozenset({"api", "keys", "organizations", "timezone"})
_OTHER_FORMATS = {
    "license-plan": "a saved plan: `reconciler report` shows it, `reconciler apply` takes it alone",
    "license-snapshot": "a snapshot: `--state` takes it, and `reconciler load` fills a database",
}
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
        self._paths: list[Path] = []

    def document(self, path: Path) -> Document | None:
        """Return a file's document, read once; None where it is broken, which is reported."""
        resolved = self.folders.real(path)
        if resolved not in self._documents:
            self._paths.append(path)
            self._documents[resolved] = self._read(path, resolved)
        return self._documents[resolved]

    def _read(self, path: Path, resolved: Path) -> Document | None:
        link = self.folders.link_out(path)
        if link is not None:
            self._findings.problems.append(leads_out(path, link, self.folders))
            return None
        absolute = self.folders.absolute(path)
        try:
            # What was looked at is what is opened: no link is followed a second time.
            file = absolute if is_open_already(absolute) else resolved
            return load_document(file, self.folders.name(path))
        except ConfigurationError as error:
            self._findings.problems.extend(error.problems)
            return None

    def names(self) -> list[str]:
        """Return the names of all files that were read, or could not be."""
        return [self.folders.name(path) for path in self._paths]

    def sound(self, document: Document, schema: str) -> Document | None:
        """Return a document that fits its schema: as it is, or what is left of it.

        Where it does not fit, that is reported; None then means that nothing is left to check.
        """
        found = schema_problems(schema, document.data)
        self._findings.problems.extend(map(document.placed, found))
        sound = sound_part(document, schema, found) if found else document
        if sound is not None:
            self._findings.warnings.extend(look_alikes(sound))
        return sound

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
    named = not keys & _ORGANIZATION_KEYS and bool(keys & _WORKSPACE_KEYS)
    return named and not is_other_format(document)


def is_groups(document: Document) -> bool:
    """Tell whether a file can only be one of shared groups."""
    keys = _keys(document)
    return "groups" in keys and not keys & (_ORGANIZATION_KEYS | _WORKSPACE_KEYS | {"policy"})


def is_other_format(document: Document | None) -> bool:
    """Tell whether a file of a folder is a snapshot or a plan, which say so themselves."""
    data: Any = None if document is None else document.data
    return isinstance(data, dict) and str(data.get("format", "")).startswith("license-")


def what_it_is(document: Document) -> str:
    """Return what to tell of a file of another format that was named as if it were ours."""
    name = str(document.data["format"]).partition("/")[0]
    known = _OTHER_FORMATS.get(name)
    return f"this is {known or f'a file of the format {name}'}; it is no organization file"


def _keys(document: Document | None) -> frozenset[str]:
    data: Any = None if document is None else document.data
    return frozenset(data) if isinstance(data, dict) else frozenset()
