"""What pip installs in a pipeline: this very package, at an address that nobody else can fill."""

from __future__ import annotations

import json
import re
from importlib import metadata
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

from reconciler.errors import ReconcilerError

DISTRIBUTION = "license-reconciler"

# No character that a shell, YAML or pip would read as more than itself; no user and no password.
_HOST_AND_PATH = r"[A-Za-z0-9.-]+(?::[0-9]+)?/[A-Za-z0-9._~/+%-]+"
_GIT = re.compile(rf"git\+https://{_HOST_AND_PATH}@[0-9a-f]{{40}}")
_WHEEL = re.compile(rf"https://{_HOST_AND_PATH}\.whl#sha256=[0-9a-f]{{64}}")
_PINNED = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*==[0-9][A-Za-z0-9.!+]*")
_SCP = re.compile(r"[A-Za-z0-9_-]+@([A-Za-z0-9.-]+):(?!/)(.+)")
_COMMIT = re.compile(r"[0-9a-f]{40}")

FORMS = (
    "git+https://HOST/OWNER/reconciler@COMMIT with all 40 digits of the commit, "
    "https://HOST/….whl#sha256=DIGEST, or NAME==VERSION"
)
"""What a package may be, for messages."""


def is_pinned(package: str) -> bool:
    """Tell whether a package's address or name is one that stays the same for good."""
    return any(form.fullmatch(package) for form in (_GIT, _WHEEL, _PINNED))


def names_a_user(package: str) -> bool:
    """Tell whether an address has a user before its host, and with it perhaps a password."""
    return re.search(r"//[^/]*@", package) is not None


def foreign_name(package: str) -> str | None:
    """Return the name of a `NAME==VERSION` that is another than this project's, else None."""
    name = package.partition("==")[0] if _PINNED.fullmatch(package) else DISTRIBUTION
    return None if re.sub(r"[-_.]+", "-", name).lower() == DISTRIBUTION else name


def installed_package() -> str | None:
    """Return what this very program was installed from, or None where no pipeline can have that.

    It is the commit and the origin of the checkout that this program runs from, else what pip
    recorded of an address (PEP 610).
    """
    root = Path(__file__).parents[2]
    if _is_checkout(root):
        found = _of_checkout(root)
    else:
        recorded = _recorded()
        folder = _folder(recorded)
        found = _of_record(recorded)
        if found is None and folder is not None and _is_checkout(folder):
            found = _of_checkout(folder)
    return found if found is not None and is_pinned(found) else None


def _recorded() -> dict[str, Any]:
    try:
        text = metadata.distribution(DISTRIBUTION).read_text("direct_url.json")
        record = json.loads(text) if text else {}
    except (metadata.PackageNotFoundError, OSError, ValueError):
        return {}
    return record if isinstance(record, dict) else {}


def _of_record(record: dict[str, Any]) -> str | None:
    url, vcs, archive = (record.get(name) for name in ("url", "vcs_info", "archive_info"))
    if not isinstance(url, str):
        return None
    if isinstance(vcs, dict):
        return _git(url, str(vcs.get("commit_id")))
    if isinstance(archive, dict):
        hashes = archive.get("hashes")
        digest = hashes.get("sha256") if isinstance(hashes, dict) else None
        return f"{url.partition('#')[0]}#sha256={digest}"
    return None


def _folder(record: dict[str, Any]) -> Path | None:
    """Return the folder that a recorded file address names, as of an editable install."""
    parts = urlsplit(str(record.get("url", "")))
    return Path(unquote(parts.path)) if parts.scheme == "file" else None


def _is_checkout(root: Path) -> bool:
    # A program inside of an environment in somebody's own repository is none of its checkout.
    return (root / ".git").exists() and (root / "pyproject.toml").is_file()


def _of_checkout(root: Path) -> str | None:
    from reconciler.config.git import repository_of

    try:
        found = repository_of(root).checked_out()
    except ReconcilerError:  # No git here, which `init` does not need.
        return None
    return None if found is None else _git(found.origin, found.commit)


def _git(address: str, commit: str) -> str | None:
    """Return the address that pip takes, without a user or a password that it may hold."""
    scp = _SCP.fullmatch(address)
    if scp:
        address = f"https://{scp[1]}/{scp[2]}"
    parts = urlsplit(address)
    if parts.scheme not in {"https", "ssh"} or not parts.hostname or not _COMMIT.fullmatch(commit):
        return None
    host = parts.hostname if parts.scheme == "ssh" else parts.netloc.rpartition("@")[2]
    return f"git+https://{host}{parts.path}@{commit}"
