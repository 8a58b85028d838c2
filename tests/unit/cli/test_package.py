"""Where a program came from, and the lock of what it needs."""

from __future__ import annotations

import json
import re
import tomllib
from importlib import metadata
from pathlib import Path
from typing import Any

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from reconciler.cli import package
from tests.workflows.project import git

ROOT = Path(__file__).parents[3]
LOCK = ROOT / "reconciler" / "starter" / "requirements.txt"
COMMIT = "0123456789abcdef0123456789abcdef01234567"
DIGEST = "5e884898da28047151d0e56f8dc6292773603d0d6aabbdd62a11ef721d1542d8"


@pytest.mark.parametrize(
    ("record", "found"),
    [
        (
            {"url": "https://h.example/o/r.git", "vcs_info": {"vcs": "git", "commit_id": COMMIT}},
            f"git+https://h.example/o/r.git@{COMMIT}",
        ),
        (
            {"url": "https://ada:secret@h.example/r", "vcs_info": {"commit_id": COMMIT}},
            f"git+https://h.example/r@{COMMIT}",
        ),
        (
            {"url": "ssh://git@h.example:22/o/r", "vcs_info": {"commit_id": COMMIT}},
            f"git+https://h.example/o/r@{COMMIT}",
        ),
        ({"url": "file:///srv/r", "vcs_info": {"commit_id": COMMIT}}, None),
        (
            {"url": "https://h.example/a.whl", "archive_info": {"hashes": {"sha256": DIGEST}}},
            f"https://h.example/a.whl#sha256={DIGEST}",
        ),
        ({"url": "https://h.example/a.whl", "archive_info": {}}, None),
        (
            {"url": "https://h.example/a.tar.gz", "archive_info": {"hashes": {"sha256": DIGEST}}},
            None,
        ),
        ({"url": "file:///srv/a.whl", "archive_info": {"hashes": {"sha256": DIGEST}}}, None),
        ({"url": "file:///srv", "dir_info": {}}, None),
        ({}, None),
    ],
)
def test_what_pip_recorded_of_an_address_is_what_a_pipeline_installs(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, record: dict[str, Any], found: str | None
) -> None:
    class Installed:
        def read_text(self, name: str) -> str:
            assert name == "direct_url.json"
            return json.dumps(record)

    monkeypatch.setattr(metadata, "distribution", lambda name: Installed())
    # Not the checkout that these tests run from.
    runs_from(monkeypatch, tmp_path)
    assert package.installed_package() == found


@pytest.mark.parametrize(
    ("origin", "found"),
    [
        ("https://h.example/o/r.git", "git+https://h.example/o/r.git@"),
        ("https://token@h.example/o/r.git", "git+https://h.example/o/r.git@"),
        ("git@h.example:o/r.git", "git+https://h.example/o/r.git@"),
        ("ssh://git@h.example/o/r", "git+https://h.example/o/r@"),
        ("/srv/r", None),
        ("http://h.example/r", None),
        ("", None),
    ],
)
def test_a_checkout_is_its_commit_at_its_origin(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, origin: str, found: str | None
) -> None:
    git(tmp_path, "init", "--quiet")
    (tmp_path / "pyproject.toml").touch()
    git(tmp_path, "commit", "--quiet", "--allow-empty", "--message", "first")
    if origin:
        git(tmp_path, "remote", "add", "origin", origin)
    record = {"url": tmp_path.as_uri(), "dir_info": {"editable": True}}
    monkeypatch.setattr(package, "_recorded", lambda: record)
    runs_from(monkeypatch, tmp_path)
    commit = git(tmp_path, "rev-parse", "HEAD")
    assert package.installed_package() == (found and found + commit)


def runs_from(monkeypatch: pytest.MonkeyPatch, root: Path) -> None:
    monkeypatch.setattr(package, "__file__", str(root / "reconciler" / "cli" / "package.py"))


@pytest.mark.parametrize("origin", ["https://h.example/o/r.git", ""])
def test_a_program_that_runs_from_a_checkout_is_none_that_is_installed_beside_it(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, origin: str
) -> None:
    git(tmp_path, "init", "--quiet")
    (tmp_path / "pyproject.toml").touch()
    git(tmp_path, "commit", "--quiet", "--allow-empty", "--message", "first")
    if origin:
        git(tmp_path, "remote", "add", "origin", origin)
    record = {"url": "https://h.example/other.git", "vcs_info": {"commit_id": COMMIT}}
    monkeypatch.setattr(package, "_recorded", lambda: record)
    runs_from(monkeypatch, tmp_path)
    commit = git(tmp_path, "rev-parse", "HEAD")
    assert package.installed_package() == (f"git+{origin}@{commit}" if origin else None)


def locked() -> dict[str, Requirement]:
    text = LOCK.read_text(encoding="utf-8").replace("\\\n", " ")
    rows = [line for line in text.splitlines() if line and not line.startswith("#")]
    assert [row for row in rows if not re.search(r"--hash=sha256:[0-9a-f]{64}", row)] == []
    # No option, as one that names an index would be, and no address.
    assert [row for row in rows if re.search(r"://|^-| --(?!hash=sha256:)| @ ", row)] == []
    found = (Requirement(row.partition(" --hash")[0]) for row in rows)
    return {canonicalize_name(row.name): row for row in found}


def test_the_lock_holds_the_versions_that_ci_tests_and_all_that_the_package_needs() -> None:
    lock = locked()
    for row in lock.values():
        assert [one.operator for one in row.specifier] == ["=="], row
    pins = {
        canonicalize_name(row.name): row.specifier
        for row in map(Requirement, (ROOT / "constraints.txt").read_text().split())
    }
    assert {
        name for name in lock if pins.get(name, lock[name].specifier) != lock[name].specifier
    } == set()
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    asked = [*project["project"]["dependencies"], *project["build-system"]["requires"]]
    waiting, seen = [Requirement(text) for text in asked], set()
    while waiting:
        wanted = waiting.pop()
        name = canonicalize_name(wanted.name)
        assert name in lock, f"script/lock has not been run: {name}"
        (version,) = (one.version for one in lock[name].specifier)
        assert version in wanted.specifier, f"script/lock has not been run: {wanted}"
        if name in seen:
            continue
        seen.add(name)
        try:
            needs = metadata.requires(name) or ()
        except metadata.PackageNotFoundError:  # What builds the package is not installed here.
            continue
        if metadata.version(name) != version:  # With the lowest versions, others are installed.
            continue
        rows = [Requirement(text) for text in needs]
        waiting += [row for row in rows if not row.marker or row.marker.evaluate({"extra": ""})]
