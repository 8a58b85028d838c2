"""Answers to writes that are not the API's own: what was done is told as done, read back."""

from __future__ import annotations

import gzip
import json
import sqlite3
from contextlib import closing

import pytest

from tests.acceptance.conftest import Cli
from tests.acceptance.relay import Passing, Script, relay

BOMB = gzip.compress(bytes(200 * 1024 * 1024), 9)
NOT_THE_APIS = {
    "302": b"HTTP/1.1 302 Found\r\nLocation: /login\r\n\r\n",
    "303 to a bad address": b"HTTP/1.1 303 See Other\r\nLocation: http://[::bad\r\n\r\n",
    "307 with a bomb": b"HTTP/1.1 307 Temporary Redirect\r\nLocation: /\r\n"
    b"Content-Encoding: gzip\r\nContent-Length: %d\r\n\r\n" % len(BOMB) + BOMB,
    "a page with 403": b"HTTP/1.1 403 Forbidden\r\nContent-Length: 6\r\n\r\n<html>",
    "a page with 409": b"HTTP/1.1 409 Conflict\r\nContent-Length: 6\r\n\r\n<html>",
    "a gateway's 403": b"HTTP/1.1 403 Forbidden\r\nContent-Length: 23\r\n\r\n"
    b'{"message":"Forbidden"}',
    "429 in its own words": b"HTTP/1.1 429 Too Many\r\nContent-Length: 33\r\n\r\n"
    b'{"message":"slowly","status":429}',
    "a chunk of a negative size": b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n-5\r\n",
}


def after_the_effect(answer: bytes) -> Script:
    def script(passing: Passing) -> bytes | None:
        if not passing.writes:
            return None
        passing.forward()
        return answer

    return script


def endings(cli: Cli) -> list[str]:
    rows = [json.loads(line) for line in (cli.folder / "j.jsonl").read_text().splitlines()]
    return [
        result["ending"] for row in rows if row["kind"] == "outcome" for result in row["results"]
    ]


def acts(cli: Cli) -> list[tuple[str, str, str]]:
    with closing(sqlite3.connect(cli.folder / "s.db")) as connection:
        found: list[tuple[str, str, str]] = connection.execute(
            "SELECT feature, action, subject FROM history "
            "WHERE organization_id = 101 AND action != 'end_session' ORDER BY id"
        ).fetchall()
    return found


@pytest.mark.parametrize("name", NOT_THE_APIS)
def test_what_took_effect_before_such_an_answer_is_done_and_sent_once(
    served: Cli, name: str
) -> None:
    with relay(served.env["RECONCILER_API_URL"], after_the_effect(NOT_THE_APIS[name])) as url:
        result = served("apply", "--org", "101", "--yes", "--journal", "j.jsonl", "--api", url)
    assert result.code == 0, result.out + result.err
    assert set(endings(served)) == {"done"}
    assert "3 done" in result.out
    assert len(acts(served)) == len(set(acts(served)))
    assert served("plan", "--org", "101", "--detailed-exitcode").code == 0


@pytest.mark.parametrize("name", ["a page with 403", "a page with 409"])
def test_a_transfer_whose_grant_a_proxy_turns_away_gives_the_seat_back(
    served: Cli, name: str
) -> None:
    def script(passing: Passing) -> bytes | None:
        refused = passing.writes and b"bob@acme.example" in passing.body
        return NOT_THE_APIS[name] if refused else None

    with relay(served.env["RECONCILER_API_URL"], script) as url:
        result = served("apply", "--org", "101", "--yes", "--journal", "j.jsonl", "--api", url)
    assert result.code == 5, result.out + result.err
    assert "the seat was given back to carol@acme.example" in result.out
    assert "read back, it did not take effect (check that the URL is the API's own" in result.out
    assert endings(served) == ["done", "failed", "done"]
    assert acts(served) == [
        ("KSE", "remove_user", "carol@acme.example"),
        ("KSE", "grant_user", "carol@acme.example"),
    ]


def test_where_a_proxy_lets_no_write_through_nothing_was_written(served: Cli) -> None:
    def script(passing: Passing) -> bytes | None:
        return NOT_THE_APIS["a page with 403"] if passing.writes else None

    with relay(served.env["RECONCILER_API_URL"], script) as url:
        result = served("apply", "--org", "101", "--yes", "--journal", "j.jsonl", "--api", url)
    assert result.code == 1
    assert "0 writes" in result.out
    assert set(endings(served)) == {"failed"}
    assert acts(served) == []


def test_where_nothing_can_be_read_back_the_next_apply_finds_out(served: Cli) -> None:
    written: list[str] = []
    broken = [True]

    def script(passing: Passing) -> bytes | None:
        if passing.writes:
            written.append(passing.path)
            passing.forward()
        return NOT_THE_APIS["a page with 403"] if written and broken else None

    with relay(served.env["RECONCILER_API_URL"], script) as url:
        apply = ("apply", "--org", "101", "--yes", "--journal", "j.jsonl", "--api", url)
        result = served(*apply)
        assert result.code == 5, result.out + result.err
        assert len(written) == 1
        assert "reading it back failed too" in result.out
        assert endings(served) == ["unclear"]
        broken.clear()
        out = served.ok(*apply)
    assert (
        "left open by an earlier apply: remove kse carol@acme.example: carol@acme.example: " in out
    )
    assert "it took effect" in out
    assert len(acts(served)) == len(set(acts(served)))


def test_a_redirect_after_the_end_of_a_session_is_read_back(served: Cli) -> None:
    carol = ("--org", "101", "--user", "carol@acme.example")
    with relay(served.env["RECONCILER_API_URL"], after_the_effect(NOT_THE_APIS["302"])) as url:
        served.ok("sessions", "end", *carol, "--yes", "--api", url)
    assert "carol@acme.example" not in served.ok("sessions", "--org", "101")


def test_https_where_the_server_speaks_plain_http_is_told_at_once(served: Cli) -> None:
    url = served.env["RECONCILER_API_URL"].replace("http:", "https:")
    for command in (("plan",), ("apply", "--yes")):
        result = served(*command, "--api", url)
        assert result.code == 1
        assert "this port speaks plain HTTP" in result.err
        assert "http://" in result.err
        assert result.err.count("error: ") == 1
