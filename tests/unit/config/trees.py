"""Small folders of configuration files for tests."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

from reconciler.config.load import Workspace, load_workspace
from reconciler.errors import ConfigurationError
from reconciler.model.desired import DesiredOrganization

HEAD = "version: 1\norganization: {id: 101, name: Acme QA}\n"


def write(folder: Path, files: dict[str, str]) -> Path:
    for name, text in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    return folder


def load(folder: Path, text: str, workspace: str | None = None) -> Workspace:
    files = {"acme.yaml": HEAD + text}
    if workspace is not None:
        files["reconciler.yaml"] = f"version: 1\n{workspace}"
    write(folder, files)
    return load_workspace(["acme.yaml"], cwd=folder)


def organization(folder: Path, text: str, workspace: str | None = None) -> DesiredOrganization:
    (only,) = load(folder, text, workspace).desired.organizations
    return only


def problems(folder: Path, paths: list[str]) -> list[str]:
    try:
        load_workspace(paths, cwd=folder)
    except ConfigurationError as error:
        return [str(problem) for problem in error.problems]
    return []


def git(folder: Path, *arguments: str) -> str:
    """Run git with a configuration of its own, whatever the machine's is."""
    own = ("-c", "user.name=Ada", "-c", "user.email=ada@example.com", "-c", "commit.gpgsign=false")
    environment = {name: value for name, value in os.environ.items() if "GIT_" not in name}
    done = subprocess.run(
        ["git", *own, *arguments],
        cwd=folder,
        env=environment | {"GIT_CONFIG_GLOBAL": os.devnull, "GIT_CONFIG_NOSYSTEM": "1"},
        capture_output=True,
        text=True,
        check=True,
    )
    return done.stdout.strip()


def commit(folder: Path, message: str = "change") -> str:
    """Commit all that is in a folder, which becomes a repository, and return the commit's ID."""
    if not (folder / ".git").exists():
        git(folder, "init", "-q", "-b", "main")
    git(folder, "add", "--all")
    git(folder, "commit", "-q", "-m", message)
    return git(folder, "rev-parse", "HEAD")
