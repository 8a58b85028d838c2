"""Groups of the workspace's own files, which all of its organizations can name."""

from __future__ import annotations

from pathlib import Path

import pytest

from reconciler.config.load import Workspace, load_workspace
from reconciler.model.desired import Wanted
from reconciler.model.source import Source
from tests.unit.config.trees import problems, write

WORKSPACE = "version: 1\norganizations: [orgs/*.yaml]\ngroups: [groups/*.yaml]\n"


def org(number: int, users: str, more: str = "") -> str:
    head = f"version: 1\norganization: {{id: {number}}}\n"
    return f"{head}products:\n  kse:\n    users:\n      - {users}\n{more}"


def group_file(groups: str) -> str:
    return f"version: 1\ngroups:\n{groups}"


def wanted(workspace: Workspace, index: int = 0) -> tuple[Wanted, ...]:
    (product,) = workspace.desired.organizations[index].products
    assert product.users is not None
    return product.users.wanted


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    return write(
        tmp_path,
        {
            "reconciler.yaml": WORKSPACE,
            "groups/qa.yaml": group_file("  qa-core:\n    - dan@example.com\n  unused: []\n"),
            "groups/teams.yaml": group_file("  everybody:\n    - group: qa-core\n"),
            "orgs/acme.yaml": org(101, "group: everybody"),
            "orgs/birch.yaml": org(102, "group: own", "groups: {own: [group: qa-core]}\n"),
        },
    )


def test_a_member_comes_with_every_file_and_group_on_the_way(tree: Path) -> None:
    workspace = load_workspace([], cwd=tree)
    (dan,) = wanted(workspace)
    (entry,) = dan.entries
    assert entry.path == (Source("orgs/acme.yaml", 6, 9), Source("groups/teams.yaml", 4, 7))
    assert entry.groups == ("everybody", "qa-core")
    assert entry.source == Source("groups/qa.yaml", 4, 7)
    (other,) = wanted(workspace, 1)
    assert other.entries[0].path == (
        Source("orgs/birch.yaml", 6, 9),
        Source("orgs/birch.yaml", 7, 16),
    )
    assert other.entries[0].groups == ("own", "qa-core")


def test_the_files_of_groups_count_among_the_files_and_in_the_digest(tree: Path) -> None:
    before = load_workspace([], cwd=tree)
    assert before.files == (
        "groups/qa.yaml",
        "groups/teams.yaml",
        "orgs/acme.yaml",
        "orgs/birch.yaml",
        "reconciler.yaml",
    )
    write(tree, {"groups/qa.yaml": group_file("  qa-core:\n    - dan@example.com\n")})
    assert load_workspace([], cwd=tree).desired.digest != before.desired.digest


@pytest.mark.parametrize("path", ["orgs/acme.yaml", "orgs"])
def test_a_file_that_is_named_alone_has_the_shared_groups_too(tree: Path, path: str) -> None:
    workspace = load_workspace([path], cwd=tree)
    assert [one.subject.id for one in wanted(workspace)] == ["dan@example.com"]
    assert "groups/qa.yaml" in workspace.files


def test_a_file_of_groups_that_is_named_is_checked_as_one(tree: Path) -> None:
    workspace = load_workspace(["groups/qa.yaml", "groups"], cwd=tree)
    assert workspace.desired.organizations == ()
    write(tree, {"groups/qa.yaml": group_file("  qa-core: dan@example.com\n")})
    (found,) = problems(tree, ["groups/qa.yaml"])
    assert found.startswith("groups/qa.yaml:3:12: expected a list, found the text")


@pytest.mark.parametrize("organizations", ["", "organizations: ['**/*.yaml']\n"])
def test_files_of_groups_are_no_organizations_wherever_they_lie(
    tree: Path, organizations: str
) -> None:
    write(tree, {"reconciler.yaml": f"version: 1\n{organizations}groups: ['groups/*.yaml']\n"})
    workspace = load_workspace([], cwd=tree)
    assert [row.id for row in workspace.desired.organizations] == [101, 102]


def test_a_workspace_with_groups_alone_lacks_organizations(tmp_path: Path) -> None:
    text = "version: 1\ngroups: ['*.yaml']\n"
    write(tmp_path, {"reconciler.yaml": text, "qa.yaml": group_file("  qa: []\n")})
    assert problems(tmp_path, []) == [".:1:1: there is no organization file in this folder"]


def test_a_pattern_stands_for_yaml_and_json_files_only(tree: Path) -> None:
    write(
        tree,
        {
            "reconciler.yaml": "version: 1\norganizations: ['orgs/*']\ngroups: ['groups/*']\n",
            "orgs/README.md": "# Organizations\n",
            "groups/more.json": '{"version": 1, "groups": {"json": ["eve@example.com"]}}',
            "orgs/acme.yaml": org(101, "group: json"),
        },
    )
    (eve,) = wanted(load_workspace([], cwd=tree))
    assert eve.entries[0].source == Source("groups/more.json", 1, 36)


def test_two_organizations_may_call_a_group_of_their_own_the_same(tree: Path) -> None:
    write(tree, {"orgs/acme.yaml": org(101, "group: own", "groups: {own: [eve@example.com]}\n")})
    workspace = load_workspace([], cwd=tree)
    assert [one.subject.id for one in wanted(workspace)] == ["eve@example.com"]
    assert [one.subject.id for one in wanted(workspace, 1)] == ["dan@example.com"]


def test_a_group_that_is_shared_and_an_organizations_own_names_both_places(tree: Path) -> None:
    write(tree, {"orgs/acme.yaml": org(101, "group: qa-core", "groups: {qa-core: []}\n")})
    assert problems(tree, []) == [
        "orgs/acme.yaml:7:10: the group 'qa-core' is defined already, in groups/qa.yaml:3:3"
    ]


def test_allowed_domains_of_an_organization_hold_for_the_shared_groups_that_it_uses(
    tree: Path,
) -> None:
    strict = "policy: {allowed_domains: [birch.io]}\n"
    write(tree, {"orgs/birch.yaml": org(102, "eve@birch.io", strict)})
    assert problems(tree, []) == []
    write(tree, {"orgs/birch.yaml": org(102, "group: everybody", strict)})
    assert problems(tree, []) == [
        "groups/qa.yaml:4:7: the domain of 'dan@example.com' is not among the allowed_domains "
        "of orgs/birch.yaml:7:10"
    ]


def test_nesting_counts_across_files(tree: Path) -> None:
    chain = "".join(f"  s{n}: [{{group: s{n + 1}}}]\n" for n in range(49)) + "  s49: [a@x.io]\n"
    write(tree, {"groups/chain.yaml": group_file(chain)})
    write(tree, {"orgs/acme.yaml": org(101, "group: t", "groups: {t: [group: s0]}\n")})
    assert len(wanted(load_workspace([], cwd=tree))[0].entries[0].path) == 51
    more = "groups: {t: [group: u], u: [group: s0]}\n"
    write(tree, {"orgs/acme.yaml": org(101, "group: t", more)})
    (found,) = problems(tree, [])
    assert found == "orgs/acme.yaml:7:14: groups are nested deeper than 50 levels"


def test_a_suggestion_knows_shared_groups_and_own_ones(tree: Path) -> None:
    more = "groups: {local: [{group: qa-coer}]}\n"
    write(tree, {"orgs/acme.yaml": org(101, "group: locl", more)})
    assert problems(tree, []) == [
        "orgs/acme.yaml:6:9: unknown group 'locl'; did you mean 'local'?",
        "orgs/acme.yaml:7:18: unknown group 'qa-coer'; did you mean 'qa-core'?",
    ]


@pytest.mark.parametrize(
    ("workspace", "expected"),
    [
        ("version: 1\ngroups: [\n", "reconciler.yaml:3:1: "),
        ("version: 1\ntimezon: UTC\n", "reconciler.yaml:2:1: unknown key 'timezon'"),
        ("version: 1\ngroups: [group/*.yaml]\n", "reconciler.yaml:2:10: no YAML or JSON file"),
    ],
)
def test_no_group_is_called_unknown_while_some_may_be_missing(
    tree: Path, workspace: str, expected: str
) -> None:
    write(tree, {"reconciler.yaml": workspace})
    (found,) = problems(tree, ["orgs"])
    assert found.startswith(expected)
