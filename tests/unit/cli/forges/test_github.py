"""GitHub through `gh`: what is asked of it, and what is said where it cannot answer."""

from __future__ import annotations

import json
import os
import stat
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from reconciler.cli.forges import gh
from reconciler.cli.forges.github import GitHub
from reconciler.cli.forges.outputs import append_summary, set_outputs
from reconciler.cli.forges.protocol import LastEdit, MergedRequest, Post
from reconciler.errors import ReconcilerError, RefusedError, UsageError

SHA = 40 * "a"
HEAD = 40 * "c"
AT = datetime(2026, 11, 24, 10, tzinfo=UTC)
MAIN = {"ref": "main"}
MERGED = {
    "number": 5,
    "merged_at": "2026-11-24T10:00:00Z",
    "merge_commit_sha": SHA,
    "base": MAIN,
    "head": {"sha": HEAD},
}
RUN = {
    "GITHUB_REF": "refs/heads/main",
    "GITHUB_REPOSITORY": "acme/licenses",
    "GITHUB_SHA": SHA,
    "GITHUB_RUN_ID": "7",
}


@pytest.fixture
def scripted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder that is the whole PATH: a test puts its `gh` there."""
    monkeypatch.setenv("PATH", str(tmp_path))
    return tmp_path


def put_gh(folder: Path, script: str) -> None:
    path = folder / "gh"
    path.write_text(f"#!/bin/sh\n{script}\n")
    path.chmod(path.stat().st_mode | stat.S_IXUSR)


def test_a_missing_gh_is_told(scripted: Path) -> None:
    with pytest.raises(ReconcilerError, match="`gh` is not installed") as caught:
        gh.api("GET", "user")
    assert caught.value.hint


def test_a_failure_is_told_with_its_first_line(scripted: Path) -> None:
    put_gh(scripted, "echo 'gh: Not Found (HTTP 404)' >&2; echo more >&2; exit 1")
    with pytest.raises(ReconcilerError, match=r"^gh api: gh: Not Found \(HTTP 404\)$"):
        gh.api("GET", "user")
    put_gh(scripted, "exit 3")
    with pytest.raises(ReconcilerError, match=r"^gh api: exit 3$"):
        gh.api("GET", "user")


def test_a_gh_that_cannot_be_started_is_told(scripted: Path) -> None:
    put_gh(scripted, "")
    (scripted / "gh").write_text("no program")
    with pytest.raises(ReconcilerError, match=r"^gh cannot be run: Exec format error$"):
        gh.api("GET", "user")


def test_gh_sees_its_token_and_no_key_and_runs_outside_of_the_checkout(
    scripted: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GH_TOKEN", "its-own")
    monkeypatch.setenv("RECONCILER_API_KEY", "hunter2")
    monkeypatch.setenv("GIT_EXEC_PATH", "/hunter2")
    monkeypatch.setenv("OTHER_SECRET", "hunter2")
    put_gh(scripted, f"{{ env; pwd; }} >'{scripted}/seen'; echo null")
    gh.api("GET", "user")
    seen = (scripted / "seen").read_text().splitlines()
    assert "GH_TOKEN=its-own" in seen
    assert "PATH=/opt/homebrew/bin:/usr/local/bin:/usr/bin:/bin" in seen
    assert seen[-1] == "/"
    assert "hunter2" not in "".join(seen)


@pytest.mark.parametrize(
    "answer", ['[{"id":1},{"id":2}]', '[{"id":1}][{"id":2}]', '[{"id":1}]\n[{"id":2}]\n']
)
def test_pages_are_one_list_however_gh_prints_them(scripted: Path, answer: str) -> None:
    (scripted / "answer").write_text(answer)
    put_gh(scripted, f"/bin/cat '{scripted}/answer'")
    assert gh.api("GET", "x", pages=True) == [{"id": 1}, {"id": 2}]


def test_an_enterprise_server_is_asked_by_its_name(
    scripted: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    put_gh(scripted, 'printf \'"%s"\' "$*"')
    monkeypatch.setenv("GITHUB_SERVER_URL", "https://github.acme.example")
    assert gh.api("GET", "user") == "api --method GET --hostname github.acme.example user"
    monkeypatch.setenv("GITHUB_SERVER_URL", "https://github.com")
    assert gh.api("GET", "user") == "api --method GET user"


@pytest.mark.parametrize("repository", ["", "acme", "acme/x/y", "acme/li censes", "--help/x y"])
def test_outside_of_a_workflow_it_says_so(repository: str) -> None:
    with pytest.raises(UsageError, match="GITHUB_REPOSITORY"):
        GitHub({"GITHUB_REPOSITORY": repository})


def test_the_pull_request_comes_from_the_event(tmp_path: Path) -> None:
    event = tmp_path / "event.json"
    forge = GitHub({**RUN, "GITHUB_EVENT_PATH": str(event)})
    event.write_text(json.dumps({"pull_request": {"number": 12}}))
    assert forge.current_request() == 12
    event.write_text(json.dumps({"schedule": "17 5 * * *"}))
    assert forge.current_request() is None
    event.write_bytes(b'{\r\n"pull_request": {"number": 12}\r\n}')
    assert forge.current_request() == 12
    for broken in ("{", "[]", '{"pull_request": {"number": 1, "number": 2}}'):
        event.write_text(broken)
        with pytest.raises(ReconcilerError, match="GITHUB_EVENT_PATH"):
            forge.current_request()
    event.unlink()
    os.mkfifo(event)
    with pytest.raises(ReconcilerError, match=r"GITHUB_EVENT_PATH.* a pipe or a device"):
        forge.current_request()
    assert GitHub(RUN).current_request() is None


def test_a_merge_that_github_does_not_know_at_once_is_waited_for(
    scripted: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    rows = json.dumps([MERGED])
    (scripted / "rows").write_text(rows)
    put_gh(
        scripted,
        f"[ -e '{scripted}/asked' ] && exec /bin/cat '{scripted}/rows'\n"
        f": >'{scripted}/asked'; echo '[]'",
    )
    waited: list[float] = []
    monkeypatch.setattr("reconciler.cli.forges.github.sleep", waited.append)
    assert GitHub(RUN).merged_request() == MergedRequest(5, HEAD, AT)
    assert waited == [1]


def test_a_pull_request_that_only_holds_the_commit_did_not_make_it(
    scripted: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    rows = [
        {"number": 5, "merged_at": None, "merge_commit_sha": SHA},
        {"number": 6, "merged_at": "2026-11-24", "merge_commit_sha": 40 * "b", "base": MAIN},
        {"number": 7, "merged_at": "2026-11-24", "merge_commit_sha": SHA, "base": {"ref": "old"}},
    ]
    put_gh(scripted, f"echo '{json.dumps(rows)}'")
    monkeypatch.setattr("reconciler.cli.forges.github.sleep", lambda seconds: None)
    assert GitHub(RUN).merged_request() is None


def test_a_run_whose_artifacts_are_gone_has_no_plan(scripted: Path) -> None:
    put_gh(scripted, "echo 'no valid artifacts found to download' >&2; exit 1")
    assert GitHub(RUN).plan_of_run("7") is None
    put_gh(scripted, 'echo "[]" >"$6/plan.json"')
    assert GitHub(RUN).plan_of_run("7") is None


def test_outputs_are_one_line_each(tmp_path: Path) -> None:
    target = tmp_path / "output"
    set_outputs({"GITHUB_OUTPUT": str(target)}, {"a": "1", "b": ""})
    set_outputs({"GITHUB_OUTPUT": str(target)}, {"c": "3"})
    assert target.read_text() == "a=1\nb=\nc=3\n"
    with pytest.raises(ValueError, match="more than one line"):
        set_outputs({"GITHUB_OUTPUT": str(target)}, {"a": "1\nforged=2"})
    set_outputs({}, {"a": "1"})
    append_summary({}, "text")


def test_several_pull_requests_of_one_commit_are_no_review(scripted: Path) -> None:
    put_gh(scripted, f"echo '{json.dumps([MERGED, MERGED | {'number': 6}])}'")
    with pytest.raises(RefusedError, match=f"pull requests 5, 6 were merged by one commit, {SHA}"):
        GitHub(RUN).merged_request()


@pytest.mark.parametrize(
    "broken",
    [
        {"head": None},
        {"head": {}},
        {"head": {"sha": None}},
        {"head": {"sha": "main"}},
        {"merged_at": True},
        {"merged_at": "2026-11-24"},
        {"merged_at": "2026-11-24T10:00:00"},
    ],
)
def test_a_merge_without_its_commit_or_its_time_is_no_review(
    scripted: Path, broken: dict[str, object]
) -> None:
    put_gh(scripted, f"echo '{json.dumps([MERGED | broken])}'")
    with pytest.raises(ReconcilerError, match="the forge does not say"):
        GitHub(RUN).merged_request()


@pytest.mark.parametrize(
    ("row", "is_open"),
    [
        ({"state": "open", "merged_at": None}, True),
        ({"state": "closed", "merged_at": None}, False),
        ({"state": "closed", "merged_at": "2026-11-24T10:00:00Z"}, False),
        ({"state": "open", "merged_at": "2026-11-24T10:00:00Z"}, False),
        ({}, False),
    ],
)
def test_only_what_says_that_it_is_open_is_open(
    scripted: Path, row: dict[str, object], is_open: bool
) -> None:
    put_gh(scripted, f"echo '{json.dumps(row | {'head': {'sha': HEAD}})}'")
    assert GitHub(RUN).request(5).open is is_open
    put_gh(scripted, f"echo '{json.dumps(row)}'")
    with pytest.raises(ReconcilerError, match="at which commit"):
        GitHub(RUN).request(5)


COMMENT = {
    "id": 1,
    "node_id": "IC_1",
    "user": {"login": "github-actions[bot]"},
    "body": "text",
    "created_at": "2026-11-24T09:00:00Z",
    "updated_at": "2026-11-24T10:00:00Z",
}
EDITED = {"editor": {"login": "ada"}, "lastEditedAt": "2026-11-24T11:00:00Z"}
UNEDITED = {"editor": None, "lastEditedAt": None}


def seen(folder: Path, comment: dict[str, object], node: object) -> tuple[GitHub, Post]:
    """A comment as both APIs tell it."""
    answers = {"comment": [comment], "node": {"data": {"node": node}}}
    for name, answer in answers.items():
        (folder / name).write_text(json.dumps(answer))
    put_gh(folder, f"case $2 in graphql) f=node;; *) f=comment;; esac; /bin/cat '{folder}'/$f")
    forge = GitHub(RUN)
    (post,) = forge.comments(5)
    return forge, post


def test_the_last_edit_is_the_latest_that_either_api_tells(scripted: Path) -> None:
    forge, post = seen(scripted, COMMENT, UNEDITED)
    assert forge.last_edit(5, post) == LastEdit(None, AT)
    forge, post = seen(scripted, COMMENT, EDITED)
    assert forge.last_edit(5, post) == LastEdit("ada", AT + timedelta(hours=1))
    forge, post = seen(scripted, COMMENT, EDITED | {"editor": None})
    assert forge.last_edit(5, post).by == "somebody whose account is gone"
    forge, post = seen(scripted, COMMENT, EDITED | {"editor": {"login": None}})
    assert forge.last_edit(5, post).by == "somebody"


@pytest.mark.parametrize(
    ("comment", "node"),
    [
        ({}, None),
        ({}, {}),
        ({}, {"editor": None}),
        ({}, {"lastEditedAt": None}),
        ({"created_at": None}, UNEDITED),
        ({"updated_at": None}, UNEDITED),
    ],
)
def test_an_edit_that_is_not_told_is_no_review(
    scripted: Path, comment: dict[str, object], node: object
) -> None:
    forge, post = seen(scripted, COMMENT | comment, node)
    with pytest.raises(RefusedError, match="does not say whether the comment"):
        forge.last_edit(5, post)


def test_the_commit_of_a_pull_request_is_its_branchs_and_not_githubs_merge(tmp_path: Path) -> None:
    event = tmp_path / "event.json"
    forge = GitHub({**RUN, "GITHUB_EVENT_PATH": str(event)})
    event.write_text(json.dumps({"pull_request": {"number": 12, "head": {"sha": HEAD}}}))
    assert forge.current_head() == HEAD
    event.write_text("{}")
    assert forge.current_head() is None
    event.write_text(json.dumps({"pull_request": {"number": 12}}))
    with pytest.raises(ReconcilerError, match="at which commit"):
        forge.current_head()
