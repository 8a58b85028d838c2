"""From paths to a workspace: which files are read, by which names, and under which rules."""

from __future__ import annotations

from pathlib import Path

import pytest

from reconciler.config.load import load_settings, load_workspace
from reconciler.errors import ConfigurationError
from reconciler.model.settings import ApiSettings, Settings, WriteMode
from reconciler.model.source import Source
from tests.unit.config.trees import HEAD, problems, write

WORKSPACE = "version: 1\norganizations: [orgs/*.yaml]\npolicy: {on_shortage: fail}\n"


def org(number: int) -> str:
    return f"version: 1\norganization: {{id: {number}}}\n"


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    return write(
        tmp_path,
        {
            "reconciler.yaml": WORKSPACE,
            "orgs/b.yaml": org(2),
            "orgs/a.yaml": org(3),
            "other/c.yaml": org(1),
            "other/deep/d.json": '{"version": 1, "organization": {"id": 4}}',
            "other/.hidden/e.yaml": org(5),
            "other/.f.yaml": org(6),
            "other/notes.txt": "no",
            "other/organization.schema.json": "{}",
        },
    )


def ids(paths: list[str], cwd: Path) -> list[int]:
    return [found.id for found in load_workspace(paths, cwd=cwd).desired.organizations]


def test_no_path_means_the_workspace_of_the_current_folder(tree: Path) -> None:
    workspace = load_workspace([], cwd=tree)
    assert [found.id for found in workspace.desired.organizations] == [2, 3]
    assert workspace.files == ("orgs/a.yaml", "orgs/b.yaml", "reconciler.yaml")
    assert workspace.root == tree


def test_no_path_and_no_workspace_is_a_problem(tmp_path: Path) -> None:
    message = "there is no workspace file here: write one, or name organization files"
    assert problems(tmp_path, []) == [f"reconciler.yaml:1:1: {message}"]


def test_a_folder_with_a_workspace_file_is_that_workspace(tree: Path) -> None:
    workspace = load_workspace([tree.name], cwd=tree.parent)
    assert [found.id for found in workspace.desired.organizations] == [2, 3]
    assert workspace.root == tree
    assert workspace.files[0] == f"{tree.name}/orgs/a.yaml"


def test_another_folder_is_all_its_organization_files(tree: Path) -> None:
    assert ids(["other"], tree) == [1, 4]


def test_paths_add_up_and_a_file_counts_once(tree: Path) -> None:
    (tree / "link.yaml").symlink_to("orgs/a.yaml")
    paths = ["other/c.yaml", "orgs/a.yaml", "./orgs/../orgs/a.yaml", str(tree / "orgs/a.yaml")]
    assert ids([*paths, "link.yaml", "other"], tree) == [1, 3, 4]
    assert ids(["reconciler.yaml", "other", "orgs/a.yaml"], tree) == [1, 2, 3, 4]


def test_the_rules_of_the_workspace_hold_for_a_file_that_is_named_alone(tree: Path) -> None:
    write(tree, {"orgs/a.yaml": org(3) + "policy: {on_shortage: waitlist}\n"})
    assert (
        "on_shortage is looser than in reconciler.yaml:3:10" in problems(tree, ["orgs/a.yaml"])[0]
    )
    # Seen from elsewhere the workspace is not named, and none lies in the current folder.
    assert problems(tree.parent, [f"{tree.name}/orgs/a.yaml"]) == []


def test_a_workspace_that_is_named_comes_before_the_one_that_is_here(tree: Path) -> None:
    write(tree, {"strict/reconciler.yaml": "version: 1\ntimezone: Asia/Tokyo\n"})
    write(tree, {"strict/x.yaml": org(9)})
    workspace = load_workspace(["strict", "orgs/a.yaml"], cwd=tree)
    assert workspace.settings.timezone == "Asia/Tokyo"
    assert workspace.root == tree / "strict"
    assert [found.id for found in workspace.desired.organizations] == [3, 9]


def test_two_workspaces_at_once_are_a_problem(tree: Path) -> None:
    write(tree, {"more/reconciler.yaml": WORKSPACE.replace("orgs", "."), "more/x.yaml": org(9)})
    expected = "only one workspace at a time: reconciler.yaml is named too"
    assert f"more/reconciler.yaml:1:1: {expected}" in problems(tree, [".", "more"])


def test_a_workspace_file_may_have_any_name(tree: Path) -> None:
    write(tree, {"team.yaml": "version: 1\norganizations: [other/*.yaml]\n"})
    assert ids(["team.yaml"], tree) == [1]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("format: license-snapshot/1\norganizations: []\n", "a snapshot: `--state` takes it"),
        ('{"format": "license-plan/1", "organizations": []}', "`reconciler apply` takes it alone"),
        ("format: license-apply/1\n", "a file of the format license-apply"),
    ],
)
def test_a_file_of_another_format_that_is_named_is_told_as_what_it_is(
    tree: Path, text: str, said: str
) -> None:
    (tree / "other.yaml").write_text(text)
    with pytest.raises(ConfigurationError) as caught:
        load_workspace(["other.yaml"], cwd=tree)
    (problem,) = caught.value.problems
    assert said in problem.message


def test_a_workspace_without_patterns_takes_every_file_below_it(tmp_path: Path) -> None:
    write(
        tmp_path,
        {
            "reconciler.yml": "version: 1\n",
            "acme.yaml": org(7),
            "deep/umbrella.yml": org(8),
            "state.yaml": "format: license-snapshot/1\norganizations: []\n",
            "plan.json": '{"format": "license-plan/1"}',
        },
    )
    workspace = load_workspace([], cwd=tmp_path)
    assert [found.id for found in workspace.desired.organizations] == [7, 8]
    assert workspace.files == ("acme.yaml", "deep/umbrella.yml", "reconciler.yml")


def test_a_misspelt_organization_file_in_a_folder_is_not_passed_over(tmp_path: Path) -> None:
    write(tmp_path, {"a.yaml": org(1), "b.yaml": "version: 1\norganisation: {id: 2}\n"})
    expected = "unknown key 'organisation'; did you mean 'organization'?"
    assert problems(tmp_path, ["."]) == [f"b.yaml:2:1: {expected}"]


def test_a_workspace_inside_of_a_plain_folder_is_a_problem(tmp_path: Path) -> None:
    write(tmp_path, {"a.yaml": org(1), "team/reconciler.yaml": WORKSPACE})
    (found,) = problems(tmp_path, ["."])
    assert found.startswith("team/reconciler.yaml:1:1: a workspace of its own")


def test_a_hidden_file_is_read_only_where_it_is_named(tree: Path) -> None:
    write(tree, {"orgs/.draft.yaml": org(9), "reconciler.yaml": WORKSPACE})
    assert ids([], tree) == [2, 3]
    assert ids(["orgs/.draft.yaml"], tree) == [9]


def test_patterns_reach_deep_and_match_a_file_once(tree: Path) -> None:
    write(tree, {"reconciler.yaml": "version: 1\norganizations: ['**/*.yaml', orgs/a.yaml]\n"})
    # The workspace file itself matches as well, and is no organization file.
    assert ids([], tree) == [1, 2, 3]


def test_files_are_called_as_a_person_would_type_them(tree: Path) -> None:
    here = load_workspace([str(tree / "orgs/a.yaml")], cwd=tree)
    assert here.files == ("orgs/a.yaml", "reconciler.yaml")
    assert here.desired.organizations[0].source == Source("orgs/a.yaml", 2, 20)
    beside = load_workspace(["../orgs/a.yaml"], cwd=tree / "other")
    assert beside.files == ("../orgs/a.yaml",)
    absolute = str(tree / "orgs/a.yaml")
    assert load_workspace([absolute], cwd=tree / "other").files == (absolute,)


def test_the_digest_covers_paths_and_bytes_and_not_the_place_of_the_checkout(tree: Path) -> None:
    first = load_workspace([], cwd=tree).desired.digest
    assert first.startswith("sha256:")
    assert len(first) == 71
    assert load_workspace([tree.name], cwd=tree.parent).desired.digest == first
    write(tree, {"other/c.yaml": org(10)})
    assert load_workspace([], cwd=tree).desired.digest == first
    (tree / "orgs/a.yaml").rename(tree / "orgs/z.yaml")
    renamed = load_workspace([], cwd=tree).desired.digest
    write(tree, {"orgs/z.yaml": org(3) + "# a remark\n"})
    assert len({first, renamed, load_workspace([], cwd=tree).desired.digest}) == 3


def test_the_current_folder_is_the_processs_own(
    tree: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tree)
    assert [found.id for found in load_workspace([]).desired.organizations] == [2, 3]
    assert load_settings([]) == Settings()


def test_organizations_are_sorted_and_products_in_the_catalogues_order(tmp_path: Path) -> None:
    text = "products:\n  testops: {users: []}\n  kre-devops: {}\n  kse: {machines: []}\n"
    write(tmp_path, {"z.yaml": org(1), "a.yaml": org(2) + text})
    first, second = load_workspace(["a.yaml", "z.yaml"], cwd=tmp_path).desired.organizations
    assert (first.id, second.id) == (1, 2)
    assert [product.product for product in second.products] == ["kse", "kre-devops", "testops"]
    kse, devops, testops = second.products
    assert (kse.users, kse.machines is not None) == (None, True)
    assert (devops.users, devops.machines) == (None, None)
    assert testops.users is not None
    assert testops.users.wanted == ()
    assert testops.users.source == Source("a.yaml", 4, 13)
    assert testops.source == Source("a.yaml", 4, 3)


def test_settings_are_read_in_full(tmp_path: Path) -> None:
    text = """\
version: 1
api:
  url: https://testops.katalon.io
  key_env: RECONCILER_MAIN
  writes: checklist
  routes: {grant_users: "POST /v2/{organization}/{feature}/users"}
  timeout: 5
  max_parallel: 2
keys: {202: RECONCILER_B, 101: RECONCILER_A}
timezone: Europe/Berlin
"""
    write(tmp_path, {"reconciler.yaml": text, "acme.yaml": HEAD})
    settings = load_workspace([], cwd=tmp_path).settings
    assert settings.api == ApiSettings(
        url="https://testops.katalon.io",
        key_env="RECONCILER_MAIN",
        writes=WriteMode.CHECKLIST,
        routes=settings.api.routes,
        timeout=5.0,
        max_parallel=2,
    )
    assert dict(settings.api.routes) == {"grant_users": "POST /v2/{organization}/{feature}/users"}
    assert list(settings.keys.items()) == [(101, "RECONCILER_A"), (202, "RECONCILER_B")]
    assert settings.timezone == "Europe/Berlin"
    assert load_settings([], cwd=tmp_path) == settings
    assert load_settings(["acme.yaml"], cwd=tmp_path) == settings


def test_settings_do_not_need_sound_organization_files(tmp_path: Path) -> None:
    write(tmp_path, {"reconciler.yaml": "version: 1\ntimezone: Asia/Tokyo\n", "a.yaml": "x: 1\n"})
    assert load_settings([], cwd=tmp_path).timezone == "Asia/Tokyo"
    assert load_settings(["a.yaml"], cwd=tmp_path).timezone == "Asia/Tokyo"
    assert load_settings([], cwd=tmp_path / "nowhere") == Settings()


def test_settings_of_a_broken_workspace_are_a_problem(tmp_path: Path) -> None:
    write(tmp_path, {"reconciler.yaml": "version: 1\ntimezone: Mars\n"})
    with pytest.raises(
        ConfigurationError, match=r"reconciler\.yaml:2:11: unknown time zone 'Mars'"
    ):
        load_settings([], cwd=tmp_path)
    with pytest.raises(ConfigurationError, match="cannot be read"):
        load_settings(["nowhere/reconciler.yaml"], cwd=tmp_path)


def test_a_machine_id_of_an_odd_shape_is_a_warning(tmp_path: Path) -> None:
    text = "products:\n  kre-node-locked:\n    machines:\n      - CI-Runner-1\n"
    write(tmp_path, {"acme.yaml": HEAD + text})
    (warning,) = load_workspace(["acme.yaml"], cwd=tmp_path).warnings
    expected = "'CI-Runner-1' is no usual machine ID (32 lowercase hex digits)"
    assert str(warning) == f"acme.yaml:6:9: {expected}"
