from __future__ import annotations

import pytest

from reconciler.backends.protocol import Write
from reconciler.backends.routes import RouteError, read_routes

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


def test_all_bad_routes_are_told_at_once() -> None:
    with pytest.raises(RouteError, match=r"api\.routes\.a: .*; api\.routes\.b: "):
        read_routes({"b": "x", "a": "x"})
