"""An account names every organization of its plan, and why it is not done: nobody falls out."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from reconciler.server.asked import Asked
from reconciler.server.messages import Request, Response
from tests.acceptance.conftest import COMMAND, Cli, environment
from tests.acceptance.crooked import Crooked, Go, altered, crooked, error
from tests.acceptance.terminal import at_a_terminal

NAMES = {
    101: "done",
    102: "refused",
    103: "unread in the plan",
    104: "unread before its first write",
    105: "stale",
    106: "rejected",
    107: "failed",
    108: "nothing to do",
}
WANTED = {number: ["ada@x.io", "bob@x.io"] for number in NAMES} | {
    102: ["ada@x.io", "bob@x.io", "eve@x.io"],
    108: ["ada@x.io"],
}
OUTCOMES = {
    101: ("done", None),
    102: ("refused", "kse: 3 seats are wanted and 2 are bought"),
    103: ("unread", "does not allow"),
    104: ("unread", "does not allow"),
    105: ("stale", "no seat of kse is free"),
    106: ("rejected", "not this one"),
    107: ("failed", "(401)"),
    108: ("nothing_to_do", None),
}


def snapshot() -> dict[str, Any]:
    people = [{"email": f"{name}@x.io"} for name in ("ada", "bob", "eve")]
    return {
        "format": "license-snapshot/1",
        "taken_at": "2026-11-24T09:00:00Z",
        "organizations": [
            {
                "id": number,
                "name": name,
                "members": people,
                "subscriptions": [{"product": "kse", "quota": 2}],
                "licensed_users": [{"product": "kse", "email": "ada@x.io"}],
                "machines": [],
                "offline_licenses": [],
                "sessions": [],
            }
            for number, name in NAMES.items()
        ],
    }


class Host:
    """A server on which each organization goes wrong in its own way; 104 and 105 once planned."""

    planned = False
    on_grant: Callable[[], None] | None = None

    def hand(self, request: Request, asked: Asked, go: Go) -> Response:
        if asked.operation == "grant_users" and self.on_grant is not None:
            self.on_grant()
            return go()
        match asked.operation, asked.organization:
            case "search", number if number == 103 or (number == 104 and self.planned):
                return error(403)
            case "users_me", _ if self.planned:
                return altered(go(), self._smaller)
            case "grant_users", 106:
                return error(409, "not this one")
            case "grant_users", 107:
                return error(401)
        return go()

    def _smaller(self, me: Any) -> Any:
        for row in me["organizations"]:
            if row["id"] == 105:
                row["quotaKSE"] = 1
        return me


@pytest.fixture
def host() -> Host:
    return Host()


@pytest.fixture
def server(cli: Cli, tmp_path: Path, host: Host) -> Iterator[Crooked]:
    for number, emails in WANTED.items():
        (tmp_path / f"{number}.yaml").write_text(
            f"version: 1\norganization: {{id: {number}}}\n"
            f"products: {{kse: {{users: [{', '.join(emails)}]}}}}\n"
        )
    with crooked(snapshot(), host.hand) as running:
        cli.env = running.env()
        yield running


def saved(cli: Cli, host: Host) -> None:
    assert cli("plan", ".", "--out", "plan.json").code == 1
    host.planned = True


def told(account: dict[str, Any]) -> None:
    assert sorted(row["id"] for row in account["organizations"]) == sorted(NAMES)
    for row in account["organizations"]:
        outcome, reason = OUTCOMES[row["id"]]
        assert row["status"] == outcome, row
        assert (row["reason"] is None) is (reason is None), row
        assert (reason or "") in (row["reason"] or ""), row


def told_on(text: str) -> None:
    """Each organization that is not done is named with its reason on standard error."""
    for number, (outcome, reason) in OUTCOMES.items():
        lines = [line for line in text.splitlines() if f"organization {number}" in line]
        assert len(lines) == (reason is not None), text
        assert all(outcome in line and (reason or "") in line for line in lines), text


def test_json_and_standard_error_name_each_with_its_reason(
    cli: Cli, server: Crooked, host: Host
) -> None:
    saved(cli, host)
    done = cli("apply", "plan.json", "--yes", "--quiet", "--format", "json")
    assert done.code == 5
    told(json.loads(done.out))
    told_on(done.err)


def test_text_names_each(cli: Cli, server: Crooked, host: Host) -> None:
    saved(cli, host)
    done = cli("apply", "plan.json", "--yes", "--quiet")
    account = done.out[done.out.rindex("done (101)") :]
    for number, name in NAMES.items():
        assert f"{name} ({number})" in account or f"organization {number}" in account
        assert (OUTCOMES[number][1] or "") in account
    assert "Nothing to do: nothing to do (108)" in account
    assert account.rstrip().endswith("; 2 organizations not read.")
    told_on(done.err)


def test_a_fresh_plan_tells_once_what_it_could_not_read(
    cli: Cli, server: Crooked, host: Host
) -> None:
    done = cli("apply", ".", "--yes", "--quiet", "--format", "json")
    account = json.loads(done.out)
    rows = {row["id"]: row["status"] for row in account["organizations"]}
    assert rows == {number: OUTCOMES[number][0] for number in NAMES} | {104: "done", 105: "done"}
    assert done.err.count("organization 103") == 1


def test_of_a_subset_the_account_is_of_the_subset(cli: Cli, server: Crooked) -> None:
    done = cli("apply", ".", "--org", "103", "--org", "108", "--yes", "--format", "json")
    rows = json.loads(done.out)["organizations"]
    assert [(row["id"], row["status"]) for row in rows] == [
        (108, "nothing_to_do"),
        (103, "unread"),
    ]
    assert done.code == 1


def test_a_plan_refused_as_a_whole_names_each_with_the_refusal(
    cli: Cli, server: Crooked, host: Host
) -> None:
    digest = "sha256:" + 64 * "0"
    done = cli("apply", ".", "--yes", "--expect", digest, "--format", "json")
    rows = {row["id"]: row for row in json.loads(done.out)["organizations"]}
    assert sorted(rows) == sorted(NAMES)
    assert (rows[101]["status"], rows[103]["status"]) == ("not_attempted", "unread")
    assert "not those that were expected" in rows[101]["reason"]


@pytest.mark.parametrize("form", ["markdown", "html", "json"])
def test_a_checklist_names_those_that_could_not_be_read(
    cli: Cli, server: Crooked, host: Host, form: str
) -> None:
    saved(cli, host)
    done = cli("apply", "plan.json", "--via", "checklist", "--yes", "--format", form)
    assert done.code == 1
    for number in (103, 104, 105):
        assert f"{number}" in done.out
        assert f"organization {number}" in done.err
    assert done.out.count("could not be read") == 2


@pytest.mark.skipif(sys.platform == "win32", reason="a signal is needed")
def test_ctrl_c_leaves_those_that_had_not_begun_in_the_account(
    cli: Cli, server: Crooked, host: Host
) -> None:
    saved(cli, host)
    command = [*COMMAND, "apply", "plan.json", "--yes", "--parallel", "1", "--format", "json"]
    process = subprocess.Popen(
        command,
        cwd=cli.folder,
        env=environment(**cli.env),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )

    def interrupt() -> None:
        process.send_signal(signal.SIGINT)
        host.on_grant = None
        time.sleep(0.5)

    host.on_grant = interrupt
    out, err = process.communicate(timeout=60)
    assert process.returncode == 5
    rows = {row["id"]: row for row in json.loads(out)["organizations"]}
    assert sorted(rows) == sorted(NAMES)
    assert rows[103]["status"] == "unread"
    late = [row for row in rows.values() if row["status"] == "interrupted"]
    assert {row["id"] for row in late} >= {104, 105, 106, 107}
    for row in late:
        assert f"organization {row['id']}" in err
    assert rows[107]["reason"] == "interrupted before its first change"


BUG = """\
import sys
from reconciler.backends.testops import KatalonBackend
from reconciler.cli.edge import main

def write(self, operation, *, idempotency_key, real=KatalonBackend.write):
    if operation.organization == 105:
        raise ZeroDivisionError("by nothing")
    return real(self, operation, idempotency_key=idempotency_key)

KatalonBackend.write = write
sys.exit(main(sys.argv[1:]))
"""


def test_a_bug_after_a_write_ends_with_the_account_and_5(cli: Cli, server: Crooked) -> None:
    command = ["apply", ".", "--yes", "--parallel", "1", "--format", "json", "--journal", "j"]
    done = subprocess.run(
        [sys.executable, "-c", BUG, *command],
        cwd=cli.folder,
        env=environment(**cli.env),
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 5, done.stderr
    rows = {row["id"]: row for row in json.loads(done.stdout)["organizations"]}
    assert sorted(rows) == sorted(NAMES)
    assert (rows[101]["status"], rows[105]["status"]) == ("done", "failed")
    assert rows[105]["reason"] == "ZeroDivisionError: by nothing"
    assert "this is a bug" in done.stderr
    last = json.loads((cli.folder / "j").read_text().splitlines()[-1])
    assert last["exit_code"] == 5


def turned_away(request: Request, asked: Asked, go: Go) -> Response:
    return error(401, "not this key")


@pytest.mark.parametrize("saved_before", [False, True], ids=["fresh", "saved"])
@pytest.mark.parametrize("form", ["json", "text"])
def test_where_all_fail_for_one_reason_each_is_in_the_account_with_it(
    cli: Cli, server: Crooked, host: Host, form: str, saved_before: bool
) -> None:
    if saved_before:
        saved(cli, host)
    server.hand = turned_away
    what = "plan.json" if saved_before else "."
    done = cli("apply", what, "--yes", "--quiet", "--format", form, "--output", "account")
    assert (done.code, done.err.count("error: ")) == (1, 1), done.err
    text = (cli.folder / "account").read_text()
    if form == "text":
        assert all(f"({number})" in text or f"organization {number}" in text for number in NAMES)
        assert text.count("not this key") == len(NAMES) - saved_before
        assert text.rstrip().endswith(f"{len(NAMES)} organizations not read.")
        return
    account = json.loads(text)
    assert account["writes"] == 0
    assert sorted(row["id"] for row in account["organizations"]) == sorted(NAMES)
    for row in account["organizations"]:
        was_unread = saved_before and row["id"] == 103
        assert row["status"] == "unread", row
        assert ("does not allow" if was_unread else "not this key") in row["reason"], row


def test_of_a_subset_that_cannot_be_read_at_all_the_account_is_of_the_subset(
    cli: Cli, server: Crooked
) -> None:
    server.hand = turned_away
    done = cli("apply", ".", "--org", "101", "--org", "108", "--yes", "--format", "json")
    rows = json.loads(done.out)["organizations"]
    assert [(row["id"], row["status"]) for row in rows] == [(101, "unread"), (108, "unread")]


def test_where_there_can_be_no_plan_each_is_in_the_account_with_its_own_reason(
    cli: Cli, server: Crooked
) -> None:
    (cli.folder / "reconciler.yaml").write_text("version: 1\nkeys: {108: RECONCILER_OWN_KEY}\n")
    server.hand = turned_away
    done = cli("apply", ".", "--org", "101", "--org", "108", "--yes", "--format", "json")
    assert done.code == 1
    rows = {row["id"]: row for row in json.loads(done.out)["organizations"]}
    assert {row["status"] for row in rows.values()} == {"unread"}
    assert "not this key" in rows[101]["reason"]
    assert "RECONCILER_OWN_KEY" in rows[108]["reason"]
    assert "organization 101" in done.err
    assert "organization 108" in done.err


def test_a_checklist_names_each_where_all_fail_for_one_reason(
    cli: Cli, server: Crooked, host: Host
) -> None:
    saved(cli, host)

    def hand(request: Request, asked: Asked, go: Go) -> Response:
        return error(403) if asked.operation == "search" else go()

    server.hand = hand
    done = cli("apply", "plan.json", "--via", "checklist", "--yes", "--format", "json")
    assert done.code == 1, done.err
    document = json.loads(done.out)
    assert document["steps"] == 0
    for number in (101, 104, 105, 106, 107):
        (words,) = [row for row in document["others"] if str(number) in row]
        assert "does not allow" in words
        assert f"organization {number}" in done.err


def test_where_nobody_can_be_asked_each_is_in_the_account_with_that(
    cli: Cli, server: Crooked, host: Host
) -> None:
    saved(cli, host)
    done = cli("apply", "plan.json", "--format", "json")
    assert done.code == 64
    rows = {row["id"]: row for row in json.loads(done.out)["organizations"]}
    assert sorted(rows) == sorted(NAMES)
    assert (rows[101]["status"], rows[103]["status"]) == ("not_attempted", "unread")
    assert "nobody is here to be asked" in rows[101]["reason"]
    assert server.history() == []


def test_where_a_person_says_no_each_is_in_the_account_with_that(
    cli: Cli, server: Crooked, host: Host
) -> None:
    saved(cli, host)
    shown = at_a_terminal(
        cli.folder, "apply", "plan.json", "--format", "json", "--output", "account",
        replies=["n\n"], question="change(s)?", env=cli.env,
    )  # fmt: skip
    assert shown.code == 4
    rows = {
        row["id"]: row for row in json.loads((cli.folder / "account").read_text())["organizations"]
    }
    assert sorted(rows) == sorted(NAMES)
    assert (rows[101]["status"], rows[103]["status"]) == ("not_attempted", "unread")
    assert "not applied, as you said" in rows[101]["reason"]
    assert server.history() == []
