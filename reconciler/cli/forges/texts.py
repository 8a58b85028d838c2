"""The Markdown of comments and issues, around the reports that others make."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from types import MappingProxyType

from reconciler.applying.checklist_markdown import HEADING
from reconciler.cli.exits import Exit
from reconciler.cli.forges.fenced import fenced
from reconciler.cli.forges.protocol import Document, Forge
from reconciler.errors import RefusedError
from reconciler.reports.formats import RENDERERS
from reconciler.reports.spans import LIMIT, Look

_LARGEST = LIMIT

_BY_HAND: Mapping[int, str] = MappingProxyType(
    {
        Exit.DONE: "Nothing is left to do by hand",
        Exit.PENDING: "To be done by hand",
        Exit.REFUSED: "To be done by hand, and in part refused",
    }
)
_OUTCOMES: Mapping[int, str] = MappingProxyType(
    {
        Exit.DONE: "Applied",
        Exit.REFUSED: "Refused: nothing was written",
        Exit.PARTIAL: "Applied in part",
    }
)


def plan_text(plan: Document, run_url: str | None, longest: int = LIMIT) -> str:
    """Return a plan for a pull request: the report, and where the whole of it is."""
    report = RENDERERS["markdown"]([plan], Look(whole=run_url, room=longest))
    return f"{report.rstrip()}\n\n<sub>Made by {_run(run_url)}.</sub>\n"


def unplanned_text(run_url: str | None) -> str:
    """Return what stands in place of a plan that could not be made."""
    return (
        "### No plan\n\nThe files of this pull request could not be planned"
        f"{_link(run_url, '; what is wrong stands in ')}.\n\n"
        "Until a plan is made here, merging applies nothing.\n"
    )


def moved_text(lines: Sequence[str], digest: str, forge: Forge) -> str:
    """Return what a person is told where the reviewed plan is not the one of today."""
    return (
        "### Not applied: the plan is not the one that was reviewed\n\n"
        f"{fenced(lines)}\n\n"
        f"Nothing was written. The fresh plan stands in {_run(forge.run_url)}. Where it is right, "
        f"{forge.by_hand}:\n\n{fenced([digest])}\n"
    )


def outdated_text(refusal: RefusedError, run_url: str | None) -> str:
    """Return what a person is told where a run is not for the newest files."""
    hint = f"{refusal.hint[0].upper()}{refusal.hint[1:]}.\n\n" if refusal.hint else ""
    return (
        "### Not applied: these are not the newest files\n\n"
        f"{fenced([refusal.message])}\n\n{hint}"
        f"Nothing was written by {_run(run_url)}.\n"
    )


def outcome_text(code: int, account: str | None, run_url: str | None) -> str:
    """Return what an apply ended with: its account, or the steps that are left to a person."""
    title = _OUTCOMES.get(code, "Not applied")
    if account is None or not account.strip():
        said = "It ended without an account."
    elif is_checklist(account):
        title = _BY_HAND.get(code, "To be done by hand, and in part not known")
        # A checklist is Markdown already, and the values in it are escaped. What its steps take
        # away stands above the first organization.
        before, steps, _ = account.partition("\n## ")
        before = before.rstrip() if steps else HEADING
        too_many = "The steps are too many for a comment: they are `account.md`, kept by the run."
        said = account if len(account) <= _LARGEST else f"{before}\n\n{too_many}"
    else:
        said = fenced(account.strip().splitlines())
    return f"### {title}\n\n{said.rstrip()}\n\n<sub>See {_run(run_url)}.</sub>\n"


def is_checklist(account: str) -> bool:
    """Tell whether what an apply wrote are steps for a person, whatever it ended with."""
    return account.startswith(f"{HEADING}\n")


def drift_text(plan: Document, forge: Forge, *, certain: bool) -> str:
    """Return the body of the issue: what would change, and how to go on."""
    partly = "" if certain else "Some organizations could not be read; more may differ.\n\n"
    digest = str(plan["changes_digest"])
    report = RENDERERS["markdown"]([plan], Look(whole=forge.run_url, room=forge.longest))
    return (
        "The licensing system is not as the files on the main branch want it. Somebody changed it "
        "elsewhere, a date in the files has come, or a merge waits to be applied.\n\n"
        f"{partly}"
        f"To make it as the plan below says, {forge.by_hand}:\n\n{fenced([digest])}\n\n"
        "To keep it as it is, change the files.\n\n"
        "This issue is kept up to date and closes by itself"
        f"{_link(forge.run_url, '; the last to see to it was ')}.\n"
        f"\n{_without_marker(report)}"
    )


def _without_marker(report: str) -> str:
    first, _, rest = report.partition("\n")
    return rest if first.startswith("<!--") else report


def _run(url: str | None) -> str:
    return f"[the run]({url})" if url else "the run"


def _link(url: str | None, before: str) -> str:
    return f"{before}{_run(url)}" if url else ""
