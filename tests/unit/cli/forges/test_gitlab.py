"""GitLab: what a job must know, and what is said where it cannot answer."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
import responses

from reconciler.cli.forges.gitlab import GitLab
from reconciler.cli.forges.protocol import MergedRequest
from reconciler.errors import ReconcilerError, RefusedError, UsageError

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


MERGED = {
    "iid": 3,
    "state": "merged",
    "sha": 40 * "c",
    "merged_at": "2026-11-24T10:00:00.123Z",
}
AT = datetime(2026, 11, 24, 10, 0, 0, 123_000, tzinfo=UTC)
OF_COMMIT = f"{API}/projects/7/repository/commits/{40 * 'a'}/merge_requests"


def lab() -> GitLab:
    responses.get(f"{API}/user", json={"username": "bot"})
    return GitLab(JOB)


@responses.activate
@pytest.mark.parametrize(
    ("row", "head"),
    [
        ({"merge_commit_sha": 40 * "a"}, 40 * "c"),
        ({"squash_commit_sha": 40 * "a"}, 40 * "c"),
        ({"sha": 40 * "a"}, 40 * "a"),
        ({"sha": 40 * "b"}, None),
        ({"sha": 40 * "a", "state": "opened"}, None),
    ],
)
def test_a_merge_is_known_by_the_commit_that_it_made(row: dict[str, str], head: str | None) -> None:
    responses.get(OF_COMMIT, json=[MERGED | row])
    expected = None if head is None else MergedRequest(3, head, AT)
    assert lab().merged_request() == expected


@responses.activate
@pytest.mark.parametrize("broken", [{"merged_at": None}, {"merged_at": "soon"}, {"sha": None}])
def test_a_merge_without_its_commit_or_its_time_is_no_review(broken: dict[str, None]) -> None:
    responses.get(OF_COMMIT, json=[MERGED | {"merge_commit_sha": 40 * "a"} | broken])
    with pytest.raises(ReconcilerError, match="the forge does not say"):
        lab().merged_request()


@responses.activate
def test_several_merge_requests_of_one_commit_are_no_review() -> None:
    one = MERGED | {"merge_commit_sha": 40 * "a"}
    responses.get(OF_COMMIT, json=[one, one | {"iid": 4}])
    with pytest.raises(RefusedError, match="merge requests 3, 4 were merged by one commit"):
        lab().merged_request()


@responses.activate
def test_a_note_without_its_time_is_no_review() -> None:
    row = {"id": 1, "author": {"username": "bot"}, "body": "text", "created_at": "2026-11-24"}
    responses.get(f"{API}/projects/7/merge_requests/3/notes", json=[row])
    forge = lab()
    (note,) = forge.comments(3)
    with pytest.raises(RefusedError, match="does not say when the note"):
        forge.last_edit(3, note)


@pytest.mark.parametrize(
    ("more", "head"),
    [
        ({}, None),
        ({"CI_MERGE_REQUEST_IID": "3"}, 40 * "a"),
        ({"CI_MERGE_REQUEST_IID": "3", "CI_MERGE_REQUEST_SOURCE_BRANCH_SHA": 40 * "b"}, 40 * "b"),
    ],
)
@responses.activate
def test_the_commit_of_a_merge_request_is_its_branchs(more: dict[str, str], head: str) -> None:
    responses.get(f"{API}/user", json={"username": "bot"})
    assert GitLab({**JOB, **more}).current_head() == head
