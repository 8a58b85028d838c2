"""`serve`, `load`, `snapshot`, `show`, `import` and `doctor`."""

from __future__ import annotations

import json
import signal

import pytest

from tests.acceptance.conftest import KEY, Cli, Serve, Server


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_serve_prints_its_url_and_ends_cleanly_on_a_signal(
    examples: Cli, serve: Serve, number: int
) -> None:
    server = serve(
        examples.folder, "--db", "s.db", "--load", "snapshot.yaml", RECONCILER_API_KEY=KEY
    )
    assert server.url.startswith("http://127.0.0.1:")
    assert "all can be read" in examples.ok("doctor", "--api", server.url, RECONCILER_API_KEY=KEY)
    code, err = server.stop(number)
    assert (code, err) == (0, "")


def test_without_a_key_serve_makes_one_and_prints_it_on_standard_error(
    examples: Cli, serve: Serve
) -> None:
    server = serve(examples.folder, "--db", "s.db", "--load", "snapshot.yaml")
    key = key_of(server)
    shown = examples.ok("show", "--api", server.url, RECONCILER_API_KEY=key)
    assert "Acme QA (101)" in shown


def test_serve_can_stand_on_another_day(examples: Cli, serve: Serve) -> None:
    # In 2098 the offline license that ended in 2097 is gone, and its seat is free.
    server = serve(
        examples.folder, "--db", "s.db", "--load", "snapshot.yaml", "--today", "2098-03-01",
        RECONCILER_API_KEY=KEY,
    )  # fmt: skip
    page = json.loads(
        examples.ok("show", "--api", server.url, "--format", "json", RECONCILER_API_KEY=KEY)
    )
    (node_locked,) = [
        row for row in page["organizations"][1]["products"] if row["product"] == "kre-node-locked"
    ]
    assert [row["expires"] for row in node_locked["offline_licenses"]] == ["2098-12-31"]


def test_a_port_that_is_taken_is_told(examples: Cli, serve: Serve) -> None:
    server = serve(examples.folder, "--db", "s.db", RECONCILER_API_KEY=KEY)
    port = server.url.rpartition(":")[2]
    result = examples("serve", "--db", "t.db", "--port", port, RECONCILER_API_KEY=KEY)
    assert result.code == 1
    assert port in result.err


def key_of(server: Server) -> str:
    assert server.process.stderr is not None
    # A slow machine tells first what it is doing.
    told = (line.strip() for line in server.process.stderr)
    return next(line for line in told if "=" in line).removeprefix("RECONCILER_API_KEY=")


def test_a_second_server_leaves_the_key_of_the_first_as_it_is(examples: Cli, serve: Serve) -> None:
    server = serve(examples.folder, "--db", "s.db", "--load", "snapshot.yaml")
    key = key_of(server)
    # One that cannot start, and then one that does, on another port.
    port = server.url.rpartition(":")[2]
    failed = examples("serve", "--db", "s.db", "--port", port)
    assert (failed.code, "RECONCILER_API_KEY=" in failed.err) == (1, False)
    second = serve(examples.folder, "--db", "s.db")
    for url in (server.url, second.url):
        assert "Acme QA" in examples.ok("show", "--api", url, RECONCILER_API_KEY=key)
    _, err = second.stop()
    assert "stays valid; set RECONCILER_API_KEY to replace it" in err
    assert "RECONCILER_API_KEY=" not in err


def test_a_start_that_fails_neither_fills_the_database_nor_sets_a_key(
    examples: Cli, serve: Serve
) -> None:
    taken = serve(examples.folder, "--db", "s.db", RECONCILER_API_KEY=KEY)
    port = taken.url.rpartition(":")[2]
    (examples.folder / "keys.yaml").write_text("- {key: only-a-key}\n")
    for more in (("--port", port), ("--port", "0", "--keys", "keys.yaml")):
        failed = examples("serve", "--db", "t.db", "--load", "snapshot.yaml", *more)
        assert failed.code in {1, 3}
        assert "RECONCILER_API_KEY=" not in failed.err
    # What failed can be tried again as it was.
    server = serve(examples.folder, "--db", "t.db", "--load", "snapshot.yaml")
    assert "Acme QA" in examples.ok("show", "--api", server.url, RECONCILER_API_KEY=key_of(server))


IDLE = """\
format: license-snapshot/1
taken_at: 2020-01-01T09:00:00Z
organizations:
  - id: 7
    members: [{email: a@x.example, role: user, status: active}]
    subscriptions: [{product: kse, quota: 2}]
    licensed_users: [{product: kse, email: a@x.example}]
    machines: [{product: kse, id: m1}]
    offline_licenses: []
    sessions: [{product: kse, machine: m1, email: a@x.example, started_at: 2020-01-01T01:00:00Z}]
"""


@pytest.mark.parametrize(
    ("options", "kept"),
    [((), False), (("--idle-timeout", "0"), True), (("--idle-timeout", "999999"), True)],
)
def test_idle_sessions_end_as_serve_was_told_and_the_file_is_no_way_around(
    options: tuple[str, ...], kept: bool, cli: Cli, serve: Serve
) -> None:
    (cli.folder / "s.yaml").write_text(IDLE)
    cli.ok("load", "s.yaml", "--db", "s.db")

    def sessions(day: str) -> int:
        server = serve(cli.folder, "--db", "s.db", "--today", day, *options, RECONCILER_API_KEY=KEY)
        taken = cli.ok("snapshot", "--api", server.url, "--output", "-", RECONCILER_API_KEY=KEY)
        server.stop()
        return taken.count("started_at")

    # It was listed when it was loaded, so that it is idle only from the first look at it.
    assert sessions("2020-01-03") == 1
    assert sessions("2020-01-03") == 1
    assert sessions("2020-01-04") == kept
    # In process, by the clock of the machine, which is years later.
    by_file = cli.ok("snapshot", "--api", "sqlite:///s.db", "--output", "-")
    assert by_file.count("started_at") == (options == ("--idle-timeout", "0"))


def test_an_idle_timeout_is_a_number_of_minutes(cli: Cli) -> None:
    for wrong in ("-1", "soon", "1.5", "1000001"):
        result = cli("serve", "--db", "s.db", "--idle-timeout", wrong)
        assert result.code == 64
        assert "--idle-timeout" in result.err
    assert "120" in cli.ok("serve", "--help")


def test_load_tells_which_lists_it_has_to_take_for_empty(cli: Cli) -> None:
    (cli.folder / "s.yaml").write_text(
        "format: license-snapshot/1\n"
        "organizations:\n"
        "  - id: 7\n"
        "    members: []\n"
        "    subscriptions: []\n"
        "    machines: []\n"
        "    offline_licenses: []\n"
    )
    result = cli("load", "s.yaml", "--db", "x.db")
    assert result.code == 0
    assert result.err.splitlines()[0] == (
        "warning: s.yaml:3:5: organization 7 does not say its licensed users and sessions: "
        "unknown in the snapshot, and empty in the database"
    )


def test_load_tells_the_place_of_what_is_there_twice(cli: Cli) -> None:
    (cli.folder / "s.yaml").write_text(
        "format: license-snapshot/1\n"
        "organizations:\n"
        "  - id: 7\n"
        "    licensed_users:\n"
        "      - {product: kse, email: a@x.example}\n"
        "      - {product: kse, email: A@x.example}\n"
        "    subscriptions: [{product: kse, expires: 2026-02-30}]\n"
    )
    result = cli("load", "s.yaml", "--db", "x.db")
    assert result.code == 3
    assert "s.yaml:6:9: " in result.err
    assert "first at s.yaml:5:9" in result.err
    assert "s.yaml:7:45: " in result.err
    assert not (cli.folder / "x.db").exists()


def test_a_database_that_is_filled_is_told_with_the_command_that_replaces(examples: Cli) -> None:
    examples.ok("load", "snapshot.yaml", "--db", "x.db")
    result = examples("serve", "--db", "x.db", "--load", "snapshot.yaml", "--port", "0")
    assert result.code == 4
    assert "reconciler load SNAPSHOT --db FILE --replace" in result.err


def test_load_keeps_a_database_that_is_not_empty_unless_it_is_told_to_replace(cli: Cli) -> None:
    for name, email in (("one.yaml", "a@x.example"), ("two.yaml", "b@x.example")):
        (cli.folder / name).write_text(
            "format: license-snapshot/1\norganizations:\n  - id: 1\n"
            f"    members: [{{email: {email}, role: user, status: active}}]\n"
            "    subscriptions: [{product: kse, quota: 2}]\n"
            f"    licensed_users: [{{product: kse, email: {email}}}]\n"
        )
    cli.ok("load", "one.yaml", "--db", "x.db")
    assert cli("load", "two.yaml", "--db", "x.db").code == 4
    assert "a@x.example" in cli.ok("show", "--api", "sqlite:///x.db")
    cli.ok("load", "two.yaml", "--db", "x.db", "--replace")
    shown = cli.ok("show", "--api", "sqlite:///x.db")
    assert "b@x.example" in shown
    assert "a@x.example" not in shown


def test_a_snapshot_that_is_wrong_leaves_no_database_behind(cli: Cli) -> None:
    (cli.folder / "bad.yaml").write_text("format: license-snapshot/1\norganisations: []\n")
    result = cli("load", "bad.yaml", "--db", "x.db")
    assert result.code == 3
    assert "bad.yaml:" in result.err
    assert not (cli.folder / "x.db").exists()


def test_a_database_that_is_missing_is_told_with_how_to_make_one(examples: Cli) -> None:
    result = examples("plan", "--api", "sqlite:///missing.db")
    assert result.code == 1
    assert "load" in result.err
    assert not (examples.folder / "missing.db").exists()


def test_show_and_snapshot_leave_out_what_is_not_asked_for(world: Cli) -> None:
    assert "Borealis" not in world.ok("show", "--org", "101")
    taken = world.ok("snapshot", "--org", "303", "--org", "101", "--output", "-")
    assert "Borealis" not in taken
    assert taken.index("id: 101") < taken.index("id: 303")


def test_show_reads_a_snapshot_file_too(examples: Cli, loaded: object) -> None:
    from_file = json.loads(examples.ok("show", "--state", "snapshot.yaml", "--format", "json"))
    assert [row["name"] for row in from_file["organizations"]] == [
        "Acme QA",
        "Borealis Automation",
        "Cedar Payments",
    ]
    assert "| kse | 5 | 0 |" in examples.ok(
        "show", "--state", "snapshot.yaml", "--format", "markdown"
    ).replace("&#45;", "-")


def test_import_keeps_a_file_that_exists(embedded: Cli) -> None:
    before = (embedded.folder / "orgs" / "acme.yaml").read_text()
    arguments = ("import", "--org", "101", "--output", "orgs/acme.yaml")
    assert embedded(*arguments).code == 4
    assert (embedded.folder / "orgs" / "acme.yaml").read_text() == before
    embedded.ok(*arguments, "--replace")
    assert "Imported from sqlite:///e.db" in (embedded.folder / "orgs" / "acme.yaml").read_text()


def test_import_names_a_schema_only_where_it_lies_beside_the_file(embedded: Cli) -> None:
    line = "# yaml-language-server: $schema=organization.schema.json\n"
    new = embedded.folder / "new"
    new.mkdir()
    arguments = ("import", "--org", "101", "--output", "new/acme.yaml")
    embedded.ok(*arguments)
    text = (new / "acme.yaml").read_text()
    assert line not in text
    assert "reconciler schema organization > organization.schema.json" in text
    (new / "organization.schema.json").write_text(embedded.ok("schema", "organization"))
    embedded.ok(*arguments, "--replace")
    assert (new / "acme.yaml").read_text().startswith(line)


def test_import_of_an_organization_that_is_not_there_fails(embedded: Cli) -> None:
    result = embedded("import", "--org", "999", "--output", "x.yaml")
    assert result.code == 1
    assert not (embedded.folder / "x.yaml").exists()


def test_doctor_fails_where_something_essential_is_missing(served: Cli) -> None:
    assert served("doctor", "--org", "101").code == 0
    wrong = served("doctor", RECONCILER_API_KEY="a-wrong-key-987654321")
    assert wrong.code == 1
    assert "FAILED" in wrong.out
    assert "a-wrong-key" not in wrong.out + wrong.err
    unknown = served("doctor", "--org", "999")
    assert unknown.code == 1
    assert "organization 999" in unknown.out
    missing = served("doctor", RECONCILER_API_KEY="")
    assert missing.code == 1
    assert "RECONCILER_API_KEY" in missing.out


def test_doctor_checks_each_key_and_no_key_keeps_the_others_back(served: Cli) -> None:
    workspace = served.folder / "reconciler.yaml"
    workspace.write_text(
        workspace.read_text() + "\nkeys: {202: RECONCILER_TWO, 303: RECONCILER_THREE}\n"
    )
    result = served("doctor", RECONCILER_TWO="a-wrong-key-987654321")
    assert result.code == 1
    rows = [line.split(": ")[0] for line in result.out.splitlines() if "hint: " not in line]
    assert rows == [
        "ok      address",
        "ok      connection and credentials (RECONCILER_API_KEY)",
        "ok      writes",
        "ok      organization 101",
        "ok      organization 101",
        "FAILED  connection and credentials (RECONCILER_TWO)",
        "FAILED  key RECONCILER_THREE",
    ]
    # The role is that of the key that is used for the organization.
    right = served("doctor", "--org", "202", RECONCILER_TWO=KEY)
    assert right.code == 0
    assert "RECONCILER_API_KEY" not in right.out
    assert "organization 202: role: owner of Borealis Automation" in right.out


def test_doctor_says_that_writes_go_by_checklist_where_they_do(embedded: Cli) -> None:
    workspace = embedded.folder / "reconciler.yaml"
    workspace.write_text(workspace.read_text() + "\napi: {writes: checklist}\n")
    assert "by checklist" in embedded.ok("doctor")


def test_doctor_tells_a_role_that_is_too_low(examples: Cli, serve: Serve) -> None:
    (examples.folder / "keys.yaml").write_text(
        "- {key: key-of-bob-0123456789, email: bob@acme.example}\n"
    )
    server = serve(
        examples.folder, "--db", "s.db", "--load", "snapshot.yaml", "--keys", "keys.yaml",
        RECONCILER_API_KEY=KEY,
    )  # fmt: skip
    env = {"RECONCILER_API_KEY": "key-of-bob-0123456789", "RECONCILER_API_URL": server.url}
    result = examples("doctor", **env)
    assert result.code == 1
    assert "role: user of Acme QA" in result.out
    # What the key's owner may not read is left out, and said so.
    shown = examples("show", **env)
    assert shown.code == 1
    assert "organization 101 is left out" in shown.err
