from __future__ import annotations

import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from types import MappingProxyType

import pytest

from reconciler.backends import open_backend
from reconciler.backends.keys import KeyRing
from reconciler.backends.protocol import Backend, GrantUsers
from reconciler.backends.routes import RouteError
from reconciler.errors import ApiError, ReconcilerError, UnclearOutcomeError, UsageError
from reconciler.model.settings import ApiSettings, Settings
from reconciler.server.load import load_snapshot
from reconciler.server.store import Store


def opened_target(url: str, settings: ApiSettings | None = None, timezone: str = "UTC") -> str:
    keys = KeyRing.from_environment(
        {"RECONCILER_API_KEY": "k"}, Settings(), "https://x.io", explicit=True
    )
    backend = open_backend(url, keys=keys, settings=settings or ApiSettings(), timezone=timezone)
    try:
        return backend.target
    finally:
        backend.close()


@pytest.mark.parametrize(
    ("url", "target"),
    [
        ("https://testops.katalon.io/", "https://testops.katalon.io"),
        ("HTTPS://TestOps.Katalon.io:443", "https://testops.katalon.io"),
        ("https://qa.example.com:8443/katalon/", "https://qa.example.com:8443/katalon"),
        ("http://[::1]:8080", "http://[::1]:8080"),
    ],
)
def test_the_target_is_the_address_in_one_spelling(url: str, target: str) -> None:
    assert opened_target(url) == target


@pytest.mark.parametrize(
    "url",
    [
        "ftp://testops.katalon.io",
        "testops.katalon.io",
        "",
        "https://",
        "https://host:99999",
        "https://[::1",
        "https://host/?x=1",
        "https://host/#x",
        "https://host\n.evil.io",
        "sqlite://",
        "sqlite:///",
        "sqlite://host/file.db",
    ],
)
def test_a_url_that_cannot_be_used_is_wrong_usage(url: str) -> None:
    with pytest.raises(UsageError) as caught:
        opened_target(url)
    assert caught.value.hint
    assert "\n" not in caught.value.message


def test_a_password_in_a_url_is_refused_and_not_shown() -> None:
    with pytest.raises(UsageError) as caught:
        opened_target("https://me:hunter2@testops.katalon.io")
    assert "hunter2" not in str(caught.value)
    assert "RECONCILER_API_KEY" in str(caught.value.hint)


@pytest.mark.parametrize(
    "url",
    [
        "https://host/?key=hunter2",
        "https://host/#hunter2",
        "https://host?key=me@hunter2",
        "https://me:hunt?er2@host",
        "ftp://me:hunter2@host",
        "host?key=hunter2",
        "sqlite://me:hunter2@host",
        "https://[?hunter2",
    ],
)
def test_what_may_be_a_secret_in_a_url_is_not_shown(url: str) -> None:
    with pytest.raises(UsageError) as caught:
        opened_target(url)
    assert "hunt" not in str(caught.value)
    assert "er2" not in str(caught.value)


def test_a_database_that_is_not_there_is_told_with_how_to_make_one(tmp_path: Path) -> None:
    with pytest.raises(ReconcilerError) as caught:
        opened_target(f"sqlite:///{tmp_path}/missing.db")
    assert "reconciler load SNAPSHOT --db" in str(caught.value.hint)
    assert not (tmp_path / "missing.db").exists()


def made(file: Path) -> str:
    with Store.open(file, create=True) as store:
        load_snapshot(store, {"format": "license-snapshot/1", "organizations": [{"id": 1}]})
    return f"sqlite:///{file}"


def test_a_database_is_opened_by_its_relative_path(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    made(tmp_path / "a b.db")
    monkeypatch.chdir(tmp_path)
    assert opened_target("sqlite:///a b.db") == "sqlite:///a b.db"


def test_a_bad_route_lets_go_of_the_database(tmp_path: Path) -> None:
    settings = ApiSettings(routes=MappingProxyType({"grant_users": "POST /x"}))
    with pytest.raises(RouteError):
        opened_target(made(tmp_path / "a.db"), settings)


@pytest.mark.parametrize(
    ("run", "kind"),
    [
        (lambda backend: backend.read(1), ApiError),
        (
            lambda backend: backend.write(GrantUsers(1, "kse", ("a@x.io",)), idempotency_key="k"),
            UnclearOutcomeError,
        ),
    ],
    ids=["read", "write"],
)
def test_a_database_that_breaks_is_an_error_for_a_person(
    tmp_path: Path, run: Callable[[Backend], object], kind: type[ApiError]
) -> None:
    file = tmp_path / "a.db"
    backend = open_backend(made(file), keys=KeyRing.none(), settings=ApiSettings(), timezone="UTC")
    backend.capabilities()
    with closing(sqlite3.connect(file)) as other:
        other.execute("DROP TABLE keys")
        other.execute("DROP TABLE members")
    with closing(backend), pytest.raises(kind, match="the database failed") as caught:
        run(backend)
    assert isinstance(caught.value.__cause__, sqlite3.Error)


def test_a_bad_route_is_told_before_anything_is_sent() -> None:
    settings = ApiSettings(routes=MappingProxyType({"grant_users": "POST /x"}))
    with pytest.raises(RouteError):
        opened_target("https://testops.katalon.io", settings)


def test_an_unknown_time_zone_is_told_before_anything_is_sent() -> None:
    with pytest.raises(UsageError, match="time zone"):
        opened_target("https://testops.katalon.io", timezone="Mars/Olympus")
