"""Making the plan's values: changes with their content hashes, deferrals and refusals."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from datetime import date

from reconciler.model.identity import Subject
from reconciler.model.plan import Action, Change, Deferral, Pairing, Refusal, Scope
from reconciler.model.source import Source
from reconciler.planning.demand import Candidate, Reason, Staying, Waiting


def change_id(
    organization: int,
    action: Action,
    product: str,
    subject: Subject,
    *,
    holder: Subject | None = None,
    expires: date | None = None,
) -> str:
    """Return the first 16 hex digits of the SHA-256 of a change's content."""
    content = [
        organization,
        action,
        product,
        [subject.kind, subject.id],
        None if holder is None else [holder.kind, holder.id],
        None if expires is None else expires.isoformat(),
    ]
    text = json.dumps(content, ensure_ascii=False, separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest()[:16]


@dataclass(frozen=True, slots=True)
class Maker:
    """Makes the values of one product in one organization."""

    organization: int
    product: str

    def gain(
        self,
        candidate: Candidate,
        *,
        holder: Subject | None = None,
        pairing: Pairing | None = None,
        reason: str | None = None,
    ) -> Change:
        """Return a grant, an offline license or, with a holder, a reassign."""
        action = Action.REASSIGN if holder is not None else candidate.action
        return self._change(
            action,
            candidate.subject,
            candidate.wanted.source,
            holder=holder,
            pairing=pairing,
            expires=candidate.expires,
            reason=reason,
        )

    def automatic(self, candidate: Candidate, holder: Subject) -> Change:
        """Return the reassign by which a candidate takes over the seat of one who leaves."""
        reason = f"takes over the seat of {holder.id}"
        return self.gain(candidate, holder=holder, pairing=Pairing.AUTOMATIC, reason=reason)

    def declared(self, candidate: Candidate) -> Change:
        """Return the change that a candidate asks for, a declared transfer where it names one."""
        holder = candidate.holder
        if holder is None:
            return self.gain(candidate)
        reason = f"replaces {holder.id}"
        return self.gain(candidate, holder=holder, pairing=Pairing.DECLARED, reason=reason)

    def remove(self, subject: Subject, source: Source, reason: str) -> Change:
        """Return the removal of a holder; `source` is the key of the list it is missing from."""
        return self._change(Action.REMOVE, subject, source, reason=reason)

    def deferral(self, waiting: Waiting) -> Deferral:
        """Return a wanted change that waits."""
        candidate = waiting.candidate
        return Deferral(
            action=candidate.action,
            product=self.product,
            subject=candidate.subject,
            reason=waiting.reason.code,
            message=waiting.reason.message,
            source=candidate.wanted.source,
            available_from=waiting.reason.available_from,
            expires=candidate.expires,
        )

    def stay(self, staying: Staying, source: Source) -> Deferral:
        """Return a removal that waits."""
        return Deferral(
            action=Action.REMOVE,
            product=self.product,
            subject=staying.subject,
            reason=staying.reason.code,
            message=staying.reason.message,
            source=source,
            available_from=staying.reason.available_from,
        )

    def refusal(self, reason: Reason, change: Change) -> Refusal:
        """Return the refusal of a single change."""
        return Refusal(
            code=reason.code,
            scope=Scope.CHANGE,
            product=self.product,
            message=reason.message,
            withheld=(change,),
            source=change.source,
        )

    def _change(
        self,
        action: Action,
        subject: Subject,
        source: Source,
        *,
        holder: Subject | None = None,
        pairing: Pairing | None = None,
        expires: date | None = None,
        reason: str | None = None,
    ) -> Change:
        return Change(
            id=change_id(
                self.organization, action, self.product, subject, holder=holder, expires=expires
            ),
            action=action,
            product=self.product,
            subject=subject,
            source=source,
            holder=holder,
            pairing=pairing,
            expires=expires,
            reason=reason,
        )
