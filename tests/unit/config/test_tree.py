"""What is found below a folder, and how much of it is looked at."""

from __future__ import annotations

from pathlib import Path

import pytest

from reconciler.config import tree as trees
from reconciler.config.tree import TooMuchToLookAtError, Tree
from tests.unit.config.trees import problems, write

WORKSPACE = "version: 1\norganizations: [{}]\n"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    names = ("a.yaml", "b.yml", "one/c.yaml", "one/two/d.yaml", ".hidden/e.yaml", "one/.f.yaml")
    return write(tmp_path, dict.fromkeys(names, ""))


@pytest.mark.parametrize(
    ("pattern", "expected"),
    [
        ("*.yaml", ["a.yaml"]),
        ("?.y*", ["a.yaml", "b.yml"]),
        ("[ab].*", ["a.yaml", "b.yml"]),
        ("*/*.yaml", ["one/c.yaml"]),
        ("one/c.yaml", ["one/c.yaml"]),
        ("**/*.yaml", ["a.yaml", "one/c.yaml", "one/two/d.yaml"]),
        ("**/**/*.yaml", ["a.yaml", "one/c.yaml", "one/two/d.yaml"]),
        ("**/two/**/*.yaml", ["one/two/d.yaml"]),
        ("one/**/*.yaml", ["one/c.yaml", "one/two/d.yaml"]),
        (".hidden/*.yaml", []),
        ("**", []),
        ("A.yaml", []),
    ],
)
def test_a_pattern_names_files_sorted_and_none_that_are_hidden(
    folder: Path, pattern: str, expected: list[str]
) -> None:
    assert Tree().match(folder, pattern).files == [Path(name) for name in expected]


def test_a_walk_gives_a_folders_files_before_those_of_its_folders(folder: Path) -> None:
    found = Tree().walk(folder)
    assert found.files == [Path(n) for n in ("a.yaml", "b.yml", "one/c.yaml", "one/two/d.yaml")]


@pytest.mark.parametrize(
    ("pattern", "message"),
    [
        ("orgs/**.yaml", "`**` stands for whole folders"),
        ("../*.yaml", "`..` is not possible in a pattern"),
        ("*/" * 51, "a pattern has at most 50 parts"),
        ("x" * 300, "no file has so long a name"),
        ("/etc/*.yaml", "a pattern names files below this folder"),
        (".", "a pattern names files below this folder"),
    ],
)
def test_what_is_no_pattern_is_told(folder: Path, pattern: str, message: str) -> None:
    with pytest.raises(ValueError, match=message.replace("*", r"\*")):
        Tree().match(folder, pattern)


def test_many_patterns_are_held_against_many_names_within_one_bound(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(trees, "MOST_ENTRIES", 50)
    tree = Tree()
    for pattern in ("*.yaml", "*/*.yaml", "**/*.yaml"):
        tree.match(folder, pattern)
    with pytest.raises(TooMuchToLookAtError, match="more than 50 files and folders"):
        tree.match(folder, "**/**/one/**/*.yaml")
    write(folder, {"reconciler.yaml": WORKSPACE.format(", ".join(["'**/*.json'"] * 10))})
    found = [line for line in problems(folder, []) if "no YAML" not in line]
    assert found[0].startswith("reconciler.yaml:2:")
    expected = "more than 50 files and folders to look at: let the pattern '**/*.json' name fewer"
    assert expected in found[0]


def test_a_folder_with_very_many_names_is_not_listed_to_its_end(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(trees, "MOST_ENTRIES", 20)
    write(tmp_path, {f"orgs/{number}.yaml": "" for number in range(100)})
    assert problems(tmp_path, ["orgs"]) == [
        "orgs:1:1: more than 20 files and folders to look at: name the files by patterns in a "
        "workspace file"
    ]
