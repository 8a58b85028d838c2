"""A plan as numbered steps for a person in the vendor's License Management page."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from itertools import groupby
from typing import Any

from reconciler.applying.markdown import block, code, link
from reconciler.applying.steps import Step, steps_of
from reconciler.products import PRODUCTS

PAGE = "{target}/organization/{organization}/admin/license-keys?product={page}"
"""Where the License Management page shows a product: observed, not documented by the vendor."""

Document = Mapping[str, Any]

_INTRODUCTION = (
    "Only an Owner or Admin of the organization can do this, in its License Management page. "
    "Work from top to bottom: in this order no grant meets a full pool."
)
_PAGES = (
    "The links were observed in a browser; the vendor does not document them. Where one does not "
    "lead there, open License Management from the organization's settings and choose the product."
)
_END = (
    "When everything is ticked, run `reconciler plan` again: an empty plan means everything is "
    "done. What it still shows is left to do."
)


def render(document: Document) -> str:
    """Return the Markdown steps for a plan's JSON document, in the plan's order.

    Nothing is known of whether a step was done: the next plan tells. What the plan withholds or
    defers is no step, and is told as such.
    """
    lines = ["# License changes to make by hand", ""]
    lines += [_origin(document), ""]
    organizations = [row for row in document["organizations"] if row["changes"]]
    if organizations:
        lines += [_INTRODUCTION, ""]
    else:
        lines += ["There is nothing to do.", ""]
    if organizations and _web(document):
        lines += [_PAGES, ""]
    number = 0
    for organization in organizations:
        lines += [f"## {_title(organization)}", ""]
        for step in steps_of(organization):
            number += 1
            lines += _step(document, organization, step, number)
    lines += _withheld(document["organizations"])
    if organizations:
        lines += [_END, ""]
    return "\n".join(lines)


def _origin(document: Document) -> str:
    return (
        f"Made from the plan {code(document['digest'])} for {code(document['target'])}, "
        f"as of {code(document['as_of'])}; valid until {code(document['valid_until'])}."
    )


def _title(organization: Document) -> str:
    name, number = organization.get("name"), int(organization["id"])
    return f"{code(name)} ({number})" if name else f"Organization {number}"


def _step(document: Document, organization: Document, step: Step, number: int) -> Iterator[str]:
    product = PRODUCTS.get(step.product)
    name = product.name if product else code(step.product)
    yield f"### {number}. {name}: {step.title}"
    yield ""
    page = product.page if product else None
    if page is not None and _web(document):
        address = PAGE.format(
            target=document["target"].rstrip("/"), organization=organization["id"], page=page
        )
        yield f"Page: {link('License Management', address)}"
        yield ""
    for task in step.tasks:
        yield f"- [ ] {task.text}"
        if task.copied:
            yield ""
            yield from block(task.copied, indent="  ")
            yield ""
    for check in step.checks:
        yield f"- [ ] Verify: {check}"
    yield ""
    if step.notes:
        yield from (f"> {note}  " for note in step.notes)
        yield ""


def _withheld(organizations: Sequence[Document]) -> list[str]:
    rows = []
    for organization in organizations:
        title = _title(organization)
        for refusal in organization["refusals"]:
            rows.append(f"- {title}: refused: {code(refusal['message'])}")
        deferred = sorted(row["reason"] for row in organization["deferred"])
        for reason, found in groupby(deferred):
            count = len(list(found))
            rows.append(f"- {title}: {count} deferred: {code(reason)}")
    return ["## Not among these steps", "", *rows, ""] if rows else []


def _web(document: Document) -> bool:
    return str(document["target"]).startswith(("https://", "http://"))
