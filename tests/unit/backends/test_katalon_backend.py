from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, date, datetime
from types import MappingProxyType
from typing import Any

import pytest
import responses

from reconciler import schema
from reconciler.backends import open_backend
from reconciler.backends.keys import KeyRing
from reconciler.backends.protocol import GrantUsers, Write
from reconciler.backends.snapshot import to_snapshot
from reconciler.backends.testops import KatalonBackend
from reconciler.errors import (
    ApiError,
    AuthenticationError,
    ForbiddenError,
    IncompleteListingError,
    MalformedAnswerError,
    UnknownOrganizationError,
    UnreachableError,
)
from reconciler.model.settings import ApiSettings, Settings, WriteMode
from reconciler.model.state import (
    LicensedUser,
    Machine,
    Member,
    MemberStatus,
    OfflineLicense,
    OrganizationState,
    Role,
    Session,
    Subscription,
)
from tests.unit.backends.loopback import Received, Reply, api, reply, unused_port
from tests.unit.backends.vendor import ENTITIES, DirectTransport, Vendor, organization, user

OWN = {"X_Licensing_Server": "reconciler/0.1.0"}
UNTOLD = (Subscription("kse-floating"), Subscription("kre-floating"))
GRANT = GrantUsers(101, "kse", ("bob@x.io",))


def over(
    vendor: Callable[[Received], Reply],
    *,
    writes: WriteMode | None = None,
    timezone: str = "UTC",
) -> tuple[KatalonBackend, DirectTransport]:
    transport = DirectTransport(vendor)
    settings = ApiSettings(writes=writes)
    backend = KatalonBackend(
        transport.address, transport, settings=settings, timezone=timezone, page_size=2
    )
    return backend, transport


def state(vendor: Vendor, timezone: str = "UTC") -> OrganizationState:
    return over(vendor, timezone=timezone)[0].read(101)


def test_a_list_whose_entity_cannot_be_searched_is_unknown() -> None:
    vendor = Vendor(info={"UserOrganizationFeature": {"filterConfig": {"Organization.id": "n"}}})
    read = state(vendor)
    assert (read.licensed_users, read.machines, read.members) == ((), None, None)
    assert over(vendor)[0].capabilities().reads == {"licensed_users", "subscriptions"}


@pytest.mark.parametrize("described", [{"filterConfig": {"feature": "t"}}, {}, None, []])
def test_a_list_that_cannot_be_narrowed_to_an_organization_is_unknown(described: Any) -> None:
    vendor = Vendor(rows={"Machine": [{}]})
    vendor.info["Machine"] = described
    assert state(vendor).machines is None


@pytest.mark.parametrize("key", ["Organization.id", "organizationId", "organization.id"])
def test_the_condition_key_is_the_one_the_server_knows(key: str) -> None:
    vendor = Vendor(info={"Machine": {"filterConfig": {"id": "number", key: "number"}}})
    backend, transport = over(vendor)
    backend.read(101)
    (search,) = [call for call in transport.calls if call.path.endswith("/search")]
    assert search.json["conditions"] == [{"key": key, "operator": "=", "value": "101"}]


def test_what_can_be_searched_is_asked_once_and_the_state_every_time() -> None:
    vendor = Vendor(rows={"UserOrganizationFeature": [user("ada@x.io")]})
    backend, transport = over(vendor)
    assert backend.read(101).licensed_users == (LicensedUser("kse", "ada@x.io"),)
    vendor.rows["UserOrganizationFeature"] = []
    vendor.organizations = [organization(quotaKSE=9)]
    again = backend.read(101)
    assert again.licensed_users == ()
    assert again.subscriptions == (Subscription("kse", 9), *UNTOLD)
    assert [call.path for call in transport.calls].count("/api/v1/search/info") == 1


@pytest.mark.parametrize(
    ("entity", "row", "attribute"),
    [
        ("UserOrganizationFeature", user("a@x.io", None), "licensed_users"),
        ("UserOrganizationFeature", user(""), "licensed_users"),
        ("UserOrganizationFeature", {"userEmail": "a@x.io", "feature": "KSE"}, "licensed_users"),
        ("Machine", {"organizationId": 101, "feature": "KSE"}, "machines"),
        ("Machine", {"organizationId": 101, "machineId": "5d"}, "machines"),
        (
            "LicenseKey",
            {"organization": {"id": 101}, "machineId": "5d", "feature": "KSE"},
            "offline_licenses",
        ),
        (
            "LicenseKey",
            {"organization": {"id": 101}, "machineId": "5d", "offline": True},
            "offline_licenses",
        ),
        ("KsSession", {"organizationId": 101, "machineId": "5d"}, "sessions"),
        ("UserOrganization", {"organizationId": 101, "role": "USER"}, "members"),
    ],
)
def test_a_list_whose_rows_lack_what_is_needed_is_unknown_and_never_empty(
    entity: str, row: dict[str, Any], attribute: str
) -> None:
    read = state(Vendor(rows={entity: [row]}))
    assert getattr(read, attribute) is None
    assert read.subscriptions is not None


def test_online_licenses_are_no_offline_ones_whatever_else_they_lack() -> None:
    rows = [
        {"organization": {"id": 101}, "offline": False},
        {
            "organization": {"id": 101},
            "offline": True,
            "feature": "ENGINE",
            "machineId": "5d",
            "expirationDate": "2027-03-31T23:59:59Z",
        },
    ]
    assert state(Vendor(rows={"LicenseKey": rows})).offline_licenses == (
        OfflineLicense("kre-node-locked", "5d", date(2027, 3, 31)),
    )


def test_an_offline_license_without_a_date_is_there_all_the_same() -> None:
    row = {"organizationId": 101, "offline": True, "feature": "KSE", "machineId": "5d"}
    assert state(Vendor(rows={"LicenseKey": [row]})).offline_licenses == (
        OfflineLicense("kse", "5d"),
    )


def test_rows_of_products_that_we_do_not_know_are_left_out() -> None:
    rows = [user("a@x.io", "TRUE_TEST"), user("b@x.io", "TESTOPS")]
    assert state(Vendor(rows={"UserOrganizationFeature": rows})).licensed_users == (
        LicensedUser("testops", "b@x.io"),
    )


def test_machines_and_sessions_come_with_what_is_known_of_them() -> None:
    machine = {"organizationId": 101, "feature": "KSE", "machineId": "5d", "machineName": "pc"}
    session = {"organizationId": 101, "feature": "KSE", "machineId": "5d", "sessionId": "s"}
    vendor = Vendor(
        rows={
            "Machine": [machine | {"lastSeen": "2026-11-20T08:00:00.000+0000"}],
            "KsSession": [session | {"startTime": "2026-11-24T09:00:00+01:00"}],
        }
    )
    read = state(vendor)
    assert read.machines == (
        Machine("kse", "5d", None, "pc", datetime(2026, 11, 20, 8, tzinfo=UTC)),
    )
    assert read.sessions == (
        Session("kse", "5d", None, datetime(2026, 11, 24, 8, tzinfo=UTC), "s"),
    )


@pytest.mark.parametrize(
    ("entity", "row"),
    [
        ("UserOrganizationFeature", user("a@x.io", feature=5)),  # type: ignore[arg-type]
        ("UserOrganizationFeature", user("a\ud800@x.io")),
        ("UserOrganizationFeature", user("a@x.io", organizationId=[101])),
        ("LicenseKey", {"organizationId": 101, "offline": "yes"}),
        (
            "LicenseKey",
            {
                "organizationId": 101,
                "offline": True,
                "feature": "KSE",
                "machineId": "5d",
                "expirationDate": "soon",
            },
        ),
    ],
)
def test_a_field_of_a_wrong_type_stops_the_reading(entity: str, row: dict[str, Any]) -> None:
    with pytest.raises(MalformedAnswerError):
        state(Vendor(rows={entity: [row]}))


def test_one_user_twice_in_one_product_stops_the_reading() -> None:
    rows = [user("ada@x.io"), user("ADA@x.io")]
    with pytest.raises(MalformedAnswerError, match="twice in licensed_users"):
        state(Vendor(rows={"UserOrganizationFeature": rows}))


def test_one_user_in_two_products_is_two_licenses() -> None:
    rows = [user("ada@x.io"), user("ada@x.io", "TESTOPS")]
    assert state(Vendor(rows={"UserOrganizationFeature": rows})).licensed_users == (
        LicensedUser("kse", "ada@x.io"),
        LicensedUser("testops", "ada@x.io"),
    )


def test_members_are_those_who_joined_and_those_who_are_invited() -> None:
    def row(email: str, role: str | None = "USER", **more: str) -> dict[str, Any]:
        return {"userEmail": email, "email": email, "role": role, "organizationId": 101} | more

    vendor = Vendor(
        rows={
            "UserOrganization": [row("ada@x.io", "OWNER"), row("bob@x.io", "SUPERHERO")],
            "UserInvitation": [
                row("ADA@x.io", status="PENDING"),
                row("dan@x.io", status="ACCEPTED"),
                row("eve@x.io", None),
                row("EVE@x.io", status="PENDING"),
            ],
        }
    )
    assert state(vendor).members == (
        Member("ada@x.io", Role.OWNER),
        Member("bob@x.io", Role.USER),
        Member("eve@x.io", Role.USER, MemberStatus.PENDING),
    )


@pytest.mark.parametrize("invitations", [None, [{"organizationId": 101}]], ids=["none", "no email"])
def test_without_legible_invitations_the_members_are_those_who_joined(
    invitations: list[dict[str, Any]] | None,
) -> None:
    vendor = Vendor(rows={"UserOrganization": [{"userEmail": "ada@x.io", "organizationId": 101}]})
    if invitations is None:
        del vendor.info["UserInvitation"]
    else:
        vendor.rows["UserInvitation"] = invitations
    assert state(vendor).members == (Member("ada@x.io"),)


def test_every_product_has_its_numbers_from_its_own_fields() -> None:
    resource = organization(
        quotaKSE=5,
        usedKSE=4,
        machineQuotaKSE=6,
        subscriptionExpiryDateKSE="2027-06-30T23:59:59Z",
        canCreateOfflineKSE=True,
        quotaEngine=0,
        machineQuotaEngine=None,
        subscriptionExpiryDateUnlimitedEngine="2027-07-01T00:00:00Z",
        canCreateOfflineRE=False,
        usedTestOps=3,
    )
    assert state(Vendor(organizations=[resource])).subscriptions == (
        Subscription("kse", 5, 4, 6, date(2027, 6, 30), True),
        Subscription("kse-floating"),
        Subscription("kre-node-locked", 0, None, None, None, False),
        Subscription("kre-floating", None, None, None, date(2027, 6, 30), False),
    )


def test_days_are_those_of_the_workspaces_time_zone() -> None:
    resource = organization(subscriptionExpiryDateKSE="2027-06-30T23:00:00Z")
    read = state(Vendor(organizations=[resource]), "Europe/Berlin")
    assert read.subscriptions == (
        Subscription("kse", 5, expires=date(2027, 7, 1)),
        *UNTOLD,
    )


def test_numbers_that_users_me_leaves_out_are_looked_up_in_the_organization_itself() -> None:
    bare = {"id": 101, "name": "Acme", "role": "OWNER"}
    vendor = Vendor(organizations=[bare], rows={"Organization": [organization(quotaKSE=8)]})
    assert state(vendor).subscriptions is None
    vendor.info["Organization"] = {"filterConfig": {"id": "number"}}
    assert state(vendor).subscriptions == (Subscription("kse", 8), *UNTOLD)


def test_a_floating_products_quota_is_unknown_only_where_its_field_is_missing() -> None:
    """Null says that there is none; no field at all says nothing, for its name is only assumed."""
    nulls = {"quotaUnlimitedKSE": None, "quotaUnlimitedEngine": None}
    assert state(Vendor(organizations=[organization(**nulls)])).subscriptions == (
        Subscription("kse", 5),
    )
    told = organization(**nulls, usedUnlimitedKSE=3)
    assert state(Vendor(organizations=[told])).subscriptions == (Subscription("kse", 5),)
    one = organization(quotaUnlimitedKSE=0)
    assert state(Vendor(organizations=[one])).subscriptions == (
        Subscription("kse", 5),
        Subscription("kse-floating", 0),
        Subscription("kre-floating"),
    )
    # The retired product's field is published: without it there is none.
    assert all(row.product != "kre-devops" for row in state(Vendor()).subscriptions or ())


@pytest.mark.parametrize(
    ("entity", "row", "attribute"),
    [
        ("Machine", {}, "machines"),
        ("LicenseKey", {"offline": True, "expirationDate": "2097-01-31T23:59:59Z"},
         "offline_licenses"),
    ],
)  # fmt: skip
def test_a_machine_with_several_node_locked_licenses_makes_its_list_unknown(
    entity: str, row: dict[str, Any], attribute: str
) -> None:
    one = {"machineId": "a" * 32, "feature": "ENGINE", "organizationId": 101, **row}
    found = state(Vendor(rows={entity: [one, one, one]}))
    assert getattr(found, attribute) is None
    assert set(found.reasons) == {attribute}
    assert f"{'a' * 32} in kre-node-locked is listed more than once" in found.reasons[attribute]
    # Of any other product it can be there only once, whatever else is in the list.
    other = {**one, "feature": "KSE"}
    for rows in ([other, other], [one, one, other, other]):
        with pytest.raises(MalformedAnswerError, match=f"in kse is listed twice in {attribute}"):
            state(Vendor(rows={entity: rows}))


@pytest.mark.parametrize(
    "fields",
    [
        {"quotaKSE": "5"},
        {"quotaKSE": True},
        {"quotaKSE": -1},
        {"quotaKSE": 1.5},
        {"subscriptionExpiryDateKSE": 1735689600000},
        {"subscriptionExpiryDateKSE": "next year"},
        {"canCreateOfflineKSE": "true"},
    ],
    ids=str,
)
def test_a_quota_or_a_date_of_a_wrong_type_stops_the_reading(fields: dict[str, Any]) -> None:
    with pytest.raises(MalformedAnswerError, match=next(iter(fields))):
        state(Vendor(organizations=[organization(**fields)]))


@pytest.mark.parametrize("role", ["USER", "BILLING_MANAGER", "SUPERHERO"])
def test_a_role_without_the_right_is_told_before_any_list_is_read(role: str) -> None:
    backend, transport = over(Vendor(organizations=[organization(role=role)]))
    with pytest.raises(ForbiddenError) as caught:
        backend.read(101)
    assert "Owner or Admin" in str(caught.value.hint)
    assert [call.path for call in transport.calls] == ["/api/v1/users/me"]


@pytest.mark.parametrize("role", ["OWNER", "ADMIN", "admin", None])
def test_owners_and_admins_may_read_and_so_may_one_whose_role_is_not_told(
    role: str | None,
) -> None:
    assert state(Vendor(organizations=[organization(role=role)])).id == 101


def test_an_organization_of_somebody_else_is_told_with_those_that_are_seen() -> None:
    vendor = Vendor(organizations=[organization(number) for number in range(200, 230)])
    with pytest.raises(UnknownOrganizationError, match="organization 101") as caught:
        state(vendor)
    assert str(caught.value.hint).startswith("it sees 200, 201,")
    assert str(caught.value.hint).endswith("219, …")


@pytest.mark.parametrize("identity", [101, "101"])
def test_an_organizations_id_may_come_as_its_digits_wherever_it_comes(identity: object) -> None:
    bare = {"id": identity, "name": "Acme", "role": "OWNER"}
    found = {"quotaKSE": 8, "id": identity}
    row = {"userEmail": "ada@x.io", "feature": "KSE", "organization": {"id": identity}}
    vendor = Vendor(
        organizations=[bare], rows={"Organization": [found], "UserOrganizationFeature": [row]}
    )
    vendor.info["Organization"] = {"filterConfig": {"id": "number"}}
    read = state(vendor)
    assert read.subscriptions is not None
    quotas = [("kse", 8), ("kse-floating", None), ("kre-floating", None)]
    assert [(line.product, line.quota) for line in read.subscriptions] == quotas
    assert read.licensed_users == (LicensedUser("kse", "ada@x.io"),)
    assert [line.id for line in over(vendor)[0].organizations()] == [101]


@pytest.mark.parametrize("identity", [True, 101.0, "101x", None, [101]], ids=str)
def test_what_is_no_id_is_not_taken_for_the_organizations(identity: object) -> None:
    bare = {"id": 101, "name": "Acme", "role": "OWNER"}
    vendor = Vendor(organizations=[bare], rows={"Organization": [{"quotaKSE": 8, "id": identity}]})
    vendor.info["Organization"] = {"filterConfig": {"id": "number"}}
    assert state(vendor).subscriptions is None


def test_a_key_that_sees_no_organization_is_told() -> None:
    with pytest.raises(UnknownOrganizationError) as caught:
        state(Vendor(organizations=[]))
    assert caught.value.hint == "it sees no organization at all"


@pytest.mark.parametrize(
    "me",
    [
        [],
        {},
        {"organizations": None},
        {"organizations": [{"name": "x"}]},
        {"organizations": [{"id": True}]},
        {"organizations": [{"id": 101.0}]},
        {"organizations": [{"id": "101 "}]},
        {"organizations": [{"id": "\u0661\u0660\u0661"}]},
        {"organizations": [{"id": "9" * 5000}]},
        {"organizations": [{"id": 101}, {"id": 101}]},
        {"organizations": [{"id": 101}, {"id": "101"}]},
    ],
    ids=str,
)
def test_an_account_of_a_wrong_shape_is_told(me: Any) -> None:
    with pytest.raises(MalformedAnswerError):
        over(lambda _: reply(me))[0].organizations()


def test_a_description_of_the_search_that_is_none_is_told() -> None:
    with pytest.raises(MalformedAnswerError, match="search/info"):
        state(Vendor(info=[]))  # type: ignore[arg-type]


def test_by_default_a_foreign_server_gets_no_writes() -> None:
    backend, transport = over(Vendor(write=reply({"results": []})))
    assert backend.capabilities().writes == frozenset()
    with pytest.raises(ApiError, match="not made by the API") as caught:
        backend.write(GRANT, idempotency_key="k")
    assert "checklist" in str(caught.value.hint)
    assert not [call for call in transport.calls if call.write]


@pytest.mark.parametrize(
    ("headers", "mode", "offered"),
    [
        (OWN, None, True),
        (OWN, WriteMode.API, True),
        (OWN, WriteMode.CHECKLIST, False),
        ({}, WriteMode.API, True),
        ({}, WriteMode.CHECKLIST, False),
        ({"X_Licensing_Server": "other"}, None, False),
    ],
)
def test_writes_are_what_the_workspace_says_and_else_what_the_server_is(
    headers: dict[str, str], mode: WriteMode | None, offered: bool
) -> None:
    backend, _ = over(Vendor(headers=headers), writes=mode)
    assert backend.capabilities().writes == (frozenset(Write) if offered else frozenset())
    assert backend.capabilities().live


def test_each_organization_is_asked_for_with_its_own_key() -> None:
    seen = {
        "key-a": [organization(101), organization(102, role="USER"), organization(103)],
        "key-b": [organization(102)],
    }

    def script(received: Received) -> Reply:
        return Vendor(organizations=seen[received.key])(received)

    environ = {"RECONCILER_API_KEY": "key-a", "RECONCILER_KEY_B": "key-b"}
    settings = Settings(keys=MappingProxyType({102: "RECONCILER_KEY_B", 103: "RECONCILER_KEY_C"}))
    with api(script) as server:
        keys = KeyRing.from_environment(environ, settings, server.url, explicit=True)
        backend = open_backend(server.url, keys=keys, settings=ApiSettings(), timezone="UTC")
        refs = backend.organizations()
        first = len(server.received)
        backend.read(102)
        used = {received.key for received in server.received[first:]}
        with pytest.raises(AuthenticationError, match="RECONCILER_KEY_C"):
            backend.read(103)
        backend.close()
    assert [(ref.id, ref.role) for ref in refs] == [
        (101, Role.OWNER),
        (102, Role.OWNER),
        (103, Role.OWNER),
    ]
    # The description of the search is the same for everybody.
    assert used == {"key-b"}
    assert "key-" not in repr(backend) + repr(keys)


def read_over_http(script: Callable[[Received], Reply], timeout: float = 5) -> OrganizationState:
    with api(script) as server:
        return read_from(server.url, timeout)


def read_from(url: str, timeout: float = 5) -> OrganizationState:
    keys = KeyRing.from_environment({"RECONCILER_API_KEY": "sk-1"}, Settings(), url, explicit=True)
    settings = ApiSettings(timeout=timeout)
    backend = open_backend(url, keys=keys, settings=settings, timezone="UTC")
    try:
        return backend.read(101)
    finally:
        backend.close()


def lying(received: Received) -> Reply:
    vendor = Vendor(rows={"UserOrganizationFeature": [user("ada@x.io")]})
    vendor.bend = lambda page: page | {"totalElements": page["totalElements"] + 1}
    return vendor(received)


@pytest.mark.parametrize(
    ("script", "kind"),
    [
        (lambda _: reply({"message": "Bad credentials"}, 401), AuthenticationError),
        (lambda _: reply({"message": "Access denied"}, 403), ForbiddenError),
        (Vendor(organizations=[organization(role="USER")]), ForbiddenError),
        (Vendor(organizations=[organization(102)]), UnknownOrganizationError),
        (lambda _: Reply(200, b"pong"), MalformedAnswerError),
        (lambda _: Reply(200, b"<html><body>Sign in</body></html>"), MalformedAnswerError),
        (lying, IncompleteListingError),
        (lambda _: Reply(delay=1), UnreachableError),
    ],
    ids=["wrong key", "403", "no role", "unknown", "not JSON", "HTML", "lying page", "timeout"],
)
def test_what_goes_wrong_over_http_is_told_in_one_line_that_says_what_to_do(
    script: Callable[[Received], Reply], kind: type[ApiError]
) -> None:
    with pytest.raises(kind) as caught:
        read_over_http(script, timeout=0.2)
    error = caught.value
    assert error.exit_code == 1
    assert error.hint
    assert "\n" not in error.message + error.hint
    assert "sk-1" not in error.message + error.hint


def test_a_server_that_is_down_is_told_in_one_line_that_says_what_to_do() -> None:
    with pytest.raises(UnreachableError, match="refused") as caught:
        read_from(f"http://127.0.0.1:{unused_port()}")
    assert caught.value.hint


def test_an_organization_that_vanishes_while_it_is_read_is_told() -> None:
    def script(received: Received) -> Reply:
        if received.path == "/api/v1/search":
            return reply({"message": "There is no organization 101."}, 404)
        return Vendor()(received)

    with pytest.raises(UnknownOrganizationError, match="no organization 101"):
        over(script)[0].read(101)


LISTS_OF = {
    "UserOrganizationFeature": "licensed_users",
    "Machine": "machines",
    "LicenseKey": "offline_licenses",
    "KsSession": "sessions",
    "UserOrganization": "members",
}


def declining(status: int, *entities: str, info: int = 200) -> Callable[[Received], Reply]:
    vendor = Vendor(
        rows={
            "UserOrganizationFeature": [user("ada@x.io")],
            "UserOrganization": [{"userEmail": "ada@x.io", "organizationId": 101}],
        }
    )

    def script(received: Received) -> Reply:
        if received.path.endswith("/search") and received.json["type"] in entities:
            return reply({"message": "not here"}, status)
        if received.path.endswith("/search/info") and info != 200:
            return reply({"message": "not here"}, info, **OWN)
        return vendor(received)

    return script


@pytest.mark.parametrize("status", [400, 403, 404, 501])
@pytest.mark.parametrize(("entity", "attribute"), LISTS_OF.items())
def test_a_list_that_the_server_declines_to_give_is_unknown_and_the_others_are_read(
    entity: str, attribute: str, status: int
) -> None:
    read = over(declining(status, entity))[0].read(101)
    assert [name for name in LISTS_OF.values() if getattr(read, name) is None] == [attribute]


def test_declined_invitations_leave_those_who_joined() -> None:
    read = over(declining(403, "UserInvitation"))[0].read(101)
    assert read.members == (Member("ada@x.io"),)


@pytest.mark.parametrize(
    ("status", "kind"), [(401, AuthenticationError), (429, ApiError), (500, ApiError)]
)
def test_a_key_that_fails_and_a_server_that_fails_are_errors_and_no_unknown_list(
    status: int, kind: type[ApiError]
) -> None:
    with pytest.raises(kind) as caught:
        over(declining(status, "KsSession"))[0].read(101)
    assert caught.value.status == status


@pytest.mark.parametrize("status", [400, 403, 404])
def test_a_server_that_declines_every_list_is_the_organizations_error(status: int) -> None:
    with pytest.raises(ApiError, match="not here") as caught:
        over(declining(status, *ENTITIES))[0].read(101)
    assert caught.value.status == status


@pytest.mark.parametrize("status", [400, 403, 404, 501])
def test_where_the_search_is_not_described_each_list_is_tried(status: int) -> None:
    backend, transport = over(declining(404, "Machine", info=status))
    read = backend.read(101)
    assert read.licensed_users == (LicensedUser("kse", "ada@x.io"),)
    assert read.machines is None
    keys = {call.json["conditions"][0]["key"] for call in transport.calls if call.json}
    assert keys == {"Organization.id"}
    assert backend.capabilities().writes == frozenset(Write)


def test_a_search_whose_description_fails_is_an_error() -> None:
    with pytest.raises(ApiError) as caught:
        over(declining(404, info=500))[0].read(101)
    assert caught.value.status == 500


def test_names_lose_what_no_line_of_a_file_holds() -> None:
    machine = {"organizationId": 101, "feature": "KSE", "machineId": "5d"}
    vendor = Vendor(
        organizations=[organization(name="Ac\tme\n\x1b[31m ")],
        rows={"Machine": [machine | {"machineName": " x\ty\u001b[31m\nz\ud800"}]},
    )
    read = state(vendor)
    assert read.name == "Ac me [31m"
    assert read.machines == (Machine("kse", "5d", None, "x y [31m z?"),)
    assert over(vendor)[0].organizations()[0].name == "Ac me [31m"


def test_what_is_written_as_a_snapshot_of_any_names_fits_its_schema() -> None:
    machine = {"organizationId": 101, "feature": "KSE", "machineId": "5d"}
    for name in ("", "\n", "a\x85b\u2028", "x" * 2000, "a" * 999 + " b"):
        vendor = Vendor(
            organizations=[organization(name=name)],
            rows={"Machine": [machine | {"machineName": name}]},
        )
        document = to_snapshot([state(vendor)], datetime(2026, 11, 24, tzinfo=UTC))
        assert schema.problems("snapshot", document) == ()


@pytest.mark.parametrize(
    ("entity", "row"),
    [
        ("UserOrganizationFeature", user("a\nb@x.io")),
        ("Machine", {"organizationId": 101, "feature": "KSE", "machineId": "5d\x00"}),
        (
            "Machine",
            {"organizationId": 101, "feature": "KSE", "machineId": "5d", "userEmail": "a\t@x.io"},
        ),
        (
            "KsSession",
            {"organizationId": 101, "feature": "KSE", "machineId": "5d", "sessionId": "\x1b[0m"},
        ),
        ("UserOrganization", {"organizationId": 101, "userEmail": "a\u2028@x.io"}),
    ],
)
def test_an_email_or_an_id_with_a_control_character_stops_the_reading_with_its_list_named(
    entity: str, row: dict[str, Any]
) -> None:
    with pytest.raises(MalformedAnswerError, match="without control characters") as caught:
        state(Vendor(rows={entity: [row]}))
    assert f"a row of {entity} has a " in caught.value.message
    assert caught.value.message.isprintable()


def test_the_double_knows_every_entity_that_is_read() -> None:
    backend, transport = over(Vendor())
    backend.read(101)
    searched = {call.json["type"] for call in transport.calls if call.json}
    assert searched == set(ENTITIES)


@responses.activate
def test_the_vendors_cloud_is_read_and_gets_no_writes_unless_the_workspace_says_so() -> None:
    cloud = "https://testops.katalon.io"
    vendor = Vendor(rows={"UserOrganizationFeature": [user("ada@x.io")]})

    def answer(request: Any) -> tuple[int, dict[str, str], bytes]:
        headers = {name.lower(): value for name, value in request.headers.items()}
        path = request.url.removeprefix(cloud)
        replied = vendor(Received(request.method, path, {}, headers, request.body or b"", 0))
        return replied.status, dict(replied.headers), replied.body

    for method, path in (
        ("GET", "/api/v1/users/me"),
        ("GET", "/api/v1/search/info"),
        ("POST", "/api/v1/search"),
    ):
        responses.add_callback(method, cloud + path, callback=answer)
    keys = KeyRing.from_environment(
        {"RECONCILER_API_KEY": "sk-1"}, Settings(), cloud, explicit=True
    )
    backend = open_backend(cloud, keys=keys, settings=ApiSettings(), timezone="UTC")
    assert backend.read(101).licensed_users == (LicensedUser("kse", "ada@x.io"),)
    assert backend.capabilities().writes == frozenset()
    with pytest.raises(ApiError, match="not made by the API"):
        backend.write(GRANT, idempotency_key="k")
    backend.close()
    assert {call.request.url.removeprefix(cloud) for call in responses.calls} == {
        "/api/v1/users/me",
        "/api/v1/search/info",
        "/api/v1/search",
    }
