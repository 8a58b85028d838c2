from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from types import MappingProxyType
from typing import Any

import pytest

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
)
from reconciler.backends.testops import KatalonBackend
from reconciler.backends.transport import Call
from reconciler.errors import (
    ApiError,
    ForbiddenError,
    UnclearOutcomeError,
    UnknownOrganizationError,
)
from reconciler.model.settings import ApiSettings, WriteMode
from tests.unit.backends.loopback import Reply, reply
from tests.unit.backends.vendor import DirectTransport, Vendor

USERS = GrantUsers(101, "kse", ("ada@x.io", "bob@x.io"))
MACHINES = GrantMachines(101, "kre-node-locked", ("5D", "5d"))
REMOVAL = RemoveMachine(101, "kre-node-locked", "5d 41")
OFFLINE = IssueOffline(101, "kse", "5d", date(2027, 3, 31))
SESSION = EndSession(101, "kre-floating", "5d", "s/1")


def sent(
    operation: Operation,
    answer: Reply,
    *,
    routes: Mapping[str, str] | None = None,
    timezone: str = "UTC",
) -> tuple[tuple[Outcome, ...], Call]:
    transport = DirectTransport(Vendor(write=answer))
    settings = ApiSettings(writes=WriteMode.API, routes=MappingProxyType(dict(routes or {})))
    backend = KatalonBackend(transport.address, transport, settings=settings, timezone=timezone)
    outcomes = backend.write(operation, idempotency_key="key-1")
    (call,) = [call for call in transport.calls if call.write]
    return outcomes, call


def results(*rows: tuple[str, str], named: str = "email", status: int = 200) -> Reply:
    return reply({"results": [{named: who, "status": what} for who, what in rows]}, status)


GRANTED = results(("ada@x.io", "granted"), ("bob@x.io", "granted"))


@pytest.mark.parametrize(
    ("operation", "answer", "request_line", "query", "body"),
    [
        (
            USERS,
            GRANTED,
            "POST /api/v1/organizations/101/licensed-users",
            {},
            {"feature": "KSE", "emails": ["ada@x.io", "bob@x.io"]},
        ),
        (
            RemoveUsers(101, "testops", ("ada@x.io",)),
            results(("ada@x.io", "removed")),
            "POST /api/v1/organizations/101/licensed-users/remove",
            {},
            {"feature": "TESTOPS", "emails": ["ada@x.io"]},
        ),
        (
            MACHINES,
            results(("5D", "registered"), ("5d", "unchanged"), named="machineId"),
            "POST /api/v1/organizations/101/machines",
            {},
            {"feature": "ENGINE", "machineIds": ["5D", "5d"]},
        ),
        (
            OFFLINE,
            reply({"id": 1, "machineId": "5d"}, 201),
            "POST /api/v1/organizations/101/offline-licenses",
            {},
            {"feature": "KSE", "machineId": "5d", "expirationDate": "2027-03-31T23:59:59Z"},
        ),
        (
            REMOVAL,
            reply({"machineId": "5d 41", "status": "removed"}),
            "DELETE /api/v1/machine",
            {"machineKey": "5d 41", "package": "ENGINE", "organizationId": "101"},
            None,
        ),
        (
            SESSION,
            reply({"sessionId": "s/1", "status": "ended"}),
            "POST /api/v1/license-keys/release",
            {
                "machineKey": "5d",
                "sessionId": "s/1",
                "package": "UNLIMITED_ENGINE",
                "organizationId": "101",
            },
            None,
        ),
    ],
    ids=lambda value: type(value).__name__,
)
def test_each_operation_is_one_request(
    operation: Operation, answer: Reply, request_line: str, query: dict[str, str], body: Any
) -> None:
    outcomes, call = sent(operation, answer)
    assert f"{call.method} {call.path}" == request_line
    assert dict(call.query) == query
    assert call.json == body
    assert call.headers == {"Idempotency-Key": "key-1"}
    assert outcomes[0].status is OutcomeStatus.DONE


def test_an_offline_license_ends_with_the_same_day_in_every_time_zone() -> None:
    _, call = sent(OFFLINE, reply({"id": 1, "machineId": "5d"}, 201), timezone="Asia/Tokyo")
    assert call.json["expirationDate"] == "2027-03-31T23:59:59Z"


def test_outcomes_follow_the_operation_whatever_the_order_and_spelling_of_the_answer() -> None:
    answer = reply(
        {
            "results": [
                {"email": "BOB@x.io", "status": "unchanged"},
                {
                    "email": "Ada@X.io",
                    "status": "rejected",
                    "code": "over_quota",
                    "message": "full\nup",
                },
            ]
        }
    )
    outcomes, _ = sent(USERS, answer)
    assert outcomes == (
        Outcome("ada@x.io", OutcomeStatus.REJECTED, "over_quota", "full up"),
        Outcome("bob@x.io", OutcomeStatus.UNCHANGED),
    )


def test_machines_whose_ids_differ_in_case_are_two() -> None:
    answer = results(("5d", "registered"), ("5D", "unchanged"), named="machineId")
    assert [outcome.status for outcome in sent(MACHINES, answer)[0]] == [
        OutcomeStatus.UNCHANGED,
        OutcomeStatus.DONE,
    ]


def test_an_operation_of_which_everything_is_rejected_has_outcomes_and_is_no_error() -> None:
    answer = results(("ada@x.io", "rejected"), ("bob@x.io", "rejected"), status=409)
    assert {outcome.status for outcome in sent(USERS, answer)[0]} == {OutcomeStatus.REJECTED}


@pytest.mark.parametrize("operation", [USERS, OFFLINE, REMOVAL, SESSION])
def test_a_conflict_is_a_rejection_with_its_code_and_words(operation: Operation) -> None:
    answer = reply({"message": "Not now.", "status": 409, "code": "offline_locked"}, 409)
    outcomes, _ = sent(operation, answer)
    assert {(o.status, o.code, o.message) for o in outcomes} == {
        (OutcomeStatus.REJECTED, "offline_locked", "Not now.")
    }


@pytest.mark.parametrize(
    "answer",
    [
        Reply(200, b"<html>"),
        Reply(200, b""),
        reply({}),
        reply([]),
        reply({"results": []}),
        results(("ada@x.io", "granted")),
        results(("ada@x.io", "granted"), ("bob@x.io", "granted"), ("eve@x.io", "granted")),
        results(("ada@x.io", "granted"), ("eve@x.io", "granted")),
        results(("ada@x.io", "granted"), ("bob@x.io", "perhaps")),
        reply({"results": ["ada@x.io", "bob@x.io"]}),
        reply({"results": [{"email": 5, "status": "granted"}]}),
        results(("ada@x.io", "removed"), ("bob@x.io", "removed")),
        results(("ada@x.io", "granted"), ("bob@x.io", "granted"), ("ADA@x.io", "rejected")),
    ],
    ids=lambda answer: answer.body.decode() or str(answer.status),
)
def test_a_success_that_does_not_tell_of_each_subject_leaves_the_outcome_unclear(
    answer: Reply,
) -> None:
    with pytest.raises(UnclearOutcomeError, match="not known whether"):
        sent(USERS, answer)


@pytest.mark.parametrize(
    ("operation", "answer"),
    [
        (REMOVAL, {"machineId": "5d 42", "status": "removed"}),
        (REMOVAL, {"machineId": "5d 41", "status": "ended"}),
        (SESSION, {"sessionId": "s/2", "status": "ended"}),
        (SESSION, {"sessionId": "s/1", "status": "removed"}),
        (OFFLINE, {"id": 1, "machineId": "5e"}),
        (OFFLINE, {"id": 1}),
    ],
    ids=str,
)
def test_an_answer_about_another_machine_session_or_write_leaves_the_outcome_unclear(
    operation: Operation, answer: dict[str, Any]
) -> None:
    with pytest.raises(UnclearOutcomeError):
        sent(operation, reply(answer))


@pytest.mark.parametrize("operation", [REMOVAL, SESSION, OFFLINE])
def test_a_success_that_is_not_json_leaves_the_outcome_unclear(operation: Operation) -> None:
    with pytest.raises(UnclearOutcomeError):
        sent(operation, Reply(200, b"<html>"))


OVERRIDES = {
    "grant_users": "PUT /seats/{organization}/{feature}",
    "remove_machine": "POST /off?o={organization}&m={machine}&f={feature}",
}


@pytest.mark.parametrize("answer", [Reply(204, b""), reply({"anything": 1}), reply({}, 202)])
def test_where_a_route_is_set_success_is_success_whatever_is_said(answer: Reply) -> None:
    outcomes, call = sent(USERS, answer, routes=OVERRIDES)
    assert (call.method, call.path) == ("PUT", "/seats/101/KSE")
    assert call.json == {"feature": "KSE", "emails": ["ada@x.io", "bob@x.io"]}
    assert [outcome.status for outcome in outcomes] == [OutcomeStatus.DONE] * 2


def test_where_a_route_is_set_an_answer_of_our_contract_still_counts() -> None:
    answer = results(("ada@x.io", "granted"), ("bob@x.io", "rejected"))
    outcomes, _ = sent(USERS, answer, routes=OVERRIDES)
    assert [outcome.status for outcome in outcomes] == [OutcomeStatus.DONE, OutcomeStatus.REJECTED]
    removed = reply({"status": "unchanged"})
    assert sent(REMOVAL, removed, routes=OVERRIDES)[0][0].status is OutcomeStatus.UNCHANGED


def test_where_a_route_is_set_a_web_page_still_leaves_the_outcome_unclear() -> None:
    with pytest.raises(UnclearOutcomeError):
        sent(USERS, Reply(200, b"<html>sign in</html>"), routes=OVERRIDES)


@pytest.mark.parametrize(
    ("answer", "kind"),
    [
        (reply({"message": "no", "status": 403}, 403), ForbiddenError),
        (reply({"message": "no organization 101", "status": 404}, 404), UnknownOrganizationError),
        (reply({"message": "bad", "status": 400}, 400), ApiError),
        (reply({"message": "other request", "status": 422}, 422), ApiError),
        (reply({"error": "Method Not Allowed", "status": 405}, 405), ApiError),
        (reply({"message": "slowly", "status": 429}, 429), ApiError),
    ],
    ids=lambda value: str(getattr(value, "status", "")),
)
def test_a_refusal_changed_nothing(answer: Reply, kind: type[ApiError]) -> None:
    with pytest.raises(kind) as caught:
        sent(USERS, answer)
    assert not isinstance(caught.value, UnclearOutcomeError)
    assert caught.value.status == answer.status


@pytest.mark.parametrize("operation", [USERS, REMOVAL, OFFLINE, SESSION], ids=type)
@pytest.mark.parametrize(
    "answer",
    [
        *(Reply(status, b"") for status in (100, 103, 203, 204, 205, 206, 226, 300, 301, 302, 303)),
        *(Reply(status, b"") for status in (304, 307, 308, 310, 399, 400, 401, 402, 403, 404, 405)),
        *(Reply(status, b"") for status in (406, 407, 408, 409, 410, 418, 422, 425, 429, 451, 499)),
        *(Reply(status, b"") for status in (500, 501, 502, 503, 504, 511, 599, 600, 999)),
        *(Reply(status, b"<html>no</html>") for status in (302, 401, 403, 404, 409, 429)),
        *(reply(body, 403) for body in ({}, [], "no", None, {"message": ""}, {"message": 5})),
        *(reply({"message": "no", "status": told}, 404) for told in (200, 403)),
        # A gateway's, which nobody knows to have come before the effect.
        *(reply({"message": "no"}, status) for status in (400, 401, 403, 404, 409, 422, 429)),
        *(reply({"error": "no", "status": told}, 403) for told in ("403", 403.0, None, True)),
        reply({"message": "later", "status": 503}, 503),
        reply({"results": [], "message": "no"}, 409),
        GRANTED,
        results(("ada@x.io", "granted"), ("bob@x.io", "rejected"), status=409),
        results(("ada@x.io", "granted"), ("bob@x.io", "granted"), status=206),
        results(("ada@x.io", "granted"), ("bob@x.io", "granted"), status=302),
        reply({"id": 1, "machineId": "5d"}, 200),
        reply({"machineId": "5d 41", "status": "removed"}, 202),
        reply({"sessionId": "s/1", "status": "ended"}, 203),
    ],
    ids=lambda answer: f"{answer.status} {answer.body.decode()}",
)
def test_whatever_is_not_the_contracts_own_answer_leaves_the_outcome_unclear(
    operation: Operation, answer: Reply
) -> None:
    if answer is GRANTED and operation is USERS:
        return
    with pytest.raises(UnclearOutcomeError, match="not known whether"):
        sent(operation, answer)


def test_a_machine_id_that_would_lead_the_path_elsewhere_is_not_sent() -> None:
    routes = {"remove_machine": "DELETE /m/{organization}/{feature}/{machine}"}
    with pytest.raises(ApiError, match="cannot be sent"):
        sent(RemoveMachine(101, "kse", ".."), reply({}), routes=routes)
