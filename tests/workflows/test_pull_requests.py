"""The workflows of a pull request, their very steps executed."""

from __future__ import annotations

import re

from tests.workflows.project import AS_IT_IS, LEAVER_GONE, TRANSFER, Project

DIGEST = re.compile(r"<!-- reconciler: changes=(sha256:[0-9a-f]{64}) -->\n")


def test_a_pull_request_gets_its_plan_as_a_comment(project: Project) -> None:
    request = project.open_request(TRANSFER)
    jobs = project.run_plan(request)
    assert {name: job.result for name, job in jobs.items()} == {
        "validate": "success",
        "plan": "success",
    }, jobs["plan"].log
    (comment,) = project.comments(request)
    assert DIGEST.match(comment)
    assert "carol" in comment
    assert "bob" in comment
    assert "https://github.com/acme/licenses/actions/runs/1" in comment
    assert project.runner.installed == 2 * [
        "--quiet --require-hashes --only-binary :all: -r .github/licenses/requirements.txt",
        "--quiet --no-deps --no-build-isolation x",
    ]


def test_a_further_push_edits_the_same_comment(project: Project) -> None:
    request = project.open_request(TRANSFER)
    project.run_plan(request)
    (first,) = project.comments(request)
    project.push(request, LEAVER_GONE)
    assert project.run_plan(request)["plan"].result == "success"
    (second,) = project.comments(request)
    assert DIGEST.match(first)[1] != DIGEST.match(second)[1]  # type: ignore[index]
    assert "actions/runs/2" in second


def test_the_comment_is_found_among_many_and_nobody_elses_is_edited(project: Project) -> None:
    request = project.open_request(TRANSFER)
    project.run_plan(request)
    ours = project.hub["comments"]
    (body,) = project.comments(request)
    others = {str(1000 + n): {**next(iter(ours.values())), "user": "mallory"} for n in range(150)}
    project.change_hub(comments={**others, **ours})
    project.push(request, LEAVER_GONE)
    project.run_plan(request)
    comments = project.hub["comments"]
    assert len(comments) == 151
    assert {row["body"] for row in comments.values() if row["user"] == "mallory"} == {body}
    assert [row["body"] for row in comments.values() if row["user"] != "mallory"] != [body]


def test_invalid_files_take_the_digest_away_from_the_comment(project: Project) -> None:
    request = project.open_request(TRANSFER)
    project.run_plan(request)
    project.push(request, "version: 1\norganisation: {id: 101}\n")
    jobs = project.run_plan(request)
    assert jobs["validate"].result == "failure"
    assert "::error file=orgs/demo.yaml,line=2" in jobs["validate"].log
    assert jobs["plan"].result == "failure"
    (comment,) = project.comments(request)
    assert "No plan" in comment
    assert not DIGEST.search(comment)


def test_a_pull_request_from_a_fork_is_validated_only(project: Project) -> None:
    request = project.open_request(TRANSFER, fork=True)
    jobs = project.run_plan(request)
    assert (jobs["validate"].result, jobs["plan"].result) == ("success", "skipped")
    assert project.comments(request) == []


def test_a_pull_request_of_dependabot_is_validated_only(project: Project) -> None:
    request = project.open_request(TRANSFER, by="dependabot[bot]")
    jobs = project.run_plan(request)
    assert (jobs["validate"].result, jobs["plan"].result) == ("success", "skipped")
    assert project.comments(request) == []


def test_a_refused_plan_is_shown_and_fails_the_check(project: Project) -> None:
    request = project.open_request([*AS_IT_IS, "stranger@example.com"])
    jobs = project.run_plan(request)
    assert jobs["plan"].result == "failure"
    (comment,) = project.comments(request)
    assert "stranger" in comment
    assert jobs["plan"].step("Keep the plan").outcome == "success"


def test_no_log_and_no_comment_holds_the_key(project: Project) -> None:
    from tests.workflows.project import KEY

    request = project.open_request(TRANSFER)
    jobs = project.run_plan(request)
    assert KEY not in "".join(job.log + job.summary for job in jobs.values())
    assert KEY not in "".join(project.comments(request))
