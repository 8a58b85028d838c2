"""GitLab: what a job must know, and what is said where it cannot answer."""

from __future__ import annotations

import pytest
import responses

from reconciler.cli.forges.gitlab import GitLab
from reconciler.errors import ReconcilerError, UsageError

API = "https://gitlab.example/api/v4"
JOB = {
    "CI_PROJECT_ID": "7",
    "CI_API_V4_URL": API,
    "CI_COMMIT_SHA": 40 * "a",
    "RECONCILER_GITLAB_TOKEN": "glpat-0123456789",
}


@pytest.mark.parametrize(
    ("missing", "said"),
    [
        ("CI_PROJECT_ID", "CI_PROJECT_ID"),
        ("CI_API_V4_URL", "CI_API_V4_URL"),
        ("RECONCILER_GITLAB_TOKEN", "RECONCILER_GITLAB_TOKEN is not set"),
    ],
)
def test_what_is_missing_is_named(missing: str, said: str) -> None:
    with pytest.raises(UsageError, match=said):
        GitLab({**JOB, missing: ""})


@responses.activate
def test_the_token_is_not_taken_along_to_another_place() -> None:
    responses.get(f"{API}/user", status=302, headers={"Location": "https://elsewhere.example/"})
    with pytest.raises(ReconcilerError, match="GitLab answers 302 to GET user"):
        GitLab(JOB)
    assert len(responses.calls) == 1


@responses.activate
def test_an_answer_that_is_no_json_is_told() -> None:
    responses.get(f"{API}/user", body="<html>")
    with pytest.raises(ReconcilerError, match="GitLab cannot be asked"):
        GitLab(JOB)


@responses.activate
@pytest.mark.parametrize(
    ("row", "expected"),
    [
        ({"merge_commit_sha": 40 * "a"}, 3),
        ({"squash_commit_sha": 40 * "a"}, 3),
        ({"sha": 40 * "a"}, 3),
        ({"sha": 40 * "b"}, None),
        ({"sha": 40 * "a", "state": "opened"}, None),
    ],
)
def test_a_merge_is_known_by_the_commit_that_it_made(
    row: dict[str, str], expected: int | None
) -> None:
    responses.get(f"{API}/user", json={"username": "bot"})
    path = f"{API}/projects/7/repository/commits/{40 * 'a'}/merge_requests"
    responses.get(path, json=[{"iid": 3, "state": "merged", **row}])
    assert GitLab(JOB).merged_request() == expected
