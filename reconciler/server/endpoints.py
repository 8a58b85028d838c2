"""What each route does: reads its request, asks the rules, and words the answer."""

from __future__ import annotations

import sqlite3
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from reconciler.server.access import MANAGERS, Principal, require_manager, role_in
from reconciler.server.activation import ActivationRequest, activate
from reconciler.server.clock import instant_text
from reconciler.server.emails import account_key
from reconciler.server.entities import LICENSE_KEYS, license_key, search_info
from reconciler.server.machines import issue_offline, register_machines, remove_machine
from reconciler.server.members import remove_member
from reconciler.server.messages import Answer, HttpError, Request, error_payload
from reconciler.server.parsing import (
    decode_json,
    fields,
    instant,
    json_body,
    no_body,
    no_query,
    organization_id,
    product_of,
    text,
    texts,
)
from reconciler.server.resources import me
from reconciler.server.rules import Rejection
from reconciler.server.search import search
from reconciler.server.search_request import parse_search
from reconciler.server.sessions import release_session
from reconciler.server.users import grant_users, remove_users
from reconciler.server.writing import Outcome, Result, Write


@dataclass(frozen=True, slots=True)
class Call:
    """One request on its way through an endpoint; `parameters` are those of the path."""

    request: Request
    parameters: Mapping[str, str]
    write: Write

    @property
    def connection(self) -> sqlite3.Connection:
        """The transaction."""
        return self.write.connection

    @property
    def principal(self) -> Principal:
        """Who asks."""
        return self.write.principal


def users_me(call: Call) -> Answer:
    """Answer who the key's owner is."""
    no_query(call.request)
    return Answer(200, me(call.connection, call.principal, call.write.now))


def search_by_post(call: Call) -> Answer:
    """Answer a search given as body."""
    no_query(call.request)
    return _search(call, json_body(call.request))


def search_by_get(call: Call) -> Answer:
    """Answer a search given as JSON in `q`."""
    return _search(call, decode_json(fields(dict(call.request.query), ("q",))["q"]))


def _search(call: Call, data: Any) -> Answer:
    page = search(call.connection, call.principal, parse_search(data), call.write.now)
    return Answer(200, page)


def describe_search(call: Call) -> Answer:
    """Answer what can be searched, and how."""
    no_query(call.request)
    return Answer(200, search_info())


def post_licensed_users(call: Call) -> Answer:
    """Grant a product to users."""
    body = _body(call, ("feature", "emails"))
    product, emails = product_of(body["feature"], "feature"), texts(body["emails"], "emails")
    organization = _managed(call)
    if not product.users:
        raise HttpError(
            409, f"{product.name} is licensed to machines, not to users.", code="not_for_users"
        )
    return _batch(call, "email", grant_users(call.write, organization, product, emails))


def post_licensed_users_remove(call: Call) -> Answer:
    """Take a product from users."""
    body = _body(call, ("feature", "emails"))
    product, emails = product_of(body["feature"], "feature"), texts(body["emails"], "emails")
    return _batch(call, "email", remove_users(call.write, _managed(call), product, emails))


def post_machines(call: Call) -> Answer:
    """Register machines of a machine product."""
    body = _body(call, ("feature", "machineIds"))
    product, ids = product_of(body["feature"], "feature"), texts(body["machineIds"], "machineIds")
    return _batch(call, "machineId", register_machines(call.write, _managed(call), product, ids))


def post_offline_licenses(call: Call) -> Answer:
    """Bind an offline license to a machine."""
    body = _body(call, ("feature", "machineId", "expirationDate"))
    product, machine = product_of(body["feature"], "feature"), text(body["machineId"], "machineId")
    expires = instant(body["expirationDate"], "expirationDate")
    organization = _managed(call)
    outcome = issue_offline(call.write, organization, product, machine, expires)
    if outcome.rejection:
        return _conflict(call, outcome.rejection)
    row = call.connection.execute(
        f"SELECT * FROM ({LICENSE_KEYS}) WHERE organization_id = :organization"  # noqa: S608
        " AND feature = :feature AND machine_id = :machine AND offline",
        {
            "organization": organization,
            "feature": product.feature,
            "machine": machine,
            "now": call.write.now,
        },
    ).fetchone()
    return Answer(201, license_key(row))


def delete_machine(call: Call) -> Answer:
    """Remove a registered machine."""
    query = _query(call, ("machineKey", "package", "organizationId"))
    machine, product = text(query["machineKey"], "machineKey"), _package(query)
    outcome = remove_machine(call.write, _managed(call, query), product, machine)
    if outcome.rejection:
        return _conflict(call, outcome.rejection)
    return Answer(200, {"machineId": machine, "status": outcome.results[0].status})


def post_release(call: Call) -> Answer:
    """End a session; the studio's version is taken and means nothing."""
    query = _query(call, ("machineKey", "sessionId", "package", "organizationId"), ("ksVersion",))
    machine, session = (
        text(query["machineKey"], "machineKey"),
        text(query["sessionId"], "sessionId"),
    )
    product = _package(query)
    outcome = release_session(call.write, _managed(call, query), product, machine, session)
    return Answer(200, {"sessionId": session, "status": outcome.results[0].status})


def post_activate(call: Call) -> Answer:
    """Start a session, as a product of the vendor would on its host."""
    query = _query(
        call,
        ("machineKey", "package", "organizationId", "email"),
        ("sessionId", "machineName", "ksVersion"),
    )
    names = {name: text(value, name) for name, value in query.items()}
    product, organization = _package(query), organization_id(query["organizationId"])
    role, email = role_in(call.connection, call.principal, organization), call.principal.email
    if role not in MANAGERS and account_key(email or "") != account_key(names["email"]):
        raise HttpError(403, "A member activates a machine for nobody else.")
    if not product.machines:
        raise HttpError(409, f"{product.name} does not run on machines.", code="not_for_machines")
    request = ActivationRequest(
        names["machineKey"], names["email"], names.get("sessionId"), names.get("machineName")
    )
    outcome, session = activate(call.write, organization, product, request)
    if outcome.rejection:
        return _conflict(call, outcome.rejection)
    payload = {"machineId": request.machine, "sessionId": session}
    return Answer(200, {**payload, "status": outcome.results[0].status})


def delete_member(call: Call) -> Answer:
    """Remove a person from the organization."""
    no_body(call.request)
    no_query(call.request)
    email = text(call.parameters["email"], "email")
    result = remove_member(call.write, _managed(call), email)
    return Answer(200, {"email": email, "status": result.status})


def _body(call: Call, names: tuple[str, ...]) -> Mapping[str, Any]:
    no_query(call.request)
    return fields(json_body(call.request), names)


def _query(
    call: Call, required: tuple[str, ...], optional: tuple[str, ...] = ()
) -> Mapping[str, str]:
    no_body(call.request)
    return fields(dict(call.request.query), required, optional)


def _package(query: Mapping[str, str]) -> Any:
    return product_of(query["package"], "package")


def _managed(call: Call, query: Mapping[str, str] | None = None) -> int:
    """Return the organization that the request names, if the caller manages it."""
    if query is None:
        organization = organization_id(call.parameters["organization"], status=404)
    else:
        organization = organization_id(query["organizationId"])
    require_manager(call.connection, call.principal, organization)
    return organization


def _batch(call: Call, subject: str, outcome: Outcome) -> Answer:
    payload = {
        "results": [_result(subject, result) for result in outcome.results],
        "quota": outcome.pool.quota,
        "used": outcome.pool.used,
    }
    if outcome.rejection:
        return Answer(409, {**_conflict(call, outcome.rejection).payload, **payload})
    return Answer(200, payload)


def _result(subject: str, result: Result) -> dict[str, Any]:
    line: dict[str, Any] = {subject: result.subject, "status": result.status}
    if result.rejection:
        line["code"] = result.rejection.code
        line["message"] = result.rejection.message
    return line


def _conflict(call: Call, rejection: Rejection) -> Answer:
    at = instant_text(call.write.moment)
    return Answer(409, error_payload(409, rejection.message, timestamp=at, code=rejection.code))
