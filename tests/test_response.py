from __future__ import annotations

import asyncio
from dataclasses import replace

import pytest

from asyncdl.request_failures import RequestFailure
from asyncdl.web import Web, bandwidth_limiter
from tests.asking import HASTY, SETTINGS, failure, fetch, fetch_with
from tests.scripted import Act, Repeat, ScriptedServer, answer, head


async def test_compressed_bodies_stay_as_they_are(origin: ScriptedServer) -> None:
    url = origin.script("/a", answer(body=b"\x1f\x8b no gzip at all", headers={"Content-Encoding": "GZIP"}))
    async with Web(SETTINGS) as web, web.get(url) as response:
        assert response.content_encoding == "gzip"
        assert b"".join([chunk async for chunk in response.chunks()]) == b"\x1f\x8b no gzip at all"


async def test_headers_that_are_no_utf_8_become_storable_text(origin: ScriptedServer) -> None:
    url = origin.script("/a", b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\nLocation: /caf\xe9\r\nX-Name: \xc3\xa4\r\n\r\n")
    async with Web(SETTINGS) as web, web.get(url) as response:
        assert response.headers["Location"] == "/café"
        assert response.headers["X-Name"] == "ä"


async def test_big_bodies_come_in_bounded_chunks(origin: ScriptedServer) -> None:
    body = bytes(range(256)) * 4096
    url = origin.script("/a", answer(body=body))
    async with Web(SETTINGS) as web, web.get(url) as response:
        chunks = [chunk async for chunk in response.chunks()]
    assert b"".join(chunks) == body
    assert max(map(len, chunks)) <= 65_536


async def test_an_endless_body_is_the_callers_to_bound(origin: ScriptedServer) -> None:
    url = origin.script("/a", head(headers={"Transfer-Encoding": "chunked"}), Repeat(b"2710\r\n" + b"x" * 10_000 + b"\r\n"))
    async with Web(SETTINGS) as web:
        async with web.get(url) as response:
            received = 0
            async for chunk in response.chunks():
                received += len(chunk)
                if received > 500_000:
                    break
        origin.script("/b", answer(body=b"next"))
        assert await fetch_with(web, origin.url("/b")) == (200, b"next")
    assert [request.connection for request in origin.requests] == [1, 2]


async def test_stall_deadline(origin: ScriptedServer) -> None:
    failed = await failure(origin.script("/a", answer(body=b"abc", length=10), Act.HOLD), HASTY)
    assert (failed.error, failed.detail) == ("timeout", "no more bytes for 0.2 s (stall)")


async def test_minimum_speed(origin: ScriptedServer) -> None:
    url = origin.script("/a", answer(body=b"x" * 50_000, length=10**6), Repeat(b"y", pause_seconds=0.02))
    failed = await failure(url, replace(HASTY, min_speed_grace_seconds=0.2))
    assert failed.error == "timeout"
    assert failed.detail.endswith("(minimum speed)")


async def test_speed_counts_the_bytes_that_came_while_we_were_busy(origin: ScriptedServer) -> None:
    url = origin.script("/a", answer(body=b"a", length=100_002), 0.05, b"x" * 100_000, 0.6, b"z")
    received = 0
    async with Web(replace(SETTINGS, min_speed_grace_seconds=0.2)) as web, web.get(url) as response:
        async for chunk in response.chunks():
            received += len(chunk)
            if chunk == b"a":
                await asyncio.sleep(0.2)  # the machine is busy; the next bytes are there when it comes back
    assert received == 100_002


async def test_total_deadline(origin: ScriptedServer) -> None:
    url = origin.script("/a", head(headers={"Content-Length": "1000000"}), Repeat(b"y" * 100, pause_seconds=0.02))
    failed = await failure(url, replace(SETTINGS, total_timeout_seconds=0.3))
    assert (failed.error, failed.detail) == ("timeout", "the answer took longer than 0.3 s (total)")


async def test_our_own_throttle_counts_against_no_deadline(origin: ScriptedServer) -> None:
    url = origin.script("/a", answer(body=b"x" * 200_000))
    settings = replace(HASTY, total_timeout_seconds=0.3, min_speed_bytes_per_second=10**6, min_speed_grace_seconds=0.1)
    limiter = bandwidth_limiter(8 * 150_000)
    assert limiter is not None
    loop = asyncio.get_running_loop()
    async with Web(settings) as web:
        began = loop.time()
        _, body = await fetch_with(web, url, limiter)
    assert len(body) == 200_000
    assert loop.time() - began >= 0.3  # 150 kB pass at once, the rest at that speed


async def test_the_ceiling_of_the_process_holds_for_all(origin: ScriptedServer) -> None:
    url = origin.script("/a", answer(body=b"x" * 50_000))
    loop = asyncio.get_running_loop()
    async with Web(replace(SETTINGS, bandwidth_bits_per_second=8 * 100_000)) as web:
        began = loop.time()
        await asyncio.gather(*(fetch_with(web, url) for _ in range(3)))
    assert loop.time() - began >= 0.45


async def test_a_ceiling_below_one_chunk_still_lets_bytes_through(origin: ScriptedServer) -> None:
    url = origin.script("/a", answer(body=b"x" * 150))
    async with Web(SETTINGS) as web:
        assert len((await fetch_with(web, url, bandwidth_limiter(800)))[1]) == 150


async def test_fewer_bytes_than_announced(origin: ScriptedServer) -> None:
    failed = await failure(origin.script("/a", answer(body=b"abc", length=10), Act.CLOSE))
    assert failed.error == "truncated"
    assert "10 bytes were announced" in failed.detail


async def test_a_reset_in_the_body(origin: ScriptedServer) -> None:
    url = origin.script("/a", head(headers={"Transfer-Encoding": "chunked"}), b"3\r\nabc\r\n", 0.05, Act.RESET)
    assert (await failure(url)).error == "connection_broken"


async def test_more_bytes_than_announced_poison_nothing(origin: ScriptedServer) -> None:
    url = origin.script("/a", answer(body=b"abcHTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nevil", length=3), 0.05)
    other = origin.script("/b", answer(body=b"good"))
    async with Web(SETTINGS) as web:
        try:
            assert await fetch_with(web, url) == (200, b"abc")
        except RequestFailure as failed:
            assert failed.error == "protocol_error"  # noqa: PT017  either is right, see the assertion below
        assert await fetch_with(web, other) == (200, b"good")


async def test_a_cut_chunk(origin: ScriptedServer) -> None:
    url = origin.script("/a", head(headers={"Transfer-Encoding": "chunked"}), b"ff\r\nabc", Act.CLOSE)
    assert (await failure(url)).error == "connection_broken"


async def test_a_chunk_that_is_no_chunk(origin: ScriptedServer) -> None:
    url = origin.script("/a", head(headers={"Transfer-Encoding": "chunked"}), b"zz\r\nabc\r\n", Act.CLOSE)
    assert (await failure(url)).error in {"connection_broken", "protocol_error"}


async def test_a_body_without_length_is_marked(origin: ScriptedServer) -> None:
    url = origin.script("/a", head(), b"abc", Act.CLOSE)
    async with Web(SETTINGS) as web, web.get(url) as response:
        assert (response.length_known, response.content_length) == (False, None)
        assert b"".join([chunk async for chunk in response.chunks()]) == b"abc"


async def test_chunked_bodies_have_a_known_end(origin: ScriptedServer) -> None:
    url = origin.script("/a", head(headers={"Transfer-Encoding": "chunked"}), b"3\r\nabc\r\n0\r\n\r\n")
    async with Web(SETTINGS) as web, web.get(url) as response:
        assert (response.length_known, response.content_length) == (True, None)
        assert b"".join([chunk async for chunk in response.chunks()]) == b"abc"


@pytest.mark.parametrize("status", [204, 304])
async def test_answers_without_a_body(origin: ScriptedServer, status: int) -> None:
    assert await fetch(origin.script("/a", head(status))) == (status, b"")
