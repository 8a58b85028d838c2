"""The commands themselves: what they take, and how they end."""

from __future__ import annotations

from pathlib import Path

import pytest

from reconciler.cli.edge import main

DIGEST = "sha256:" + 64 * "a"


@pytest.fixture(autouse=True)
def _outside(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for name in ("GITHUB_REPOSITORY", "GITHUB_OUTPUT", "GITHUB_EVENT_PATH", "CI_PROJECT_ID"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.chdir(tmp_path)


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["github"], "Missing command"),
        (["gitlab"], "Missing command"),
        (["github", "nope"], "No such command 'nope'"),
        (["github", "comment", "plan.json"], "GITHUB_REPOSITORY"),
        (["gitlab", "comment", "plan.json"], "CI_PROJECT_ID"),
        (["github", "comment", "plan.json", "--name", "Two words"], "lower-case letters"),
        (["github", "comment", "plan.json", "--request", "0"], "--request"),
        (["github", "reviewed-digest", "--expect", "sha256:abc"], "is no changes digest"),
        (["github", "compare", "plan.json", "--expect", "abc"], "is no changes digest"),
        (["github", "drift-issue", "plan.json"], "--plan-exit"),
        (["github", "outcome", "account.md", "--apply-exit", "x"], "--apply-exit"),
        (["github", "newest"], "GITHUB_REPOSITORY"),
        (["gitlab", "newest"], "CI_PROJECT_ID"),
        (["github", "comment", "plan.json", "--name", "plan.applied"], "lower-case letters"),
    ],
)
def test_wrong_usage_ends_with_64(
    arguments: list[str], said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(arguments) == 64
    assert said in capsys.readouterr().err


def test_a_run_about_no_pull_request_says_so(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("GITHUB_REPOSITORY", "acme/licenses")
    assert main(["github", "comment", "plan.json"]) == 64
    assert "this run is about no pull request" in capsys.readouterr().err


def test_a_digest_given_by_a_person_asks_nobody(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    monkeypatch.setenv("GITHUB_OUTPUT", str(tmp_path / "output"))
    assert main(["github", "reviewed-digest", "--expect", f" {DIGEST}\n", "--env", "e"]) == 0
    assert capsys.readouterr().out == f"{DIGEST}\n"
    assert (tmp_path / "output").read_text() == f"digest={DIGEST}\nrequest=\nrun=\n"
    assert (tmp_path / "e").read_text() == (tmp_path / "output").read_text()


@pytest.mark.parametrize("digest", ["", " ", "sha256:"])
def test_a_digest_that_got_lost_is_no_review_for_any_command(
    digest: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["github", "compare", "plan.json", "--expect", digest]) == 64
    assert "is no changes digest" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("account", "refused"), [("refused", "true"), ("# License changes to make by hand\n", "false")]
)
def test_outcome_says_to_later_steps_whether_the_plan_was_refused(
    account: str, refused: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("GITHUB_REPOSITORY", "acme/licenses")
    monkeypatch.setenv("GITHUB_OUTPUT", str(tmp_path / "output"))
    (tmp_path / "account.md").write_text(account)
    assert main(["github", "outcome", "account.md", "--apply-exit", "4"]) == 4
    assert (tmp_path / "output").read_text() == f"refused={refused}\n"


@pytest.mark.parametrize(("code", "ended"), [(0, 0), (2, 0), (1, 1), (4, 4), (5, 5), (64, 64)])
def test_outcome_ends_as_the_apply_did_but_steps_for_a_person_are_no_failure(
    code: int, ended: int, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("GITHUB_REPOSITORY", "acme/licenses")
    monkeypatch.setenv("GITHUB_STEP_SUMMARY", str(tmp_path / "summary"))
    (tmp_path / "account.md").write_text("said\n")
    assert main(["github", "outcome", "account.md", "--apply-exit", str(code)]) == ended
    assert "said" in (tmp_path / "summary").read_text()
