"""From the paths of a command to the workspace they name, or to all that is wrong with it."""

from __future__ import annotations

import os
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from reconciler.config.discovery import (
    Folders,
    Selection,
    distinct,
    files_below,
    folder_problems,
    select,
    tell_unseen,
)
from reconciler.config.document import Document, collector_off
from reconciler.config.files import (
    Files,
    Findings,
    is_groups,
    is_other_format,
    is_workspace,
    what_it_is,
)
from reconciler.config.groups import Groups
from reconciler.config.organization import read_organization
from reconciler.config.policy import PolicyLayer, read_policy
from reconciler.config.sound_part import defines_all_groups, is_identified, is_whole
from reconciler.config.tree import Found, TooMuchToLookAtError
from reconciler.config.workspace import read_settings, workspace_problems
from reconciler.errors import ConfigurationError
from reconciler.model.desired import Desired, DesiredOrganization
from reconciler.model.settings import Settings
from reconciler.model.source import Problem
from reconciler.schema_messages import shown


@dataclass(frozen=True, slots=True)
class Workspace:
    """What the files say: how to reach the licensing system, and what is wanted of it.

    `files` are the names of all files that were read, sorted. `root` is the folder of the workspace
    file, or the current one without any. `warnings` are sorted by place.
    """

    settings: Settings
    desired: Desired
    files: tuple[str, ...]
    root: Path
    warnings: tuple[Problem, ...] = ()


def load_workspace(paths: Sequence[str], *, cwd: Path | None = None) -> Workspace:
    """Read organization files, folders and workspace files.

    No path means the current folder's workspace file. Where none of the paths is a workspace, the
    settings, the policy and the shared groups of the current folder's workspace file hold, if there
    is one: naming a single file does not lift the rules. Raises `ConfigurationError` with every
    problem of every file.
    """
    folders = _here(cwd).of(paths)
    with collector_off():
        return _Loader(folders).load(select(paths, folders))


def load_past(paths: Sequence[str], folders: Folders) -> Workspace:
    """Read the same paths in an older tree, to which what they name may not yet belong.

    There, a path, a workspace file or a pattern's matches that are missing want nothing. Raises
    `ConfigurationError` with every other problem.
    """
    folders = folders.of(paths)
    existing = [path for path in paths if os.path.lexists(folders.absolute(Path(path)))]
    selection = select(existing, folders, absent_ok=True) if existing or not paths else Selection()
    with collector_off():
        return _Loader(folders, absent_ok=True).load(selection)


def load_settings(paths: Sequence[str], *, cwd: Path | None = None) -> Settings:
    """Return the settings of the workspace file that the paths name, or of the current folder's.

    Without any workspace file, the defaults. Raises `ConfigurationError` for a workspace file that
    is invalid; of organization files, only that they are YAML.
    """
    loader = _Loader(_here(cwd).of(paths))
    workspace = loader.workspace(select(paths, loader.folders) if paths else Selection())
    loader.raise_problems()
    return _settings(workspace)


@dataclass(frozen=True, slots=True)
class _WorkspaceFile:
    """A workspace file; `named` is false where it only lies in the current folder.

    `sound` is what of its document fits the schema, None where that is nothing.
    """

    path: Path
    document: Document
    sound: Document | None
    named: bool


class _Loader:
    def __init__(self, folders: Folders, *, absent_ok: bool = False) -> None:
        self.folders = folders
        self.findings = Findings()
        self._files = Files(folders, self.findings)
        self._absent_ok = absent_ok
        self._all_groups = True  # whether the files of shared groups could all be read

    def load(self, selection: Selection) -> Workspace:
        self.findings.problems.extend(selection.problems)
        self.findings.warnings.extend(selection.warnings)
        for path in distinct((*selection.files, *selection.found), self.folders):
            self._files.document(path)
        workspace = self.workspace(selection)
        shared, groups = self._shared_groups(workspace)
        files = self._organization_files(selection, workspace, shared)
        organizations = self._organizations(files, _policy(workspace), groups)
        self.raise_problems()
        files = (*shared, *files)
        root = self.folders.cwd
        if workspace is not None:
            files = (workspace.path, *files)
            root = self.folders.absolute(workspace.path.parent)
        return Workspace(
            settings=_settings(workspace),
            desired=Desired(organizations, self._files.digest(files, root)),
            files=tuple(sorted(map(self.folders.name, files))),
            root=root,
            warnings=tuple(sorted(dict.fromkeys(self.findings.warnings))),
        )

    def workspace(self, selection: Selection) -> _WorkspaceFile | None:
        """Return the one workspace file, if there is any that can be parsed."""
        named = list(selection.workspaces)
        named += [path for path in selection.files if is_workspace(self._files.document(path))]
        paths = distinct(named, self.folders)
        for other in paths[1:]:
            first = self.folders.name(paths[0])
            self._files.refuse(other, f"only one workspace at a time: {first} is named too")
        path = paths[0] if paths else self.folders.workspace_in(Path())
        document = None if path is None else self._files.document(path)
        if path is None or document is None:
            self._all_groups = path is None
            return None
        sound = self._files.sound(document, "workspace")
        if sound is not None:
            self.findings.problems.extend(workspace_problems(sound))
        self._all_groups = sound is not None and is_whole(sound)
        return _WorkspaceFile(path, document, sound, named=bool(paths))

    def raise_problems(self) -> None:
        """Raise what was found so far, if anything."""
        if self.findings.problems:
            problems = dict.fromkeys(self.findings.problems)
            raise ConfigurationError(problems, files=self._files.names())

    def _shared_groups(self, workspace: _WorkspaceFile | None) -> tuple[tuple[Path, ...], Groups]:
        """Return the files of the groups that all organizations share, and the groups."""
        before = len(self.findings.problems)
        paths = distinct(self._matches(workspace, "groups"), self.folders)
        unmatched = len(self.findings.problems) > before
        parts = [self._sound(path, "groups") for path in paths]
        known = [part for part in parts if part is not None]
        complete = self._all_groups and not unmatched and len(known) == len(parts)
        complete = complete and all(map(defines_all_groups, known))
        return paths, Groups(known, self.findings.problems.append, complete=complete)

    def _sound(self, path: Path, schema: str) -> Document | None:
        document = self._files.document(path)
        return None if document is None else self._files.sound(document, schema)

    def _organization_files(
        self, selection: Selection, workspace: _WorkspaceFile | None, shared: Sequence[Path]
    ) -> tuple[Path, ...]:
        files = [path for path in selection.files if not is_workspace(self._files.document(path))]
        found = list(selection.found)
        if workspace is not None and workspace.named:
            if "organizations" in workspace.document.data:
                files += self._matches(workspace, "organizations")
            else:
                found += self._beside(workspace, shared)
        files += [path for path in found if not is_other_format(self._files.document(path))]
        return distinct(self._without(shared, files), self.folders)

    def _beside(self, workspace: _WorkspaceFile, shared: Sequence[Path]) -> list[Path]:
        folder = workspace.path.parent
        report, warn = self.findings.problems.append, self.findings.warnings.append
        before = len(self.findings.problems)
        inside = files_below(folder, self.folders, report, warn)
        unsure = self._absent_ok or len(self.findings.problems) > before
        others = self._without((workspace.path, *shared), inside)
        problems = folder_problems(folder, others, self.folders, absent_ok=unsure)
        self.findings.problems.extend(problems)
        return others

    def _without(self, excluded: Iterable[Path], paths: Iterable[Path]) -> list[Path]:
        known = set(map(self.folders.real, excluded))
        return [path for path in paths if self.folders.real(path) not in known]

    def _matches(self, workspace: _WorkspaceFile | None, key: str) -> list[Path]:
        """Return the files that the patterns of a workspace's key name, but for its own."""
        if workspace is None or workspace.sound is None:
            return []
        files: list[Path] = []
        patterns: list[Any] = workspace.sound.data.get(key, [])
        for index, pattern in enumerate(patterns):
            found, message = Found(), ""
            try:
                found = self.folders.matches(workspace.path.parent, pattern)
            except ValueError as error:
                message = str(error)
            except TooMuchToLookAtError as error:
                message = f"{error}: let the pattern {shown(pattern)} name fewer folders"
            report, warn = self.findings.problems.append, self.findings.warnings.append
            before = len(self.findings.problems)
            tell_unseen(found, self.folders, report, warn)
            unsure = self._absent_ok or len(self.findings.problems) > before
            others = self._without((workspace.path,), found.files)
            if not others and not message and not unsure:
                message = "no YAML or JSON file matches this pattern"
            if message:
                source = workspace.sound.child_source(patterns, index)
                self.findings.problems.append(Problem(source, message))
            files += others
        return files

    def _organizations(
        self, files: Iterable[Path], policy: PolicyLayer, groups: Groups
    ) -> tuple[DesiredOrganization, ...]:
        organizations: dict[int, DesiredOrganization] = {}
        for path in files:
            document = self._files.document(path)
            if document is not None and is_groups(document):
                message = "a file of groups: a workspace file names those under `groups`"
                self._files.refuse(path, message)
                continue
            if document is not None and is_other_format(document):
                self._files.refuse(path, what_it_is(document))
                continue
            sound = None if document is None else self._files.sound(document, "organization")
            if sound is None:
                continue
            organization = read_organization(sound, policy, groups, self.findings)
            if not is_identified(sound):
                continue
            first = organizations.setdefault(organization.id, organization)
            if first is not organization:
                message = f"organization {organization.id} has a file already: {first.source}"
                self.findings.problems.append(Problem(organization.source, message))
        return tuple(organizations[key] for key in sorted(organizations))


def _here(cwd: Path | None) -> Folders:
    return Folders(Path(os.path.normpath(cwd if cwd is not None else Path.cwd())))


def _settings(workspace: _WorkspaceFile | None) -> Settings:
    return Settings() if workspace is None else read_settings(workspace.document)


def _policy(workspace: _WorkspaceFile | None) -> PolicyLayer:
    if workspace is None or workspace.sound is None:
        return PolicyLayer()
    return read_policy(workspace.sound)
