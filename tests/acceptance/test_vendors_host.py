"""A host that is the vendor's: what its answers leave open is unknown, never guessed."""

from __future__ import annotations

import json
from typing import Any

from tests.acceptance.conftest import KEY, Cli
from tests.unit.backends.loopback import api
from tests.unit.backends.vendor import Vendor, organization, user

FILE = """\
version: 1
organization: {id: 101, name: Acme}
products:
  kse: {users: [ada@x.io]}
  kre-node-locked: {machines: [%s]}
""" % ("b" * 32)


def machine(identity: str, feature: str = "ENGINE") -> dict[str, Any]:
    return {"machineId": identity, "feature": feature, "organizationId": 101}


def member(email: str) -> dict[str, Any]:
    return {"userEmail": email, "organizationId": 101, "role": "USER"}


def planned(cli: Cli, vendor: Vendor, *arguments: str) -> tuple[int, dict[str, Any]]:
    with api(vendor) as server:
        result = cli(
            "plan", "acme.yaml", "--api", server.url, "--format", "json", *arguments,
            RECONCILER_API_KEY=KEY,
        )  # fmt: skip
    (found,) = json.loads(result.out)["organizations"]
    return result.code, found


def test_a_machine_that_holds_several_licenses_shuts_its_product_and_says_why(cli: Cli) -> None:
    (cli.folder / "acme.yaml").write_text(FILE)
    vendor = Vendor(
        organizations=[organization(quotaEngine=5, usedEngine=3)],
        rows={
            "Machine": [machine("a" * 32), machine("a" * 32), machine("b" * 32)],
            "UserOrganization": [member("ada@x.io")],
        },
    )
    code, found = planned(cli, vendor)
    assert code == 4
    (refusal,) = found["refusals"]
    assert (refusal["code"], refusal["product"]) == ("unreadable", "kre-node-locked")
    assert "a" * 32 + " in kre-node-locked is listed more than once" in refusal["message"]
    assert "machines that hold several licenses are not counted here" in refusal["message"]
    # The rest of the organization goes on.
    assert [row["subject"]["id"] for row in found["changes"]] == ["ada@x.io"]


def test_a_floating_quota_that_no_field_tells_is_unknown_and_its_users_are_granted(
    cli: Cli,
) -> None:
    (cli.folder / "acme.yaml").write_text(
        FILE.partition("products:")[0] + "products: {kre-floating: {users: [ada@x.io]}}\n"
    )
    vendor = Vendor(rows={"UserOrganization": [member("ada@x.io")]})
    code, found = planned(cli, vendor)
    assert code == 0
    assert [row["subject"]["id"] for row in found["changes"]] == ["ada@x.io"]
    (pool,) = found["pools"]
    assert (pool["product"], pool["quota"]) == ("kre-floating", None)


def test_an_offline_license_of_a_floating_product_waits_for_a_quota_that_is_known(
    cli: Cli,
) -> None:
    (cli.folder / "acme.yaml").write_text(
        FILE.partition("products:")[0]
        + "policy: {allow_irrevocable: true}\n"
        + "products: {kre-floating: {machines: [{id: %s, offline_until: 2097-01-31}]}}\n"
        % ("b" * 32)
    )
    vendor = Vendor(
        organizations=[organization(canCreateOfflineRE=True)],
        rows={"Machine": [machine("b" * 32, "UNLIMITED_ENGINE")]},
    )
    code, found = planned(cli, vendor, "--allow-irrevocable")
    assert code == 4
    assert [row["code"] for row in found["refusals"]] == ["unreadable"]
    assert found["refusals"][0]["details"]["missing"] == ["quota"]
    assert found["changes"] == []


def test_what_is_unknown_of_a_floating_product_is_shown_as_unknown(cli: Cli) -> None:
    with api(Vendor(rows={"UserOrganizationFeature": [user("ada@x.io", "UNLIMITED_KSE")]})) as host:
        shown = json.loads(
            cli.ok("show", "--api", host.url, "--format", "json", RECONCILER_API_KEY=KEY)
        )
    quotas = {row["product"]: row["quota"] for row in shown["organizations"][0]["products"]}
    assert quotas["kse-floating"] is None
    assert quotas["kse"] == 5


def test_import_leaves_out_what_nobody_holds_and_nothing_is_known_of(cli: Cli) -> None:
    rows = [user("ada@x.io", "KSE"), user("bob@x.io", "UNLIMITED_ENGINE")]
    with api(Vendor(rows={"UserOrganizationFeature": rows})) as host:
        cli.env = {"RECONCILER_API_URL": host.url, "RECONCILER_API_KEY": KEY}
        cli.ok("import", "--org", "101", "--output", "imported.yaml")
        text = (cli.folder / "imported.yaml").read_text()
        assert "kse-floating" not in text
        assert "kre-floating:\n    users:\n      - bob@x.io" in text
        planned = json.loads(cli.ok("plan", "imported.yaml", "--format", "json"))
    (found,) = planned["organizations"]
    assert (found["changes"], found["refusals"], found["deferred"]) == ([], [], [])
