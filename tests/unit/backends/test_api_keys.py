from __future__ import annotations

import re
from pathlib import Path
from types import MappingProxyType

import pytest

import reconciler
from reconciler.backends.keys import DEFAULT_NAME, ApiKey, KeyRing
from reconciler.backends.pipeline import CI_VARIABLES
from reconciler.errors import AuthenticationError, UsageError
from reconciler.model.settings import OF_ANOTHER_USE, ApiSettings, Settings

PACKAGE = Path(reconciler.__file__).parent

URL = "https://testops.katalon.io"
SECRET = "sk-Very-Secret"


def ring(
    environ: dict[str, str],
    *,
    key_env: str | None = None,
    keys: dict[int, str] | None = None,
    url: str = URL,
    explicit: bool = True,
) -> KeyRing:
    settings = Settings(ApiSettings(key_env=key_env), MappingProxyType(keys or {}))
    return KeyRing.from_environment(environ, settings, url, explicit=explicit)


def test_the_key_comes_from_the_default_variable() -> None:
    assert ring({"RECONCILER_API_KEY": SECRET}).for_organization(1).reveal() == SECRET


def test_the_workspace_can_name_another_variable() -> None:
    keys = ring(
        {"RECONCILER_QA": "b", "RECONCILER_API_KEY": "a"}, key_env="RECONCILER_QA"
    ).for_organization(1)
    assert (keys.reveal(), keys.name) == ("b", "RECONCILER_QA")


def test_an_organization_has_its_own_key_and_the_others_the_default_one() -> None:
    keys = ring({"RECONCILER_API_KEY": "a", "RECONCILER_KEY_7": "b"}, keys={7: "RECONCILER_KEY_7"})
    assert keys.for_organization(7).reveal() == "b"
    assert keys.for_organization(8).reveal() == "a"
    assert [key.reveal() for key in keys.all()] == ["a", "b"]


def test_an_organization_whose_own_key_is_not_set_does_not_get_the_default_one() -> None:
    keys = ring({"RECONCILER_API_KEY": "a"}, keys={7: "RECONCILER_KEY_7"})
    with pytest.raises(AuthenticationError, match="RECONCILER_KEY_7 is not set"):
        keys.for_organization(7)


def test_an_organization_without_a_key_is_told_which_variable_to_set() -> None:
    keys = ring({"RECONCILER_KEY_7": "b"}, keys={7: "RECONCILER_KEY_7"})
    with pytest.raises(AuthenticationError, match="RECONCILER_API_KEY is not set"):
        keys.for_organization(8)


@pytest.mark.parametrize("value", [None, "", "  \n"])
def test_no_key_at_all_is_told_with_the_variable_to_set(value: str | None) -> None:
    environ = {} if value is None else {"RECONCILER_API_KEY": value}
    with pytest.raises(AuthenticationError, match="RECONCILER_API_KEY is not set"):
        ring(environ)


def test_a_variable_of_another_prefix_is_refused() -> None:
    with pytest.raises(AuthenticationError, match="must begin with RECONCILER_"):
        ring({"AWS_SECRET_ACCESS_KEY": SECRET}, key_env="AWS_SECRET_ACCESS_KEY")


@pytest.mark.parametrize("name", ["RECONCILER_GITLAB_TOKEN", "RECONCILER_API_URL"])
def test_a_variable_of_another_use_is_refused(name: str) -> None:
    with pytest.raises(AuthenticationError, match=f"{name} is the .*, never an API key"):
        ring({name: SECRET}, key_env=name)


def test_every_variable_that_is_read_is_the_key_or_of_another_use() -> None:
    sources = (path.read_text(encoding="utf-8") for path in PACKAGE.rglob("*.py"))
    named = {name for text in sources for name in re.findall(r'"(RECONCILER_\w+)"', text)}
    assert named - {DEFAULT_NAME} == set(OF_ANOTHER_USE)


def test_space_around_a_key_does_not_matter() -> None:
    assert ring({"RECONCILER_API_KEY": f" {SECRET}\r\n"}).for_organization(1).reveal() == SECRET


@pytest.mark.parametrize("value", [f"{SECRET}\n{SECRET}", f"{SECRET} x", f"{SECRET}\u2026"])
def test_a_key_with_space_or_foreign_characters_inside_is_refused_unseen(value: str) -> None:
    with pytest.raises(AuthenticationError) as caught:
        ring({"RECONCILER_API_KEY": value})
    assert SECRET not in str(caught.value) + repr(caught.value)


PIPELINES = {
    "CI": "true",
    "GITHUB_ACTIONS": "true",
    "GITLAB_CI": "true",
    "TF_BUILD": "True",
    "BUILD_BUILDID": "4711",
    "JENKINS_URL": "https://ci.example/",
    "TEAMCITY_VERSION": "2025.07 (build 197242)",
    "BITBUCKET_BUILD_NUMBER": "7",
    "BUILDKITE": "true",
    "CODEBUILD_BUILD_ID": "licenses:9f0c",
    "DRONE": "true",
    "CIRCLECI": "true",
    "TRAVIS": "true",
    "APPVEYOR": "True",
    "bamboo_buildKey": "LIC-PLAN",
}


@pytest.mark.parametrize(
    ("name", "value"),
    [*PIPELINES.items(), ("CI", "1"), ("CI", "yes"), ("CI", "TRUE"), ("CI", "woodpecker")],
)
def test_in_ci_a_host_that_only_a_file_names_gets_no_key(name: str, value: str) -> None:
    with pytest.raises(AuthenticationError) as caught:
        ring({"RECONCILER_API_KEY": SECRET, name: value}, explicit=False)
    assert "--api" in str(caught.value.hint)
    assert "RECONCILER_API_URL" in str(caught.value.hint)


@pytest.mark.parametrize("name", PIPELINES)
@pytest.mark.parametrize("value", ["", "0", "false", "False", " "])
def test_a_variable_that_says_no_is_no_ci(name: str, value: str) -> None:
    keys = ring({"RECONCILER_API_KEY": SECRET, name: value}, explicit=False)
    assert keys.for_organization(1).reveal() == SECRET


def test_every_system_that_is_known_is_in_the_documentation() -> None:
    said = (PACKAGE.parent / "docs" / "commands.md").read_text(encoding="utf-8")
    assert [name for name in CI_VARIABLES if f"`{name}`" not in said] == []


@pytest.mark.parametrize(("ci", "explicit"), [("true", True), ("", False), ("false", False)])
def test_a_host_that_the_pipeline_names_gets_the_key(ci: str, explicit: bool) -> None:
    keys = ring({"RECONCILER_API_KEY": SECRET, "CI": ci}, explicit=explicit)
    assert keys.for_organization(1).reveal() == SECRET


@pytest.mark.parametrize(
    "url", ["http://127.0.0.1:8080", "http://127.8.8.8", "http://[::1]:1", "http://localhost:1"]
)
def test_plain_http_to_this_machine_is_allowed(url: str) -> None:
    assert ring({"RECONCILER_API_KEY": SECRET}, url=url).for_organization(1).reveal() == SECRET


@pytest.mark.parametrize(
    "url",
    ["http://testops.katalon.io", "http://localhost.evil.io", "http://127.0.0.1.evil.io"],
)
def test_plain_http_to_another_machine_is_refused(url: str) -> None:
    with pytest.raises(AuthenticationError, match="plain http"):
        ring({"RECONCILER_API_KEY": SECRET}, url=url)


def test_a_url_with_a_password_is_refused_without_showing_it() -> None:
    with pytest.raises(UsageError) as caught:
        ring({"RECONCILER_API_KEY": "x"}, url=f"http://me:{SECRET}@10.0.0.1")
    assert SECRET not in str(caught.value)


def test_the_embedded_store_needs_no_key() -> None:
    assert ring({"CI": "true"}, url="sqlite:///a.db", explicit=False).all() == ()


def test_neither_a_key_nor_a_ring_shows_the_key() -> None:
    keys = ring({"RECONCILER_API_KEY": SECRET})
    shown = f"{keys!r} {keys} {keys.all()!r} {ApiKey('RECONCILER_API_KEY', SECRET)}"
    assert SECRET not in shown
    assert "RECONCILER_API_KEY" in shown
