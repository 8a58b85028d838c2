"""The GitLab template, its very scripts executed against a stand-in for GitLab's API."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.workflows.gitlab import OWNER, TOKEN, Done, Memory, gitlab, run_job
from tests.workflows.project import AS_IT_IS, KEY, LEAVER_GONE, TRANSFER, Project, git
from tests.workflows.test_pull_requests import DIGEST

TEMPLATE = Path(__file__).parents[2] / "ci" / "gitlab" / "reconciler.gitlab-ci.yml"


@dataclass(slots=True)
class Lab:
    project: Project
    api: str
    memory: Memory
    jobs: int = 0

    def job(self, name: str, ref: str, **variables: str) -> Done:
        """Check out a ref in a fresh folder, and run a job there."""
        self.jobs += 1
        folder = self.project.folder / f"job-{self.jobs}" / "work"
        git(self.project.folder, "clone", "--quiet", str(self.project.origin), str(folder))
        git(folder, "checkout", "--quiet", "--detach", ref)
        self.memory.artifacts[str(self.jobs)] = folder
        tools = self.project.runner.folder / "bin"
        return run_job(TEMPLATE, name, folder, tools, {
            "CI_API_V4_URL": self.api,
            "CI_COMMIT_BRANCH": "main",
            "CI_COMMIT_SHA": git(folder, "rev-parse", "HEAD"),
            "CI_JOB_ID": str(self.jobs),
            "CI_JOB_URL": f"https://gitlab.example/-/jobs/{self.jobs}",
            "CI_PROJECT_ID": "7",
            "RECONCILER_API_KEY": KEY,
            "RECONCILER_API_URL": self.project.url,
            "RECONCILER_GITLAB_TOKEN": TOKEN,
            **variables,
        })  # fmt: skip

    def plan(self, request: int, **variables: str) -> Done:
        base = git(self.project.origin, "rev-parse", "main")
        self.at_head(request)
        return self.job(
            "reconciler-plan",
            f"origin/change-{request}",
            CI_MERGE_REQUEST_IID=str(request),
            CI_MERGE_REQUEST_DIFF_BASE_SHA=base,
            **variables,
        )

    def at_head(self, request: int) -> None:
        """Have GitLab see the newest commit of a merge request that is open."""
        row = self.memory.requests.setdefault(
            request, {"iid": request, "state": "opened", "target_branch": "main"}
        )
        if row["state"] == "opened":
            row["sha"] = git(self.project.origin, "rev-parse", f"change-{request}")

    def merge(self, request: int) -> None:
        self.at_head(request)
        self.project.merge(request)
        self.memory.requests[request] |= {
            "state": "merged",
            "merged_at": self.memory.now(),
            "merge_commit_sha": git(self.project.origin, "rev-parse", "main"),
        }

    def notes(self, request: int) -> list[str]:
        return [str(row["body"]) for row in self.memory.notes_of(str(request))]


@pytest.fixture
def lab(project: Project) -> Iterator[Lab]:
    with gitlab() as (api, memory):
        memory.head = lambda: project.head
        yield Lab(project, api, memory)


def test_a_merge_request_gets_one_note_and_its_merge_is_applied(lab: Lab) -> None:
    request = lab.project.open_request(LEAVER_GONE)
    assert lab.job("reconciler-validate", f"origin/change-{request}").code == 0
    assert lab.plan(request).code == 0
    (first,) = lab.notes(request)
    lab.project.push(request, TRANSFER)
    assert lab.plan(request).code == 0
    (second,) = lab.notes(request)
    assert DIGEST.match(first)[1] != DIGEST.match(second)[1]  # type: ignore[index]
    lab.merge(request)
    done = lab.job("reconciler-apply", "origin/main")
    assert done.code == 0, done.log
    assert lab.project.licensed() == {"ada", "bob", "dan", "eve"}
    assert "### Applied\n" in lab.notes(request)[1]
    assert KEY not in done.log
    assert TOKEN not in done.log


def test_drift_after_the_review_stops_the_apply_and_says_what_moved(lab: Lab) -> None:
    request = lab.project.open_request(TRANSFER)
    lab.plan(request)
    lab.merge(request)
    lab.project.revoke("dan")
    done = lab.job("reconciler-apply", "origin/main")
    assert done.code == 4
    moved = "planned now, but not reviewed: grant kse dan@example.com in Demo QA (101)"
    assert moved in done.log
    told = lab.notes(request)[1]
    assert moved in told
    assert "bob" not in lab.project.licensed()
    digest = told[told.index("sha256:") :].split("\n")[0]
    by_hand = lab.job("reconciler-apply", "origin/main", LICENSES_EXPECT=digest)
    assert by_hand.code == 0, by_hand.log
    assert lab.project.licensed() == {"ada", "bob", "dan", "eve"}


def test_an_old_job_that_is_run_again_brings_nothing_back(lab: Lab) -> None:
    first = lab.project.open_request(TRANSFER)
    lab.plan(first)
    lab.merge(first)
    old = lab.project.head
    assert lab.job("reconciler-apply", "origin/main").code == 0
    second = lab.project.open_request(AS_IT_IS)
    lab.plan(second)
    lab.merge(second)
    assert lab.job("reconciler-apply", "origin/main").code == 0
    done = lab.job("reconciler-apply", old)
    assert done.code == 4
    assert f"main has moved on: this run is for {old}" in done.log
    assert "bob" not in lab.project.licensed()
    assert "not the newest files" in lab.notes(first)[2]


def test_a_plan_that_a_branch_brings_along_is_no_plan(lab: Lab) -> None:
    request = lab.project.open_request(TRANSFER)
    lab.plan(request)
    made = lab.memory.artifacts[str(lab.jobs)] / "reconciler-out" / "plan.json"
    git(lab.project.origin, "switch", "--quiet", f"change-{request}")
    (lab.project.origin / "reconciler-out").mkdir()
    (lab.project.origin / "reconciler-out" / "plan.json").write_bytes(made.read_bytes())
    git(lab.project.origin, "add", "--force", "reconciler-out")
    lab.project.push(request, "version: 1\norganisation: {id: 101}\n")
    assert lab.plan(request).code == 3
    (note,) = lab.notes(request)
    assert "No plan" in note
    assert not DIGEST.search(note)


def test_nothing_is_applied_without_a_note_of_ones_own(lab: Lab) -> None:
    request = lab.project.open_request(TRANSFER)
    lab.plan(request)
    for row in lab.memory.notes.values():
        row["author"] = {"username": "mallory"}
    lab.merge(request)
    done = lab.job("reconciler-apply", "origin/main")
    assert done.code == 4
    assert f"has no plan in a comment of {OWNER}" in done.log
    assert "bob" not in lab.project.licensed()


def test_a_plan_that_is_run_again_after_the_merge_writes_no_note(lab: Lab) -> None:
    request = lab.project.open_request(TRANSFER)
    lab.plan(request)
    reviewed = lab.notes(request)
    lab.merge(request)
    lab.project.revoke("dan")
    done = lab.plan(request)
    assert done.code == 4
    assert "is not open any more" in done.log
    assert lab.notes(request) == reviewed


def test_a_note_that_is_written_after_the_merge_is_no_review(lab: Lab) -> None:
    request = lab.project.open_request(TRANSFER)
    lab.plan(request)
    lab.merge(request)
    (note,) = lab.memory.notes_of(str(request))
    lab.memory.edit_note(str(request), str(note["id"]), {"body": note["body"]})
    done = lab.job("reconciler-apply", "origin/main")
    assert done.code == 4
    assert "whoever merged it has not seen that plan" in done.log
    assert "bob" not in lab.project.licensed()


def test_a_push_after_the_plan_is_not_reviewed_by_it(lab: Lab) -> None:
    request = lab.project.open_request(LEAVER_GONE)
    lab.plan(request)
    lab.project.push(request, tuple(reversed(LEAVER_GONE)))
    lab.merge(request)
    done = lab.job("reconciler-apply", "origin/main")
    assert done.code == 4
    assert f"was made for {git(lab.project.origin, 'rev-parse', f'change-{request}~1')}" in done.log


def test_a_pipeline_of_the_merged_result_names_the_commit_of_the_branch(lab: Lab) -> None:
    request = lab.project.open_request(TRANSFER)
    lab.at_head(request)
    head = lab.memory.requests[request]["sha"]
    git(lab.project.origin, "switch", "--quiet", "--detach", "main")
    git(lab.project.origin, "merge", "--quiet", "--no-ff", "-m", "merged", head)
    git(lab.project.origin, "branch", "merged-result")
    git(lab.project.origin, "switch", "--quiet", "main")
    done = lab.job(
        "reconciler-plan",
        "origin/merged-result",
        CI_MERGE_REQUEST_IID=str(request),
        CI_MERGE_REQUEST_DIFF_BASE_SHA=lab.project.head,
        CI_MERGE_REQUEST_SOURCE_BRANCH_SHA=head,
    )
    assert done.code == 0, done.log
    lab.merge(request)
    done = lab.job("reconciler-apply", "origin/main")
    assert done.code == 0, done.log
    assert "bob" in lab.project.licensed()


def test_a_commit_that_changes_nothing_needs_no_review(lab: Lab) -> None:
    lab.project.commit_directly((*AS_IT_IS[1:], AS_IT_IS[0]))
    done = lab.job("reconciler-apply", "origin/main")
    assert done.code == 0, done.log
    assert "the fresh plan changes nothing, so there is nothing to review" in done.log
    lab.project.commit_directly(TRANSFER)
    done = lab.job("reconciler-apply", "origin/main")
    assert done.code == 4
    assert "so nobody reviewed its plan" in done.log
    assert "bob" not in lab.project.licensed()


def test_a_note_is_found_among_many(lab: Lab) -> None:
    request = lab.project.open_request(TRANSFER)
    for number in range(1, 151):
        lab.memory.add_note(str(request), {"body": f"remark {number}"})
    lab.plan(request)
    lab.plan(request)
    assert len(lab.notes(request)) == 151


def test_the_schedule_keeps_one_issue(lab: Lab) -> None:
    assert lab.job("reconciler-drift", "origin/main").code == 0
    assert lab.memory.issues == {}
    lab.project.revoke("dan")
    assert lab.job("reconciler-drift", "origin/main").code == 0
    lab.project.revoke("eve")
    assert lab.job("reconciler-drift", "origin/main").code == 0
    (issue,) = lab.memory.issues.values()
    assert (issue["state"], issue["title"]) == ("opened", "Licenses differ from the files")
    assert "eve" in issue["description"]
    lab.project.grant("dan", "eve")
    assert lab.job("reconciler-drift", "origin/main").code == 0
    (issue,) = lab.memory.issues.values()
    assert issue["state"] == "closed"


def test_a_wrong_token_is_told_without_showing_it(lab: Lab) -> None:
    request = lab.project.open_request(TRANSFER)
    done = lab.job(
        "reconciler-plan",
        f"origin/change-{request}",
        CI_MERGE_REQUEST_IID=str(request),
        CI_MERGE_REQUEST_DIFF_BASE_SHA=git(lab.project.origin, "rev-parse", "main"),
        RECONCILER_GITLAB_TOKEN="glpat-of-somebody-else",
    )
    assert done.code == 1
    assert "GitLab answers 401 to GET user" in done.log
    assert "glpat-of-somebody-else" not in done.log
