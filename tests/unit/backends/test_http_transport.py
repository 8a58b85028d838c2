from __future__ import annotations

import base64
import contextlib
import socket
import ssl
import threading
import time
import traceback
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from email.utils import formatdate
from pathlib import Path

import pytest
import trustme

from reconciler.backends import http
from reconciler.backends.answers import fetch
from reconciler.backends.http import HttpTransport
from reconciler.backends.keys import ApiKey
from reconciler.backends.prompt import PromptAdapter
from reconciler.backends.retries import read_retry
from reconciler.backends.transport import Call
from reconciler.errors import (
    ApiError,
    AuthenticationError,
    ForbiddenError,
    MalformedAnswerError,
    ReconcilerError,
    UnclearOutcomeError,
    UnreachableError,
)
from tests.unit.backends.loopback import Api, Received, Reply, Script, api, reply, unused_port

SECRET = "sk-Very-Secret-0123456789"
ENCODED = base64.b64encode(f":{SECRET}".encode()).decode()
READ = Call("GET", "/api/v1/users/me")
WRITE = Call("POST", "/api/v1/organizations/101/licensed-users", json={}, write=True)


QUICK = read_retry(backoff_factor=0.001, backoff_jitter=0.001)


@contextmanager
def transport_to(url: str, timeout: float = 5.0) -> Iterator[HttpTransport]:
    key = ApiKey("RECONCILER_API_KEY", SECRET)
    transport = HttpTransport(url, key, timeout=timeout, retry=QUICK)
    try:
        yield transport
    finally:
        transport.close()


@contextmanager
def answering(script: Script, timeout: float = 5.0) -> Iterator[tuple[HttpTransport, Api]]:
    with api(script) as server, transport_to(server.url, timeout) as transport:
        yield transport, server


def the_error(transport: HttpTransport, call: Call) -> ReconcilerError:
    """Return the error of this call, after looking for the key in all that it shows."""
    with pytest.raises(ReconcilerError) as caught:
        fetch(transport, call)
    error = caught.value
    shown = "".join(traceback.format_exception(error)) + repr(transport)
    link: BaseException | None = error
    while link is not None:
        shown += str(link) + repr(link)
        link = link.__cause__ or link.__context__
    shown += str(error.hint)
    assert SECRET not in shown
    assert ENCODED not in shown
    assert "\n" not in error.message
    return error


def test_the_key_is_the_password_of_an_empty_user() -> None:
    with answering(lambda _: reply({})) as (transport, server):
        fetch(transport, READ)
    assert server.received[0].key == SECRET


def test_the_client_says_who_it_is() -> None:
    with answering(lambda _: reply({})) as (transport, server):
        fetch(transport, READ)
    assert server.received[0].headers["user-agent"].startswith("reconciler/")


def test_query_and_body_arrive_as_they_were_given() -> None:
    call = Call("POST", "/a%2Fb", {"machineKey": "5d&41=ü"}, {"type": "Machine"})
    with answering(lambda _: reply({})) as (transport, server):
        fetch(transport, call)
    received = server.received[0]
    assert (received.path, received.query) == ("/a%2Fb", {"machineKey": "5d&41=ü"})
    assert received.json == {"type": "Machine"}


def test_one_connection_serves_many_reads() -> None:
    with answering(lambda _: reply({})) as (transport, server):
        for _ in range(5):
            fetch(transport, READ)
    assert len({received.client_port for received in server.received}) == 1


def test_a_cookie_of_the_server_is_not_sent_back() -> None:
    with answering(lambda _: reply({}, Set_Cookie="session=1")) as (transport, server):
        fetch(transport, READ)
        fetch(transport, READ)
    assert "cookie" not in server.received[1].headers


def test_a_wrong_key_is_told_with_the_name_of_its_variable() -> None:
    with answering(lambda _: reply({"message": "Bad credentials"}, 401)) as (transport, _):
        error = the_error(transport, READ)
    assert isinstance(error, AuthenticationError)
    assert "RECONCILER_API_KEY (401): Bad credentials" in error.message


def test_a_role_that_is_too_low_is_told() -> None:
    with answering(lambda _: reply({"message": "Access denied"}, 403)) as (transport, _):
        error = the_error(transport, READ)
    assert isinstance(error, ForbiddenError)
    assert "Owner or Admin" in str(error.hint)


def test_a_server_that_repeats_the_key_does_not_get_it_into_the_message() -> None:
    def echo(received: Received) -> Reply:
        return reply({"message": f"no {SECRET} and no {received.headers['authorization']}"}, 400)

    with answering(echo) as (transport, _):
        error = the_error(transport, READ)
    assert "no [RECONCILER_API_KEY] and no Basic [RECONCILER_API_KEY]" in error.message


def test_a_message_of_the_server_becomes_one_printable_line_of_bounded_length() -> None:
    hostile = "\x1b[31mred\n::set-output\u202e" + "x" * 10_000
    with answering(lambda _: reply({"message": hostile}, 400)) as (transport, _):
        error = the_error(transport, READ)
    assert error.message.isprintable()
    assert len(error.message) < 500


@pytest.mark.parametrize(
    ("body", "kind"),
    [
        (b"<!DOCTYPE html><html>login</html>", "a web page"),
        (b"", "nothing"),
        (b"pong", "something else"),
        (b'{"half": ', "something else"),
        (b"\xff\xfe\xfa", "something else"),
        (b"[" * 100_000, "something else"),
    ],
)
def test_an_answer_that_is_not_json_says_what_came_instead(body: bytes, kind: str) -> None:
    with answering(lambda _: Reply(200, body)) as (transport, _):
        error = the_error(transport, READ)
    assert isinstance(error, MalformedAnswerError)
    assert kind in error.message
    assert "check that the URL" in str(error.hint)


def test_an_answer_without_an_end_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(http, "LARGEST_ANSWER", 1024 * 1024)
    with answering(lambda _: Reply(200, b" " * (3 * 1024 * 1024))) as (transport, _):
        error = the_error(transport, READ)
    assert isinstance(error, MalformedAnswerError)
    assert "larger than 1 MiB" in error.message


def test_a_redirect_is_not_followed() -> None:
    with (
        api(lambda _: reply({})) as elsewhere,
        answering(lambda _: reply({}, 302, Location=elsewhere.url)) as (transport, _),
    ):
        error = the_error(transport, READ)
        assert elsewhere.received == []
    assert isinstance(error, MalformedAnswerError)
    assert "redirects" in error.message


def test_a_path_that_is_not_there_says_that_the_url_may_be_wrong() -> None:
    with answering(lambda _: Reply(404, b"<html>")) as (transport, _):
        error = the_error(transport, READ)
    assert isinstance(error, MalformedAnswerError)
    assert "licensing API" in str(error.hint)


@pytest.mark.parametrize("call", [READ, WRITE], ids=["read", "write"])
def test_a_refused_connection_changed_nothing(call: Call) -> None:
    with transport_to(f"http://127.0.0.1:{unused_port()}") as transport:
        error = the_error(transport, call)
    assert isinstance(error, UnreachableError)
    assert "refused" in error.message
    assert error.hint


def test_a_host_that_is_not_there_changed_nothing() -> None:
    # `.invalid` never resolves, and the test's network is off anyway.
    with transport_to("https://host.invalid") as transport:
        error = the_error(transport, WRITE)
    assert isinstance(error, UnreachableError)


def test_a_read_without_an_answer_in_time_is_told_with_the_setting_to_raise() -> None:
    with answering(lambda _: Reply(delay=1), timeout=0.1) as (transport, _):
        error = the_error(transport, READ)
    assert isinstance(error, UnreachableError)
    assert "no answer within 0.1 s" in error.message
    assert "api.timeout" in str(error.hint)


@pytest.mark.parametrize(
    "fault",
    [
        Reply(delay=0.6),
        Reply(drop=True),
        Reply(500),
        Reply(503, headers={"Retry-After": "0"}),
        Reply(408),
        Reply(200, b'{"results": [', cut=100),
    ],
    ids=["timeout", "dropped", "500", "503", "408", "half an answer"],
)
def test_a_write_that_may_have_arrived_has_an_unclear_outcome_and_is_sent_once(
    fault: Reply,
) -> None:
    with answering(lambda _: fault, timeout=0.2) as (transport, server):
        error = the_error(transport, WRITE)
        assert len(server.received) == 1
    assert isinstance(error, UnclearOutcomeError)
    assert "not known whether the change was made" in error.message


def test_a_write_that_is_put_off_with_429_changed_nothing_and_is_sent_once() -> None:
    for body, unclear in (
        ({"message": "slowly", "status": 429}, False),
        ({"message": "slowly"}, True),
        ({}, True),
    ):
        with answering(lambda _, b=body: reply(b, 429, Retry_After="7")) as (transport, server):  # type: ignore[misc]
            error = the_error(transport, WRITE)
            assert len(server.received) == 1
        assert isinstance(error, ApiError)
        # Only in the API's own words it says that nothing was done.
        assert isinstance(error, UnclearOutcomeError) is unclear
        assert error.retry_after == 7
        assert "in 7 s" in str(error.hint)


@pytest.mark.parametrize("call", [READ, Call("POST", "/api/v1/search", json={})], ids=str)
@pytest.mark.parametrize(
    "fault",
    [
        Reply(429, headers={"Retry-After": "0"}),
        Reply(503),
        Reply(502, headers={"Retry-After": "soon"}),
        Reply(500),
        Reply(drop=True),
        Reply(200, b'{"half": ', cut=100),
        Reply(200, b'{"ok": 2}', headers={"X-Licensing-Request": "another"}),
    ],
    ids=[
        "429",
        "503",
        "illegible Retry-After",
        "500",
        "dropped",
        "half an answer",
        "another's answer",
    ],
)
def test_a_read_survives_a_passing_fault(call: Call, fault: Reply) -> None:
    faults = [fault]
    with answering(lambda _: faults.pop() if faults else reply({"ok": 1})) as (transport, server):
        data, _ = fetch(transport, call)
        assert len(server.received) == 2
    assert data == {"ok": 1}


def test_a_read_is_not_tried_forever() -> None:
    with answering(lambda _: Reply(429, headers={"Retry-After": "0"})) as (transport, server):
        error = the_error(transport, READ)
        assert 2 <= len(server.received) <= 5
    assert isinstance(error, ApiError)
    assert error.status == 429


def test_a_pause_that_is_too_long_is_told_and_not_waited_for() -> None:
    with answering(lambda _: reply({}, 429, Retry_After="3600")) as (transport, server):
        error = the_error(transport, READ)
        assert len(server.received) == 1
    assert "in 3600 s" in str(error.hint)


def test_an_answer_to_another_request_is_none_and_its_connection_is_not_used_again() -> None:
    def crossed(received: Received) -> Reply:
        return reply({"ok": 1}, X_Licensing_Request="another")

    with answering(crossed) as (transport, server):
        error = the_error(transport, READ)
        assert isinstance(error, UnreachableError)
        assert "to another request" in error.message
        assert len({received.client_port for received in server.received}) > 1
        before = len(server.received)
        error = the_error(transport, WRITE)
        assert isinstance(error, UnclearOutcomeError)
        assert len(server.received) == before + 1


def test_an_answer_that_repeats_the_request_s_own_id_is_taken() -> None:
    def echo(received: Received) -> Reply:
        return reply({"ok": 1}, X_Licensing_Request=received.headers["x-licensing-request"])

    with answering(echo) as (transport, server):
        assert fetch(transport, READ)[0] == {"ok": 1}
        assert fetch(transport, READ)[0] == {"ok": 1}
    assert len({received.headers["x-licensing-request"] for received in server.received}) == 2


@pytest.mark.parametrize("call", [READ, WRITE], ids=["read", "write"])
@pytest.mark.parametrize("body", [b" " * 200 + b"{}", b"[" * 200], ids=["legible", "never ending"])
def test_an_answer_that_trickles_is_given_up_after_a_time(
    call: Call, body: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(http, "WHOLE", 0.08)
    with answering(lambda _: Reply(200, body, trickle=0.05), timeout=10) as (transport, server):
        begin = time.monotonic()
        error = the_error(transport, call)
        assert 0.8 <= time.monotonic() - begin < 3
        assert len(server.received) == 1
    kind = UnclearOutcomeError if call.write else UnreachableError
    assert isinstance(error, kind)
    assert "did not end in time" in error.message


def test_headers_that_trickle_are_given_up_after_a_time(monkeypatch: pytest.MonkeyPatch) -> None:
    # Each byte has longer than all of them: a machine that is busy makes no other error of it.
    monkeypatch.setattr(http, "WHOLE", 0.08)
    with socket.create_server(("127.0.0.1", 0)) as listening:

        def trickle() -> None:
            with contextlib.suppress(OSError), listening.accept()[0] as connection:
                connection.sendall(b"HTTP/1.1 200 OK\r\nX: ")
                while True:
                    connection.sendall(b"x")
                    time.sleep(0.05)

        thread = threading.Thread(target=trickle, daemon=True)
        thread.start()
        url = f"http://127.0.0.1:{listening.getsockname()[1]}"
        with transport_to(url, timeout=10) as transport:
            begin = time.monotonic()
            error = the_error(transport, READ)
            assert time.monotonic() - begin < 3
        thread.join(5)
    assert isinstance(error, UnreachableError)
    assert "did not end in time" in error.message


def test_a_slow_answer_that_ends_in_time_is_taken_and_its_connection_stays() -> None:
    slow = Reply(200, b'{"ok": 1}' + b" " * 8, trickle=0.02)
    with answering(lambda _: slow, timeout=0.25) as (transport, server):
        for _ in range(2):
            assert fetch(transport, READ)[0] == {"ok": 1}
    assert len({received.client_port for received in server.received}) == 1


def test_answers_by_way_of_a_proxy_have_no_more_time() -> None:
    adapter = PromptAdapter(3)
    pools = adapter.proxy_manager_for("http://127.0.0.1:9").pool_classes_by_scheme
    assert {pool.ConnectionCls.response_class.within for pool in pools.values()} == {3}
    assert adapter.proxy_manager_for("http://127.0.0.1:9").pool_classes_by_scheme is pools
    adapter.close()


def in_seconds(count: float) -> str:
    return formatdate(time.time() + count, usegmt=True)


@pytest.mark.parametrize("status", [429, 500, 503])
@pytest.mark.parametrize("call", [READ, WRITE], ids=["read", "write"])
def test_the_pause_that_a_server_asks_for_is_told(call: Call, status: int) -> None:
    for header, low, high in (("700", 700, 700), (in_seconds(700), 690, 700), ("soon", None, None)):
        with answering(lambda _, h=header: reply({}, status, Retry_After=h)) as (transport, _):  # type: ignore[misc]
            error = the_error(transport, call)
        assert isinstance(error, ApiError)
        if low is None or high is None:
            assert error.retry_after is None
        else:
            assert error.retry_after is not None
            assert low <= error.retry_after <= high


@pytest.mark.parametrize("form", ["seconds", "date"])
def test_a_read_waits_for_as_long_as_the_server_asks(form: str) -> None:
    # A date has whole seconds, so that two of them are between one and two.
    header = "1" if form == "seconds" else in_seconds(2)
    answers = [reply({}, 429, Retry_After=header)]
    with answering(lambda _: answers.pop() if answers else reply({"ok": 1})) as (transport, _):
        begin = time.monotonic()
        assert fetch(transport, READ)[0] == {"ok": 1}
    assert 0.9 <= time.monotonic() - begin < 3


def test_a_server_error_on_a_read_is_told_as_such() -> None:
    with answering(lambda _: reply({"message": "boom"}, 500)) as (transport, _):
        error = the_error(transport, READ)
    assert isinstance(error, ApiError)
    assert (error.status, "boom" in error.message) == (500, True)


def test_plain_http_to_another_machine_is_refused() -> None:
    with pytest.raises(AuthenticationError, match="plain http"):
        HttpTransport("http://10.0.0.1", ApiKey("RECONCILER_API_KEY", SECRET), timeout=1)


def test_a_proxy_of_the_environment_does_not_get_plain_http(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    with (
        api(lambda _: reply({"from": "proxy"})) as proxy,
        answering(lambda _: reply({"from": "server"})) as (transport, _),
    ):
        monkeypatch.setenv("HTTP_PROXY", proxy.url)
        monkeypatch.setenv("http_proxy", proxy.url)
        monkeypatch.delenv("NO_PROXY", raising=False)
        monkeypatch.delenv("no_proxy", raising=False)
        data, _ = fetch(transport, READ)
        assert (data, proxy.received) == ({"from": "server"}, [])


def test_a_netrc_file_does_not_replace_the_key(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    netrc = tmp_path / "netrc"
    netrc.write_text("machine 127.0.0.1 login other password other\n")
    netrc.chmod(0o600)
    monkeypatch.setenv("NETRC", str(netrc))
    with tls_api(monkeypatch, tmp_path) as server, transport_to(server.url) as transport:
        fetch(transport, READ)
        assert server.received[0].key == SECRET


@contextmanager
def tls_api(
    monkeypatch: pytest.MonkeyPatch, folder: Path, *, trusted: bool = True
) -> Iterator[Api]:
    for name in ("HTTPS_PROXY", "https_proxy", "ALL_PROXY", "all_proxy", "CURL_CA_BUNDLE"):
        monkeypatch.delenv(name, raising=False)
    authority = trustme.CA()
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("127.0.0.1").configure_cert(context)
    bundle = folder / "ca.pem"
    authority.cert_pem.write_to_path(str(bundle))
    if trusted:
        monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(bundle))
    else:
        monkeypatch.delenv("REQUESTS_CA_BUNDLE", raising=False)
    with ExitStack() as stack:
        yield stack.enter_context(api(lambda _: reply({"ok": 1}), context))


def test_a_company_ca_is_trusted_when_the_environment_names_it(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    with tls_api(monkeypatch, tmp_path) as server, transport_to(server.url) as transport:
        assert fetch(transport, READ)[0] == {"ok": 1}


@pytest.mark.parametrize("call", [READ, WRITE], ids=["read", "write"])
def test_a_certificate_that_cannot_be_verified_gets_no_key(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, call: Call
) -> None:
    with (
        tls_api(monkeypatch, tmp_path, trusted=False) as server,
        transport_to(server.url) as transport,
    ):
        error = the_error(transport, call)
        assert server.received == []
    assert isinstance(error, UnreachableError)
    assert "REQUESTS_CA_BUNDLE" in str(error.hint)


def test_a_ca_bundle_that_is_not_there_is_told(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    with tls_api(monkeypatch, tmp_path) as server, transport_to(server.url) as transport:
        monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(tmp_path / "missing.pem"))
        error = the_error(transport, READ)
    assert isinstance(error, UnreachableError)
    assert "REQUESTS_CA_BUNDLE" in str(error.hint)


def test_a_proxy_that_is_down_changed_nothing(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    with tls_api(monkeypatch, tmp_path) as server, transport_to(server.url) as transport:
        monkeypatch.setenv("HTTPS_PROXY", f"http://127.0.0.1:{unused_port()}")
        monkeypatch.setenv("NO_PROXY", "")
        monkeypatch.setenv("no_proxy", "")
        error = the_error(transport, WRITE)
        assert server.received == []
    assert isinstance(error, UnreachableError)
    assert "proxy" in error.message
