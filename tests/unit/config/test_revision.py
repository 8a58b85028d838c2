"""The revision of files, and what they wanted at an older one, with real git repositories."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

import pytest

from reconciler.config import git as git_calls
from reconciler.config import programs
from reconciler.config.git import Blob, repository_of
from reconciler.config.load import Workspace, load_workspace
from reconciler.config.older_tree import write_tree
from reconciler.config.revision import Revision, base_workspace, describe, with_revision
from reconciler.errors import ConfigurationError, ReconcilerError, UsageError
from reconciler.model.source import Source
from tests.unit.config.trees import HEAD, commit, git, write

WORKSPACE = "version: 1\norganizations: [orgs/*.yaml]\n"


def org(number: int, *emails: str) -> str:
    head = f"version: 1\norganization: {{id: {number}}}\n"
    return f"{head}products: {{kse: {{users: [{', '.join(emails)}]}}}}\n"


def wanted(workspace: Workspace) -> dict[int, list[str]]:
    return {
        organization.id: [
            one.subject.id
            for product in organization.products
            if product.users is not None
            for one in product.users.wanted
        ]
        for organization in workspace.desired.organizations
    }


@pytest.fixture(autouse=True)
def _plain_git(monkeypatch: pytest.MonkeyPatch) -> None:
    """Keep the machine's configuration out of the calls under test as well."""
    monkeypatch.setenv("GIT_CONFIG_GLOBAL", os.devnull)
    monkeypatch.setenv("GIT_CONFIG_NOSYSTEM", "1")


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """Make a workspace whose organization 1 wanted only Ada in the first commit."""
    folder = tmp_path / "checkout"
    write(folder, {"reconciler.yaml": WORKSPACE, "orgs/a.yaml": org(1, "ada@x.io")})
    commit(folder, "first")
    write(folder, {"orgs/a.yaml": org(1, "ada@x.io", "bob@x.io"), "orgs/b.yaml": org(2, "cy@x.io")})
    commit(folder, "second")
    return folder


def test_a_clean_checkout_has_its_commit(checkout: Path) -> None:
    workspace = with_revision(load_workspace([], cwd=checkout), cwd=checkout)
    assert workspace.desired.revision == git(checkout, "rev-parse", "HEAD")
    assert workspace.desired.dirty is False


@pytest.mark.parametrize(
    "name", ["orgs/a.yaml", "orgs/new.yaml", "orgs/ignored.yaml"], ids=lambda name: name[5:-5]
)
def test_a_file_that_differs_is_untracked_or_ignored_makes_it_dirty(
    checkout: Path, name: str
) -> None:
    write(checkout, {".gitignore": "ignored.yaml\n"})
    commit(checkout)
    write(checkout, {name: org(7)})
    workspace = with_revision(load_workspace([], cwd=checkout), cwd=checkout)
    assert workspace.desired.dirty is True
    assert workspace.desired.revision == git(checkout, "rev-parse", "HEAD")


def test_a_staged_change_makes_it_dirty(checkout: Path) -> None:
    write(checkout, {"orgs/a.yaml": org(1)})
    git(checkout, "add", "--all")
    assert with_revision(load_workspace([], cwd=checkout), cwd=checkout).desired.dirty is True


def test_files_that_are_not_read_may_differ(checkout: Path) -> None:
    write(checkout, {"notes.txt": "to do", "orgs/b.yaml": org(2)})
    workspace = load_workspace(["orgs/a.yaml"], cwd=checkout)
    assert with_revision(workspace, cwd=checkout).desired.dirty is False


def test_names_of_files_are_no_patterns_of_git(checkout: Path) -> None:
    write(checkout, {"orgs/*.yaml": org(3), "orgs/:(top)ü\n.yaml": org(4)})
    commit(checkout)
    write(checkout, {"orgs/b.yaml": org(2)})
    paths = ["orgs/*.yaml", "orgs/:(top)ü\n.yaml"]
    workspace = load_workspace(paths, cwd=checkout)
    assert with_revision(workspace, cwd=checkout).desired.dirty is False


def test_the_target_of_a_link_counts_too(checkout: Path) -> None:
    (checkout / "link.yaml").symlink_to("orgs/a.yaml")
    commit(checkout)
    workspace = load_workspace(["link.yaml"], cwd=checkout)
    assert with_revision(workspace, cwd=checkout).desired.dirty is False
    write(checkout, {"orgs/a.yaml": org(1)})
    assert with_revision(workspace, cwd=checkout).desired.dirty is True


def test_a_file_outside_of_the_repository_makes_it_dirty(checkout: Path) -> None:
    write(checkout.parent, {"other.yaml": org(9)})
    workspace = load_workspace(["orgs/a.yaml", "../other.yaml"], cwd=checkout)
    desired = with_revision(workspace, cwd=checkout).desired
    assert (desired.revision is not None, desired.dirty) == (True, True)


def test_many_files_are_asked_for_in_several_calls(
    checkout: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(git_calls, "MOST_PATHS", 1)
    workspace = load_workspace([], cwd=checkout)
    assert with_revision(workspace, cwd=checkout).desired.dirty is False
    write(checkout, {"reconciler.yaml": WORKSPACE + "# changed\n"})
    assert with_revision(workspace, cwd=checkout).desired.dirty is True


def test_outside_of_a_repository_there_is_no_revision(tmp_path: Path) -> None:
    write(tmp_path, {"acme.yaml": HEAD})
    workspace = with_revision(load_workspace(["acme.yaml"], cwd=tmp_path), cwd=tmp_path)
    assert (workspace.desired.revision, workspace.desired.dirty) == (None, False)


def only_in(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Let programs be looked for in one folder alone."""
    monkeypatch.setattr(programs, "FOLDERS", (str(folder),))
    monkeypatch.setenv("PATH", "")


def test_without_git_there_is_no_revision(
    checkout: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    only_in(tmp_path, monkeypatch)
    assert describe([checkout / "orgs/a.yaml"], checkout) == Revision(None)


def test_before_the_first_commit_there_is_no_revision(tmp_path: Path) -> None:
    write(tmp_path, {"acme.yaml": HEAD})
    git(tmp_path, "init", "-q")
    assert describe([tmp_path / "acme.yaml"], tmp_path) == Revision(None, dirty=True)


def test_the_variables_of_a_hook_do_not_lead_elsewhere(
    checkout: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GIT_DIR", str(tmp_path / "nowhere"))
    found = describe([checkout / "orgs/a.yaml"], checkout)
    monkeypatch.delenv("GIT_DIR")
    assert found == Revision(git(checkout, "rev-parse", "HEAD"))


def test_git_does_not_see_the_keys(checkout: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    seen = checkout / "seen"
    fake = write(checkout / "bin", {"git": f'#!/bin/sh\nenv > "{seen}"\nexit 128\n'}) / "git"
    fake.chmod(0o755)
    monkeypatch.setattr(programs, "FOLDERS", (str(fake.parent), *programs.FOLDERS))
    monkeypatch.setenv("RECONCILER_API_KEY", "hunter2")
    monkeypatch.setenv("OTHER_SECRET", "hunter3")
    assert describe([checkout / "orgs/a.yaml"], checkout) == Revision(None)
    assert "GIT_TERMINAL_PROMPT=0" in seen.read_text()
    assert "hunter" not in seen.read_text()


def test_the_base_is_what_the_same_paths_wanted_at_a_revision(checkout: Path) -> None:
    base = base_workspace("HEAD~1", [], cwd=checkout)
    assert wanted(base) == {1: ["ada@x.io"]}
    assert wanted(load_workspace([], cwd=checkout)) == {1: ["ada@x.io", "bob@x.io"], 2: ["cy@x.io"]}
    assert base.desired.revision == git(checkout, "rev-parse", "HEAD~1")
    assert base.root == checkout
    assert base.files == ("HEAD~1:orgs/a.yaml", "HEAD~1:reconciler.yaml")


def test_sources_of_the_base_are_named_as_git_names_them(checkout: Path) -> None:
    (row,) = base_workspace(
        "HEAD~1", ["../orgs/a.yaml"], cwd=checkout / "orgs"
    ).desired.organizations
    assert row.source == Source("HEAD~1:orgs/a.yaml", 2, 20)


@pytest.mark.parametrize(
    ("paths", "ids"),
    [
        (["orgs/a.yaml"], [1]),
        (["orgs/b.yaml"], []),
        (["orgs"], [1]),
        (["orgs", "orgs/b.yaml"], [1]),
        (["."], [1]),
        (["reconciler.yaml"], [1]),
        (["later", "orgs/a.yaml"], [1]),
    ],
)
def test_a_path_that_the_base_lacks_wanted_nothing_there(
    paths: list[str], ids: list[int], checkout: Path
) -> None:
    write(checkout, {"later/c.yaml": org(3)})
    assert sorted(wanted(base_workspace("HEAD~1", paths, cwd=checkout))) == ids


def test_paths_may_be_absolute_and_the_current_folder_a_link(
    checkout: Path, tmp_path: Path
) -> None:
    (tmp_path / "link").symlink_to("checkout")
    path = str(tmp_path / "link/orgs/a.yaml")
    assert wanted(base_workspace("HEAD~1", [path], cwd=checkout)) == {1: ["ada@x.io"]}
    assert wanted(base_workspace("HEAD~1", [], cwd=tmp_path / "link")) == {1: ["ada@x.io"]}
    assert wanted(base_workspace("HEAD~1", ["orgs/a.yaml"], cwd=tmp_path / "link")) == {
        1: ["ada@x.io"]
    }


def test_a_current_folder_that_the_base_lacks_wanted_nothing(checkout: Path) -> None:
    write(checkout, {"team/reconciler.yaml": WORKSPACE, "team/orgs/x.yaml": org(8)})
    base = base_workspace("HEAD", [], cwd=checkout / "team")
    assert wanted(base) == {}
    assert base.files == ()
    assert base.root == checkout / "team"


def test_a_folder_that_was_no_workspace_yet_wanted_nothing(tmp_path: Path) -> None:
    write(tmp_path, {"compose.yaml": "services: {}\n"})
    commit(tmp_path)
    write(tmp_path, {"reconciler.yaml": WORKSPACE, "orgs/a.yaml": org(1)})
    assert wanted(base_workspace("HEAD", ["."], cwd=tmp_path)) == {}
    assert wanted(base_workspace("HEAD", [], cwd=tmp_path)) == {}


def test_patterns_and_folders_without_files_yet_wanted_nothing(tmp_path: Path) -> None:
    text = WORKSPACE + "groups: [groups/*.yaml]\n"
    write(tmp_path, {"reconciler.yaml": text, "teams/.keep": "", "more/x.schema.json": "{}"})
    commit(tmp_path)
    assert wanted(base_workspace("HEAD", [], cwd=tmp_path)) == {}
    assert wanted(base_workspace("HEAD", ["more", "teams"], cwd=tmp_path)) == {}
    (tmp_path / "reconciler.yaml").write_text("version: 1\n")
    commit(tmp_path)
    assert wanted(base_workspace("HEAD", ["."], cwd=tmp_path)) == {}


def test_the_rules_and_groups_of_the_base_are_its_own(checkout: Path) -> None:
    shared = WORKSPACE + "groups: [groups/*.yaml]\npolicy: {allowed_domains: [x.io]}\n"
    listed = "version: 1\norganization: {id: 1}\nproducts: {kse: {users: [{group: qa}]}}\n"
    files = {"groups/qa.yaml": "version: 1\ngroups: {qa: [dan@x.io]}\n", "orgs/a.yaml": listed}
    write(checkout, {"reconciler.yaml": shared, **files})
    commit(checkout)
    write(checkout, {"groups/qa.yaml": "version: 1\ngroups: {qa: [eve@x.io]}\n"})
    base = base_workspace("main", ["orgs/a.yaml"], cwd=checkout)
    (row,) = base.desired.organizations
    assert wanted(base) == {1: ["dan@x.io"]}
    assert row.policy.sources["allowed_domains"].file == "main:reconciler.yaml"
    assert row.products[0].users is not None
    (entry,) = row.products[0].users.wanted[0].entries
    assert entry.source.file == "main:groups/qa.yaml"


def test_a_file_of_another_kind_is_read_where_it_is_named(checkout: Path) -> None:
    write(checkout, {"team.conf": org(5, "fay@x.io")})
    commit(checkout)
    assert wanted(base_workspace("HEAD", ["team.conf"], cwd=checkout)) == {5: ["fay@x.io"]}


def test_a_folder_can_be_the_base(checkout: Path, tmp_path: Path) -> None:
    older = write(tmp_path / "older", {"orgs/a.yaml": org(1, "ada@x.io")})
    for base in ("../older", str(older)):
        found = base_workspace(base, ["orgs/a.yaml", "orgs/b.yaml"], cwd=checkout)
        assert wanted(found) == {1: ["ada@x.io"]}
        assert found.files == (f"{base}/orgs/a.yaml",)
        assert found.desired.revision is None
    absolute = str(checkout / "orgs/a.yaml")
    assert wanted(base_workspace("../older", [absolute], cwd=checkout)) == {1: ["ada@x.io"]}
    assert wanted(base_workspace("../older", [], cwd=checkout)) == {}
    same = base_workspace(".", [], cwd=checkout)
    assert same == load_workspace([], cwd=checkout)


def test_a_folder_is_the_base_also_without_git(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write(tmp_path, {"a.yaml": org(1), "main/a.yaml": org(1, "ada@x.io")})
    assert wanted(base_workspace("main", ["a.yaml"], cwd=tmp_path)) == {1: ["ada@x.io"]}
    only_in(tmp_path / "main", monkeypatch)
    assert wanted(base_workspace("main", ["a.yaml"], cwd=tmp_path)) == {1: ["ada@x.io"]}


def test_a_name_of_a_folder_and_a_revision_is_refused(checkout: Path) -> None:
    write(checkout, {"main/orgs/a.yaml": org(1, "old@x.io")})
    with pytest.raises(UsageError, match="'main' is a folder and a git revision") as caught:
        base_workspace("main", ["orgs/a.yaml"], cwd=checkout)
    assert caught.value.hint == "write ./main for the folder, or main^0 for the revision"
    assert wanted(base_workspace("./main", ["orgs/a.yaml"], cwd=checkout)) == {1: ["old@x.io"]}
    assert len(wanted(base_workspace("main^0", ["orgs/a.yaml"], cwd=checkout))[1]) == 2


def test_a_base_that_does_not_validate_tells_all_its_problems_and_that_they_are_its_own(
    checkout: Path,
) -> None:
    write(checkout, {"orgs/a.yaml": org(1) + "grups: {}\n", "orgs/b.yaml": "version: 2\n"})
    commit(checkout)
    git(checkout, "checkout", "-q", "HEAD~1")
    with pytest.raises(ConfigurationError) as caught:
        base_workspace("main", [], cwd=checkout)
    assert [str(problem) for problem in caught.value.problems] == [
        "main:orgs/a.yaml:4:1: unknown key 'grups'; did you mean 'groups'?",
        "main:orgs/b.yaml:1:1: the key 'organization' is missing",
        "main:orgs/b.yaml:1:10: expected 1, found the number 2",
    ]
    assert caught.value.hint is not None
    assert "the base (main) is at fault, not this change" in caught.value.hint
    older = write(checkout.parent / "older", {"a.yaml": "version: 2\n"})
    with pytest.raises(ConfigurationError, match=r"^\.\./older/a\.yaml:1:1: ") as caught:
        base_workspace("../older", [str(checkout / "a.yaml")], cwd=checkout)
    assert older.exists()


@pytest.mark.parametrize("base", ["", "-n", "--upload-pack=x", "main\n", "ma\0in", "a\x1b[31m"])
def test_a_base_that_is_no_revision_is_wrong_usage(base: str, checkout: Path) -> None:
    with pytest.raises(UsageError, match="must be a git revision or a folder"):
        base_workspace(base, [], cwd=checkout)


def test_a_path_outside_of_the_repository_is_wrong_usage(checkout: Path) -> None:
    with pytest.raises(UsageError, match=r"^\.\./other\.yaml lies outside of the git repository"):
        base_workspace("HEAD", ["../other.yaml"], cwd=checkout)
    with pytest.raises(UsageError, match="git cannot be given this argument: embedded null byte"):
        repository_of(Path("a\0b"))


def refusal(base: str, cwd: Path) -> tuple[str, str]:
    with pytest.raises(ReconcilerError) as caught:
        base_workspace(base, [], cwd=cwd)
    assert caught.value.exit_code == 1
    return caught.value.message, caught.value.hint or ""


@pytest.mark.parametrize("base", ["mian", "main:orgs", "0" * 40, "HEAD~9", "main..HEAD"])
def test_a_revision_that_is_missing_is_told_with_what_to_do(base: str, checkout: Path) -> None:
    message, hint = refusal(base, checkout)
    assert message == f"git knows no revision {base!r} here"
    assert hint == f"fetch it first (git fetch origin {base}), or check its spelling"


def test_a_branch_that_only_the_remote_has_is_suggested(checkout: Path, tmp_path: Path) -> None:
    git(checkout, "branch", "release")
    git(tmp_path, "clone", "-q", str(checkout), "clone")
    assert refusal("release", tmp_path / "clone")[1] == "did you mean 'origin/release'?"
    base = base_workspace("origin/release", [], cwd=tmp_path / "clone")
    assert base.files[0] == "origin/release:orgs/a.yaml"


def test_a_shallow_clone_says_how_to_get_the_rest(checkout: Path, tmp_path: Path) -> None:
    git(tmp_path, "clone", "-q", "--depth=1", checkout.as_uri(), "clone")
    message, hint = refusal("HEAD~1", tmp_path / "clone")
    assert message == "git knows no revision 'HEAD~1' here"
    assert "git fetch --unshallow" in hint
    assert "fetch-depth: 0" in hint
    # What it has can be the base.
    assert sorted(wanted(base_workspace("main", [], cwd=tmp_path / "clone"))) == [1, 2]


def test_a_folder_in_no_repository_is_told_so(tmp_path: Path) -> None:
    message, hint = refusal("main", tmp_path)
    assert message == "git: this folder is in no git repository"
    assert "name a folder" in hint


def test_git_that_is_missing_is_told_so(checkout: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    only_in(checkout / "bin", monkeypatch)
    assert refusal("main", checkout)[0].startswith("git is not installed, or not where it is")
    write(checkout, {"bin/git": "no program"})
    (checkout / "bin/git").chmod(0o755)
    assert refusal("main", checkout)[0] == "git cannot be run: Exec format error"


@pytest.fixture
def pretended_git(checkout: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Put a shell script in git's place, whose text the test writes."""
    program = tmp_path / "bin/git"
    write(tmp_path, {"bin/git": ""})
    program.chmod(0o755)
    monkeypatch.setattr(programs, "FOLDERS", (str(program.parent), *programs.FOLDERS))
    return program


def test_what_git_says_is_passed_on(checkout: Path, pretended_git: Path) -> None:
    text = "#!/bin/sh\necho >&2\necho \"fatal: transport 'ssh' not allowed\" >&2\nexit 128\n"
    pretended_git.write_text(text)
    message, hint = refusal("main", checkout)
    assert message == "git: transport 'ssh' not allowed"
    assert "clone without --filter" in hint
    pretended_git.write_text("#!/bin/sh\nexit 3\n")
    assert refusal("main", checkout) == ("git: exit code 3", "")


def test_git_that_does_not_end_is_given_up(
    checkout: Path, pretended_git: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(git_calls, "TIMEOUT", 0.2)
    pretended_git.write_text("#!/bin/sh\nexec sleep 60\n")
    assert refusal("main", checkout)[0] == "git rev-parse did not end within 0 seconds"
    assert describe([checkout / "orgs/a.yaml"], checkout) == Revision(None)


def test_a_file_that_git_has_not_got_is_told(checkout: Path) -> None:
    blob = git(checkout, "rev-parse", "HEAD:orgs/b.yaml")
    (checkout / ".git/objects" / blob[:2] / blob[2:]).unlink()
    message, hint = refusal("main", checkout)
    assert message == f"git has no content of object {blob}: {blob} missing"
    assert "git fetch" in hint


def test_git_that_breaks_off_in_a_file_is_told(checkout: Path, pretended_git: Path) -> None:
    real = shutil.which("git")
    pretended_git.write_text(
        '#!/bin/sh\ncase "$*" in\n'
        f'*cat-file*) {real} "$@" | head -c 60 ;;\n*) exec {real} "$@" ;;\nesac\n'
    )
    assert refusal("main", checkout)[0] == "git ended before it had given a whole file"


def test_a_link_inside_of_the_repository_is_followed_at_the_base(checkout: Path) -> None:
    (checkout / "current").symlink_to("orgs")
    (checkout / "link.yaml").symlink_to("orgs/b.yaml")
    commit(checkout)
    assert sorted(wanted(base_workspace("HEAD", ["current"], cwd=checkout))) == [1, 2]
    assert sorted(wanted(base_workspace("HEAD", ["link.yaml"], cwd=checkout))) == [2]


def test_a_link_out_of_the_repository_is_not_followed_at_the_base(
    checkout: Path, tmp_path: Path
) -> None:
    write(tmp_path, {"outside.yaml": org(9)})
    (checkout / "orgs/absolute.yaml").symlink_to(tmp_path / "outside.yaml")
    (checkout / "orgs/relative.yaml").symlink_to("../../outside.yaml")
    (checkout / "deep").mkdir()
    (checkout / "deep/here").symlink_to(".")
    # By its text this one stays inside; through the link above it does not.
    (checkout / "orgs/winding.yaml").symlink_to("../deep/here/../../outside-too.yaml")
    commit(checkout)
    with pytest.raises(ConfigurationError) as caught:
        base_workspace("HEAD", [], cwd=checkout)
    assert [str(problem) for problem in caught.value.problems] == [
        f"HEAD:orgs/{name}.yaml:1:1: the link leads out of the git checkout, or of the workspace's "
        "folder where there is none, and is not followed: put the file itself there"
        for name in ("absolute", "relative", "winding")
    ]


def hostile_tree(folder: Path, *entries: tuple[str, str, str]) -> str:
    """Return a tree whose entries (mode, name, object) git itself would not make."""
    content = b"".join(
        f"{mode} {name}".encode() + b"\0" + bytes.fromhex(object_id)
        for mode, name, object_id in entries
    )
    done = subprocess.run(
        ["git", "hash-object", "-t", "tree", "-w", "--literally", "--stdin"],
        cwd=folder,
        input=content,
        capture_output=True,
        check=True,
    )
    return done.stdout.decode().strip()


def test_a_hostile_tree_writes_nothing_outside(checkout: Path, tmp_path: Path) -> None:
    blob = git(checkout, "rev-parse", "HEAD:orgs/b.yaml")
    inner = hostile_tree(checkout, ("100644", "x.yaml", blob))
    (tmp_path / "out").mkdir()
    (tmp_path / "in").mkdir()
    climbing = hostile_tree(checkout, ("40000", "..", inner))
    with pytest.raises(ReconcilerError, match="a path that is not possible"):
        write_tree(repository_of(checkout), climbing, tmp_path / "in")
    write(tmp_path, {"target": str(tmp_path / "out")})
    link = git(checkout, "hash-object", "-w", str(tmp_path / "target"))
    double = hostile_tree(checkout, ("120000", "a", link), ("40000", "a", inner))
    with pytest.raises(ReconcilerError, match="cannot be written"):
        write_tree(repository_of(checkout), double, tmp_path / "in")
    assert not list((tmp_path / "out").iterdir())
    assert not (tmp_path / "x.yaml").exists()


def test_a_file_at_the_base_that_is_too_large_is_refused(checkout: Path) -> None:
    with (checkout / "orgs/big.yaml").open("wb") as stream:
        stream.truncate(21 * 1024 * 1024)
    commit(checkout)
    with pytest.raises(ConfigurationError, match=r"^HEAD:orgs/big\.yaml:1:1: .* larger than 20"):
        base_workspace("HEAD", [], cwd=checkout)


def test_files_of_a_submodule_are_not_the_repositorys(checkout: Path) -> None:
    sha = git(checkout, "rev-parse", "HEAD")
    git(checkout, "update-index", "--add", "--cacheinfo", f"160000,{sha},vendor")
    git(checkout, "commit", "-q", "-m", "submodule")
    head = git(checkout, "rev-parse", "HEAD")
    repository = repository_of(checkout)
    blobs = list(repository.blobs(head))
    assert [blob.path for blob in blobs] == ["orgs/a.yaml", "orgs/b.yaml", "reconciler.yaml"]
    assert blobs[0] == Blob("orgs/a.yaml", False, git(checkout, "rev-parse", "HEAD:orgs/a.yaml"))
    assert sorted(wanted(base_workspace("HEAD", [], cwd=checkout))) == [1, 2]
