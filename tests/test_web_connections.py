"""Which way a request takes: addresses that race, addresses that are shared, proxies."""

from __future__ import annotations

import asyncio
import socket
import ssl
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from dataclasses import replace

import pytest

from asyncdl.login import Login
from asyncdl.request_failures import RequestFailure
from asyncdl.web import Web
from tests.asking import HASTY, SETTINGS, Names, failure, fetch, fetch_with
from tests.proxying import LocalProxy
from tests.scripted import Act, ScriptedServer, answer
from tests.test_web import TLS_FILES, unused_port

# ---- addresses that race -----------------------------------------------------------------------------------


@contextmanager
def deaf_address(port: int) -> Iterator[str]:
    """An address whose queue of connections is full: whoever connects waits for ever, as behind a firewall that drops."""
    address = "127.0.0.9"
    with socket.socket() as listening:
        listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listening.bind((address, port))
        listening.listen(0)
        waiting = [socket.socket() for _ in range(4)]
        for each in waiting:
            each.setblocking(False)
            each.connect_ex((address, port))
        try:
            yield address
        finally:
            for each in waiting:
                each.close()


async def test_a_deaf_address_costs_a_quarter_of_a_second_and_no_failure(origin: ScriptedServer) -> None:
    """Happy Eyeballs (RFC 8305): the next address is tried beside the one that does not answer."""
    origin.script("/a", answer(body=b"here"))
    with deaf_address(origin.port) as deaf:
        names = Names({"museum.test": [deaf, "127.0.0.1"]})
        began = asyncio.get_running_loop().time()
        settings = replace(SETTINGS, connect_timeout_seconds=5)
        assert await fetch(f"http://museum.test:{origin.port}/a", settings, names) == (200, b"here")
        assert asyncio.get_running_loop().time() - began < 2
        assert (
            await failure(f"http://museum.test:{origin.port}/a", HASTY, Names({"museum.test": [deaf]}))
        ).error == "connect_timeout"


async def test_ipv6_and_ipv4_race_and_either_may_win() -> None:
    async with ScriptedServer("::1") as six, ScriptedServer("127.0.0.1", port=six.port) as four:
        six.script("/a", answer(body=b"six"))
        four.script("/a", answer(body=b"four"))
        url = f"http://museum.test:{six.port}/a"
        assert await fetch(url, SETTINGS, Names({"museum.test": ["::1", "127.0.0.1"]})) == (200, b"six")
        assert await fetch(url, SETTINGS, Names({"museum.test": ["127.0.0.1", "::1"]})) == (200, b"four")


# ---- addresses that are shared -----------------------------------------------------------------------------


async def test_hosts_at_one_address_share_its_places(origin: ScriptedServer) -> None:
    go_on = asyncio.Event()
    slow = origin.script("/slow", go_on, answer(body=b"1")).replace("127.0.0.1", "one.test")
    origin.script("/a", answer(body=b"2"))
    names = Names({name: ["127.0.0.1"] for name in ("one.test", "two.test")})
    async with Web(replace(SETTINGS, address_connections=1), names) as web:
        task = asyncio.create_task(fetch_with(web, slow))
        await origin.request_came.wait()
        with pytest.raises(RequestFailure) as refused:
            await fetch_with(web, f"http://two.test:{origin.port}/a")
        assert refused.value.error == "address_busy"
        go_on.set()
        assert await task == (200, b"1")
        assert await fetch_with(web, f"http://two.test:{origin.port}/a") == (200, b"2")
    assert [request.headers.get("connection") for request in origin.requests] == [None, "close"]


async def test_a_host_by_itself_has_only_its_lane_above_it(origin: ScriptedServer) -> None:
    go_on = asyncio.Event()
    url = origin.script("/slow", go_on, answer(body=b"1"))
    origin.script("/a", answer(body=b"2"))
    async with Web(replace(SETTINGS, address_connections=1)) as web:
        task = asyncio.create_task(fetch_with(web, url))
        await origin.request_came.wait()
        assert await fetch_with(web, origin.url("/a")) == (200, b"2")
        go_on.set()
        await task


# ---- proxies -----------------------------------------------------------------------------------------------

LOGIN = "Basic bWU6c2VjcmV0"


@pytest.fixture
async def secure() -> AsyncIterator[ScriptedServer]:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(TLS_FILES / "certificate.pem", TLS_FILES / "key.pem")
    async with ScriptedServer(tls=context) as server:
        yield server


async def test_plain_requests_and_tunnels_go_through_a_proxy_with_a_login(origin: ScriptedServer, secure: ScriptedServer) -> None:
    """The names are resolved by the proxy: ours is not asked."""
    origin.script("/a", answer(body=b"plain"))
    secure.script("/b", answer(body=b"secret"))
    async with LocalProxy(
        {"museum.test:80": origin.port, "museum.test": origin.port, "safe.test:443": secure.port}, LOGIN
    ) as proxy:
        settings = replace(
            SETTINGS,
            proxy=proxy.url,
            proxy_login=Login(proxy.url, "me", "secret"),
            insecure_hosts=frozenset({"safe.test"}),
            allow_private=(),
        )
        names = Names({})
        async with Web(settings, names) as web:
            assert await fetch_with(web, "http://museum.test/a") == (200, b"plain")
            assert await fetch_with(web, "https://safe.test/b") == (200, b"secret")
        assert (proxy.asked, names.asked) == (["GET http://museum.test/a", "CONNECT safe.test:443"], [])
    assert [request.headers.get("proxy-authorization") for request in (*origin.requests, *secure.requests)] == [None, None]


@pytest.mark.parametrize("url", ["http://museum.test/a", "https://museum.test/a"])
async def test_a_proxy_that_wants_a_login_is_our_own_affair(url: str) -> None:
    async with LocalProxy({}, LOGIN) as proxy:
        failed = await failure(url, replace(SETTINGS, proxy=proxy.url))
    assert failed.error == "local_network"
    assert "PROXY_USER" in failed.detail


async def test_what_a_proxy_cannot_reach_is_the_host_s_affair() -> None:
    async with LocalProxy({}) as proxy:
        assert (await failure("https://museum.test/a", replace(SETTINGS, proxy=proxy.url))).error == "connect_failed"


async def test_tls_is_checked_through_a_tunnel(secure: ScriptedServer) -> None:
    async with LocalProxy({"safe.test:443": secure.port}) as proxy:
        assert (await failure("https://safe.test/b", replace(SETTINGS, proxy=proxy.url))).error == "tls_error"
    assert secure.requests == []


async def test_a_dead_proxy_is_named() -> None:
    proxy = f"http://127.0.0.1:{unused_port()}"
    failed = await failure("http://museum.test/a", replace(SETTINGS, proxy=proxy))
    assert failed.error == "local_network"
    assert f"the proxy {proxy} does not answer" in failed.detail


async def test_a_kept_tunnel_is_used_again(secure: ScriptedServer) -> None:
    secure.script("/b", answer(body=b"1"))
    async with LocalProxy({"safe.test:443": secure.port}) as proxy:
        async with Web(replace(SETTINGS, proxy=proxy.url, insecure_hosts=frozenset({"safe.test"}))) as web:
            for _ in range(2):
                assert await fetch_with(web, "https://safe.test/b") == (200, b"1")
        assert proxy.asked == ["CONNECT safe.test:443"]


async def test_closing_ends_what_is_under_way(origin: ScriptedServer) -> None:
    url = origin.script("/a", Act.HOLD)
    async with Web(replace(SETTINGS, address_connections=2)) as web:
        task = asyncio.create_task(fetch_with(web, url))
        await origin.request_came.wait()
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        assert not web._crowds._busy
