"""`apply --expect`: what names no review applies nothing."""

from __future__ import annotations

import json

import pytest

from tests.acceptance.conftest import Cli

HEX = 64 * "a"
NO_REVIEW = {
    "empty": "",
    "blank": " ",
    "line break": "\n",
    "prefix alone": "sha256:",
    "cut short": f"sha256:{HEX[:-1]}",
    "too long": f"sha256:{HEX}a",
    "not hexadecimal": f"sha256:{HEX[:-1]}g",
    "without its prefix": HEX,
    "two": f"sha256:{HEX} sha256:{HEX}",
    "a folder": "orgs",
    "a name too long for a file": 5_000 * "x",
}


@pytest.mark.parametrize("value", NO_REVIEW.values(), ids=NO_REVIEW)
def test_a_value_that_names_no_review_is_wrong_usage(embedded: Cli, value: str) -> None:
    result = embedded("apply", "--yes", "--expect", value)
    assert (result.code, result.out) == (64, "")
    assert "--expect" in result.err
    assert "carol@acme.example" in embedded.ok("show", "--org", "101")


@pytest.mark.parametrize("value", ["", "  ", "sha256:"])
def test_a_saved_plan_is_not_applied_either(embedded: Cli, value: str) -> None:
    embedded.ok("plan", "--out", "plan.json")
    for arguments in (("plan.json",), ("plan.json", "--via", "checklist")):
        assert embedded("apply", *arguments, "--yes", f"--expect={value}").code == 64
    assert embedded("plan", "--detailed-exitcode").code == 2


def test_a_digest_may_have_blanks_around_it(embedded: Cli) -> None:
    embedded.ok("plan", "--out", "plan.json")
    digest = json.loads((embedded.folder / "plan.json").read_text())["changes_digest"]
    assert "10 done" in embedded.ok("apply", "--yes", "--expect", f" {digest}\n")
