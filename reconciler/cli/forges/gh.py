"""The GitHub CLI that every runner has: the only way in which GitHub is asked."""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Mapping
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from reconciler.cli.secrets import redacted_data
from reconciler.config.programs import environment, find_program
from reconciler.errors import ReconcilerError

_PUBLIC = "github.com"
_SECONDS = 120
_VARIABLES = frozenset({
    # Its tokens and where it keeps them, and how it reaches the network.
    "GH_TOKEN", "GITHUB_TOKEN", "GH_ENTERPRISE_TOKEN", "GITHUB_ENTERPRISE_TOKEN", "GH_HOST",
    "GH_CONFIG_DIR", "XDG_CONFIG_HOME",
    "HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "NO_PROXY",
    "http_proxy", "https_proxy", "all_proxy", "no_proxy", "SSL_CERT_FILE", "SSL_CERT_DIR",
})  # fmt: skip


def api(
    method: str, path: str, fields: Mapping[str, Any] | None = None, *, pages: bool = False
) -> Any:
    """Ask GitHub's REST API and return its answer; with `pages`, the rows of all pages.

    Raises `ReconcilerError` where `gh` is missing or reports a failure.
    """
    command = ["api", "--method", method, *_host()]
    if pages:
        command.append("--paginate")
    if fields is not None:
        command += ["--input", "-"]
    said = None if fields is None else json.dumps(redacted_data(fields, os.environ))
    text = run([*command, path], said)
    return _rows(text) if pages else json.loads(text or "null")


def graphql(query: str, **variables: str) -> Any:
    """Ask GitHub's GraphQL API and return the `data` of its answer."""
    command = ["api", "graphql", *_host(), "--raw-field", f"query={query}"]
    for name, value in variables.items():
        command += ["--raw-field", f"{name}={value}"]
    return json.loads(run(command))["data"]


def run(arguments: list[str], data: str | None = None) -> str:
    """Run `gh` and return what it prints; raises `ReconcilerError` where it fails."""
    program = find_program("gh")
    if program is None:
        raise ReconcilerError(
            "the GitHub CLI `gh` is not installed here",
            hint="GitHub's runners have it; on one of your own, install it",
        )
    try:
        done = subprocess.run(  # noqa: S603 - no shell, and no argument is an option by accident
            [program, *arguments],
            # It looks at the repository that it is called in, and needs none for what it is asked.
            cwd=Path(program).anchor,
            env=environment(_VARIABLES) | {"GH_PROMPT_DISABLED": "1", "GH_PAGER": "cat"},
            input=data,
            capture_output=True,
            text=True,
            encoding="utf-8",
            check=False,
            timeout=_SECONDS,
        )
    except OSError as error:
        raise ReconcilerError(f"gh cannot be run: {error.strerror or error}") from error
    except subprocess.TimeoutExpired as error:
        raise ReconcilerError(f"gh {arguments[0]}: no answer in {_SECONDS} s") from error
    if done.returncode:
        said = done.stderr.strip().splitlines() or [f"exit {done.returncode}"]
        raise ReconcilerError(
            f"gh {arguments[0]}: {said[0]}",
            hint="the step needs GH_TOKEN in its environment, and its job the permissions that "
            "docs/ci.md names",
        )
    return done.stdout


def _host() -> list[str]:
    host = urlsplit(os.environ.get("GITHUB_SERVER_URL", "")).hostname
    return ["--hostname", host] if host and host != _PUBLIC else []


def _rows(text: str) -> list[Any]:
    # Each page is a list of its own; newer versions of gh join them, older ones do not.
    decoder, rows, place = json.JSONDecoder(), [], 0
    text = text.strip()
    while place < len(text):
        page, place = decoder.raw_decode(text, place)
        rows += page
        while place < len(text) and text[place].isspace():
            place += 1
    return rows
