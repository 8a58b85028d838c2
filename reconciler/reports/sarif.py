"""Findings as SARIF 2.1.0, for code scanning: a format of the OASIS standards body."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from typing import Any
from urllib.parse import quote

from reconciler import __version__
from reconciler.model.text import printable
from reconciler.reports.json_text import json_text
from reconciler.reports.marks import Level, Mark, from_root, marks_of_changes, marks_of_plans
from reconciler.reports.spans import Look
from reconciler.reports.wording import code_words

SCHEMA = "https://json.schemastore.org/sarif-2.1.0.json"

_TEXTS = {
    "invalid-configuration": "A file is not valid.",
    "odd-configuration": "A value is legal and unusual.",
    "change": "A line takes something away from somebody.",
}


def log(marks: Iterable[Mark], look: Look) -> str:
    """Return one SARIF log with one run that holds these marks."""
    found = [from_root(mark, look.folder) for mark in marks]
    rules = sorted({mark.rule for mark in found})
    document = {
        "$schema": SCHEMA,
        "version": "2.1.0",
        "runs": [
            {
                "tool": {
                    "driver": {
                        "name": "reconciler",
                        "version": __version__,
                        "semanticVersion": __version__,
                        "rules": [_rule(rule) for rule in rules],
                    }
                },
                "columnKind": "unicodeCodePoints",
                "results": [_result(mark, rules) for mark in found],
            }
        ],
    }
    return json_text(document)


def render_all(documents: Sequence[Mapping[str, Any]], look: Look) -> str:
    """Return the refusals of one or several plans, the lines that take something away, then the
    warnings and what waits.
    """
    marks = list(marks_of_plans(documents))
    errors = [mark for mark in marks if mark.level is Level.ERROR]
    taking = marks_of_changes(documents, taking=True)
    return log([*errors, *taking, *(mark for mark in marks if mark not in errors)], look)


def _rule(rule: str) -> dict[str, Any]:
    text = printable(_TEXTS.get(rule, f"{code_words(rule).capitalize()}."))
    return {"id": rule, "shortDescription": {"text": text}}


def _result(mark: Mark, rules: list[str]) -> dict[str, Any]:
    text = printable(f"{mark.title}: {mark.message}")
    result: dict[str, Any] = {
        "ruleId": mark.rule,
        "ruleIndex": rules.index(mark.rule),
        "level": mark.level.value,
        # In a message, braces are placeholders and brackets make links; a value makes neither.
        "message": {"text": _escaped(text)},
        "partialFingerprints": {"reconciler/1": _fingerprint(mark)},
    }
    if mark.file is not None:
        artifact = {"uri": _uri(mark.file)}
        if not mark.file.startswith("/"):
            artifact["uriBaseId"] = "%SRCROOT%"
        region = {"startLine": mark.line, "startColumn": mark.column}
        place = {"artifactLocation": artifact, "region": region}
        result["locations"] = [{"physicalLocation": place}]
    return result


def _escaped(text: str) -> str:
    for character in "\\[]":
        text = text.replace(character, f"\\{character}")
    return text.replace("{", "{{").replace("}", "}}")


def _uri(file: str) -> str:
    return quote(file.encode("utf-8", "surrogatepass"))


def _fingerprint(mark: Mark) -> str:
    # Without the line, so that a finding stays the same one when lines above it come and go.
    key = f"{mark.rule}\n{mark.file}\n{mark.message}"
    return hashlib.sha256(key.encode("utf-8", "surrogatepass")).hexdigest()[:32]
