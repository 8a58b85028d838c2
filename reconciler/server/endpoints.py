"""What each route does: reads its request, and then asks the rules and words the answer."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from reconciler.products import Product
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
    """One request that is carried out."""

    write: Write

    @property
    def connection(self) -> sqlite3.Connection:
        """The transaction."""
        return self.write.connection

    @property
    def principal(self) -> Principal:
        """Who asks."""
        return self.write.principal


Deed = Callable[[Call], Answer]
"""What a request comes to, within a transaction."""

Endpoint = Callable[[Request, Mapping[str, str]], Deed]
"""Reads a request and the parameters of its path, and returns what is to be done.

What is no such request is refused while it is read, before any transaction.
"""


def users_me(request: Request, _: Mapping[str, str]) -> Deed:
    """Answer who the key's owner is."""
    no_query(request)
    return lambda call: Answer(200, me(call.connection, call.principal, call.write.now))


def search_by_post(request: Request, _: Mapping[str, str]) -> Deed:
    """Answer a search given as body."""
    no_query(request)
    return _search(json_body(request))


def search_by_get(request: Request, _: Mapping[str, str]) -> Deed:
    """Answer a search given as JSON in `q`."""
    return _search(decode_json(fields(dict(request.query), ("q",))["q"]))


def _search(data: Any) -> Deed:
    wanted = parse_search(data)
    return lambda call: Answer(200, search(call.connection, call.principal, wanted, call.write.now))


def describe_search(request: Request, _: Mapping[str, str]) -> Deed:
    """Answer what can be searched, and how."""
    no_query(request)
    return lambda _: Answer(200, search_info())


def post_licensed_users(request: Request, parameters: Mapping[str, str]) -> Deed:
    """Grant a product to users."""
    organization = _organization(parameters)
    body = _body(request, ("feature", "emails"))
    product, emails = product_of(body["feature"], "feature"), texts(body["emails"], "emails")

    def act(call: Call) -> Answer:
        _manage(call, organization)
        if not product.users:
            raise HttpError(
                409, f"{product.name} is licensed to machines, not to users.", code="not_for_users"
            )
        return _batch(call, "email", grant_users(call.write, organization, product, emails))

    return act


def post_licensed_users_remove(request: Request, parameters: Mapping[str, str]) -> Deed:
    """Take a product from users."""
    organization = _organization(parameters)
    body = _body(request, ("feature", "emails"))
    product, emails = product_of(body["feature"], "feature"), texts(body["emails"], "emails")

    def act(call: Call) -> Answer:
        _manage(call, organization)
        return _batch(call, "email", remove_users(call.write, organization, product, emails))

    return act


def post_machines(request: Request, parameters: Mapping[str, str]) -> Deed:
    """Register machines of a machine product."""
    organization = _organization(parameters)
    body = _body(request, ("feature", "machineIds"))
    product, ids = product_of(body["feature"], "feature"), texts(body["machineIds"], "machineIds")

    def act(call: Call) -> Answer:
        _manage(call, organization)
        return _batch(call, "machineId", register_machines(call.write, organization, product, ids))

    return act


def post_offline_licenses(request: Request, parameters: Mapping[str, str]) -> Deed:
    """Bind an offline license to a machine."""
    organization = _organization(parameters)
    body = _body(request, ("feature", "machineId", "expirationDate"))
    product, machine = product_of(body["feature"], "feature"), text(body["machineId"], "machineId")
    expires = instant(body["expirationDate"], "expirationDate")

    def act(call: Call) -> Answer:
        _manage(call, organization)
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

    return act


def delete_machine(request: Request, _: Mapping[str, str]) -> Deed:
    """Remove a registered machine."""
    query = _query(request, ("machineKey", "package", "organizationId"))
    machine, product = text(query["machineKey"], "machineKey"), _package(query)
    organization = organization_id(query["organizationId"])

    def act(call: Call) -> Answer:
        _manage(call, organization)
        outcome = remove_machine(call.write, organization, product, machine)
        if outcome.rejection:
            return _conflict(call, outcome.rejection)
        return Answer(200, {"machineId": machine, "status": outcome.results[0].status})

    return act


def post_release(request: Request, _: Mapping[str, str]) -> Deed:
    """End a session; the studio's version is taken and means nothing."""
    query = _query(request, ("machineKey", "sessionId", "package", "organizationId"), _VERSION)
    machine, session = (
        text(query["machineKey"], "machineKey"),
        text(query["sessionId"], "sessionId"),
    )
    product, organization = _package(query), organization_id(query["organizationId"])

    def act(call: Call) -> Answer:
        _manage(call, organization)
        outcome = release_session(call.write, organization, product, machine, session)
        return Answer(200, {"sessionId": session, "status": outcome.results[0].status})

    return act


def post_activate(request: Request, _: Mapping[str, str]) -> Deed:
    """Start a session, as a product of the vendor would on its host."""
    query = _query(
        request,
        ("machineKey", "package", "organizationId", "email"),
        ("sessionId", "machineName", *_VERSION),
    )
    names = {name: text(value, name) for name, value in query.items() if name not in _VERSION}
    product, organization = _package(query), organization_id(query["organizationId"])
    wanted = ActivationRequest(
        names["machineKey"], names["email"], names.get("sessionId"), names.get("machineName")
    )

    def act(call: Call) -> Answer:
        role, email = role_in(call.connection, call.principal, organization), call.principal.email
        if role not in MANAGERS and account_key(email or "") != account_key(wanted.email):
            raise HttpError(403, "A member activates a machine for nobody else.")
        if not product.machines:
            raise HttpError(
                409, f"{product.name} does not run on machines.", code="not_for_machines"
            )
        outcome, session = activate(call.write, organization, product, wanted)
        if outcome.rejection:
            return _conflict(call, outcome.rejection)
        payload = {"machineId": wanted.machine, "sessionId": session}
        return Answer(200, {**payload, "status": outcome.results[0].status})

    return act


def delete_member(request: Request, parameters: Mapping[str, str]) -> Deed:
    """Remove a person from the organization."""
    no_body(request)
    no_query(request)
    organization, email = _organization(parameters), text(parameters["email"], "email")

    def act(call: Call) -> Answer:
        _manage(call, organization)
        result = remove_member(call.write, organization, email)
        return Answer(200, {"email": email, "status": result.status})

    return act


_VERSION = ("ksVersion",)


def _body(request: Request, names: tuple[str, ...]) -> Mapping[str, Any]:
    no_query(request)
    return fields(json_body(request), names)


def _query(
    request: Request, required: tuple[str, ...], optional: tuple[str, ...] = ()
) -> Mapping[str, str]:
    no_body(request)
    return fields(dict(request.query), required, optional)


def _package(query: Mapping[str, str]) -> Product:
    return product_of(query["package"], "package")


def _organization(parameters: Mapping[str, str]) -> int:
    return organization_id(parameters["organization"], status=404)


def _manage(call: Call, organization: int) -> None:
    """Refuse callers who do not manage the organization."""
    require_manager(call.connection, call.principal, organization)


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
