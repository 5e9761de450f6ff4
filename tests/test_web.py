from __future__ import annotations

import asyncio
import logging
import resource
import socket
import ssl
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import pytest

from asyncdl.login import Login
from asyncdl.request_failures import RequestFailure
from asyncdl.web import Web, bandwidth_limiter
from tests.asking import HASTY, SETTINGS, Names, SilentNames, failure, fetch, fetch_with
from tests.scripted import Act, Repeat, ScriptedServer, answer, head
from tests.test_addresses import REFUSED

TLS_FILES = Path(__file__).parent / "data" / "tls"


# ---- what is sent, what comes back -----------------------------------------------------------------------


async def test_a_whole_answer_and_its_facts(origin: ScriptedServer) -> None:
    url = origin.script("/a.jpg", answer(body=b"picture", headers={"content-type": 'IMAGE/JPEG; Charset="UTF-8"', "X-Y": "z"}))
    async with Web(SETTINGS) as web, web.get(url) as response:
        assert (response.status, response.media_type, response.charset) == (200, "image/jpeg", "utf-8")
        assert (response.content_length, response.length_known, response.url) == (7, True, url)
        assert response.headers["x-y"] == "z"
        assert [chunk async for chunk in response.chunks()] == [b"picture"]
        assert [chunk async for chunk in response.chunks()] == []


async def test_what_a_request_carries_and_what_it_does_not(origin: ScriptedServer) -> None:
    url = origin.script("/a%7E|b", answer())
    async with Web(SETTINGS) as web, web.get(url + "?q=a+b&c=%2c", headers={"If-None-Match": '"1"'}):
        pass
    (request,) = origin.requests
    assert (request.method, request.target) == ("GET", "/a%7E|b?q=a+b&c=%2c")
    assert request.headers == {
        "host": f"127.0.0.1:{origin.port}",
        "user-agent": "asyncdl-test",
        "accept": "*/*",
        "accept-encoding": "identity",
        "if-none-match": '"1"',
    }


async def test_a_request_with_a_body_and_a_login(origin: ScriptedServer) -> None:
    url = origin.script("/a", answer(201, b"key"))
    async with (
        Web(SETTINGS) as web,
        web.request(
            "POST", url, headers={"Content-Type": "application/json"}, body=b"{}", login=Login(origin.url("/"), "me", "secret")
        ) as response,
    ):
        assert (response.status, [chunk async for chunk in response.chunks()]) == (201, [b"key"])
    (request,) = origin.requests
    assert (request.method, request.headers["content-length"], request.headers["content-type"]) == ("POST", "2", "application/json")
    assert request.headers["authorization"] == "Basic bWU6c2VjcmV0"


async def test_a_login_goes_to_no_other_origin(origin: ScriptedServer) -> None:
    url = origin.script("/a", answer())
    async with Web(SETTINGS) as web:
        for other in ("https://api.gbif.org/", "http://127.0.0.1:1/", url.replace("127.0.0.1", "127.0.0.2")):
            with pytest.raises(RequestFailure, match="forbidden_address") as refused:
                async with web.request("GET", url, login=Login(other, "me", "secret")):
                    pass
            assert "secret" not in str(refused.value)
    assert origin.requests == []


async def test_what_is_not_idempotent_is_never_sent_twice(origin: ScriptedServer) -> None:
    url = origin.script("/a", answer())
    origin.script("/a", Act.CLOSE)
    async with Web(SETTINGS) as web:
        assert await fetch_with(web, url) == (200, b"")
        with pytest.raises(RequestFailure, match="connection_broken"):
            async with web.request("POST", url, body=b"{}"):
                pass
    assert [request.method for request in origin.requests] == ["GET", "POST"]
    assert origin.connections == 1


async def test_redirects_are_answers(origin: ScriptedServer) -> None:
    url = origin.script("/old", answer(302, headers={"Location": origin.script("/new", answer())}))
    async with Web(SETTINGS) as web, web.get(url) as response:
        assert (response.status, response.headers["location"]) == (302, origin.url("/new"))
    assert origin.requests_of("/new") == []


async def test_cookies_are_not_kept(origin: ScriptedServer, caplog: pytest.LogCaptureFixture) -> None:
    url = origin.script("/a", answer(headers={"Set-Cookie": "id=1; Path=/"})).replace("127.0.0.1", "museum.test")
    origin.script("/a", answer(headers={"Set-Cookie": "\x80=;;=bad"}))
    with caplog.at_level(logging.WARNING):
        async with Web(SETTINGS, Names({"museum.test": ["127.0.0.1"]})) as web:
            for _ in range(3):
                await fetch_with(web, url)
    assert ["cookie" in request.headers for request in origin.requests] == [False] * 3
    assert caplog.records == []


# ---- connections -----------------------------------------------------------------------------------------


async def test_connections_are_kept_even_when_a_small_body_was_not_read(origin: ScriptedServer) -> None:
    url = origin.script("/a", answer(404, b"no such picture"))
    async with Web(SETTINGS) as web:
        for _ in range(3):
            async with web.get(url) as response:
                assert response.status == 404
    assert origin.connections == 1


async def test_a_break_before_the_answer_is_not_asked_again(origin: ScriptedServer) -> None:
    assert (await failure(origin.script("/a", Act.CLOSE))).error == "connection_broken"
    assert (await failure(origin.script("/b", Act.RESET))).error == "connection_broken"
    assert len(origin.requests) == 2


async def test_a_kept_connection_that_was_closed_is_replaced_once(origin: ScriptedServer) -> None:
    origin.script("/a", answer(body=b"1"))
    origin.script("/b", Act.CLOSE)
    async with Web(SETTINGS) as web:
        assert await fetch_with(web, origin.url("/a")) == (200, b"1")
        with pytest.raises(RequestFailure, match="connection_broken"):
            await fetch_with(web, origin.url("/b"))
    assert [request.connection for request in origin.requests_of("/b")] == [1, 2]


async def test_names_are_looked_up_once_and_again_after_a_failure(origin: ScriptedServer) -> None:
    names = Names({"museum.test": ["127.0.0.1"]})
    url = origin.script("/a", answer(headers={"Connection": "close"})).replace("127.0.0.1", "museum.test")
    async with Web(SETTINGS, names) as web:
        await fetch_with(web, url)
        await fetch_with(web, url)
        assert (names.asked, origin.connections) == (["museum.test"], 2)
        closed = f"http://museum.test:{unused_port()}/"
        for _ in range(2):
            with pytest.raises(RequestFailure, match="connect_failed"):
                await fetch_with(web, closed)
    assert names.asked == ["museum.test"] * 2


def unused_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


async def test_nothing_listens() -> None:
    failed = await failure(f"http://127.0.0.1:{unused_port()}/")
    assert failed.error == "connect_failed"


async def test_an_unknown_name() -> None:
    failed = await failure("http://nowhere.test/", resolver=Names({}))
    assert (failed.error, failed.detail) == ("dns_error", "Domain name not found")


async def test_a_name_without_addresses_and_the_system_resolver() -> None:
    assert (await failure("http://name.invalid/")).error == "dns_error"


async def test_the_system_resolver_finds_this_machine(origin: ScriptedServer) -> None:
    origin.script("/a", answer(body=b"here"))
    assert await fetch(origin.url("/a").replace("127.0.0.1", "localhost")) == (200, b"here")


async def test_ipv6(origin: ScriptedServer) -> None:
    async with ScriptedServer("::1") as server:
        assert await fetch(server.script("/a", answer(body=b"six"))) == (200, b"six")


async def test_no_handles_left_is_a_local_fault(origin: ScriptedServer) -> None:
    url = origin.script("/a", answer())
    async with Web(SETTINGS) as web:
        with no_more_handles(), pytest.raises(RequestFailure) as caught:
            await fetch_with(web, url)
        assert (await fetch_with(web, url))[0] == 200
    assert caught.value.error == "local_io"


@contextmanager
def no_more_handles() -> Iterator[None]:
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    used = len(list(Path("/proc/self/fd").iterdir()))
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(used - 1, 3), hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


# ---- TLS -------------------------------------------------------------------------------------------------


@pytest.fixture
async def secure() -> AsyncIterator[ScriptedServer]:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(TLS_FILES / "certificate.pem", TLS_FILES / "key.pem")
    async with ScriptedServer(tls=context) as server:
        yield server


async def test_an_unknown_certificate_is_refused_except_for_named_hosts(secure: ScriptedServer) -> None:
    url = secure.script("/a", answer(body=b"secret"))
    failed = await failure(url)
    assert failed.error == "tls_error"
    assert "self-signed" in failed.detail.lower().replace(" ", "-")
    assert (await failure(url, replace(SETTINGS, insecure_hosts=frozenset({"other.org"})))).error == "tls_error"
    assert secure.requests == []
    assert await fetch(url, replace(SETTINGS, insecure_hosts=frozenset({"127.0.0.1"}))) == (200, b"secret")


async def test_no_tls_where_tls_is_asked_for() -> None:
    async with ScriptedServer(greeting=(answer(400), Act.HOLD)) as server:
        assert (await failure(server.url("/").replace("http:", "https:"))).error == "tls_error"


# ---- deadlines -------------------------------------------------------------------------------------------


async def test_connect_deadline_covers_the_handshake() -> None:
    async with ScriptedServer(greeting=(Act.HOLD,)) as server:
        failed = await failure(server.url("/").replace("http:", "https:"), HASTY)
    assert failed.error == "connect_timeout"
    assert "TLS included" in failed.detail


async def test_connect_deadline_covers_the_name() -> None:
    failed = await failure("http://museum.test/", HASTY, SilentNames({}))
    assert failed.error == "dns_error"


async def test_first_byte_deadline(origin: ScriptedServer) -> None:
    failed = await failure(origin.script("/a", Act.HOLD), HASTY)
    assert (failed.error, failed.detail) == ("timeout", "no answer within 0.2 s (first byte)")


async def test_a_head_that_trickles_in_is_bounded(origin: ScriptedServer) -> None:
    url = origin.script("/a", b"HTTP/1.1 200 OK\r\nX: ", Repeat(b"y", pause_seconds=0.02))
    assert "first byte" in (await failure(url, HASTY)).detail


async def test_a_storm_of_interim_answers_is_bounded(origin: ScriptedServer) -> None:
    url = origin.script("/a", Repeat(b"HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n"))
    assert "first byte" in (await failure(url, HASTY)).detail


async def test_a_few_interim_answers_do_no_harm(origin: ScriptedServer) -> None:
    url = origin.script("/a", b"HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n" * 3, answer(body=b"late"))
    assert await fetch(url) == (200, b"late")


def test_no_ceiling() -> None:
    assert bandwidth_limiter(0) is None


async def test_cancelling_is_not_a_failure(origin: ScriptedServer) -> None:
    url = origin.script("/a", answer(body=b"abc", length=10), Act.HOLD)
    async with Web(SETTINGS) as web:
        task = asyncio.create_task(fetch_with(web, url))
        await origin.request_came.wait()
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task


# ---- broken answers --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "headers",
    [
        b"Content-Length: 3\r\nTransfer-Encoding: chunked",
        b"Content-Length: 3\r\nContent-Length: 4",
        b"Content-Length: -3",
        b"Content-Length: three",
        b"\r\n".join(b"X-%d: y" % number for number in range(200_000)),
        b"X: " + b"y" * 10_000_000,
        b"no colon here",
        b"X: a\x00b",
    ],
    ids=["length and chunked", "two lengths", "negative", "word", "200,000 headers", "10 MB header", "no colon", "NUL"],
)
async def test_heads_that_are_not_http(origin: ScriptedServer, headers: bytes) -> None:
    url = origin.script("/a", b"HTTP/1.1 200 OK\r\n" + headers + b"\r\n\r\nabc", Act.CLOSE)
    failed = await failure(url)
    assert failed.error == "protocol_error"
    assert len(failed.detail) <= 300
    assert failed.detail.isprintable()


async def test_bytes_that_are_not_http_at_all(origin: ScriptedServer) -> None:
    assert (await failure(origin.script("/a", b"SSH-2.0-OpenSSH_9.2\r\n", Act.CLOSE))).error == "protocol_error"


async def test_protocol_switches_are_answers_like_any_other(origin: ScriptedServer) -> None:
    url = origin.script("/a", head(101, {"Connection": "Upgrade", "Upgrade": "x"}), Act.HOLD)
    async with Web(HASTY) as web, web.get(url) as response:
        assert response.status == 101


# ---- the address gate ------------------------------------------------------------------------------------

NUMERIC = [address for address in REFUSED if address not in {"", "localhost"} and "%" not in address]


@pytest.mark.parametrize("address", NUMERIC)
async def test_literals_are_refused_at_the_socket(address: str) -> None:
    host = f"[{address}]" if ":" in address else address
    failed = await failure(f"http://{host}:8080/", replace(HASTY, allow_private=()))
    assert failed.error == "forbidden_address"


@pytest.mark.parametrize("address", NUMERIC)
async def test_names_are_refused_at_the_socket(address: str) -> None:
    failed = await failure("http://museum.test:8080/", replace(HASTY, allow_private=()), Names({"museum.test": [address]}))
    assert failed.error == "forbidden_address"
    assert address in failed.detail


@pytest.mark.parametrize("host", ["①②⑦.0.0.1", "127。0。0。1", "0x7f.1", "localhost"])
async def test_odd_spellings_end_at_the_same_gate(origin: ScriptedServer, host: str) -> None:
    failed = await failure(f"http://{host}:{origin.port}/", replace(HASTY, allow_private=()))
    assert failed.error == "forbidden_address"
    assert origin.connections == 0


@pytest.mark.parametrize("host", ["2130706433", "017700000001", "127.1", "127.0.0.1."])
async def test_other_number_forms_never_connect(origin: ScriptedServer, host: str) -> None:
    assert (await failure(f"http://{host}:{origin.port}/")).error == "invalid_url"
    assert origin.connections == 0


async def test_a_name_with_one_allowed_address_uses_that_one(origin: ScriptedServer) -> None:
    origin.script("/a", answer(body=b"here"))
    names = Names({"museum.test": ["10.0.0.1", "fd00:ec2::254", "127.0.0.1"]})
    assert await fetch(f"http://museum.test:{origin.port}/a", SETTINGS, names) == (200, b"here")


async def test_refused_addresses_do_not_hide_that_the_host_is_down() -> None:
    names = Names({"museum.test": ["10.0.0.1", "127.0.0.1"]})
    assert (await failure(f"http://museum.test:{unused_port()}/", SETTINGS, names)).error == "connect_failed"


async def test_rebinding_reaches_no_other_address(origin: ScriptedServer) -> None:
    """The kept connection goes where the gate let it; a new look-up goes through the gate again."""
    names = Names({"museum.test": ["127.0.0.1"]})
    url = origin.script("/a", answer(body=b"1")).replace("127.0.0.1", "museum.test")
    async with Web(SETTINGS, names) as web:
        assert await fetch_with(web, url) == (200, b"1")
        names.table["museum.test"] = ["10.0.0.1"]
        assert await fetch_with(web, url) == (200, b"1")
        web.forget_names()
        with pytest.raises(RequestFailure, match="forbidden_address"):
            await fetch_with(web, f"http://museum.test:{unused_port()}/a")
    assert origin.connections == 1


async def test_a_kept_connection_serves_its_own_host_only(origin: ScriptedServer) -> None:
    names = Names({"museum.test": ["127.0.0.1"], "other.test": ["10.0.0.1"]})
    origin.script("/a", answer(body=b"1"))
    async with Web(SETTINGS, names) as web:
        await fetch_with(web, f"http://museum.test:{origin.port}/a")
        with pytest.raises(RequestFailure, match="forbidden_address"):
            await fetch_with(web, f"http://other.test:{origin.port}/a")


@pytest.mark.parametrize("url", ["http://user:pw@127.0.0.1/", "http://a b/", "ftp://a.org/x", "http://a.org/\r\nX: y"])
async def test_unusable_urls_never_reach_the_library(url: str) -> None:
    assert (await failure(url)).error == "invalid_url"


async def test_a_proxy_is_used_only_when_named(origin: ScriptedServer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("http_proxy", f"http://127.0.0.1:{unused_port()}")
    assert await fetch(origin.script("/a", answer(body=b"direct"))) == (200, b"direct")


async def test_a_named_proxy_may_be_private_but_literals_are_still_judged(origin: ScriptedServer) -> None:
    settings = replace(SETTINGS, allow_private=(), proxy=origin.url("/"))
    async with Web(settings) as web:
        async with web.get("http://museum.test/a") as response:
            assert response.status == 404
        with pytest.raises(RequestFailure, match="forbidden_address"):
            await fetch_with(web, "http://169.254.169.254/latest")
    assert [request.target for request in origin.requests] == ["http://museum.test/a"]


async def test_a_dead_proxy_is_our_own_network() -> None:
    failed = await failure("http://museum.test/a", replace(SETTINGS, proxy=f"http://127.0.0.1:{unused_port()}"))
    assert failed.error == "local_network"
