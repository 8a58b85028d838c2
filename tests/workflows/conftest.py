"""A project for one test, with a server of its own."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from reconciler.server.clock import system_clock
from reconciler.server.keys import set_owner_key
from reconciler.server.load import load_snapshot
from reconciler.server.serve import start
from reconciler.server.service import LicensingService
from reconciler.server.store import Store
from tests.workflows.project import KEY, Project, snapshot

ROOT = Path(__file__).parents[2]


@pytest.fixture
def server(tmp_path: Path) -> Iterator[str]:
    store = Store.open(tmp_path / "licenses.db", create=True)
    set_owner_key(store, KEY)
    load_snapshot(store, snapshot())
    with start(LicensingService(store, system_clock), "127.0.0.1", 0) as running:
        yield running.url
    store.close()


@pytest.fixture
def project(tmp_path: Path, server: str) -> Project:
    """The project as `init` makes it."""
    folder = tmp_path / "project"
    folder.mkdir()
    return Project(folder, server, folder / "origin" / ".github" / "workflows")


@pytest.fixture
def caller(tmp_path: Path, server: str) -> Project:
    """A project that calls the reusable workflows."""
    folder = tmp_path / "caller"
    folder.mkdir()
    inputs = {
        "workspace": "reconciler.yaml",
        "api-url": server,
        "package": "license-reconciler",
        "requirements": ".github/licenses/requirements.txt",
        "name": "qa",
        "environment": "production",
    }
    return Project(folder, server, ROOT / ".github" / "workflows", "", inputs)
