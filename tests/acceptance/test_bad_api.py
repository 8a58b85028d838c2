"""An API that is not what it should be: exit 1, one line that says what to do, no key shown."""

from __future__ import annotations

import json
import socket
import threading
import time
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest

from tests.acceptance.conftest import KEY, Cli, Serve

Answer = Callable[[BaseHTTPRequestHandler, bytes], None]


def send(handler: BaseHTTPRequestHandler, status: int, body: bytes, kind: str) -> None:
    handler.send_response(status)
    handler.send_header("Content-Type", kind)
    handler.send_header("Content-Length", str(len(body)))
    handler.end_headers()
    handler.wfile.write(body)


def send_json(handler: BaseHTTPRequestHandler, document: Any) -> None:
    send(handler, 200, json.dumps(document).encode(), "application/json")


def html(handler: BaseHTTPRequestHandler, body: bytes) -> None:
    send(handler, 200, b"<html><body>Log in</body></html>", "text/html")


def not_json(handler: BaseHTTPRequestHandler, body: bytes) -> None:
    send(handler, 200, b"{oops", "application/json")


def slow(handler: BaseHTTPRequestHandler, body: bytes) -> None:
    time.sleep(3)


def another_type(handler: BaseHTTPRequestHandler, body: bytes) -> None:
    send_json(handler, {"id": 1, "organizations": "many"})


def lying_total(handler: BaseHTTPRequestHandler, body: bytes) -> None:
    if handler.path.startswith("/api/v1/users/me"):
        acme = {"id": 101, "name": "Acme", "role": "OWNER", "quotaKSE": 5, "usedKSE": 1}
        send_json(handler, {"id": 1, "email": "a@x", "organizations": [acme]})
    elif handler.path.startswith("/api/v1/search/info"):
        keys = {"filterConfig": {"Organization.id": "number"}, "sortConfig": ["id"]}
        names = ("UserOrganizationFeature", "Machine", "LicenseKey", "KsSession",
                 "UserOrganization", "UserInvitation", "Organization")  # fmt: skip
        send_json(handler, {name: {**keys, "sortDefault": []} for name in names})
    else:
        row = {"id": 1, "userId": 1, "userEmail": "ada@acme.example", "email": "ada@acme.example",
               "organizationId": 101, "feature": "KSE", "role": "OWNER"}  # fmt: skip
        size = json.loads(body)["pagination"]["size"]
        send_json(
            handler,
            {"content": [row], "totalElements": 7, "totalPages": 1, "number": 0, "size": size,
             "numberOfElements": 1, "first": True, "last": True, "empty": False},
        )  # fmt: skip


@pytest.fixture
def api() -> Iterator[Callable[[Answer], str]]:
    servers: list[ThreadingHTTPServer] = []

    def start(answer: Answer) -> str:
        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                answer(self, self.rfile.read(int(self.headers.get("Content-Length") or 0)))

            do_POST = do_GET  # noqa: N815

            def log_message(self, *_: object) -> None:
                pass

        server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        server.daemon_threads = True
        threading.Thread(target=server.serve_forever, daemon=True).start()
        servers.append(server)
        return f"http://127.0.0.1:{server.server_port}"

    yield start
    for server in servers:
        server.shutdown()
        server.server_close()


def assert_told(cli: Cli, url: str, *said: str, key: str = KEY, command: str = "plan") -> None:
    result = cli(command, "--api", url, RECONCILER_API_KEY=key)
    assert result.code == 1
    assert result.out == ""
    lines = result.err.splitlines()
    assert [line for line in lines if line.startswith("error: ")], result.err
    # Each error is one line, and each says what to do, there or in the hint after it.
    assert all(line.startswith(("error: ", "hint: ")) for line in lines), result.err
    assert sum(line.startswith("hint: ") for line in lines) == len(lines) // 2
    for words in said:
        assert words in result.err
    assert key not in result.err + result.out


@pytest.mark.parametrize(
    ("answer", "said"),
    [
        (html, "HTML"),
        (not_json, "JSON"),
        (another_type, "organizations"),
        (lying_total, "should be 7"),
    ],
)
def test_an_answer_that_is_not_the_apis_is_told_in_one_line(
    examples: Cli, api: Callable[[Answer], str], answer: Answer, said: str
) -> None:
    for name in ("borealis", "cedar"):
        (examples.folder / "orgs" / f"{name}.yaml").unlink()
    assert_told(examples, api(answer), said)


def test_no_answer_in_time_is_told(examples: Cli, api: Callable[[Answer], str]) -> None:
    workspace = examples.folder / "reconciler.yaml"
    workspace.write_text(workspace.read_text() + "\napi: {timeout: 0.3}\n")
    assert_told(examples, api(slow), "0.3")


def test_a_refused_connection_is_told_once_for_all_organizations(examples: Cli) -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{free.getsockname()[1]}"
    result = examples("plan", "--api", url, RECONCILER_API_KEY=KEY)
    assert result.code == 1
    assert result.err.count("error: ") == 1
    assert url in result.err


def test_a_wrong_key_changes_nothing_and_is_not_shown(served: Cli) -> None:
    url = served.env["RECONCILER_API_URL"]
    assert_told(served, url, "401", key="a-wrong-key-987654321")
    result = served("apply", "--yes", RECONCILER_API_KEY="a-wrong-key-987654321")
    assert result.code == 1
    assert served("plan", "--detailed-exitcode").code == 2


def test_a_missing_key_names_the_variable(served: Cli) -> None:
    result = served("plan", RECONCILER_API_KEY="")
    assert result.code == 1
    assert "RECONCILER_API_KEY" in result.err


def test_a_member_without_the_role_is_told_who_may(examples: Cli, serve: Serve) -> None:
    (examples.folder / "keys.yaml").write_text(
        "- {key: key-of-bob-0123456789, email: bob@acme.example}\n"
    )
    server = serve(
        examples.folder, "--db", "s.db", "--load", "snapshot.yaml", "--keys", "keys.yaml",
        RECONCILER_API_KEY=KEY,
    )  # fmt: skip
    result = examples(
        "plan", "--org", "101", "--api", server.url, RECONCILER_API_KEY="key-of-bob-0123456789"
    )
    assert result.code == 1
    assert "Owner or Admin" in result.err
    code, err = server.stop()
    assert code == 0
    assert "key-of-bob" not in err
    assert KEY not in err


def test_an_unknown_organization_is_told_with_those_that_can_be_seen(world: Cli) -> None:
    (world.folder / "orgs" / "other.yaml").write_text("version: 1\norganization: {id: 999}\n")
    result = world("plan", "--org", "999")
    assert result.code == 1
    assert "999" in result.err
    assert "101" in result.err


def test_in_ci_a_workspace_cannot_send_the_key_anywhere(served: Cli) -> None:
    url = served.env.pop("RECONCILER_API_URL")
    workspace = served.folder / "reconciler.yaml"
    workspace.write_text(workspace.read_text() + f"\napi: {{url: '{url}'}}\n")
    assert served("plan").code == 0
    result = served("plan", CI="true")
    assert result.code == 1
    assert "--api URL or RECONCILER_API_URL" in result.err
    assert served("plan", "--api", url, CI="true").code == 0
