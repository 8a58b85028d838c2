"""The words that every report uses for the rows of a plan's document."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from types import MappingProxyType
from typing import Any, NamedTuple

Document = Mapping[str, Any]


class Word(NamedTuple):
    """How an action is shown: its sign and its name."""

    sign: str
    name: str


ACTIONS: Mapping[str, Word] = MappingProxyType(
    {
        "grant": Word("+", "grant"),
        "remove": Word("-", "remove"),
        "reassign": Word("~", "reassign"),
        "issue_offline": Word("!", "issue offline"),
    }
)
"""Every action of a change."""

ROWS = ("changes", "deferred", "refusals", "warnings")
"""The lists of an organization that a reader has to look at."""


MISLEADING = frozenset({"organization_name", "look_alike"})
"""The warnings without which what a reader sees may stand for something else."""


def misleading(documents: Sequence[Document]) -> list[tuple[str, str]]:
    """Return the organization and the message of each warning about a name that may mislead."""
    return [
        (title(organization), str(warning["message"]))
        for document in documents
        for organization in document["organizations"]
        for warning in organization["warnings"]
        if warning["code"] in MISLEADING
    ]


def title(organization: Document) -> str:
    """Return an organization's name and ID."""
    name = organization.get("name")
    return f"{name} ({organization['id']})" if name else f"organization {organization['id']}"


def code_words(code: str) -> str:
    """Return a code as words: `not_a_member` is `not a member`."""
    return code.replace("_", " ")


def scope_words(refusal: Document) -> str:
    """Return how much a refusal withholds, as in `all grants of kse`."""
    product = refusal.get("product")
    match refusal["scope"]:
        case "organization":
            return "the whole organization"
        case "pool":
            grants = "all grants" if refusal["code"] == "over_quota" else "all changes"
            return f"{grants} of {product}" if product else grants
        case _:
            return str(product or "one change")


def subject_text(change: Document) -> str:
    """Return who gains or loses, as in `carol -> bob`, and until when."""
    subject = str(change["subject"]["id"])
    if change.get("from"):
        return f"{change['from']['id']} -> {subject}"
    return f"{subject} until {change['expires']}" if change.get("expires") else subject


def loser(change: Document) -> str | None:
    """Return who loses in a change, or None."""
    if change.get("from"):
        return str(change["from"]["id"])
    return str(change["subject"]["id"]) if change["action"] == "remove" else None


def loses_machine(change: Document) -> bool:
    """Tell whether who loses in a change is a machine."""
    return str((change.get("from") or change["subject"])["kind"]) == "machine"


def remarks(change: Document) -> list[str]:
    """Return what is worth saying of a change besides who and what."""
    found = []
    if change.get("pairing") == "declared":
        found.append("declared transfer")
    reason = change.get("reason")
    # A declared transfer shows whom it replaces; to say so again only makes the line long.
    if reason and not (found and change.get("from") and str(reason).startswith("replaces ")):
        found.append(str(reason))
    if change.get("cause") in {"drift", "date"}:
        found.append(f"cause: {change['cause']}")
    return found


def flags(change: Document) -> Iterator[str]:
    """Yield what a reviewer must not overlook in a change."""
    if change.get("loses_last_license"):
        what = "registration" if loses_machine(change) else "license"
        yield f"{loser(change)} loses the last {what}"
    if change.get("ends_sessions"):
        yield f"ends the online session on {', '.join(change['ends_sessions'])}"


def place_text(source: Document | None) -> str:
    """Return a place as `file:line:column`, or nothing."""
    if not source:
        return ""
    line = source.get("line")
    return f"{source['file']}:{line}:{source.get('column') or 1}" if line else str(source["file"])


def refusal_source(refusal: Document) -> Document | None:
    """Return the place of a refusal: its own, else that of the first change it withholds."""
    if refusal.get("source"):
        source: Document = refusal["source"]
        return source
    return next((row["source"] for row in refusal.get("withheld") or () if row.get("source")), None)


def is_unchanged(organization: Document) -> bool:
    """Tell whether there is nothing to look at in an organization."""
    return not any(organization[part] for part in ROWS)


def unread(documents: Sequence[Document]) -> list[Document]:
    """Return the organizations that could not be read and so are in no plan, with the reasons."""
    return [row for document in documents for row in document.get("unread", ())]
