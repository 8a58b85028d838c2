"""Saved plans: telling them from organization files, and reading them."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from reconciler.config.text import is_open_already
from reconciler.errors import PlanFileError
from reconciler.model.plan_document import changes_digest, document_digest, from_document

FORMAT = "license-plan/1"
_LARGEST = 512 * 1024 * 1024


class EditedPlanError(PlanFileError):
    """A saved plan does not hold what its digests were made of."""


def is_plan_file(path: str) -> bool:
    """Tell whether a path is a saved plan: JSON whose `format` says so."""
    file = Path(path)
    try:
        if not file.is_file():
            return False  # A pipe can be read only once, and not by us.
        with file.open("rb") as stream:
            head = stream.read(4096)
    except OSError:
        return False
    # The format comes first in every plan that is written here, so that a large organization
    # file is not parsed twice only to be told from a plan.
    if head.lstrip()[:1] != b"{" or b'"license-plan/' not in head:
        return False
    document = _read(path)
    return isinstance(document, dict) and str(document.get("format")).startswith("license-plan/")


def load_plan(path: str) -> Mapping[str, Any]:
    """Return the document of a saved plan.

    Raises `PlanFileError` where it is none, and `EditedPlanError` where it was edited.
    """
    document = read_document(path)
    found = document.get("format")
    if found is None:
        raise PlanFileError(
            f"{path}: is not a saved plan (there is no `format: {FORMAT}` in it)",
            hint="`reconciler plan --out FILE` saves one",
        )
    if found != FORMAT:
        raise PlanFileError(
            f"{path}: its format is {found!r}; this version reads {FORMAT}",
            hint="make the plan again with this version, or use the version that made it",
        )
    check_shape(path, document)
    _check_digests(path, document)
    return document


def _check_digests(path: str, document: Mapping[str, Any]) -> None:
    computed = changes_digest(from_document(document))
    if document["digest"] != document_digest(document) or document["changes_digest"] != computed:
        raise EditedPlanError(
            f"{path}: was edited after it was made: its digests are those of another content",
            hint="change the files, not the plan, and make it again with `reconciler plan --out`",
        )


def read_document(path: str) -> Mapping[str, Any]:
    """Return what a JSON file holds; raises `PlanFileError` where that is no mapping."""
    document = _read(path)
    if isinstance(document, dict):
        return document
    raise PlanFileError(f"{path}: is not a saved plan: it holds no mapping")


def check_shape(path: str, document: Mapping[str, Any]) -> None:
    """Raise `PlanFileError` where a plan's document breaks the published schema."""
    from reconciler.schema import problems

    found = problems("plan", document)
    if found:
        first = found[0]
        place = "/".join(map(str, first.path)) or "the top"
        more = f" (and {len(found) - 1} more)" if len(found) > 1 else ""
        raise PlanFileError(
            f"{path}: is not a valid plan: at {place}: {first.message}{more}",
            hint="a plan is not edited by hand; make it again with `reconciler plan --out FILE`",
        )


def _read(path: str) -> Any:
    file = Path(path)
    try:
        if file.exists() and not (file.is_file() or file.is_dir() or is_open_already(file)):
            raise PlanFileError(f"{path}: is a pipe or a device, not a regular file")
        if file.stat().st_size > _LARGEST:
            raise PlanFileError(f"{path}: is larger than {_LARGEST // 1024**2} MiB; not a plan")
        return json.loads(file.read_bytes())
    except OSError as error:
        raise PlanFileError(f"{path}: cannot be read: {error.strerror or error}") from error
    except (ValueError, RecursionError) as error:
        raise PlanFileError(f"{path}: is not JSON: {error}") from error
