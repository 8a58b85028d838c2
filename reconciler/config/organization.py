"""An organization file that fits its schema, to what it wants."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

from reconciler.config.document import Document
from reconciler.config.files import Findings
from reconciler.config.groups import Groups
from reconciler.config.lists import MachineList, UserList
from reconciler.config.policy import PolicyLayer, effective_policy, looser_keys, read_policy
from reconciler.config.sound_part import defines_all_groups
from reconciler.model.desired import DesiredOrganization, DesiredProduct
from reconciler.model.identity import email_key
from reconciler.model.source import Problem, Source
from reconciler.products import PRODUCTS
from reconciler.schema_messages import shown

MAX_ENTRIES = 400_000
"""How many entries the lists of a file may hold; each takes about a kilobyte once it is read."""


def read_organization(
    document: Document, workspace: PolicyLayer, shared: Groups, findings: Findings
) -> DesiredOrganization:
    """Return what an organization file wants; adds to `findings` what is wrong with it.

    `workspace` and `shared` are the policy and the groups of its workspace. The result means
    something only where nothing was wrong.
    """
    report = findings.problems.append
    own = read_policy(document)
    findings.problems.extend(looser_keys(workspace, own))
    policy = effective_policy(workspace, own)
    groups = Groups((document,), report, shared=shared, complete=defines_all_groups(document))
    users = UserList(document, groups, report, findings.warnings.append)
    machines = MachineList(document, report, findings.warnings.append)
    sections: dict[str, Any] = document.data.get("products", {})
    products = []
    held = 0
    for key in PRODUCTS:
        if key not in sections:
            continue
        held += sum(len(sections[key].get(name, ())) for name in ("users", "machines"))
        if held > MAX_ENTRIES:
            message = f"the lists of the file hold more than {MAX_ENTRIES:,} entries up to here"
            report(Problem(document.child_key_source(sections, key), message))
            break
        section = sections[key]
        products.append(
            DesiredProduct(
                product=key,
                source=document.child_key_source(sections, key),
                users=users.read(section) if "users" in section else None,
                machines=machines.read(section) if "machines" in section else None,
            )
        )
    if policy.allowed_domains is not None:
        place = policy.sources["allowed_domains"]
        emails = _emails(document.name, products, groups)
        _check_domains(emails, policy.allowed_domains, place, report)
    named = "name" in document.data["organization"]
    name_source = document.source(("organization", "name")) if named else None
    return DesiredOrganization(
        id=int(document.data["organization"]["id"]),
        name=document.data["organization"].get("name"),
        source=document.source(("organization", "id")),
        products=tuple(products),
        policy=policy,
        name_source=name_source,
    )


def _emails(
    file: str, products: Iterable[DesiredProduct], groups: Groups
) -> Iterable[tuple[str, Source]]:
    """Yield every email at the places that name it: in the file, and in shared groups it uses."""
    yield from groups.members()
    shared: dict[Source, str] = {}
    for product in products:
        for wanted in product.users.wanted if product.users is not None else ():
            for entry in wanted.entries:
                if not entry.path:
                    yield wanted.subject.id, entry.source
                elif entry.source.file != file:
                    shared[entry.source] = wanted.subject.id
    for source, email in shared.items():
        yield email, source


def _check_domains(
    emails: Iterable[tuple[str, Source]],
    allowed: frozenset[str],
    place: Source,
    report: Callable[[Problem], None],
) -> None:
    for email, source in emails:
        domain = email_key(email.rpartition("@")[2])
        if domain not in allowed:
            message = f"the domain of {shown(email)} is not among the allowed_domains of {place}"
            report(Problem(source, message))
