"""What happens after a merge: applied as reviewed, or stopped with an account of what moved."""

from __future__ import annotations

import json

from tests.workflows.project import AS_IT_IS, LEAVER_GONE, TRANSFER, Project, git
from tests.workflows.test_pull_requests import DIGEST


def merged(project: Project, users: tuple[str, ...] = TRANSFER) -> int:
    request = project.open_request(users)
    assert project.run_plan(request)["plan"].result == "success"
    project.merge(request)
    return request


def test_a_merge_is_applied(project: Project) -> None:
    request = merged(project)
    approved: list[str] = []
    project.runner.on_environment = approved.append
    jobs = project.run_apply()
    assert jobs["apply"].result == "success", jobs["check"].log + jobs["apply"].log
    assert approved == ["licenses"]
    assert project.licensed() == {"ada", "bob", "dan", "eve"}
    told = project.comments(request)[1]
    assert "### Applied\n" in told
    assert "1 done" in told
    assert "### Applied\n" in jobs["apply"].summary


def test_the_journal_and_the_plan_are_kept(project: Project) -> None:
    merged(project)
    project.run_apply()
    kept = project.runner.folder / "artifacts" / "2" / "reconciler-journal"
    assert {path.name for path in kept.iterdir()} == {
        "account.md",
        "applied.json",
        "journal.jsonl",
    }
    rows = [json.loads(line) for line in (kept / "journal.jsonl").read_text().splitlines()]
    assert len(rows) > 2


IN_ANOTHER_ORDER = (*AS_IT_IS[1:], AS_IT_IS[0])


def test_a_merge_that_changes_nothing_asks_nobody_for_approval(project: Project) -> None:
    request = project.open_request(IN_ANOTHER_ORDER)
    project.run_plan(request)
    project.merge(request)
    jobs = project.run_apply()
    assert (jobs["check"].result, jobs["apply"].result) == ("success", "skipped")
    assert project.licensed() == {"ada", "carol", "dan", "eve"}


def test_a_commit_that_changes_nothing_needs_no_review(project: Project) -> None:
    # A new version of an action, by Dependabot: its pull request gets no plan.
    request = project.open_request(IN_ANOTHER_ORDER, by="dependabot[bot]")
    assert project.run_plan(request)["plan"].result == "skipped"
    project.merge(request)
    jobs = project.run_apply()
    assert (jobs["check"].result, jobs["apply"].result) == ("success", "skipped")
    log = jobs["check"].step("Find what was reviewed").log
    assert "the fresh plan changes nothing, so there is nothing to review" in log


def test_where_nothing_changes_but_something_is_refused_the_run_ends_red(project: Project) -> None:
    project.commit_directly([*AS_IT_IS, "stranger@example.com"])
    jobs = project.run_apply()
    assert (jobs["check"].result, jobs["apply"].result) == ("success", "failure")
    assert "### Refused: nothing was written\n" in jobs["apply"].summary


def test_drift_before_the_apply_stops_it_and_says_what_moved(project: Project) -> None:
    request = merged(project)
    project.revoke("dan")
    jobs = project.run_apply()
    assert (jobs["check"].result, jobs["apply"].result) == ("failure", "skipped")
    moved = "planned now, but not reviewed: grant kse dan@example.com in Demo QA (101)"
    assert moved in jobs["check"].step("Compare").log
    told = project.comments(request)[1]
    assert moved in told
    assert moved in jobs["check"].summary
    assert project.licensed() == {"ada", "carol", "eve"}


def test_what_was_done_by_hand_before_is_told_too(project: Project) -> None:
    merged(project)
    project.revoke("carol")
    project.grant("bob")
    log = project.run_apply()["check"].step("Compare").log
    assert "reviewed, but not planned any more: reassign kse carol@example.com -> bob" in log


def test_drift_while_the_approval_is_waited_for_stops_the_apply(project: Project) -> None:
    request = merged(project)
    project.runner.on_environment = lambda name: project.revoke("dan")
    jobs = project.run_apply()
    assert (jobs["check"].result, jobs["apply"].result) == ("success", "failure")
    assert "planned now, but not reviewed: grant kse dan" in jobs["apply"].log
    assert "planned now, but not reviewed: grant kse dan" in project.comments(request)[1]
    assert project.licensed() == {"ada", "carol", "eve"}


def test_the_fresh_plan_is_applied_by_hand_with_its_digest(project: Project) -> None:
    request = merged(project)
    project.revoke("dan")
    project.run_apply()
    told = project.comments(request)[1]
    digest = told[told.index("sha256:") :].split("\n")[0]
    jobs = project.run_apply(digest)
    assert jobs["apply"].result == "success", jobs["check"].log
    assert project.licensed() == {"ada", "bob", "dan", "eve"}


def test_by_hand_nothing_is_applied_from_another_branch(project: Project) -> None:
    request = project.open_request(TRANSFER)
    project.run_plan(request)
    digest = DIGEST.match(project.comments(request)[0])[1]  # type: ignore[index]
    jobs = project.run_apply(digest, branch=f"change-{request}")
    assert {job.result for job in jobs.values()} == {"skipped"}
    assert "bob" not in project.licensed()


def test_an_old_apply_that_is_run_again_brings_nothing_back(project: Project) -> None:
    first = merged(project, TRANSFER)
    old = project.head
    assert project.run_apply()["apply"].result == "success"
    second = merged(project, AS_IT_IS)
    assert project.run_apply()["apply"].result == "success"
    assert project.licensed() == {"ada", "carol", "dan", "eve"}
    # Without the check, the fresh plan of the old files is the very one that was reviewed.
    jobs = project.run_apply(sha=old)
    assert (jobs["check"].result, jobs["apply"].result) == ("failure", "skipped")
    assert f"main has moved on: this run is for {old}" in jobs["check"].log
    assert "these are not the newest files" in jobs["check"].summary
    assert project.licensed() == {"ada", "carol", "dan", "eve"}
    # What was really done stays told; that the run stopped stands beside it.
    _, applied, outdated = project.comments(first)
    assert "### Applied\n" in applied
    assert project.head in outdated
    assert len(project.comments(second)) == 2


def test_a_merge_that_waits_for_approval_while_another_one_comes_stops(project: Project) -> None:
    request = merged(project)
    approved: list[str] = []

    def later(name: str) -> None:
        approved.append(name)
        merged(project, AS_IT_IS)

    project.runner.on_environment = later
    jobs = project.run_apply()
    assert approved
    assert (jobs["check"].result, jobs["apply"].result) == ("success", "failure")
    assert "main has moved on" in jobs["apply"].step("See that the files are still the newest").log
    assert jobs["apply"].step("Apply").outcome == "skipped"
    assert jobs["apply"].step("Tell what moved").outcome == "skipped"
    assert "bob" not in project.licensed()
    assert "Not applied: these are not the newest files" in project.comments(request)[1]


def test_a_tag_of_the_main_branchs_name_applies_nothing(project: Project) -> None:
    request = merged(project)
    digest = DIGEST.match(project.comments(request)[0])[1]  # type: ignore[index]
    jobs = project.run_apply(digest, ref_type="tag")
    assert {job.result for job in jobs.values()} == {"skipped"}


def test_a_digest_that_gets_lost_between_the_jobs_applies_nothing(project: Project) -> None:
    # The runner empties an output in which it sees a secret.
    request = merged(project)
    project.runner.lost_outputs = {"digest"}
    jobs = project.run_apply()
    assert (jobs["check"].result, jobs["apply"].result) == ("success", "failure")
    assert "--expect is empty: it names no review" in jobs["apply"].log
    assert "### Not applied\n" in project.comments(request)[1]
    assert "bob" not in project.licensed()


def test_a_merge_into_another_branch_is_no_review(project: Project) -> None:
    request = project.open_request(TRANSFER, base="other")
    project.run_plan(request)
    project.merge(request)
    jobs = project.run_apply()
    assert jobs["apply"].result == "skipped"
    assert "so nobody reviewed its plan" in jobs["check"].log


def test_a_comment_whose_editor_is_gone_is_no_review(project: Project) -> None:
    request = project.open_request(TRANSFER)
    project.run_plan(request)
    project.edit(request, "")
    project.merge(request)
    jobs = project.run_apply()
    assert jobs["apply"].result == "skipped"
    assert "was edited by somebody whose account is gone" in jobs["check"].log


def test_a_comment_that_somebody_edited_is_no_review(project: Project) -> None:
    request = project.open_request(TRANSFER)
    project.run_plan(request)
    project.edit(request, "mallory")
    project.merge(request)
    jobs = project.run_apply()
    assert jobs["apply"].result == "skipped"
    log = jobs["check"].step("Find what was reviewed").log
    assert f"the comment with the plan on pull request {request} was edited by mallory" in log


def test_somebody_elses_comment_is_no_review(project: Project) -> None:
    merged(project)
    comments = project.hub["comments"]
    next(iter(comments.values()))["user"] = "mallory"
    project.change_hub(comments=comments)
    jobs = project.run_apply()
    assert jobs["apply"].result == "skipped"
    assert "has no plan in a comment of github-actions[bot]" in jobs["check"].log


def test_a_commit_without_a_pull_request_is_not_applied(project: Project) -> None:
    project.commit_directly(TRANSFER)
    jobs = project.run_apply()
    assert jobs["apply"].result == "skipped"
    assert "so nobody reviewed its plan" in jobs["check"].log
    # Whoever has to decide now still gets to see the plan.
    assert jobs["check"].step("Keep the plan").outcome == "success"
    assert "bob@example.com" in jobs["check"].step("Plan").log


def test_an_api_that_does_not_answer_applies_nothing(project: Project) -> None:
    merged(project)
    project.runner.variables = {"RECONCILER_API_URL": "http://127.0.0.1:9"}
    jobs = project.run_apply()
    assert (jobs["check"].result, jobs["apply"].result) == ("failure", "skipped")
    assert "there is no fresh plan to compare with" in jobs["check"].step("Compare").log


def test_a_standing_refusal_does_not_keep_the_rest_from_being_applied(project: Project) -> None:
    project.commit_directly([*AS_IT_IS, "stranger@example.com"])
    request = project.open_request([*TRANSFER, "stranger@example.com"])
    jobs = project.run_plan(request)
    assert jobs["plan"].result == "success", jobs["plan"].log
    project.merge(request)
    jobs = project.run_apply()
    assert jobs["check"].step("Plan").outcome == "failure"
    assert jobs["check"].result == "success"
    assert project.licensed() == {"ada", "bob", "dan", "eve"}
    assert jobs["apply"].result == "failure"
    assert "### Applied in part\n" in project.comments(request)[1]


def test_where_the_host_takes_no_writes_the_steps_are_told(project: Project) -> None:
    project.runner.variables = {**project.runner.variables, "RECONCILER_API_WRITES": "checklist"}
    request = merged(project)
    jobs = project.run_apply()
    assert jobs["apply"].result == "success", jobs["apply"].log
    assert "bob" not in project.licensed()
    told = project.comments(request)[1]
    assert "### To be done by hand\n" in told
    assert "License Management" in told
    assert project.run_drift().result == "success"
    assert [row["state"] for row in project.issues()] == ["open"]
    # Somebody does it, and the next check sees that it is done.
    project.revoke("carol")
    project.grant("bob")
    project.run_drift()
    assert [row["state"] for row in project.issues()] == ["closed"]


def test_a_pull_request_cannot_send_writes_by_another_route(project: Project) -> None:
    request = project.open_request(TRANSFER)
    git(project.origin, "switch", "--quiet", f"change-{request}")
    workspace = project.origin / "reconciler.yaml"
    route = "POST /api/v1/organizations/{organization}/seats"
    workspace.write_text(workspace.read_text() + f"\napi:\n  routes: {{grant_users: {route!r}}}\n")
    project.push(request, TRANSFER)
    jobs = project.run_plan(request)
    assert jobs["plan"].result == "failure"
    assert "api.routes.grant_users: in CI (CI is set) it is not taken" in jobs["plan"].log
    (comment,) = project.comments(request)
    assert "No plan" in comment
    # Merged all the same, it applies nothing.
    project.merge(request)
    jobs = project.run_apply()
    assert (jobs["check"].result, jobs["apply"].result) == ("failure", "skipped")
    assert "bob" not in project.licensed()


def test_routes_that_the_repository_sets_are_reviewed_with_the_changes(project: Project) -> None:
    request = merged(project)
    route = '{"grant_users": "POST /api/v1/organizations/{organization}/seats"}'
    project.runner.variables = {**project.runner.variables, "RECONCILER_API_ROUTES": route}
    jobs = project.run_apply()
    assert (jobs["check"].result, jobs["apply"].result) == ("failure", "skipped")
    moved = "so now, but not reviewed: route of grant_users: POST /api/v1/organizations/"
    assert moved in jobs["check"].step("Compare").log
    assert moved in project.comments(request)[1]


def test_two_pull_requests_are_each_applied_as_reviewed(project: Project) -> None:
    first = project.open_request(LEAVER_GONE)
    project.run_plan(first)
    project.merge(first)
    assert project.run_apply()["apply"].result == "success"
    second = project.open_request([*LEAVER_GONE, "bob@example.com"])
    project.run_plan(second)
    project.merge(second)
    assert project.run_apply()["apply"].result == "success"
    assert project.licensed() == {"ada", "bob", "carol", "eve"}


def test_the_reusable_workflows_tell_the_same_story(caller: Project) -> None:
    approved: list[str] = []
    caller.runner.on_environment = approved.append
    request = merged(caller)
    head = caller.hub["pulls"][str(request)]["head"]["sha"]
    assert f"<!-- reconciler-ci: qa run=1 head={head} -->" in caller.comments(request)[0]
    assert caller.run_apply()["apply"].result == "success"
    assert approved == ["production"]
    assert caller.licensed() == {"ada", "bob", "dan", "eve"}
    caller.revoke("dan")
    assert caller.run_drift().result == "success"
    assert "<!-- reconciler-ci: qa run=3 -->" in caller.issues()[0]["body"]
