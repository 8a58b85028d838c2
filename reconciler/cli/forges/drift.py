"""The one issue that says that the licensing system is not as the files want it."""

from __future__ import annotations

from dataclasses import dataclass

from reconciler.cli.exits import Exit
from reconciler.cli.forges.comments import find
from reconciler.cli.forges.markers import Marker, marked
from reconciler.cli.forges.protocol import Document, Forge
from reconciler.cli.forges.texts import drift_text

TITLE = "Licenses differ from the files"


@dataclass(frozen=True, slots=True)
class Drift:
    """What a drift check found: the plan, and the code that planning ended with."""

    plan: Document | None
    code: int = Exit.DONE

    @property
    def found(self) -> bool:
        """Whether something would change, or is withheld until a person acts."""
        rows = self.plan["organizations"] if self.plan else ()
        return any(row["changes"] or row["refusals"] for row in rows)

    @property
    def certain(self) -> bool:
        """Whether every organization was read: only then is nothing found the same as no drift."""
        if self.plan is None or self.plan.get("unread"):
            return False
        return self.code in {Exit.DONE, Exit.PENDING, Exit.REFUSED}


def tell_drift(forge: Forge, name: str, drift: Drift) -> str:
    """Open, edit or close the issue of this name, and return what was done in one line."""
    issue = find(forge.open_issues(), name, forge.author)
    if drift.found and drift.plan is not None:
        marker = Marker(name, str(drift.plan["changes_digest"]), forge.run)
        body = marked(marker, drift_text(drift.plan, forge, certain=drift.certain))
        url = forge.put_issue(TITLE, body, None if issue is None else issue.number)
        done = "opened" if issue is None else "updated"
        return f"drift: the issue was {done}{f': {url}' if url else ''}"
    if not drift.certain:
        return "not everything could be read, so the issue, if there is one, stays as it is"
    if issue is None:
        return "no drift, and no issue is open"
    where = f" ([run]({forge.run_url}))" if forge.run_url else ""
    forge.close_issue(issue.number, f"The licensing system is as the files want it{where}.")
    return f"no drift any more: the issue {issue.number} was closed"
