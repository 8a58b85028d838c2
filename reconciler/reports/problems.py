"""What `validate` found, by format name."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType

from reconciler.model.source import Problem
from reconciler.reports.counts import counted
from reconciler.reports.printable import printable


@dataclass(frozen=True, slots=True)
class Findings:
    """The files that were checked, what is wrong with them, and what is merely odd."""

    files: tuple[str, ...] = ()
    problems: tuple[Problem, ...] = ()
    warnings: tuple[Problem, ...] = ()
    organizations: int = 0


def _text(findings: Findings) -> str:
    lines = [str(problem) for problem in findings.problems]
    lines += [f"{problem} (warning)" for problem in findings.warnings]
    if findings.problems:
        lines.append(f"{counted(len(findings.problems), 'problem')}: not valid")
    else:
        files = counted(len(findings.files), "file")
        organizations = counted(findings.organizations, "organization")
        lines.append(f"{files} with {organizations}: valid")
    return "".join(printable(row) + "\n" for row in lines)


def _json(findings: Findings) -> str:
    document = {
        "valid": not findings.problems,
        "files": list(findings.files),
        "problems": _rows(findings.problems),
        "warnings": _rows(findings.warnings),
    }
    return json.dumps(document, ensure_ascii=False, indent=2) + "\n"


def _rows(problems: Sequence[Problem]) -> list[dict[str, object]]:
    return [
        {
            "file": problem.source.file,
            "line": problem.source.line or 1,
            "column": problem.source.column or 1,
            "message": problem.message,
        }
        for problem in problems
    ]


def _github(findings: Findings) -> str:
    levels = (("error", findings.problems), ("warning", findings.warnings))
    return "".join(
        f"::{level} file={_property(problem.source.file)},line={problem.source.line or 1},"
        f"col={problem.source.column or 1}::{_data(printable(problem.message))}\n"
        for level, problems in levels
        for problem in problems
    )


def _data(text: str) -> str:
    # The escapes of GitHub's workflow commands; without them a value could forge a command.
    return text.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")


def _property(text: str) -> str:
    return _data(text).replace(":", "%3A").replace(",", "%2C")


FORMATS: Mapping[str, Callable[[Findings], str]] = MappingProxyType(
    {"text": _text, "json": _json, "github": _github}
)
"""Every format in which the findings can be shown; a new one is a function and a row."""
