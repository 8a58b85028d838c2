"""The files of a GitHub Actions step: its summary, and its outputs for later steps."""

from __future__ import annotations

import os
import secrets
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from reconciler.cli.forges.outputs import append_to
from reconciler.reports.counts import total
from reconciler.reports.spans import Look
from reconciler.reports.takings import counts_of, takings_of

if TYPE_CHECKING:
    from reconciler.reports.problems import Findings

Document = Mapping[str, Any]

_ACTIONS = ("grant", "remove", "reassign", "issue_offline")
_COUNTS = (*_ACTIONS, "losing", "deferred", "refused", "organizations")
_SUMMARY = 300_000
"""The most characters of a summary: GitHub takes a MiB, which is so many of three bytes each."""


def write_summary(documents: Sequence[Document], look: Look) -> None:
    """Append the plans as Markdown to the step's summary, where there is one."""
    target = os.environ.get("GITHUB_STEP_SUMMARY")
    if target:
        from reconciler.reports.markdown import render_all

        append_to(target, render_all(documents, replace(look, room=_SUMMARY)))


def write_outputs(documents: Sequence[Document]) -> None:
    """Append what a workflow decides by to the step's outputs, where there are any."""
    _write_rows(outputs_of(documents))


def write_findings(findings: Findings) -> None:
    """Append whether the files are valid, and what is wrong, to the step's summary."""
    target = os.environ.get("GITHUB_STEP_SUMMARY")
    if target:
        from reconciler.cli.forges.fenced import fenced

        title = "Not valid" if findings.problems else "Valid"
        said = [*findings.lines, findings.verdict]
        append_to(target, f"### {title}\n\n{fenced(said)}\n")


def write_validity(findings: Findings) -> None:
    """Append what `validate` found to the step's outputs, where there are any."""
    _write_rows(
        {
            "outcome": "invalid" if findings.problems else "valid",
            "problems": str(len(findings.problems)),
            "warnings": str(len(findings.warnings)),
            "files": str(len(findings.files)),
        }
    )


def write_invalid_plan(findings: Findings) -> None:
    """Append the outputs of a plan that could not be made: the same, with nothing in them."""
    problems = {"problems": str(len(findings.problems))}
    _write_rows({**outputs_of([]), "outcome": "invalid", "complete": "false", **problems})


def outputs_of(documents: Sequence[Document]) -> dict[str, str]:
    """Return the outputs of one or several plans: counts are added up, digests one a line."""
    summary = total(documents)
    changes = sum(summary.get(action, 0) for action in _ACTIONS)
    failed = any(document.get("unread") for document in documents)
    return {
        "outcome": _outcome(changes, summary.get("refused", 0), failed=failed),
        "changes": str(changes),
        "changes_digest": "\n".join(str(row["changes_digest"]) for row in documents),
        "digest": "\n".join(str(row["digest"]) for row in documents),
        "applyable": _truth(any(row["applyable"] for row in documents)),
        "complete": _truth(all(row["complete"] for row in documents)),
        **{name: str(summary.get(name, 0)) for name in _COUNTS},
        "losing_last": str(counts_of(takings_of(documents)).last),
    }


def _write_rows(rows: Mapping[str, str]) -> None:
    target = os.environ.get("GITHUB_OUTPUT")
    if target:
        append_to(target, "".join(_output(name, value) for name, value in rows.items()))


def _outcome(changes: int, refused: int, *, failed: bool) -> str:
    if failed:
        return "failed"
    if refused:
        return "refused"
    return "changes" if changes else "none"


def _truth(value: bool) -> str:
    return "true" if value else "false"


def _output(name: str, value: str) -> str:
    # The end mark is random, so that no value can end its own block and begin another output.
    mark = f"end-{secrets.token_hex(16)}"
    return f"{name}<<{mark}\n{value}\n{mark}\n"
