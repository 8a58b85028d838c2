"""Registering machines, removing them, and binding offline licenses to them."""

from __future__ import annotations

import secrets
from collections.abc import Sequence

from reconciler.products import Product, SeatUnit
from reconciler.server.clock import instant_text
from reconciler.server.pools import read_pool
from reconciler.server.rules import Pool, Rejection, offline_problem, register_problem
from reconciler.server.sessions import end_machine_sessions
from reconciler.server.writing import Outcome, Result, Write

_ACTIVATE_ON_HOST = Rejection(
    "activate_on_host", "A machine of this product registers when it is activated on its host."
)
_OFFLINE_LOCKED = Rejection(
    "offline_locked", "The machine holds an offline license, which is irrevocable until it expires."
)


def register_machines(
    write: Write, organization: int, product: Product, machines: Sequence[str]
) -> Outcome:
    """Register machines in the order given while seats and the machine quota last."""
    pool = read_pool(write.connection, organization, product, write.now)
    results = []
    for machine in machines:
        result = _register(write, organization, pool, machine)
        if result.status == "registered":
            pool = read_pool(write.connection, organization, product, write.now)
        write.record(organization, pool, "register_machine", result)
        results.append(result)
    return Outcome(tuple(results), pool)


def _register(write: Write, organization: int, pool: Pool, machine: str) -> Result:
    if pool.product.seat is not SeatUnit.MACHINE:
        return Result(machine, "rejected", _ACTIVATE_ON_HOST)
    if _is_registered(write, organization, pool.product, machine):
        return Result(machine, "unchanged")
    problem = register_problem(pool, write.now)
    if problem:
        return Result(machine, "rejected", problem)
    _add_machine(write, organization, pool.product, machine)
    return Result(machine, "registered")


def remove_machine(write: Write, organization: int, product: Product, machine: str) -> Outcome:
    """Remove a registered machine and end its sessions, unless an offline license binds it."""
    pool = read_pool(write.connection, organization, product, write.now)
    if _holds_offline(write, organization, product, machine):
        result = Result(machine, "rejected", _OFFLINE_LOCKED)
    else:
        removed = write.connection.execute(
            "DELETE FROM machines WHERE organization_id = ? AND feature = ? AND machine_id = ?",
            (organization, product.feature, machine),
        ).rowcount
        pool = read_pool(write.connection, organization, product, write.now)
        if removed:
            pool = end_machine_sessions(write, organization, pool, machine)
        result = Result(machine, "removed" if removed else "unchanged")
    write.record(organization, pool, "remove_machine", result)
    return Outcome((result,), pool)


def issue_offline(
    write: Write, organization: int, product: Product, machine: str, expires: str
) -> Outcome:
    """Bind an offline license to a machine until `expires`; it cannot be taken back."""
    pool = read_pool(write.connection, organization, product, write.now)
    registered = _is_registered(write, organization, product, machine)
    problem = offline_problem(
        pool,
        registered=registered,
        holds_offline=_holds_offline(write, organization, product, machine),
        expires=expires,
        now=write.now,
    )
    if problem is None:
        if not registered:
            _add_machine(write, organization, product, machine)
        _add_offline(write, organization, product, machine, expires)
        pool = read_pool(write.connection, organization, product, write.now)
    result = Result(machine, "rejected" if problem else "issued", problem)
    write.record(organization, pool, "issue_offline", result)
    return Outcome((result,), pool)


def _is_registered(write: Write, organization: int, product: Product, machine: str) -> bool:
    return bool(
        write.connection.execute(
            "SELECT 1 FROM machines WHERE organization_id = ? AND feature = ? AND machine_id = ?",
            (organization, product.feature, machine),
        ).fetchone()
    )


def _holds_offline(write: Write, organization: int, product: Product, machine: str) -> bool:
    return bool(
        write.connection.execute(
            "SELECT 1 FROM offline_licenses WHERE organization_id = ? AND feature = ?"
            " AND machine_id = ? AND (expires IS NULL OR expires >= ?)",
            (organization, product.feature, machine, write.now),
        ).fetchone()
    )


def _add_machine(write: Write, organization: int, product: Product, machine: str) -> None:
    write.connection.execute(
        "INSERT INTO machines (organization_id, feature, machine_id) VALUES (?, ?, ?)",
        (organization, product.feature, machine),
    )


def _add_offline(
    write: Write, organization: int, product: Product, machine: str, expires: str
) -> None:
    # An expired license of the same machine gives way; the history keeps that it was there.
    write.connection.execute(
        "DELETE FROM offline_licenses WHERE organization_id = ? AND feature = ? AND machine_id = ?",
        (organization, product.feature, machine),
    )
    write.connection.execute(
        "INSERT INTO offline_licenses (organization_id, feature, machine_id, email, value,"
        " created_at, expires) SELECT organization_id, feature, machine_id, email, ?, ?, ?"
        " FROM machines WHERE organization_id = ? AND feature = ? AND machine_id = ?",
        (
            secrets.token_hex(16),
            instant_text(write.moment),
            expires,
            organization,
            product.feature,
            machine,
        ),
    )
