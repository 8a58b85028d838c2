"""Who is meant by what a person typed: an email, a machine ID, or a machine's name."""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from reconciler.model.desired import DesiredOrganization
from reconciler.model.identity import Subject, SubjectKind, email_key, machine, user
from reconciler.model.state import OfflineLicense, OrganizationState, Session

_MOST = 3


@dataclass(frozen=True, slots=True)
class Names:
    """Everybody whom the files or the licensing system name in one organization.

    `users` maps compared emails to a spelling; `named` a machine's name, casefolded, to the
    machines that have it.
    """

    users: Mapping[str, str]
    machines: frozenset[str]
    named: Mapping[str, frozenset[str]]

    def meant(self, text: str) -> tuple[Subject, ...]:
        """Return the subjects that a text may mean here, sorted; nobody is an empty tuple."""
        found = set()
        if email_key(text) in self.users:
            found.add(user(self.users[email_key(text)]))
        if text in self.machines:
            found.add(machine(text))
        found |= {machine(one) for one in self.named.get(text.casefold(), ())}
        return tuple(sorted(found))


def names_of(desired: DesiredOrganization, state: OrganizationState) -> Names:
    """Return everybody who is named in one organization."""
    users: dict[str, str] = {}
    machines: set[str] = set()
    named: dict[str, set[str]] = {}

    def add_user(email: str | None) -> None:
        if email is not None:
            users.setdefault(email_key(email), email)

    def add_machine(identity: str, name: str | None) -> None:
        machines.add(identity)
        if name:
            named.setdefault(name.casefold(), set()).add(identity)

    for member in state.members or ():
        add_user(member.email)
    for licensed in state.licensed_users or ():
        add_user(licensed.email)
    for row in state.machines or ():
        add_machine(row.id, row.name)
        add_user(row.email)
    held: tuple[OfflineLicense | Session, ...] = state.offline_licenses or ()
    for license_ in (*held, *(state.sessions or ())):
        add_machine(license_.machine, None)
        add_user(license_.email)
    for subject, name in _in_files(desired):
        if subject.kind is SubjectKind.USER:
            add_user(subject.id)
        else:
            add_machine(subject.id, name)
    return Names(
        users,
        frozenset(machines),
        {name: frozenset(identities) for name, identities in named.items()},
    )


def near_matches(text: str, known: Iterable[Names]) -> tuple[str, ...]:
    """Return the few names that are written most like a text, the closest first."""
    words: dict[str, str] = {}
    for names in known:
        for key, spelled in names.users.items():
            words[key] = spelled
            words.setdefault(key.partition("@")[0], spelled)
        words.update({one.casefold(): one for one in names.machines})
        words.update({name: name for name in names.named})
    # Two emails of one domain have most of their letters in common.
    cutoff = 0.85 if "@" in text else 0.7
    close = difflib.get_close_matches(email_key(text), words, n=_MOST, cutoff=cutoff)
    return tuple(dict.fromkeys(words[word] for word in close))


def _in_files(desired: DesiredOrganization) -> Iterable[tuple[Subject, str | None]]:
    for product in desired.products:
        for one in (product.users, product.machines):
            for wanted in one.wanted if one is not None else ():
                yield wanted.subject, wanted.name
                if wanted.replaces is not None:
                    yield wanted.replaces, None
            for line in one.everyone if one is not None else ():
                yield from ((subject, None) for subject, _ in line.excluded)
    for key in sorted(desired.policy.protected):
        yield (user(key) if "@" in key else machine(key)), None
