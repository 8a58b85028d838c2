from __future__ import annotations

import pytest

from reconciler.backends.protocol import Write
from reconciler.backends.routes import RouteError, read_routes, route_problem

VALUES = {
    "organization": "101",
    "feature": "KSE",
    "machine": "5d41/40&2a",
    "session": "s 1",
}


def test_every_write_has_a_default_route() -> None:
    assert set(read_routes({})) == set(Write)


def test_the_removal_of_a_machine_goes_where_the_vendor_was_seen_to_have_it() -> None:
    path, query = read_routes({})[Write.REMOVE_MACHINE].fill(VALUES)
    assert path == "/api/v1/machine"
    assert query == {"machineKey": "5d41/40&2a", "package": "KSE", "organizationId": "101"}


def test_a_route_can_be_set() -> None:
    routes = read_routes({"remove_machine": "POST /x/{organization}/{machine}/off?p={feature}&q="})
    route = routes[Write.REMOVE_MACHINE]
    assert route.method == "POST"
    assert route.fill(VALUES) == ("/x/101/5d41%2F40%262a/off", {"p": "KSE", "q": ""})
    assert not route.standard
    assert routes[Write.GRANT_USERS].standard


@pytest.mark.parametrize("machine", [".", ".."])
def test_a_value_cannot_lead_the_path_elsewhere(machine: str) -> None:
    route = read_routes({"remove_machine": "DELETE /m/{machine}/{feature}/{organization}"})
    with pytest.raises(ValueError, match="dot"):
        route[Write.REMOVE_MACHINE].fill(VALUES | {"machine": machine})


@pytest.mark.parametrize(
    ("name", "text", "told"),
    [
        ("grant", "POST /x/{organization}", "no such write; there are grant_users"),
        ("grant_users", "GET /x/{organization}", "POST, PUT, PATCH or DELETE"),
        ("grant_users", "POST https://evil.io/{organization}", "a path from /"),
        ("grant_users", "POST //evil.io/{organization}", "a path from /"),
        ("grant_users", "POST /x/{organization}#top", "a path from /"),
        ("grant_users", "POST /x/{organization} HTTP/1.1", "a path from /"),
        ("grant_users", "POST /x/{organisation}", "{organisation} is not one of {feature}"),
        ("grant_users", "POST /x/{session}/{organization}", "{session} is not one of"),
        ("grant_users", "POST /x", "{organization} is missing"),
        ("remove_machine", "DELETE /x/{organization}/{machine}", "{feature} is missing"),
        ("end_session", "POST /x/{organization}/{machine}", "{session} is missing"),
        ("grant_users", "POST /x/{organization.__class__}", "is no placeholder"),
        ("grant_users", "POST /x/{organization!r}", "is no placeholder"),
        ("grant_users", "POST /x/{}", "is no placeholder"),
        ("grant_users", "POST /x/{organization", "expected '}'"),
        ("grant_users", "POST /x/{organization}?{feature}=1", "name of a query parameter"),
        ("grant_users", "POST /x?a={organization}&a=2", "there twice"),
    ],
)
def test_a_route_that_cannot_be_used_is_told_at_the_start(name: str, text: str, told: str) -> None:
    with pytest.raises(RouteError) as caught:
        read_routes({name: text})
    assert caught.value.message.startswith(f"api.routes.{name}: ")
    assert told in caught.value.message
    assert caught.value.exit_code == 3


LICENSED = "licensed-users"


@pytest.mark.parametrize(
    "text",
    [
        f"POST /organizations/202/{LICENSED}?of={{organization}}",
        f"POST /organizations/x{{organization}}/{LICENSED}",
        f"POST /organizations/{{organization}}0/{LICENSED}",
        f"POST /organizations/{{organization}}{{feature}}/{LICENSED}",
        f"POST /organizations/{{{{organization}}}}/{{organization}}/{LICENSED}",
        f"POST /organizations/{{organization}}/../202/{LICENSED}",
        f"POST /organizations/{{organization}}/./{LICENSED}",
        f"POST /organizations/{{organization}}/%2e%2e/202/{LICENSED}",
        f"POST /organizations/%32%30%32/{{organization}}/{LICENSED}",
        f"POST /organizations/{{organization}}%2f..%2f202/{LICENSED}",
        f"POST /organizations/{{organization}};id=202/{LICENSED}",
        f"POST /organizations/{{organization}}//{LICENSED}",
        f"POST /organizations/{{organization}}\\..\\202/{LICENSED}",
        f"POST /organizations/\uff12\uff10\uff12/{{organization}}/{LICENSED}",
        f"POST /organizations/-202/{{organization}}/{LICENSED}",
        f"POST /{LICENSED}?id={{organization}}0",
        f"POST /{LICENSED}?id=202&of={{organization}}",
        f"POST /{LICENSED}?id=+202&of={{organization}}",
        f"POST /{LICENSED}?id=0xCA&of={{organization}}",
        f"POST /{LICENSED}?id={{organization}},202",
        f"POST /{LICENSED}?id=%7Borganization%7D&of={{organization}}",
        f"POST /{LICENSED}?id={{organization}}&202=x",
    ],
)
def test_a_route_can_name_no_other_organization_than_its_own(text: str) -> None:
    assert route_problem("grant_users", text) is not None
    with pytest.raises(RouteError):
        read_routes({"grant_users": text})


@pytest.mark.parametrize(
    "text",
    [
        "POST /v2/org/{organization}/licensed-users/",
        "PUT /admin/{feature}?org={organization}&dry_run=no&trace=",
        "POST /seats/{organization}/users:grant",
    ],
)
def test_a_route_of_words_and_whole_placeholders_can_be_used(text: str) -> None:
    assert route_problem("grant_users", text) is None


@pytest.mark.parametrize("ending", ["", "/", "?dry_run=no", "?x={feature}"])
def test_a_grant_is_never_sent_where_removals_go(ending: str) -> None:
    text = f"POST /api/v1/organizations/{{organization}}/Licensed-Users/remove{ending}"
    assert route_problem("grant_users", text) == "it is the built-in route of remove_users"


def test_no_two_writes_share_a_route() -> None:
    one = "POST /seats/{organization}/{feature}"
    with pytest.raises(RouteError, match="it is the route of grant_users as well"):
        read_routes({"grant_users": one, "remove_users": f"{one}/"})


def test_all_bad_routes_are_told_at_once() -> None:
    with pytest.raises(RouteError, match=r"api\.routes\.a: .*; api\.routes\.b: "):
        read_routes({"b": "x", "a": "x"})
