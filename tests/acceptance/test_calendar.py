"""Every date that a calendar has, wherever one may stand: to the last day, which means "never"."""

from __future__ import annotations

import io
import json
import os
import tempfile
from contextlib import redirect_stderr, redirect_stdout
from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from reconciler.cli import edge
from tests.acceptance.conftest import KEY, Cli, Serve

FIRST, LAST = date.min.isoformat(), date.max.isoformat()
ENDS = (FIRST, "0001-01-02", "0999-12-31", "9999-12-30", LAST)
NEVER = {"subscription": LAST, "offline": LAST, "from": None, "until": LAST, "offline_until": LAST}
ADA, BOB, CAROL = (f"{name}@example.com" for name in ("ada", "bob", "carol"))
OLD, NEW = "5d41402abc4b2a76b9719d911017c592", "7d793037a0760186574b0282f2f435e7"

days = st.one_of(st.sampled_from(ENDS), st.dates().map(date.isoformat))
moments = st.one_of(
    st.sampled_from([f"{FIRST}T00:00:00Z", f"{LAST}T23:59:59Z", f"{LAST}T23:59:59.999999Z"]),
    st.datetimes().map(lambda moment: f"{moment.isoformat()}Z"),
)
dated = st.fixed_dictionaries(
    {name: st.one_of(st.none(), days) for name in ("subscription", "offline", "offline_until")}
    | {"window": st.lists(days, min_size=2, max_size=2).map(sorted)}
    | {name: st.one_of(st.none(), moments) for name in ("taken_at", "last_seen", "started_at")}
).map(lambda found: {**found, "from": found["window"][0], "until": found["window"][1]})
zones = st.sampled_from(["UTC", "Pacific/Kiritimati", "Etc/GMT+12", "America/New_York"])


def known(**values: Any) -> dict[str, Any]:
    return {name: value for name, value in values.items() if value is not None}


def write_files(folder: Path, dates: dict[str, Any], zone: str = "UTC") -> None:
    """Write a workspace and a snapshot with these dates, and room for one user less than wanted."""
    window = known(**{"from": dates["from"], "until": dates["until"]})
    machines = [known(id=OLD, offline_until=dates["offline_until"]), {"id": NEW, **window}]
    users = [
        {"email": ADA, **window},
        {"email": BOB, "replaces": CAROL, **window},
        {"members": "all", **known(until=dates["until"])},
    ]
    organization = {
        "version": 1,
        "organization": {"id": 101},
        "products": {
            "kse": {"users": users, "machines": machines},
            "kre-node-locked": {"machines": machines},
        },
        "policy": {"allow_irrevocable": True},
    }
    state = {
        "id": 101,
        "members": [{"email": email} for email in (ADA, BOB, CAROL)],
        "subscriptions": [
            known(product=product, quota=2, expires=dates["subscription"], offline_allowed=True)
            for product in ("kse", "kre-node-locked")
        ],
        "licensed_users": [{"product": "kse", "email": CAROL}],
        "machines": [
            known(product=product, id=OLD, email=CAROL, last_seen=dates.get("last_seen"))
            for product in ("kse", "kre-node-locked")
        ],
        "offline_licenses": [
            known(product="kse", machine=OLD, expires=dates["offline"], email=CAROL)
        ],
        "sessions": [known(product="kse", machine=OLD, started_at=dates.get("started_at"))],
    }
    snapshot = {
        "format": "license-snapshot/1",
        "organizations": [state],
        **known(taken_at=dates.get("taken_at")),
    }
    workspace = {"version": 1, "organizations": ["orgs/*.yaml"], "timezone": zone,
                 "policy": {"max_plan_age": "99999w"}}  # fmt: skip
    (folder / "orgs").mkdir()
    for name, document in (
        ("orgs/acme.yaml", organization), ("state.json", snapshot), ("reconciler.yaml", workspace)
    ):  # fmt: skip
        (folder / name).write_text(json.dumps(document))


@dataclass(frozen=True, slots=True)
class Told:
    code: int
    out: str
    err: str


def run(*arguments: str) -> Told:
    """Run a command in this process: there are too many of them for processes of their own."""
    out, err = io.StringIO(), io.StringIO()
    with redirect_stdout(out), redirect_stderr(err):
        code = edge.main(arguments)
    told = Told(code, out.getvalue(), err.getvalue())
    assert "bug" not in told.err, (arguments, told)
    assert code != 1, (arguments, told)
    return told


@given(dated, zones, st.one_of(st.none(), days))
@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.too_slow])
def test_no_date_ends_a_command_with_a_bug(
    dates: dict[str, Any], zone: str, as_of: str | None
) -> None:
    here = Path.cwd()
    with tempfile.TemporaryDirectory() as folder:
        os.chdir(folder)
        try:
            write_files(Path(folder), dates, zone)
            go_through(() if as_of is None else ("--as-of", as_of))
        finally:
            os.chdir(here)


def go_through(as_of: tuple[str, ...]) -> None:
    state = ("--state", "state.json")
    assert run("validate").code == 0
    for output in ("text", "html", "markdown", "json"):
        run("plan", *state, *as_of, "--format", output, "--output", "out", "--out", "plan.json")
    assert run("report", "plan.json", "--format", "html").code == 0
    run("why", ADA, *state, *as_of)
    run("why", OLD, *state, *as_of)
    run("forecast", *state, *as_of)
    run("forecast", *state, *as_of, "--until", LAST)
    run("show", *state)
    run("sessions", *state)
    api = ("--api", "sqlite:///s.db")
    assert run("load", "state.json", "--db", "s.db").code == 0
    run("import", *api, "--org", "101", "--output", "imported.yaml")
    run("plan", "imported.yaml", *api)
    run("plan", *api, *as_of)
    taken_and_read_back(api)
    run("apply", *api, "--yes", "--allow-irrevocable", "--allow-removals", "9")
    run("plan", *api)
    taken_and_read_back(api)


def taken_and_read_back(api: tuple[str, ...]) -> None:
    """See that what `snapshot` writes is taken by `--state` and shows what the API shows."""
    for name in ("taken.json", "taken.yaml"):
        assert run("snapshot", *api, "--output", name).code == 0
        shown = [run("show", *one, "--format", "json") for one in (api, ("--state", name))]
        assert [told.code for told in shown] == [0, 0], shown
        asked, read = (json.loads(told.out)["organizations"] for told in shown)
        assert asked == read
        assert run("load", name, "--db", "again.db", "--replace").code == 0


@pytest.mark.parametrize("as_of", [None, *ENDS])
def test_never_is_a_date_that_plan_why_and_forecast_take(cli: Cli, as_of: str | None) -> None:
    write_files(cli.folder, NEVER)
    more = () if as_of is None else ("--as-of", as_of)
    for command in (("plan",), ("why", ADA), ("forecast",)):
        result = cli(*command, "--state", "state.json", *more)
        assert "bug" not in result.err, result
        assert result.code in {0, 4}, result
    shown = cli.ok("show", "--state", "state.json", "--format", "json")
    assert f'"expires": "{LAST}"' in shown


@pytest.mark.parametrize("today", [FIRST, "0001-12-31", LAST])
def test_a_server_of_any_day_is_planned_and_applied_against(
    cli: Cli, serve: Serve, today: str
) -> None:
    write_files(cli.folder, NEVER)
    server = serve(
        cli.folder, "--db", "s.db", "--load", "state.json", "--today", today,
        RECONCILER_API_KEY=KEY,
    )  # fmt: skip
    cli.env = {"RECONCILER_API_URL": server.url, "RECONCILER_API_KEY": KEY}
    cli.ok("snapshot", "--output", "taken.yaml")
    cli.ok("show", "--state", "taken.yaml")
    for command in (("plan",), ("apply", "--yes"), ("apply", "--yes"), ("sessions",)):
        result = cli(*command)
        assert "bug" not in result.err, result
        assert result.code in {0, 4, 5}, result


def test_a_year_that_no_calendar_has_is_told_with_its_place(cli: Cli) -> None:
    write_files(cli.folder, {**NEVER, "until": "0000-01-01"})
    assert cli("validate").code == 3
    assert cli("plan", "--state", "state.json", "--as-of", "0000-01-01").code == 64
    (cli.folder / "orgs" / "acme.yaml").unlink()
    state = json.loads((cli.folder / "state.json").read_text())
    state["organizations"][0]["subscriptions"][0]["expires"] = "0000-12-31"
    state["organizations"][0]["sessions"][0]["started_at"] = "0000-12-31T00:00:00Z"
    (cli.folder / "state.json").write_text(json.dumps(state))
    result = cli("show", "--state", "state.json")
    assert result.code == 3
    assert result.err.count("state.json:1:") == 2


def test_the_default_last_day_of_a_forecast_is_the_calendars_at_its_end(cli: Cli) -> None:
    write_files(cli.folder, NEVER)
    day = (date.max - timedelta(days=100)).isoformat()
    told = cli("forecast", "--state", "state.json", "--as-of", day)
    assert f"from {day} to {LAST}" in told.out


def test_a_snapshot_is_of_its_day_at_both_ends_of_the_calendar(cli: Cli) -> None:
    for moment in (f"{FIRST}T00:00:00Z", f"{LAST}T23:59:59Z"):
        for zone in ("Pacific/Kiritimati", "America/New_York"):
            folder = cli.folder / f"{moment[:4]}-{zone.partition('/')[2]}"
            folder.mkdir()
            write_files(folder, {**NEVER, "taken_at": moment}, zone)
            result = Cli(folder)("plan", "--state", "state.json")
            assert result.code in {0, 4}, result
