"""Saved plans: telling them from organization files, and reading them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from reconciler.config.document import Document, load_json
from reconciler.errors import ConfigurationError, PlanFileError
from reconciler.model.plan_document import changes_digest, document_digest, from_document
from reconciler.schema_messages import shown
from reconciler.schema_problem import SchemaProblem

FORMAT = "license-plan/1"


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
    data = _read(path).data
    return isinstance(data, dict) and str(data.get("format")).startswith("license-plan/")


def load_plan(path: str) -> Mapping[str, Any]:
    """Return the document of a saved plan.

    Raises `PlanFileError` where it is none, and `EditedPlanError` where it was edited.
    """
    read = read_document(path)
    document: Mapping[str, Any] = read.data
    found = document.get("format")
    if found is None:
        raise PlanFileError(
            f"{path}: is not a saved plan (there is no `format: {FORMAT}` in it)",
            hint="`reconciler plan --out FILE` saves one",
        )
    if found != FORMAT:
        raise PlanFileError(
            f"{path}: its format is {shown(found)}; this version reads {FORMAT}",
            hint="make the plan again with this version, or use the version that made it",
        )
    check_shape(read)
    _check_digests(path, document)
    return document


def _check_digests(path: str, document: Mapping[str, Any]) -> None:
    computed = changes_digest(from_document(document))
    if document["digest"] != document_digest(document) or document["changes_digest"] != computed:
        raise EditedPlanError(
            f"{path}: was edited after it was made: its digests are those of another content",
            hint="change the files, not the plan, and make it again with `reconciler plan --out`",
        )


def read_document(path: str) -> Document:
    """Return what a JSON file holds, a mapping; raises `PlanFileError` where it holds none."""
    document = _read(path)
    if isinstance(document.data, dict):
        return document
    raise PlanFileError(f"{path}: is not a saved plan: it holds no mapping")


def check_shape(document: Document) -> None:
    """Raise `PlanFileError` where a plan breaks its schema, or holds an organization twice.

    An organization's changes are carried out in their order, one after the other: two parts of one
    organization would run side by side, and reports would count both.
    """
    from reconciler.schema import problems

    found = problems("plan", document.data) or list(_twice(document.data))
    if found:
        first = document.placed(found[0])
        place = "/".join(map(str, found[0].path)) or "the top"
        more = f" (and {len(found) - 1} more)" if len(found) > 1 else ""
        raise PlanFileError(
            f"{first.source}: is not a valid plan: at {place}: {first.message}{more}",
            hint="a plan is not edited by hand; make it again with `reconciler plan --out FILE`",
        )


def _twice(plan: Mapping[str, Any]) -> Iterator[SchemaProblem]:
    """Yield each organization of a plan that stands there a second time."""
    seen: set[int] = set()
    for place, row in enumerate(plan["organizations"]):
        if row["id"] in seen:
            message = f"organization {row['id']} is there already"
            yield SchemaProblem(("organizations", place, "id"), message)
        seen.add(row["id"])


def _read(path: str) -> Document:
    try:
        return load_json(path)
    except ConfigurationError as error:
        first = error.problems[0]
        whole = first.source.line == 0
        why = first.message.removeprefix("the file ") if whole else f"is not JSON: {first.message}"
        raise PlanFileError(f"{first.source}: {why}") from error
