"""A stand-in for `gh` with a memory: what it is asked changes a JSON file.

It knows the flags of the real one (gh 2.x, from its manual) and refuses any other; of the known
ones it does what the project uses, and fails loudly where more is asked. The token in GH_TOKEN
lists the permissions of the job, and an endpoint that needs others answers 403.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, NoReturn

BOT = "github-actions[bot]"
START = datetime(2026, 11, 24, 9, tzinfo=UTC)
API_FLAGS = {
    "--cache": 1, "--field": 1, "-F": 1, "--header": 1, "-H": 1, "--hostname": 1, "--include": 0,
    "-i": 0, "--input": 1, "--jq": 1, "-q": 1, "--method": 1, "-X": 1, "--paginate": 0,
    "--preview": 1, "-p": 1, "--raw-field": 1, "-f": 1, "--silent": 0, "--slurp": 0,
    "--template": 1, "-t": 1, "--verbose": 0,
}  # fmt: skip
DOWNLOAD_FLAGS = {
    "--dir": 1, "-D": 1, "--name": 1, "-n": 1, "--pattern": 1, "-p": 1, "--repo": 1, "-R": 1,
}  # fmt: skip
API_USED = {"--method", "--paginate", "--input", "--raw-field"}
EDITOR = (
    "query($id: ID!) { node(id: $id) { ... on IssueComment { editor { login } lastEditedAt } } }"
)


def moment(seconds: int) -> str:
    """The hub's clock, which only moves on when something happens there."""
    return (START + timedelta(seconds=seconds)).isoformat().replace("+00:00", "Z")


def fail(message: str, code: int = 1) -> NoReturn:
    sys.stderr.write(f"{message}\n")
    raise SystemExit(code)


def parsed(arguments: list[str], known: dict[str, int]) -> tuple[list[str], dict[str, list[str]]]:
    words: list[str] = []
    flags: dict[str, list[str]] = {}
    rest = list(arguments)
    while rest:
        word = rest.pop(0)
        if not word.startswith("-") or word == "-":
            words.append(word)
            continue
        name, equals, given = word.partition("=")
        if name not in known:
            fail(f"unknown flag: {name}")
        if known[name]:
            given = given if equals else rest.pop(0)
        flags.setdefault(name, []).append(given)
    return words, flags


class Hub:
    """The memory, and the endpoints over it."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.state: dict[str, Any] = json.loads(path.read_text())

    def save(self) -> None:
        self.path.write_text(json.dumps(self.state, indent=1))

    def number(self) -> int:
        self.state["next"] += 1
        return int(self.state["next"])

    def now(self) -> str:
        self.state["clock"] += 1
        return moment(self.state["clock"])

    def need(self, *any_of: str) -> None:
        token = os.environ.get("GH_TOKEN", "")
        if not token:
            fail(
                "gh: To use GitHub CLI in a GitHub Actions workflow, set the GH_TOKEN "
                "environment variable.",
                4,
            )
        granted = json.loads(token)
        for wanted in any_of:
            name, level = wanted.split(":")
            if granted.get(name) in ({"read", "write"} if level == "read" else {"write"}):
                return
        fail("gh: Resource not accessible by integration (HTTP 403)")

    def repository(self) -> dict[str, Any]:
        self.need("metadata:read", "contents:read")
        return {"full_name": "acme/licenses", "default_branch": "main"}

    def head_of(self, branch: str) -> dict[str, Any]:
        self.need("contents:read")
        origin = self.path.parents[1] / "origin"
        command = ["git", "-C", str(origin), "rev-parse", "--verify", f"refs/heads/{branch}"]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        if done.returncode:
            fail("gh: Not Found (HTTP 404)")
        return {"ref": f"refs/heads/{branch}", "object": {"sha": done.stdout.strip()}}

    def comment(self, number: str, row: dict[str, Any]) -> dict[str, Any]:
        return {
            "id": int(number),
            "node_id": f"IC_{number}",
            "user": {"login": row["user"]},
            "body": row["body"],
            "created_at": row["created_at"],
            "updated_at": row["edited_at"] or row["created_at"],
            "html_url": f"https://github.com/acme/licenses/issues/{row['issue']}#c{number}",
        }

    def issue(self, number: str, row: dict[str, Any]) -> dict[str, Any]:
        shown = {
            "number": int(number),
            "user": {"login": row["user"]},
            "state": row["state"],
            "title": row["title"],
            "body": row["body"],
            "html_url": f"https://github.com/acme/licenses/issues/{number}",
        }
        return {**shown, "pull_request": {}} if number in self.state["pulls"] else shown

    def pull(self, number: str) -> dict[str, Any]:
        self.need("pull-requests:read")
        if number not in self.state["pulls"]:
            fail("gh: Not Found (HTTP 404)")
        row = self.state["pulls"][number]
        return {"number": int(number), **row, "merged": row["merged_at"] is not None}

    def pulls_of(self, sha: str) -> list[Any]:
        self.need("pull-requests:read")
        rows = self.state["pulls"].items()
        return [
            {"number": int(number), **row}
            for number, row in rows
            if sha in {row["merge_commit_sha"], row["head"]["sha"]}
        ]

    def comments_of(self, issue: str) -> list[Any]:
        self.need("pull-requests:read", "issues:read")
        rows = self.state["comments"].items()
        return [self.comment(n, row) for n, row in rows if row["issue"] == int(issue)]

    def add_comment(self, issue: str, fields: dict[str, Any]) -> dict[str, Any]:
        self.need(
            "issues:write", *(["pull-requests:write"] if issue in self.state["pulls"] else [])
        )
        self.check_body(fields["body"])
        number = str(self.number())
        row = {
            "issue": int(issue), "user": BOT, "body": fields["body"], "editor": None,
            "created_at": self.now(), "edited_at": None,
        }  # fmt: skip
        self.state["comments"][number] = row
        return self.comment(number, row)

    def edit_comment(self, number: str, fields: dict[str, Any]) -> dict[str, Any]:
        row = self.state["comments"][number]
        self.need_on(str(row["issue"]))
        self.check_body(fields["body"])
        # The GraphQL API spells a bot without the ending that the REST API gives it.
        editor = BOT.removesuffix("[bot]")
        row |= {"body": fields["body"], "editor": editor, "edited_at": self.now()}
        return self.comment(number, row)

    def need_on(self, issue: str) -> None:
        pull = ["pull-requests:write"] if issue in self.state["pulls"] else []
        self.need("issues:write", *pull)

    def check_body(self, body: str) -> None:
        if not body.strip() or len(body) > 65_536:
            fail("gh: Validation Failed (HTTP 422)")

    def issues(self) -> list[Any]:
        self.need("issues:read")
        rows = self.state["issues"].items()
        return [self.issue(number, row) for number, row in rows if row["state"] == "open"]

    def add_issue(self, fields: dict[str, Any]) -> dict[str, Any]:
        self.need("issues:write")
        self.check_body(fields["body"])
        number = str(self.number())
        row = {"user": BOT, "state": "open", **fields}
        self.state["issues"][number] = row
        return self.issue(number, row)

    def edit_issue(self, number: str, fields: dict[str, Any]) -> dict[str, Any]:
        self.need("issues:write")
        assert set(fields) <= {"title", "body", "state", "state_reason"}, fields
        self.state["issues"][number] |= fields
        return self.issue(number, self.state["issues"][number])


REPOSITORY = r"repos/acme/licenses"
ROUTES = (
    ("GET", REPOSITORY, Hub.repository),
    ("GET", rf"{REPOSITORY}/git/ref/heads/([\w/-]+)", Hub.head_of),
    ("GET", rf"{REPOSITORY}/commits/([0-9a-f]{{40}})/pulls", Hub.pulls_of),
    ("GET", rf"{REPOSITORY}/pulls/(\d+)", Hub.pull),
    ("GET", rf"{REPOSITORY}/issues/(\d+)/comments", Hub.comments_of),
    ("POST", rf"{REPOSITORY}/issues/(\d+)/comments", Hub.add_comment),
    ("PATCH", rf"{REPOSITORY}/issues/comments/(\d+)", Hub.edit_comment),
    ("GET", rf"{REPOSITORY}/issues", Hub.issues),
    ("POST", rf"{REPOSITORY}/issues", Hub.add_issue),
    ("PATCH", rf"{REPOSITORY}/issues/(\d+)", Hub.edit_issue),
)


def rest(hub: Hub, arguments: list[str]) -> None:
    words, flags = parsed(arguments, API_FLAGS)
    (endpoint,) = words
    if unused := set(flags) - API_USED:
        fail(f"the stand-in does not know how {unused} work")
    if endpoint == "graphql":
        graphql(hub, flags)
        return
    method = flags.get("--method", ["GET"])[0]
    pages = "--paginate" in flags
    if pages and method != "GET":
        fail("the `--paginate` option is not supported for non-GET requests")
    path, _, query = endpoint.partition("?")
    for known, pattern, call in ROUTES:
        found = re.fullmatch(pattern, path)
        if known == method and found:
            fields = [json.load(sys.stdin)] if "--input" in flags else []
            answer = call(hub, *found.groups(), *fields)  # type: ignore[operator]
            hub.save()
            write(answer, query, pages=pages)
            return
    fail("gh: Not Found (HTTP 404)")


def write(answer: Any, query: str, *, pages: bool) -> None:
    if not isinstance(answer, list):
        sys.stdout.write(json.dumps(answer))
        return
    size = int(dict(re.findall(r"(\w+)=(\w+)", query)).get("per_page", 30))
    count = max(1, -(-len(answer) // size)) if pages else 1
    for page in range(count):
        sys.stdout.write(json.dumps(answer[page * size : (page + 1) * size]))


def graphql(hub: Hub, flags: dict[str, list[str]]) -> None:
    hub.need("pull-requests:read", "issues:read")
    fields = dict(field.split("=", 1) for field in flags["--raw-field"])
    assert fields["query"] == EDITOR, fields
    row = hub.state["comments"].get(fields["id"].removeprefix("IC_"))
    if row is None or hub.state.get("nodes_gone"):
        sys.stdout.write(json.dumps({"data": {"node": None}}))
        return
    # The editor's account may be gone: the time is told then, and nobody's name.
    editor = {"login": row["editor"]} if row["editor"] else None
    node = {"editor": editor, "lastEditedAt": row["edited_at"]}
    sys.stdout.write(json.dumps({"data": {"node": node}}))


def download(hub: Hub, arguments: list[str]) -> None:
    words, flags = parsed(arguments, DOWNLOAD_FLAGS)
    hub.need("actions:read")
    (run,) = words
    (name,), (folder,) = flags["--name"], flags["--dir"]
    kept = hub.path.parent / "artifacts" / run / name
    if not kept.is_dir():
        fail("no valid artifacts found to download")
    shutil.copytree(kept, folder, dirs_exist_ok=True)


def main(arguments: list[str]) -> None:
    hub = Hub(Path(os.environ["STAND_IN_HUB"]).resolve())
    match arguments:
        case ["api", *rest_of]:
            rest(hub, rest_of)
        case ["run", "download", *rest_of]:
            download(hub, rest_of)
        case _:
            fail(f'unknown command "{" ".join(arguments[:2])}" for "gh"')


if __name__ == "__main__":
    main(sys.argv[1:])
