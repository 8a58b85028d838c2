"""What counts as a review, and what somebody could try so that something else does."""

from __future__ import annotations

import pytest

from tests.workflows.project import AS_IT_IS, LEAVER_GONE, TRANSFER, Project
from tests.workflows.test_merges import merged
from tests.workflows.test_pull_requests import DIGEST


def log_of(project: Project) -> str:
    """Run the apply, which must find no review, and return what it says of that."""
    before = project.licensed()
    jobs = project.run_apply()
    assert (jobs["check"].result, jobs["apply"].result) == ("failure", "skipped")
    assert project.licensed() == before
    return jobs["check"].step("Find what was reviewed").log


def test_a_plan_that_is_run_again_after_the_merge_writes_no_comment(project: Project) -> None:
    request = merged(project)
    reviewed = project.comments(request)
    project.revoke("dan")
    # The event of the run is the one of before the merge.
    jobs = project.run_plan(request, state="open", merged_at=None)
    assert jobs["plan"].step("Comment").outcome == "failure"
    assert f"pull request {request} is not open any more" in jobs["plan"].step("Comment").log
    assert project.comments(request) == reviewed
    jobs = project.run_apply()
    assert (jobs["check"].result, jobs["apply"].result) == ("failure", "skipped")
    assert "planned now, but not reviewed: grant kse dan" in jobs["check"].step("Compare").log


def test_a_comment_that_another_workflow_writes_after_the_merge_is_no_review(
    project: Project,
) -> None:
    request = merged(project)
    (reviewed,) = project.comments(request)
    project.revoke("dan")
    fresh = project.run_apply()["check"].step("Compare").log
    digest = fresh[fresh.index("the plan is sha256:") + len("the plan is ") :].split(",")[0]
    body = reviewed.replace(DIGEST.match(reviewed)[1], digest)  # type: ignore[index]
    project.edit(request, "github-actions", body)
    assert "whoever merged it has not seen that plan" in log_of(project)


def test_a_comment_of_the_moment_of_the_merge_is_no_review(project: Project) -> None:
    request = merged(project)
    state = project.hub
    row = next(iter(state["comments"].values()))
    row |= {"editor": "github-actions", "edited_at": state["pulls"][str(request)]["merged_at"]}
    project.change_hub(**state)
    assert "whoever merged it has not seen that plan" in log_of(project)


def test_a_push_after_the_plan_is_not_reviewed_by_it(project: Project) -> None:
    request = project.open_request(LEAVER_GONE)
    project.run_plan(request)
    old = project.hub["pulls"][str(request)]["head"]["sha"]
    project.push(request, IN_ANOTHER_ORDER)
    project.merge(request)
    head = project.hub["pulls"][str(request)]["head"]["sha"]
    assert f"was made for {old}, and merged was {head}" in log_of(project)


IN_ANOTHER_ORDER = tuple(reversed(LEAVER_GONE))


def test_a_run_for_an_older_commit_does_not_write_over_the_newer_plan(project: Project) -> None:
    request = project.open_request(LEAVER_GONE)
    old = project.hub["pulls"][str(request)]["head"]
    project.push(request, TRANSFER)
    project.run_plan(request)
    newer = project.comments(request)
    jobs = project.run_plan(request, head=old)
    assert jobs["plan"].result == "failure"
    assert f"has moved on: this plan is for {old['sha']}" in jobs["plan"].step("Comment").log
    assert project.comments(request) == newer


def test_a_request_that_is_closed_gets_no_comment_until_it_is_open_again(project: Project) -> None:
    request = project.open_request(TRANSFER)
    project.close(request)
    assert project.run_plan(request)["plan"].step("Comment").outcome == "failure"
    assert project.comments(request) == []
    project.close(request, again_open=True)
    assert project.run_plan(request)["plan"].result == "success"
    project.merge(request)
    assert project.run_apply()["apply"].result == "success"


def test_what_was_pushed_while_a_request_was_closed_is_not_reviewed(project: Project) -> None:
    request = project.open_request(LEAVER_GONE)
    project.run_plan(request)
    project.close(request)
    project.push(request, IN_ANOTHER_ORDER)
    project.close(request, again_open=True)
    project.merge(request)
    assert "was made for" in log_of(project)


@pytest.mark.parametrize("how", ["squash", "rebase"])
def test_a_squash_and_a_rebase_are_applied_as_reviewed(project: Project, how: str) -> None:
    request = project.open_request(TRANSFER)
    project.run_plan(request)
    project.merge(request, how=how)
    assert project.head != project.hub["pulls"][str(request)]["head"]["sha"]
    jobs = project.run_apply()
    assert jobs["apply"].result == "success", jobs["check"].log
    assert "bob" in project.licensed()


def test_two_requests_that_one_commit_merged_are_no_review(project: Project) -> None:
    request = merged(project)
    pulls = project.hub["pulls"]
    project.change_hub(pulls={**pulls, "900": pulls[str(request)]})
    assert f"the pull requests {request}, 900 were merged by one commit" in log_of(project)


def test_two_merges_in_one_push_are_no_review_of_both(project: Project) -> None:
    # As a merge queue does it: the run is for the last of them alone.
    first = project.open_request(TRANSFER)
    (project.origin / "note.txt").write_text("changes no license\n")
    second = project.open_request(AS_IT_IS)
    for step in (project.run_plan, project.merge):
        step(first)
        step(second)
    jobs = project.run_apply()
    assert (jobs["check"].result, jobs["apply"].result) == ("failure", "skipped")
    assert "bob" not in project.licensed()


def test_a_second_comment_with_a_plan_is_no_review(project: Project) -> None:
    request = merged(project)
    comments = project.hub["comments"]
    project.change_hub(comments={**comments, "9000": next(iter(comments.values()))})
    assert f"pull request {request} has 2 comments with a plan" in log_of(project)


def test_where_the_history_of_a_comment_is_not_told_there_is_no_review(project: Project) -> None:
    merged(project)
    project.change_hub(nodes_gone=True)
    assert "GitHub does not say whether the comment with the plan" in log_of(project)


def test_a_marker_without_the_commit_is_no_review(project: Project) -> None:
    request = merged(project)
    comments = project.hub["comments"]
    row = next(iter(comments.values()))
    head = project.hub["pulls"][str(request)]["head"]["sha"]
    row["body"] = row["body"].replace(f" head={head}", "")
    project.change_hub(comments=comments)
    assert "was made for nobody knows which commit" in log_of(project)


def test_what_was_done_is_told_after_the_merge_and_holds_no_digest(project: Project) -> None:
    request = merged(project)
    project.run_apply()
    reviewed, applied = project.comments(request)
    assert DIGEST.match(reviewed)
    assert not DIGEST.search(applied)
    # It can be told again, by a run that is started again.
    project.run_apply()
    assert len(project.comments(request)) == 2
