"""Starting sessions, as the vendor's products do; a reconciler never asks for one."""

from __future__ import annotations

import uuid
from dataclasses import dataclass

from reconciler.products import Product
from reconciler.server.clock import instant_text, second_text
from reconciler.server.emails import account_key
from reconciler.server.pools import read_pool
from reconciler.server.rules import Activation, Rejection, activation_problem
from reconciler.server.writing import Outcome, Result, Write


@dataclass(frozen=True, slots=True)
class ActivationRequest:
    """A machine that asks for a session on behalf of a user."""

    machine: str
    email: str
    session: str | None = None
    machine_name: str | None = None


def activate(
    write: Write, organization: int, product: Product, request: ActivationRequest
) -> tuple[Outcome, str]:
    """Register the machine where it is new, and start its session; return the session's ID.

    A session that this user runs there already is kept alive.
    """
    session = request.session or uuid.uuid4().hex
    pool = read_pool(write.connection, organization, product, write.now)
    if _keep_alive(write, organization, product, session, request):
        result = Result(request.machine, "unchanged")
    else:
        facts, spelled = _facts(write, organization, product, request)
        problem = activation_problem(pool, facts, write.now)
        if problem is None and _is_taken(write, organization, product, request.machine, session):
            problem = Rejection(
                "session_taken", "Another user's session on the machine has this ID."
            )
        if problem is None:
            _start(write, organization, product, request, session=session, email=spelled)
            pool = read_pool(write.connection, organization, product, write.now)
        result = Result(request.machine, "rejected" if problem else "activated", problem)
    write.record(organization, pool, "activate", result)
    return Outcome((result,), pool), session


def _keep_alive(
    write: Write, organization: int, product: Product, session: str, request: ActivationRequest
) -> bool:
    """Note a sign of life of a session and its machine; tell whether there is such a session."""
    values = {
        "organization": organization,
        "feature": product.feature,
        "machine": request.machine,
        "session": session,
        "user": account_key(request.email),
        "now": instant_text(write.moment),
        "second": second_text(write.moment),
    }
    of_machine = "organization_id = :organization AND feature = :feature AND machine_id = :machine"
    kept = write.connection.execute(
        f"UPDATE sessions SET active_at = :second WHERE {of_machine}"  # noqa: S608
        " AND session_id = :session AND email_key = :user",
        values,
    ).rowcount
    if kept:
        write.connection.execute(
            f"UPDATE machines SET last_seen = :now WHERE {of_machine}",  # noqa: S608
            values,
        )
    return bool(kept)


def _is_taken(
    write: Write, organization: int, product: Product, machine: str, session: str
) -> bool:
    return bool(
        write.connection.execute(
            "SELECT 1 FROM sessions WHERE organization_id = ? AND feature = ?"
            " AND machine_id = ? AND session_id = ?",
            (organization, product.feature, machine, session),
        ).fetchone()
    )


def _facts(
    write: Write, organization: int, product: Product, request: ActivationRequest
) -> tuple[Activation, str]:
    standing, spelled = write.member(organization, request.email)
    of_product = "organization_id = :organization AND feature = :feature"
    row = write.connection.execute(
        f"SELECT EXISTS (SELECT 1 FROM machines WHERE {of_product} AND machine_id = :machine)"  # noqa: S608
        " AS registered,"
        f" EXISTS (SELECT 1 FROM licensed_users WHERE {of_product} AND email_key = :user)"
        " AS licensed,"
        f" EXISTS (SELECT 1 FROM sessions WHERE {of_product} AND email_key = :user"
        " AND machine_id != :machine) AS elsewhere,"
        f" EXISTS (SELECT 1 FROM sessions WHERE {of_product} AND machine_id = :machine)"
        " AS busy",
        {
            "organization": organization,
            "feature": product.feature,
            "machine": request.machine,
            "user": account_key(request.email),
        },
    ).fetchone()
    return Activation(standing, **{k: bool(v) for k, v in dict(row).items()}), spelled


def _start(
    write: Write,
    organization: int,
    product: Product,
    request: ActivationRequest,
    *,
    session: str,
    email: str,
) -> None:
    values = {
        "organization": organization,
        "feature": product.feature,
        "machine": request.machine,
        "name": request.machine_name,
        "session": session,
        "email": email,
        "user": account_key(email),
        "now": instant_text(write.moment),
        "second": second_text(write.moment),
    }
    write.connection.execute(
        "INSERT INTO machines (organization_id, feature, machine_id, name, email, last_seen)"
        " VALUES (:organization, :feature, :machine, :name, :email, :now)"
        " ON CONFLICT (organization_id, feature, machine_id) DO UPDATE SET"
        " name = COALESCE(excluded.name, name), email = excluded.email,"
        " last_seen = excluded.last_seen",
        values,
    )
    write.connection.execute(
        "INSERT INTO sessions (organization_id, feature, session_id, machine_id, email,"
        " email_key, started_at, active_at) VALUES (:organization, :feature, :session,"
        " :machine, :email, :user, :now, :second)",
        values,
    )
