"""Which organizations, which licensing system, which plan file."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reconciler.cli.opening import WORKSPACE, choose_address
from reconciler.cli.plan_files import is_plan_file, load_plan
from reconciler.cli.planning import in_shard
from reconciler.errors import PlanFileError, UsageError
from reconciler.model.settings import ApiSettings, Settings


@given(st.integers(1, 10**9), st.integers(1, 50))
def test_an_organization_is_in_exactly_one_of_n_shards(organization: int, count: int) -> None:
    assert sum(in_shard(organization, (index, count)) for index in range(1, count + 1)) == 1


def test_shards_are_of_similar_size_even_for_ids_in_steps() -> None:
    sizes = [
        sum(in_shard(number * 10, (index, 4)) for number in range(1000)) for index in (1, 2, 3, 4)
    ]
    assert min(sizes) > 200


def test_the_address_comes_from_the_option_then_the_environment_then_the_workspace() -> None:
    settings = Settings(api=ApiSettings(url="https://c"))
    environ = {"RECONCILER_API_URL": "https://b"}
    assert choose_address("https://a", environ, settings).url == "https://a"
    assert choose_address(None, environ, settings).url == "https://b"
    named = choose_address(None, {}, settings)
    assert (named.url, named.origin, named.explicit) == ("https://c", WORKSPACE, False)
    assert choose_address(None, environ, settings).explicit
    with pytest.raises(UsageError, match="no licensing system"):
        choose_address(None, {}, Settings())


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ('{"format": "license-plan/1"}', True),
        ('\n {"tool": "x", "format": "license-plan/7"}', True),
        ('{"version": 1, "organization": {"id": 1}}', False),
        ('{"note": "license-plan/1"}', False),
        ('["license-plan/1"]', False),
        ("version: 1\n", False),
        ("", False),
    ],
)
def test_a_saved_plan_is_told_from_an_organization_file_by_its_format(
    tmp_path: Path, text: str, expected: bool
) -> None:
    path = tmp_path / "file.json"
    path.write_text(text)
    assert is_plan_file(str(path)) is expected


def test_a_path_that_cannot_be_read_is_no_saved_plan(tmp_path: Path) -> None:
    assert not is_plan_file(str(tmp_path))
    assert not is_plan_file(str(tmp_path / "missing.json"))
    os.mkfifo(tmp_path / "pipe")
    assert not is_plan_file(str(tmp_path / "pipe"))


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "is not JSON"),
        ("[" * 100_000, "is not JSON"),
        ("[]", "holds no mapping"),
        ("{}", "is not a saved plan"),
        ('{"format": "license-plan/9"}', "this version reads license-plan/1"),
        ('{"format": "license-plan/1"}', "is not a valid plan"),
    ],
)
def test_what_is_no_plan_is_told_with_its_reason(tmp_path: Path, text: str, said: str) -> None:
    path = tmp_path / "plan.json"
    path.write_text(text)
    with pytest.raises(PlanFileError, match=said):
        load_plan(str(path))


def test_a_pipe_that_nobody_writes_to_is_no_plan(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(PlanFileError, match="is a pipe or a device"):
        load_plan(str(tmp_path / "pipe"))


def test_a_plan_that_is_missing_is_told_with_its_name(tmp_path: Path) -> None:
    with pytest.raises(PlanFileError, match=r"nothing\.json: cannot be read: No such file"):
        load_plan(str(tmp_path / "nothing.json"))
