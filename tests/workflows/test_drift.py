"""The scheduled check: one issue, opened, kept up to date, and closed again."""

from __future__ import annotations

from tests.workflows.project import AS_IT_IS, TRANSFER, Project


def test_without_drift_there_is_no_issue(project: Project) -> None:
    assert project.run_drift().result == "success"
    assert project.issues() == []


def test_drift_opens_one_issue_updates_it_and_closes_it_again(project: Project) -> None:
    project.revoke("dan")
    job = project.run_drift()
    assert job.result == "success", job.log
    (issue,) = project.issues()
    assert (issue["state"], issue["title"]) == ("open", "Licenses differ from the files")
    assert "dan" in issue["body"]

    project.revoke("eve")
    project.run_drift()
    (issue,) = project.issues()
    assert issue["state"] == "open"
    assert "eve" in issue["body"]

    project.grant("dan", "eve")
    project.run_drift()
    (issue,) = project.issues()
    assert issue["state"] == "closed"
    (said,) = (row["body"] for row in project.hub["comments"].values())
    assert said.startswith("The licensing system is as the files want it")

    project.revoke("dan")
    project.run_drift()
    assert [row["state"] for row in project.issues()] == ["closed", "open"]


def test_the_digest_in_the_issue_applies_what_the_files_want(project: Project) -> None:
    project.revoke("dan")
    project.run_drift()
    body = project.issues()[0]["body"]
    digest = body[body.index("\nsha256:") + 1 :].split("\n")[0]
    jobs = project.run_apply(digest)
    assert jobs["apply"].result == "success", jobs["check"].log
    project.run_drift()
    assert project.issues()[0]["state"] == "closed"
    assert project.licensed() == {"ada", "carol", "dan", "eve"}


def test_an_api_that_does_not_answer_opens_and_closes_nothing(project: Project) -> None:
    project.revoke("dan")
    project.run_drift()
    project.runner.variables = {"RECONCILER_API_URL": "http://127.0.0.1:9"}
    job = project.run_drift()
    assert job.result == "failure"
    assert "stays as it is" in job.log
    assert [row["state"] for row in project.issues()] == ["open"]


def test_somebody_elses_issue_is_left_alone(project: Project) -> None:
    project.revoke("dan")
    project.run_drift()
    issues = project.hub["issues"]
    next(iter(issues.values()))["user"] = "mallory"
    project.change_hub(issues=issues)
    project.grant("dan")
    project.run_drift()
    assert [row["state"] for row in project.issues()] == ["open"]


def test_by_hand_it_runs_for_the_main_branch_only(project: Project) -> None:
    request = project.open_request(TRANSFER)
    assert project.run_drift(f"change-{request}").result == "skipped"
    assert project.run_drift("main").result == "success"
    assert project.issues() == []


def test_a_refusal_is_drift_too(project: Project) -> None:
    project.commit_directly([*AS_IT_IS, "stranger@example.com"])
    assert project.run_drift().result == "success"
    (issue,) = project.issues()
    assert "stranger" in issue["body"]
