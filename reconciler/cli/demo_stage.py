"""The demo's stage: a folder, a server, commands that run as a person would run them."""

from __future__ import annotations

import base64
import json
import os
import secrets
import subprocess
import sys
import urllib.request
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import click

from reconciler.cli.demo_files import ORGANIZATION
from reconciler.errors import ReconcilerError
from reconciler.reports.counts import counted

# -P: no file in the folder is taken for a module.
_OURSELVES = (sys.executable, "-P", "-m", "reconciler")
_SHOWN_LINES = 14
_START_SECONDS = 30
_LIST_SIZE = 100


class Stage:
    """A folder with a licensing server that answers at `url`."""

    def __init__(self, folder: Path, url: str, environment: Mapping[str, str]) -> None:
        self.folder = folder
        self.url = url
        self._environment = {**environment, "RECONCILER_API_URL": url}

    def run(self, *arguments: str, ends_with: int = 0) -> str:
        """Run one command, show it and what it prints, and return its standard output.

        Raises `ReconcilerError` where its exit code is another one than the story needs.
        """
        click.echo(click.style(f"\n$ reconciler {' '.join(arguments)}", bold=True))
        done = subprocess.run(  # noqa: S603 - our own command, with our own arguments
            [*_OURSELVES, *arguments],
            cwd=self.folder,
            env=self._environment,
            capture_output=True,
            text=True,
            check=False,
        )
        _show(done.stdout + done.stderr)
        code = f"(exit {done.returncode})"
        click.echo(code)
        if done.returncode != ends_with:
            raise ReconcilerError(f"the demo failed: expected exit {ends_with}, got {code}")
        return done.stdout

    def write(self, name: str, text: str) -> None:
        """Write a file of the story."""
        path = self.folder / name
        path.parent.mkdir(exist_ok=True)
        path.write_text(text, encoding="utf-8")

    def holders(self, feature: str) -> set[str]:
        """Return who the server itself says is licensed, read over HTTP."""
        return {row["userEmail"] for row in self._search("UserOrganizationFeature", feature)}

    def machines(self, feature: str) -> set[str]:
        """Return which machines the server itself says are registered, read over HTTP."""
        return {row["machineId"] for row in self._search("Machine", feature)}

    def _search(self, entity: str, feature: str) -> list[dict[str, Any]]:
        key = self._environment["RECONCILER_API_KEY"]
        body = {
            "type": entity,
            "conditions": [{"key": "Organization.id", "operator": "=", "value": str(ORGANIZATION)}],
            "functions": [],
            "groupBys": [],
            "pagination": {"page": 0, "size": _LIST_SIZE, "sorts": ["id,asc"]},
        }
        request = urllib.request.Request(  # noqa: S310 - the URL of the server started here
            f"{self.url}/api/v1/search",
            data=json.dumps(body).encode(),
            headers={
                "Authorization": "Basic " + base64.b64encode(f":{key}".encode()).decode(),
                "Content-Type": "application/json",
            },
        )
        with urllib.request.urlopen(request, timeout=_START_SECONDS) as answer:  # noqa: S310
            content: list[dict[str, Any]] = json.load(answer)["content"]
        return [row for row in content if row["feature"] == feature]


@contextmanager
def staged(folder: Path) -> Iterator[Stage]:
    """Start the embedded server on the folder's snapshot, and stop it in the end."""
    environment = {
        name: value for name, value in os.environ.items() if not name.startswith("RECONCILER_")
    }
    environment |= {"RECONCILER_API_KEY": secrets.token_urlsafe(24), "NO_COLOR": "1"}
    arguments = ["serve", "--db", "licenses.db", "--load", "snapshot.json", "--port", "0"]
    click.echo(click.style(f"$ reconciler {' '.join(arguments)} &", bold=True))
    with subprocess.Popen(  # noqa: S603 - our own command, with our own arguments
        [*_OURSELVES, *arguments],
        cwd=folder,
        env=environment,
        stdout=subprocess.PIPE,
        text=True,
    ) as server:
        try:
            url = server.stdout.readline().strip() if server.stdout else ""
            if not url:
                raise ReconcilerError("the demo failed: its server did not start")
            click.echo(url)
            yield Stage(folder, url, environment)
        finally:
            server.terminate()


def _show(text: str) -> None:
    lines = [line.rstrip() for line in text.splitlines()]
    for line in lines[:_SHOWN_LINES]:
        click.echo(f"  {line}")
    if len(lines) > _SHOWN_LINES:
        click.echo(f"  … and {counted(len(lines) - _SHOWN_LINES, 'line')} more")
