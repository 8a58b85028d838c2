"""How output may look where it goes."""

from __future__ import annotations

import os
import shutil
import sys
from collections.abc import Mapping
from pathlib import Path

from reconciler.cli.output import STANDARD_OUTPUT
from reconciler.reports.spans import Look

PLAN_FORMATS = ("text", "json", "markdown", "html", "github", "sarif", "junit")
"""The formats of plans, as `reports.formats` has them; that module is not needed for `--help`."""


def look_of(target: str) -> Look:
    """Return how text may look at this target: wrapped on a terminal, coloured where it may be."""
    whole, folder = _whole_report(os.environ), _folder(os.environ)
    if target != STANDARD_OUTPUT or not sys.stdout.isatty() or os.environ.get("TERM") == "dumb":
        return Look(whole=whole, folder=folder)
    columns = shutil.get_terminal_size().columns
    return Look(colours=not os.environ.get("NO_COLOR"), width=columns, whole=whole, folder=folder)


def _folder(environ: Mapping[str, str]) -> str:
    """Return where this is below the checkout of a GitHub Actions job; empty where it is not."""
    root = environ.get("GITHUB_WORKSPACE")
    if not root:
        return ""
    # Resolved, since runners reach their own folders by links.
    here, top = Path.cwd().resolve(), Path(root).resolve()
    return "" if here == top or not here.is_relative_to(top) else here.relative_to(top).as_posix()


def _whole_report(environ: Mapping[str, str]) -> str | None:
    """Return the address of the CI run that keeps the whole plan, where this is one."""
    names = ("GITHUB_SERVER_URL", "GITHUB_REPOSITORY", "GITHUB_RUN_ID")
    server, repository, run = (environ.get(name) for name in names)
    if server and repository and run:
        return f"{server}/{repository}/actions/runs/{run}"
    return environ.get("CI_JOB_URL") or None
