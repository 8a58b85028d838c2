"""The files in which a step of GitHub Actions leaves words for the next ones and for people."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path

from reconciler.cli.secrets import redacted
from reconciler.errors import ReconcilerError


def set_outputs(environ: Mapping[str, str], outputs: Mapping[str, str]) -> None:
    """Append outputs, each of one line, where the runner asks for them."""
    lines = []
    for name, value in outputs.items():
        if not value.isprintable():
            raise ValueError(f"the output {name} would be more than one line")
        lines.append(f"{name}={value}\n")
    append_to(environ.get("GITHUB_OUTPUT"), "".join(lines))


def append_summary(environ: Mapping[str, str], text: str) -> None:
    """Append Markdown to the page of the run, where there is one."""
    append_to(environ.get("GITHUB_STEP_SUMMARY"), text.rstrip("\n") + "\n")


def append_to(path: str | None, text: str) -> None:
    """Append to a file of the step, where there is one; no key of the environment is in it.

    Raises `ReconcilerError` where it cannot be written.
    """
    if not path:
        return
    try:
        with Path(path).open("a", encoding="utf-8", errors="backslashreplace") as stream:
            stream.write(redacted(text, os.environ))
    except OSError as error:
        raise ReconcilerError(f"{path}: cannot be written: {error.strerror or error}") from error
