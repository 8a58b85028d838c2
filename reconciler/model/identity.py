"""Who holds a license: a user or a machine, and when two spellings are the same one."""

from __future__ import annotations

import unicodedata
from dataclasses import dataclass
from enum import StrEnum


class SubjectKind(StrEnum):
    """The two kinds of holders."""

    USER = "user"
    MACHINE = "machine"


def email_key(email: str) -> str:
    """Return the form in which emails are compared: NFC, then casefold.

    Normalized twice, since casefolding can undo the first normalization.
    """
    if email.isascii():
        return email.lower()
    folded = unicodedata.normalize("NFC", email).casefold()
    return unicodedata.normalize("NFC", folded)


@dataclass(frozen=True, slots=True, order=True)
class Subject:
    """A user (by email, spelled as the API spells it) or a machine (by machine ID)."""

    kind: SubjectKind
    id: str

    @property
    def key(self) -> str:
        """The form in which this subject is compared with others of its kind."""
        return email_key(self.id) if self.kind is SubjectKind.USER else self.id

    @property
    def compared(self) -> Subject:
        """This subject in its compared form: equal for two spellings of one email."""
        return Subject(self.kind, self.key)


def user(email: str) -> Subject:
    """Return the user of this email."""
    return Subject(SubjectKind.USER, email)


def machine(machine_id: str) -> Subject:
    """Return the machine of this ID."""
    return Subject(SubjectKind.MACHINE, machine_id)
