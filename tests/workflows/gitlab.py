"""A stand-in for GitLab: its REST API over HTTP with a memory, and a runner for a job's script."""

from __future__ import annotations

import json
import os
import re
import subprocess
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import yaml

from tests.workflows.gh import moment

TOKEN = "glpat-0123456789"
OWNER = "project_7_bot"
Row = dict[str, Any]


@dataclass(slots=True)
class Memory:
    """What the stand-in knows: merge requests, notes, issues, and the artifacts of jobs."""

    requests: dict[int, Row] = field(default_factory=dict)
    notes: dict[int, Row] = field(default_factory=dict)
    issues: dict[int, Row] = field(default_factory=dict)
    artifacts: dict[str, Path] = field(default_factory=dict)
    head: Callable[[], str] = str
    asked: list[str] = field(default_factory=list)
    clock: int = 0

    def now(self) -> str:
        """GitLab's clock, which only moves on when something happens there."""
        self.clock += 1
        return moment(self.clock).replace("Z", ".000Z")

    def merge_request(self, iid: str) -> Row:
        return self.requests[int(iid)]

    def merge_requests(self, sha: str) -> list[Row]:
        return [row for row in self.requests.values() if sha in row.values()]

    def notes_of(self, iid: str) -> list[Row]:
        return [row for row in self.notes.values() if row["request"] == int(iid)]

    def add_note(self, iid: str, fields: Row) -> Row:
        number = len(self.notes) + 1
        self.notes[number] = {
            "id": number, "request": int(iid), "author": {"username": OWNER},
            "created_at": self.now(), **fields,
        }  # fmt: skip
        self.notes[number]["updated_at"] = self.notes[number]["created_at"]
        return self.notes[number]

    def edit_note(self, iid: str, note: str, fields: Row) -> Row:
        assert self.notes[int(note)]["request"] == int(iid)
        self.notes[int(note)] |= {**fields, "updated_at": self.now()}
        return self.notes[int(note)]

    def open_issues(self) -> list[Row]:
        return [row for row in self.issues.values() if row["state"] == "opened"]

    def add_issue(self, fields: Row) -> Row:
        number = len(self.issues) + 1
        self.issues[number] = {
            "iid": number, "state": "opened", "author": {"username": OWNER},
            "web_url": f"https://gitlab.example/-/issues/{number}", **fields,
        }  # fmt: skip
        return self.issues[number]

    def edit_issue(self, iid: str, fields: Row) -> Row:
        if fields.get("state_event") == "close":
            fields = {"state": "closed"}
        self.issues[int(iid)] |= fields
        return self.issues[int(iid)]

    def note_on_issue(self, iid: str, fields: Row) -> Row:
        return {"id": 1, **fields}

    def branch(self, name: str) -> Row:
        assert name == "main"
        return {"name": name, "commit": {"id": self.head()}}

    def artifact(self, job: str, path: str) -> Any:
        return json.loads((self.artifacts[job] / path).read_text())


P = r"/projects/7"
ROUTES: tuple[tuple[str, str, Callable[..., Any]], ...] = (
    ("GET", "/user", lambda memory: {"username": OWNER}),
    ("GET", P, lambda memory: {"default_branch": "main"}),
    ("GET", rf"{P}/repository/branches/([\w%-]+)", Memory.branch),
    ("GET", rf"{P}/repository/commits/(\w+)/merge_requests", Memory.merge_requests),
    ("GET", rf"{P}/merge_requests/(\d+)", Memory.merge_request),
    ("GET", rf"{P}/merge_requests/(\d+)/notes", Memory.notes_of),
    ("POST", rf"{P}/merge_requests/(\d+)/notes", Memory.add_note),
    ("PUT", rf"{P}/merge_requests/(\d+)/notes/(\d+)", Memory.edit_note),
    ("GET", rf"{P}/issues", Memory.open_issues),
    ("POST", rf"{P}/issues", Memory.add_issue),
    ("PUT", rf"{P}/issues/(\d+)", Memory.edit_issue),
    ("POST", rf"{P}/issues/(\d+)/notes", Memory.note_on_issue),
    ("GET", rf"{P}/jobs/(\d+)/artifacts/(.+)", Memory.artifact),
)


class _Handler(BaseHTTPRequestHandler):
    memory: Memory

    def _answer(self) -> None:
        split = urlsplit(self.path)
        self.memory.asked.append(f"{self.command} {self.path}")
        length = int(self.headers.get("Content-Length") or 0)
        fields = [json.loads(self.rfile.read(length))] if length else []
        if self.headers["PRIVATE-TOKEN"] != TOKEN:
            self._send(401, {"message": "401 Unauthorized"})
            return
        path = split.path.removeprefix("/api/v4")
        for method, pattern, call in ROUTES:
            found = re.fullmatch(pattern, path)
            if method == self.command and found:
                try:
                    answer = call(self.memory, *found.groups(), *fields)
                except KeyError:
                    break
                self._send(200, self._page(answer, parse_qs(split.query)))
                return
        self._send(404, {"message": "404 Not found"})

    def _page(self, answer: Any, query: Mapping[str, list[str]]) -> Any:
        if not isinstance(answer, list):
            return answer
        page, size = int(query.get("page", ["1"])[0]), int(query.get("per_page", ["20"])[0])
        return answer[(page - 1) * size : page * size]

    def _send(self, status: int, answer: Any) -> None:
        body = json.dumps(answer).encode()
        self.send_response(status)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    do_GET = do_POST = do_PUT = _answer  # noqa: N815

    def log_message(self, *arguments: Any) -> None:
        """Say nothing."""


@contextmanager
def gitlab() -> Iterator[tuple[str, Memory]]:
    """Run the stand-in, and yield the address of its API and its memory."""
    memory = Memory()
    handler = type("Handler", (_Handler,), {"memory": memory})
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    thread = threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True)
    thread.start()
    yield f"http://127.0.0.1:{server.server_address[1]}/api/v4", memory
    server.shutdown()
    server.server_close()
    thread.join()


@dataclass(frozen=True, slots=True)
class Done:
    code: int
    log: str


def run_job(template: Path, name: str, folder: Path, tools: Path, env: Mapping[str, str]) -> Done:
    """Execute the very script of a job of the template in a folder that is checked out."""
    document = yaml.safe_load(template.read_text(encoding="utf-8"))
    job = {**document[".reconciler"], **document[name]}
    lines = ["set -eo pipefail", *job["before_script"], *job["script"]]
    kept = {key: value for key, value in os.environ.items() if key.startswith("COV")}
    done = subprocess.run(
        ["bash", "-c", "\n".join(lines)],
        cwd=folder,
        env={
            **kept,
            "PATH": f"{tools}{os.pathsep}{os.environ['PATH']}",
            "HOME": str(folder.parent),
            "CI": "true",
            "STAND_IN_PIP": str(folder.parent / "pip"),
            **document["variables"],
            **env,
        },
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
        stdin=subprocess.DEVNULL,
    )
    log = done.stdout + done.stderr
    assert "Traceback" not in log, log
    return Done(done.returncode, log)
