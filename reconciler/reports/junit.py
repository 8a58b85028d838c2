"""Findings as JUnit XML, in the form that Jenkins' xUnit plugin describes (`junit-10.xsd`)."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from xml.etree.ElementTree import Element, SubElement, indent, tostring

from reconciler.model.text import printable
from reconciler.reports.spans import Look
from reconciler.reports.takings import Taking, takings
from reconciler.reports.wording import (
    ACTIONS,
    code_words,
    flags,
    place_text,
    refusal_source,
    remarks,
    subject_text,
    title,
    unread,
)
from reconciler.reports.write_notes import WriteNote, write_notes

Document = Mapping[str, Any]

_WHOLE = "the organization as a whole"


@dataclass(frozen=True, slots=True)
class Failure:
    """One reason why a case failed."""

    kind: str
    message: str
    place: str


@dataclass(frozen=True, slots=True)
class Case:
    """One thing that was checked; it passed where there are no failures.

    `said` is what a person should read of it, whether it passed or not.
    """

    group: str
    name: str
    failures: tuple[Failure, ...] = ()
    said: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Suite:
    """The cases of one file or organization."""

    name: str
    cases: tuple[Case, ...]

    @property
    def failed(self) -> int:
        """How many cases failed."""
        return sum(bool(case.failures) for case in self.cases)


def xml(name: str, suites: Iterable[Suite]) -> str:
    """Return the suites as one XML document."""
    rows = list(suites)
    counts = {
        "tests": str(sum(len(suite.cases) for suite in rows)),
        "failures": str(sum(suite.failed for suite in rows)),
        "errors": "0",
    }
    root = Element("testsuites", {"name": name, **counts})
    for suite in rows:
        _suite(root, suite)
    indent(root)
    return f'<?xml version="1.0" encoding="UTF-8"?>\n{tostring(root, encoding="unicode")}\n'


def render_all(documents: Sequence[Document], look: Look) -> str:
    """Return one or several plans: a suite an organization, in it a case a product."""
    organizations = [row for document in documents for row in document["organizations"]]
    worst = [row.organization for row in takings(organizations)]
    taking = {id(row) for row in worst}
    rest = (row for row in organizations if id(row) not in taking)
    suites = [_written(told) for told in write_notes(documents)]
    suites += [_organization(row) for row in (*worst, *rest)]
    return xml("reconciler plan", [*suites, *(_not_read(row) for row in unread(documents))])


def _written(told: WriteNote) -> Suite:
    return Suite(told.heading, tuple(Case(told.heading, row) for row in told.lines))


def _not_read(row: Document) -> Suite:
    name = f"organization {row['id']}"
    return Suite(name, (Case(name, _WHOLE, (Failure("not_read", row["message"], ""),)),))


def _organization(organization: Document) -> Suite:
    name = title(organization)
    products = [str(pool["product"]) for pool in organization["pools"]]
    refusals: dict[str | None, list[Failure]] = {None: []}
    for refusal in organization["refusals"]:
        # Where a whole organization is refused, that is its own case and no product's.
        scope = refusal.get("product") if refusal["scope"] != "organization" else None
        refusals.setdefault(scope, []).append(
            Failure(refusal["code"], refusal["message"], place_text(refusal_source(refusal)))
        )
    named = [*products, *(key for key in refusals if key is not None and key not in products)]
    said = tuple(line for row in takings([organization]) for line in _taken(row))
    cases = [Case(name, _WHOLE, tuple(refusals[None]), said)]
    cases += [Case(name, product, tuple(refusals.get(product, ()))) for product in named]
    return Suite(name, tuple(cases))


def _taken(row: Taking) -> Iterator[str]:
    yield row.counts.words
    for change in row.changes:
        said = "; ".join([*remarks(change), *flags(change)])
        what = f"{ACTIONS[change['action']].name} {change['product']}: {subject_text(change)}"
        yield f"{what} ({said})" if said else what


def _suite(root: Element, suite: Suite) -> None:
    counts = {"tests": str(len(suite.cases)), "failures": str(suite.failed), "errors": "0"}
    element = SubElement(root, "testsuite", {"name": printable(suite.name), **counts})
    for case in suite.cases:
        attributes = {"classname": printable(case.group), "name": printable(case.name)}
        row = SubElement(element, "testcase", attributes)
        for failure in case.failures:
            attributes = {
                "type": printable(code_words(failure.kind)),
                "message": printable(failure.message),
            }
            place = f"{failure.place}: " if failure.place else ""
            SubElement(row, "failure", attributes).text = printable(f"{place}{failure.message}")
        if case.said:
            SubElement(row, "system-out").text = "\n".join(map(printable, case.said))
