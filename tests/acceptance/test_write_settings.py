"""Where and how changes are written: what a plan covers, and what a pull request cannot set."""

from __future__ import annotations

import csv
import io
import json
from typing import Any

import pytest

from tests.acceptance.conftest import Cli

ELSEWHERE = "POST /seats/{organization}/{feature}/users"
ROUTES = "RECONCILER_API_ROUTES"
WRITES = "RECONCILER_API_WRITES"


def say(cli: Cli, text: str) -> int:
    """Add a section to the workspace file, and return the line that it begins in."""
    workspace = cli.folder / "reconciler.yaml"
    before = workspace.read_text().rstrip("\n") + "\n"
    workspace.write_text(before + text)
    return before.count("\n") + 1


def plan(cli: Cli, *arguments: str, **env: str) -> dict[str, Any]:
    cli.ok("plan", *arguments, "--out", "p.json", **env)
    return dict(json.loads((cli.folder / "p.json").read_text()))


def routes(**named: str) -> str:
    return json.dumps(named)


def test_the_digest_covers_the_host_the_writes_and_the_routes(embedded: Cli) -> None:
    plans = [
        plan(embedded),
        plan(embedded, "--api", f"sqlite:///{embedded.folder}/e.db"),
        plan(embedded, "--writes", "checklist"),
        plan(embedded, "--route", f"grant_users={ELSEWHERE}"),
        plan(embedded, "--route", f"remove_users={ELSEWHERE}"),
    ]
    assert len({row["changes_digest"] for row in plans}) == 5
    assert len({json.dumps(row["organizations"]) for row in plans}) == 1
    assert [row.get("writes") for row in plans] == [None, None, "checklist", None, None]
    assert plans[3]["routes"] == {"grant_users": ELSEWHERE}
    assert "routes" not in plans[2]


def test_what_is_the_default_anyway_is_no_other_plan(embedded: Cli) -> None:
    first = plan(embedded)
    default = "POST /api/v1/organizations/{organization}/licensed-users"
    same = plan(embedded, "--writes", "api", "--route", f"grant_users={default}")
    assert same["changes_digest"] == first["changes_digest"]
    assert not {"writes", "routes"} & set(same)


@pytest.mark.parametrize(
    "name", ["text", "markdown", "html", "github", "sarif", "junit"], ids=lambda name: name
)
def test_every_report_shows_the_host_the_writes_and_the_routes(embedded: Cli, name: str) -> None:
    usual = embedded.ok("plan", "--format", name)
    said = embedded.ok(
        "plan", "--format", name, "--writes", "checklist", "--route", f"grant_users={ELSEWHERE}"
    )
    plain = said.replace("{{", "{").replace("}}", "}").replace("%3A", ":")
    for words in ("as by default", "sqlite:///e.db", "checklist", "grant_users", ELSEWHERE):
        assert words in plain
    assert "as by default" not in usual


def test_a_reviewer_sees_another_route_before_any_change(embedded: Cli) -> None:
    plan(embedded, "--route", f"grant_users={ELSEWHERE}")
    assert embedded.ok("report", "p.json").startswith("! Changes to sqlite:///e.db are not")
    markdown = embedded.ok("report", "p.json", "--format", "markdown").splitlines()
    assert markdown[3] == "> [!CAUTION]"
    assert markdown[5] == f"> - `route of grant_users: {ELSEWHERE}`"


def test_in_ci_a_route_in_a_file_is_refused_with_its_place(embedded: Cli) -> None:
    line = say(embedded, f"api:\n  routes:\n    grant_users: {ELSEWHERE}\n")
    assert embedded("plan").code == 0
    for command in (("plan",), ("apply", "--yes"), ("sessions", "end", "--org=101", "--user=a@x")):
        result = embedded(*command, CI="true")
        assert (result.code, result.out) == (3, "")
        assert f"reconciler.yaml:{line + 2}:18: api.routes.grant_users: in CI (CI is set)" in (
            result.err
        )
        assert ROUTES in result.err
    assert embedded("plan", "--detailed-exitcode").code == 2


@pytest.mark.parametrize("value", ["api", "checklist"])
def test_in_ci_writes_in_a_file_are_refused_with_their_place(embedded: Cli, value: str) -> None:
    line = say(embedded, f"api: {{writes: {value}}}\n")
    result = embedded("apply", "--yes", TF_BUILD="True")
    assert (result.code, result.out) == (3, "")
    assert f"reconciler.yaml:{line}:15: api.writes: in CI (TF_BUILD is set)" in result.err


def test_in_ci_what_the_pipeline_says_too_may_stand_in_a_file(embedded: Cli) -> None:
    say(embedded, f"api:\n  writes: checklist\n  routes: {{grant_users: {ELSEWHERE!r}}}\n")
    there = {WRITES: "checklist", ROUTES: routes(grant_users=ELSEWHERE)}
    by_environment = plan(embedded, CI="true", **there)
    by_options = plan(
        embedded, "--writes", "checklist", "--route", f"grant_users={ELSEWHERE}", CI="true"
    )
    assert by_environment["changes_digest"] == by_options["changes_digest"]
    assert by_environment["routes"] == {"grant_users": ELSEWHERE}
    assert embedded("plan", CI="true", **{**there, WRITES: "api"}).code == 3
    other = routes(grant_users=f"{ELSEWHERE}/more")
    assert embedded("plan", CI="true", **{**there, ROUTES: other}).code == 3


def test_the_command_line_comes_before_the_environment_and_that_before_the_file(
    embedded: Cli,
) -> None:
    say(embedded, "api: {writes: checklist}\n")
    assert plan(embedded)["writes"] == "checklist"
    assert "writes" not in plan(embedded, **{WRITES: "api"})
    assert plan(embedded, "--writes", "checklist", **{WRITES: "api"})["writes"] == "checklist"
    named = {ROUTES: routes(grant_users=ELSEWHERE, remove_users=f"{ELSEWHERE}/off")}
    made = plan(embedded, "--route", f"grant_users={ELSEWHERE}/on", **named)
    assert made["routes"] == {
        "grant_users": f"{ELSEWHERE}/on",
        "remove_users": f"{ELSEWHERE}/off",
    }


@pytest.mark.parametrize(
    ("value", "said"),
    [
        ("x", "Expecting value"),
        ("[]", "it is no object"),
        ('{"grant_users": 1}', "grant_users is no text"),
        ('{"grant": "POST /x"}', "there is no such write"),
        ('{"grant_users": "POST /x/{organization}0"}', "more than a placeholder"),
        ('{"grant_users": "POST /x", "grant_users": "POST /y"}', "grant_users is there twice"),
        ("[" * 100_000, "recursion depth"),
    ],
)
def test_routes_of_the_environment_that_cannot_be_used_are_told(
    embedded: Cli, value: str, said: str
) -> None:
    result = embedded("plan", **{ROUTES: value})
    assert (result.code, result.out) == (64, "")
    assert f"error: {ROUTES}: " in result.err
    assert said in result.err


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--route", "grant_users"], "there is no ="),
        (["--route", "grant=POST /x"], "there is no such write"),
        (["--route", "grant_users=POST /x/202"], "{organization} is missing"),
        (2 * ["--route", f"grant_users={ELSEWHERE}"], "it is given twice"),
        (["--writes", "api", "--state", "snapshot.yaml"], "nothing is written to what --state"),
    ],
)
def test_options_that_make_no_sense_are_wrong_usage(
    embedded: Cli, arguments: list[str], said: str
) -> None:
    result = embedded("plan", *arguments)
    assert (result.code, result.out) == (64, "")
    assert said in result.err
    assert embedded("plan", **{WRITES: "yes"}).code == 64


def test_a_route_of_a_file_that_cannot_be_used_is_told_with_its_place(embedded: Cli) -> None:
    line = say(embedded, "api:\n  routes:\n    grant_users: POST /x/{organization}0\n")
    result = embedded("plan")
    assert result.code == 3
    assert f"reconciler.yaml:{line + 2}:18: api.routes.grant_users: " in result.err


def test_a_plan_of_another_host_is_no_review(embedded: Cli) -> None:
    plan(embedded, "--api", f"sqlite:///{embedded.folder}/e.db")
    result = embedded("apply", "--yes", "--expect", "p.json")
    assert result.code == 4
    assert f"made for sqlite:///{embedded.folder}/e.db, not for sqlite:///e.db" in result.err
    assert embedded("apply", "p.json", "--yes").code == 4
    assert embedded("plan", "--detailed-exitcode").code == 2


def test_a_saved_plan_that_would_be_written_otherwise_now_is_refused(embedded: Cli) -> None:
    plan(embedded, "--route", f"grant_users={ELSEWHERE}")
    result = embedded("apply", "p.json", "--yes")
    assert result.code == 4
    assert f"written by grant_users {ELSEWHERE}, not by the host's defaults" in result.err
    plan(embedded)
    result = embedded("apply", "p.json", "--yes", **{ROUTES: routes(grant_users=ELSEWHERE)})
    assert result.code == 4
    expected = embedded("apply", "--yes", "--expect", "p.json", "--writes", "checklist")
    assert expected.code == 4
    assert "so now, but not reviewed: writes: checklist" in expected.err
    assert "10 done" in embedded.ok("apply", "p.json", "--yes")


def test_doctor_and_the_end_of_a_session_show_how_is_written(embedded: Cli) -> None:
    route = "POST /sessions/{organization}/{session}"
    told = "Changes to sqlite:///e.db are not written as by default: route of end_session: "
    assert f"routes: {told}{route}" in embedded("doctor", **{ROUTES: routes(end_session=route)}).out
    assert "routes:" not in embedded("doctor").out
    result = embedded(
        "sessions", "end", "--org", "101", "--user", "carol@acme.example",
        "--route", f"end_session={route}",
    )  # fmt: skip
    assert result.code == 64
    assert f"{told}{route}" in result.err


def test_what_is_said_of_writes_is_no_secret_and_no_key(embedded: Cli) -> None:
    made = embedded.ok(
        "plan", **{WRITES: "checklist", ROUTES: routes(grant_users=ELSEWHERE), "CI": "1"}
    )
    assert "writes: checklist" in made
    for name in (WRITES, ROUTES):
        workspace = embedded.folder / "reconciler.yaml"
        text = workspace.read_text()
        workspace.write_text(f"{text}\napi: {{key_env: {name}}}\n")
        assert f"{name} is" in embedded("validate").out
        workspace.write_text(text)


OF_SESSIONS = "POST /sessions/{session}/off"


def test_the_account_and_the_journal_say_by_which_routes_it_was_written(embedded: Cli) -> None:
    routes = {"end_session": OF_SESSIONS}
    said = f"route of end_session: {OF_SESSIONS}"
    other = ("--yes", "--journal", "j.jsonl", "--route", f"end_session={OF_SESSIONS}")
    embedded.ok("apply", *other, "--format", "json", "--output", "a.json")
    account = json.loads((embedded.folder / "a.json").read_text())
    assert account["writing"] == {"routes": routes}
    embedded.ok("apply", *other, "--output", "a.txt")
    text = (embedded.folder / "a.txt").read_text()
    assert "Changes to sqlite:///e.db are not written as by default" in text
    assert said in text
    audit = json.loads(embedded.ok("audit", "j.jsonl", "--format", "json"))
    assert [row["writing"] for row in audit["applies"]] == [{"routes": routes}] * 2
    assert embedded.ok("audit", "j.jsonl").count(said) == 2
    rows = csv.DictReader(io.StringIO(embedded.ok("audit", "j.jsonl", "--format", "csv")))
    assert {row["writing"] for row in rows} == {said}


def test_an_account_and_a_journal_of_the_defaults_say_nothing_of_them(embedded: Cli) -> None:
    arguments = ("--yes", "--journal", "j.jsonl", "--format", "json")
    assert "writing" not in json.loads(embedded.ok("apply", *arguments))
    assert "writing" not in (embedded.folder / "j.jsonl").read_text()
    assert "by default" not in embedded.ok("audit", "j.jsonl")


def test_the_journal_of_ended_sessions_says_by_which_route(embedded: Cli) -> None:
    say(embedded, f"api:\n  routes: {{end_session: {OF_SESSIONS!r}}}\n")
    end = ("sessions", "end", "--org=101", "--user=carol@acme.example", "--yes")
    result = embedded(*end, "--journal", "j.jsonl")
    assert "not written as by default" in result.err, result
    assert f"route of end_session: {OF_SESSIONS}" in embedded.ok("audit", "j.jsonl")


def test_doctor_tells_of_the_writes_and_routes_that_a_pipeline_gives(embedded: Cli) -> None:
    say(embedded, f"api:\n  routes: {{end_session: {OF_SESSIONS!r}}}\n")
    assert embedded("doctor", CI="true").code == 3
    out = embedded.ok("doctor", "--route", f"end_session={OF_SESSIONS}", CI="true")
    assert f"route of end_session: {OF_SESSIONS}" in out
    assert "none: changes go by checklist" in embedded.ok("doctor", "--writes", "checklist")
