"""What `validate` found, by format name."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType

from reconciler.model.source import Problem
from reconciler.model.text import printable
from reconciler.reports.counts import counted
from reconciler.reports.json_text import json_text
from reconciler.reports.marks import Level, Mark, marks_of_problems
from reconciler.reports.spans import Look


@dataclass(frozen=True, slots=True)
class Findings:
    """The files that were checked, what is wrong with them, and what is merely odd."""

    files: tuple[str, ...] = ()
    problems: tuple[Problem, ...] = ()
    warnings: tuple[Problem, ...] = ()
    organizations: int = 0

    @property
    def lines(self) -> list[str]:
        """Each problem and each warning in a line, its place first."""
        lines = [str(problem) for problem in self.problems]
        return [*lines, *(f"{problem} (warning)" for problem in self.warnings)]

    @property
    def verdict(self) -> str:
        """How many problems there are, or what was found valid."""
        if self.problems:
            return f"{counted(len(self.problems), 'problem')}: not valid"
        files = counted(len(self.files), "file")
        return f"{files} with {counted(self.organizations, 'organization')}: valid"


def _text(findings: Findings, look: Look) -> str:
    lines = [*findings.lines, findings.verdict]
    return "".join(printable(row) + "\n" for row in lines)


def _json(findings: Findings, look: Look) -> str:
    document = {
        "valid": not findings.problems,
        "files": list(findings.files),
        "problems": _rows(findings.problems),
        "warnings": _rows(findings.warnings),
    }
    return json_text(document)


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


def _marks(findings: Findings) -> list[Mark]:
    return [
        *marks_of_problems(findings.problems, Level.ERROR),
        *marks_of_problems(findings.warnings, Level.WARNING),
    ]


def _github(findings: Findings, look: Look) -> str:
    from reconciler.reports import github

    return github.commands(_marks(findings), look)


def _sarif(findings: Findings, look: Look) -> str:
    from reconciler.reports import sarif

    return sarif.log(_marks(findings), look)


def _junit(findings: Findings, look: Look) -> str:
    from reconciler.reports import junit

    failures: dict[str, list[junit.Failure]] = {file: [] for file in findings.files}
    for problem in findings.problems:
        place = problem.source
        where = f"{place.file}:{place.line or 1}:{place.column or 1}"
        failure = junit.Failure("invalid configuration", problem.message, where)
        failures.setdefault(place.file, []).append(failure)
    cases = [junit.Case("validate", file, tuple(rows)) for file, rows in sorted(failures.items())]
    return junit.xml("reconciler validate", [junit.Suite("files", tuple(cases))])


FORMATS: Mapping[str, Callable[[Findings, Look], str]] = MappingProxyType(
    {"text": _text, "json": _json, "github": _github, "sarif": _sarif, "junit": _junit}
)
"""Every format in which the findings can be shown; a new one is a function and a row."""

FINDING_FORMATS = frozenset({"github", "sarif", "junit"})
"""The formats of plans that say what is wrong, and so can say it where there is no plan."""
