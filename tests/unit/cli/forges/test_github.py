"""GitHub through `gh`: what is asked of it, and what is said where it cannot answer."""

from __future__ import annotations

import json
import stat
from pathlib import Path

import pytest

from reconciler.cli.forges import gh
from reconciler.cli.forges.github import GitHub
from reconciler.cli.forges.outputs import append_summary, set_outputs
from reconciler.errors import ReconcilerError, UsageError

SHA = 40 * "a"
MAIN = {"ref": "main"}
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
    event.write_text("{")
    with pytest.raises(ReconcilerError, match="GITHUB_EVENT_PATH"):
        forge.current_request()
    assert GitHub(RUN).current_request() is None


def test_a_merge_that_github_does_not_know_at_once_is_waited_for(
    scripted: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    rows = json.dumps(
        [{"number": 5, "merged_at": "2026-11-24", "merge_commit_sha": SHA, "base": MAIN}]
    )
    (scripted / "rows").write_text(rows)
    put_gh(
        scripted,
        f"[ -e '{scripted}/asked' ] && exec /bin/cat '{scripted}/rows'\n"
        f": >'{scripted}/asked'; echo '[]'",
    )
    waited: list[float] = []
    monkeypatch.setattr("reconciler.cli.forges.github.sleep", waited.append)
    assert GitHub(RUN).merged_request() == 5
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
