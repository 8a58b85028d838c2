"""A plan as numbered steps for a person in the vendor's License Management page."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from itertools import count, groupby

from reconciler.applying.checklist_taken import taken_words
from reconciler.applying.left import Left
from reconciler.applying.steps import Step, steps_of
from reconciler.applying.wording import Words, value
from reconciler.model.plan import Change, OrganizationPlan, Plan
from reconciler.products import PRODUCTS

PAGE = "{target}/organization/{organization}/admin/license-keys?product={page}"
"""Where the License Management page may show a product. The page and its product names were seen
in a browser; the query is a guess. The vendor documents none of it."""

WHO: Words = (
    "Only an Owner or Admin of the organization can do this, in its License Management page. "
    "Work from top to bottom: in this order no grant meets a full pool.",
)
LINKS: Words = (
    "Each link is a guess from what was seen in a browser. If it does not open the page, go to "
    "License Management by the menu and choose the product there.",
)
NOTHING: Words = ("There is nothing to do.",)
END: Words = (
    "When everything is ticked, run the same command again: it reads the licensing system, shows "
    "what is left, and ends with 0 once nothing is.",
)


@dataclass(frozen=True, slots=True)
class NumberedStep:
    """A step with its place in the checklist, and the page's address where one is known."""

    number: int
    step: Step
    address: str | None = None


@dataclass(frozen=True, slots=True)
class Section:
    """One organization's steps; there is at least one."""

    id: int
    name: str | None
    steps: tuple[NumberedStep, ...]


@dataclass(frozen=True, slots=True)
class Checklist:
    """Everything that a checklist says, before it has a format.

    `origin` says what it was made from; `others` is what is no step, a line each; `taken` is what
    the steps take away, which stands before all else.
    """

    origin: Words
    sections: tuple[Section, ...]
    others: tuple[Words, ...] = ()
    taken: tuple[Words, ...] = ()

    @property
    def steps(self) -> int:
        """How many steps there are."""
        return sum(len(section.steps) for section in self.sections)

    @property
    def links(self) -> bool:
        """Whether any step has an address."""
        return any(row.address for section in self.sections for row in section.steps)

    def before(self) -> Iterator[Words]:
        """Yield the paragraphs that stand above the steps."""
        yield from self.taken
        yield self.origin
        yield WHO if self.sections else NOTHING
        if self.links:
            yield LINKS


def checklist_of(plan: Plan, *, plan_digest: str, left: Mapping[int, Left]) -> Checklist:
    """Return the steps for what is left of a plan, in the plan's order.

    `left` holds what is left of each organization that has changes, by its ID. What the plan
    withholds or defers, and what no longer holds, is no step, and is told as such.
    """
    numbers = count(1)
    sections: list[Section] = []
    others: list[Words] = []
    taking: list[tuple[Words, tuple[Change, ...]]] = []
    for organization in plan.organizations:
        rest = left.get(organization.id, Left())
        others += _others(organization, rest)
        if not rest.stale and rest.changes:
            taking.append((title(organization.id, organization.name), rest.changes))
            steps = steps_of(rest.changes, rest.quotas)
            sections.append(
                section(plan.target, organization.id, organization.name, steps, numbers)
            )
    others += (
        (*title(row.id, None), ": could not be read: ", value(row.message)) for row in plan.unread
    )
    origin: Words = (
        "Made from the plan ",
        value(plan_digest),
        " for ",
        value(plan.target),
        ", as of ",
        value(plan.as_of.isoformat()),
        "; valid until ",
        value(plan.valid_until.isoformat()),
        ".",
    )
    return Checklist(origin, tuple(sections), tuple(others), taken_words(taking))


def section(
    target: str, organization: int, name: str | None, steps: Iterable[Step], numbers: Iterator[int]
) -> Section:
    """Return one organization's steps with their numbers and addresses."""
    rows = (
        NumberedStep(next(numbers), step, _address(target, organization, step)) for step in steps
    )
    return Section(organization, name, tuple(rows))


def title(organization: int, name: str | None) -> Words:
    """Return how an organization is called in a heading."""
    return (value(name), f" ({organization})") if name else (f"Organization {organization}",)


def has_page(target: str) -> bool:
    """Tell whether a licensing system is one with a page in a browser."""
    return target.startswith(("https://", "http://"))


def _address(target: str, organization: int, step: Step) -> str | None:
    product = PRODUCTS.get(step.product)
    if product is None or product.page is None or not has_page(target):
        return None
    return PAGE.format(target=target.rstrip("/"), organization=organization, page=product.page)


def _others(organization: OrganizationPlan, left: Left) -> Iterator[Words]:
    called = title(organization.id, organization.name)
    if left.error is not None:
        yield (*called, ": could not be read: ", value(left.error))
    if left.done:
        yield (*called, f": {len(left.done)} done already")
    for stale in left.stale:
        yield (*called, ": no longer holds: ", value(stale.message))
    for line in left.moved:
        yield (*called, ": moved since the plan: ", value(line))
    for refusal in organization.refusals:
        yield (*called, ": refused: ", value(refusal.message))
    deferred = sorted(row.reason for row in organization.deferred)
    for reason, found in groupby(deferred):
        yield (*called, f": {len(list(found))} deferred: ", value(reason))
