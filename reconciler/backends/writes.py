"""Operations as requests, and the answers to them as outcomes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, assert_never

from reconciler.backends.answers import (
    UNCLEAR,
    clean,
    error_body,
    failure,
    is_json,
    is_refusal,
    server_message,
)
from reconciler.backends.days import end_of_day
from reconciler.backends.protocol import (
    EndSession,
    GrantMachines,
    GrantUsers,
    IssueOffline,
    Operation,
    Outcome,
    OutcomeStatus,
    RemoveMachine,
    RemoveUsers,
    Write,
)
from reconciler.backends.routes import Route
from reconciler.backends.transport import Answer, Call, Transport
from reconciler.errors import ApiError, UnclearOutcomeError
from reconciler.model.identity import email_key
from reconciler.products import PRODUCTS

_DONE: Mapping[Write, str | None] = {
    Write.GRANT_USERS: "granted",
    Write.REMOVE_USERS: "removed",
    Write.GRANT_MACHINES: "registered",
    Write.REMOVE_MACHINE: "removed",
    Write.ISSUE_OFFLINE: None,
    Write.END_SESSION: "ended",
}
"""The word for a write that took effect; another write's word tells nothing of this one."""


_SUCCESS: Mapping[Write, int] = dict.fromkeys(Write, 200) | {Write.ISSUE_OFFLINE: 201}
"""The status with which each write succeeds."""

_SUCCESSES = (200, 201, 202, 204)
"""Those with which one may succeed on a route that the workspace file sets."""


def _status(told: object, write: Write) -> OutcomeStatus | None:
    match told:
        case "unchanged":
            return OutcomeStatus.UNCHANGED
        case "rejected":
            return OutcomeStatus.REJECTED
        case str() if told == _DONE[write]:
            return OutcomeStatus.DONE
        case _:
            return None


@dataclass(frozen=True, slots=True)
class _Shape:
    """What an operation sends, and by which field its answer names each subject.

    `named` holds what an answer about a single subject says, where it says it.
    """

    write: Write
    subjects: tuple[str, ...]
    body: Mapping[str, Any] | None
    machine: str = ""
    session: str = ""
    named_by: str | None = None
    named: Mapping[str, str] = field(default_factory=dict)


def write_of(operation: Operation) -> Write:
    """Return which write an operation is."""
    match operation:
        case GrantUsers():
            return Write.GRANT_USERS
        case RemoveUsers():
            return Write.REMOVE_USERS
        case GrantMachines():
            return Write.GRANT_MACHINES
        case RemoveMachine():
            return Write.REMOVE_MACHINE
        case IssueOffline():
            return Write.ISSUE_OFFLINE
        case EndSession():
            return Write.END_SESSION
        case _:  # pragma: no cover
            assert_never(operation)


def run(
    transport: Transport,
    operation: Operation,
    *,
    routes: Mapping[Write, Route],
    idempotency_key: str,
) -> tuple[Outcome, ...]:
    """Send one operation, once, and return an outcome a subject, in the operation's order."""
    shape = _shape(operation)
    route = routes[shape.write]
    values = {
        "organization": str(operation.organization),
        "feature": PRODUCTS[operation.product].feature,
        "machine": shape.machine,
        "session": shape.session,
    }
    try:
        path, query = route.fill(values)
    except ValueError as error:
        raise ApiError(f"{transport.address}: {shape.write} cannot be sent: {error}") from error
    call = Call(
        route.method,
        path,
        query,
        shape.body,
        headers={"Idempotency-Key": idempotency_key},
        write=True,
    )
    return _outcomes(transport.request(call), call, transport, shape, standard=route.standard)


def _shape(operation: Operation) -> _Shape:
    write = write_of(operation)
    feature = PRODUCTS[operation.product].feature
    match operation:
        case GrantUsers(emails=emails) | RemoveUsers(emails=emails):
            body: dict[str, Any] = {"feature": feature, "emails": list(emails)}
            return _Shape(write, emails, body, named_by="email")
        case GrantMachines(machines=machines):
            body = {"feature": feature, "machineIds": list(machines)}
            return _Shape(write, machines, body, named_by="machineId")
        case RemoveMachine(machine=machine):
            return _Shape(write, (machine,), None, machine, named={"machineId": machine})
        case IssueOffline(machine=machine, expires=expires):
            until = end_of_day(expires)
            body = {"feature": feature, "machineId": machine, "expirationDate": until}
            return _Shape(write, (machine,), body, machine, named={"machineId": machine})
        case EndSession(machine=machine, session=session):
            named = {"sessionId": session}
            return _Shape(write, (machine,), None, machine, session, named=named)
        case _:  # pragma: no cover
            assert_never(operation)


def _outcomes(
    answer: Answer, call: Call, transport: Transport, shape: _Shape, *, standard: bool
) -> tuple[Outcome, ...]:
    data = error_body(answer)
    if answer.status == 409:
        return _turned_away(data, answer, call, transport, shape)
    if answer.status not in ((_SUCCESS[shape.write],) if standard else _SUCCESSES):
        raise failure(answer, call, transport)
    if shape.named_by is not None and isinstance(data.get("results"), list):
        return _each(data["results"], call, transport, shape)
    if any(data.get(name, mine) != mine for name, mine in shape.named.items()):
        raise _unclear(call, transport, _OTHERS)
    status = _status(data.get("status"), shape.write)
    if shape.named_by is None and status is not None:
        return (_outcome(shape.subjects[0], status, data, transport),)
    # An offline license is answered by its row. A route that the workspace file sets leads to a
    # server whose answers nobody has described: there success is success.
    told = shape.write is Write.ISSUE_OFFLINE and data.keys() >= shape.named.keys()
    if told or (not standard and (is_json(answer) or not answer.body.strip())):
        return tuple(Outcome(subject, OutcomeStatus.DONE) for subject in shape.subjects)
    raise _unclear(call, transport, f"the answer ({answer.status}) does not tell what was done")


def _turned_away(
    data: Mapping[str, Any], answer: Answer, call: Call, transport: Transport, shape: _Shape
) -> tuple[Outcome, ...]:
    if isinstance(data.get("results"), list):
        outcomes = _each(data["results"], call, transport, shape)
        if any(outcome.status is not OutcomeStatus.REJECTED for outcome in outcomes):
            raise _unclear(call, transport, "the answer (409) says both no and yes")
        return outcomes
    if not is_refusal(answer):
        raise failure(answer, call, transport)
    return _rejected(data, answer, transport, shape)


def _rejected(
    data: Mapping[str, Any], answer: Answer, transport: Transport, shape: _Shape
) -> tuple[Outcome, ...]:
    code = data.get("code")
    message = server_message(answer, transport)
    return tuple(
        Outcome(
            subject,
            OutcomeStatus.REJECTED,
            clean(code, transport) if isinstance(code, str) else None,
            message,
        )
        for subject in shape.subjects
    )


def _each(
    results: Sequence[Any], call: Call, transport: Transport, shape: _Shape
) -> tuple[Outcome, ...]:
    # Emails may come back in the API's own spelling; machine IDs are what they are.
    key_of = email_key if shape.named_by == "email" else str
    by_key: dict[str, tuple[OutcomeStatus, Mapping[str, Any]]] = {}
    for result in results:
        name = result.get(shape.named_by) if isinstance(result, dict) else None
        status = _status(result["status"], shape.write) if name and "status" in result else None
        if not isinstance(name, str) or status is None:
            raise _unclear(call, transport, "a result in the answer is not legible")
        if key_of(name) in by_key:
            raise _unclear(call, transport, "the answer names a subject twice")
        by_key[key_of(name)] = (status, result)
    wanted = {key_of(subject): subject for subject in shape.subjects}
    if by_key.keys() != wanted.keys():
        raise _unclear(call, transport, _OTHERS)
    return tuple(_outcome(subject, *by_key[key], transport) for key, subject in wanted.items())


_OTHERS = "the answer is about other subjects than the request"


def _outcome(
    subject: str, status: OutcomeStatus, result: Mapping[str, Any], transport: Transport
) -> Outcome:
    if status is not OutcomeStatus.REJECTED:
        return Outcome(subject, status)
    code, message = result.get("code"), result.get("message")
    return Outcome(
        subject,
        status,
        clean(code, transport) if isinstance(code, str) else None,
        clean(message, transport) if isinstance(message, str) else None,
    )


def _unclear(call: Call, transport: Transport, why: str) -> UnclearOutcomeError:
    return UnclearOutcomeError(f"{transport.address}: {call.method} {call.path}: {why}; {UNCLEAR}")
