"""What every write shares: its moment, its author, and its lines in the history."""

from __future__ import annotations

import sqlite3
from dataclasses import dataclass
from datetime import datetime

from reconciler.server.access import Principal
from reconciler.server.clock import instant_text, second_text
from reconciler.server.emails import account_key
from reconciler.server.rules import Pool, Rejection, Standing


@dataclass(frozen=True, slots=True)
class Result:
    """What became of one subject, spelled as the request did."""

    subject: str
    status: str
    rejection: Rejection | None = None


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of a write's subjects, in the request's order, and the pool afterwards."""

    results: tuple[Result, ...]
    pool: Pool

    @property
    def rejection(self) -> Rejection | None:
        """Why the first subject was turned away, where all of them were."""
        first = self.results[0].rejection
        return first if all(result.rejection for result in self.results) else None


@dataclass(frozen=True, slots=True)
class Write:
    """One write in progress, within its transaction."""

    connection: sqlite3.Connection
    principal: Principal
    moment: datetime
    idempotency_key: str | None = None

    @property
    def now(self) -> str:
        """The second that expiries are compared with."""
        return second_text(self.moment)

    def record(
        self,
        organization: int,
        pool: Pool | None,
        action: str,
        result: Result,
    ) -> None:
        """Add a line to the history, with the pool as it is after this step."""
        self.connection.execute(
            "INSERT INTO history (at, principal, organization_id, feature, action, subject,"
            " status, code, used_after, quota, idempotency_key)"
            " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
            (
                instant_text(self.moment),
                self.principal.name,
                organization,
                pool.product.feature if pool else None,
                action,
                result.subject,
                result.status,
                result.rejection.code if result.rejection else None,
                pool.used if pool else None,
                pool.quota if pool else None,
                self.idempotency_key,
            ),
        )

    def member(self, organization: int, email: str) -> tuple[Standing, str]:
        """Return a person's standing, and the email as the member list spells it."""
        row = self.connection.execute(
            "SELECT email, status FROM members WHERE organization_id = ? AND email_key = ?",
            (organization, account_key(email)),
        ).fetchone()
        if row is None:
            return Standing(member=False), email
        return Standing(member=True, pending=row["status"] == "PENDING"), row["email"]
