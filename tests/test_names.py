from __future__ import annotations

import asyncio
import socket
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from asyncdl.names import KNOWN_SECONDS, MAX_KNOWN_NAMES, SILENT_SECONDS, STALE_SECONDS, UNKNOWN_SECONDS, NameCache
from tests.asking import Names, SilentNames

MUSEUM = "museum.test"


class Unsteady(Names):
    """Answers from its table, but while `silent` nobody answers."""

    silent = False

    async def resolve(self, host: str, port: int = 0, family: int = 0) -> list[object]:  # type: ignore[override]
        if self.silent:
            self.asked.append(host)
            raise socket.gaierror(socket.EAI_AGAIN, "Temporary failure in name resolution")
        return await super().resolve(host, port, family)  # type: ignore[return-value]


class Memory:
    """A cache with a clock that a test moves."""

    def __init__(self, table: dict[str, list[str]]) -> None:
        self.now = 0.0
        self.names = Unsteady(table)
        self.cache = NameCache(self.names, lambda: self.now, Random(1))

    async def ask(self, host: str = MUSEUM, port: int = 80) -> list[tuple[str, int]]:
        return [(found["host"], found["port"]) for found in await self.cache.resolve(host, port)]


async def test_a_name_is_known_for_a_while_whatever_the_port() -> None:
    memory = Memory({MUSEUM: ["127.0.0.1", "::1"]})
    assert await memory.ask() == [("127.0.0.1", 80), ("::1", 80)]
    memory.now = 0.8 * KNOWN_SECONDS
    assert await memory.ask(port=8080) == [("127.0.0.1", 8080), ("::1", 8080)]
    assert memory.names.asked == [MUSEUM]
    memory.now = KNOWN_SECONDS
    memory.names.table[MUSEUM] = ["127.0.0.2"]
    assert await memory.ask() == [("127.0.0.2", 80)]
    assert memory.cache.address_of(MUSEUM) == "127.0.0.2"


async def test_what_does_not_exist_is_known_for_a_shorter_while() -> None:
    memory = Memory({})
    for _ in range(3):
        with pytest.raises(OSError, match="not found"):
            await memory.ask()
    assert memory.names.asked == [MUSEUM]
    memory.now = UNKNOWN_SECONDS
    memory.names.table[MUSEUM] = ["127.0.0.1"]
    assert await memory.ask() == [("127.0.0.1", 80)]


async def test_a_silent_resolver_leaves_what_was_known_for_an_hour() -> None:
    memory = Memory({MUSEUM: ["127.0.0.1"]})
    await memory.ask()
    memory.names.silent = True
    memory.now = KNOWN_SECONDS
    assert await memory.ask() == [("127.0.0.1", 80)]
    memory.now += SILENT_SECONDS
    assert await memory.ask() == [("127.0.0.1", 80)]
    assert len(memory.names.asked) == 3
    memory.now = STALE_SECONDS
    with pytest.raises(socket.gaierror):
        await memory.ask()


async def test_a_name_that_is_gone_is_not_kept_alive() -> None:
    memory = Memory({MUSEUM: ["127.0.0.1"]})
    await memory.ask()
    del memory.names.table[MUSEUM]
    memory.now = KNOWN_SECONDS
    with pytest.raises(OSError, match="not found"):
        await memory.ask()


async def test_look_ups_of_one_name_are_joined_and_survive_who_gives_up() -> None:
    asked, release = asyncio.Event(), asyncio.Event()

    class Slow(Names):
        async def resolve(self, host: str, port: int = 0, family: int = 0) -> list[object]:  # type: ignore[override]
            asked.set()
            await release.wait()
            return await super().resolve(host, port, family)  # type: ignore[return-value]

    names = Slow({MUSEUM: ["127.0.0.1"]})
    cache = NameCache(names, lambda: 0.0, Random(1))
    first, second = (asyncio.create_task(cache.resolve(MUSEUM, port)) for port in (80, 443))
    await asked.wait()
    first.cancel()
    release.set()
    assert [found["port"] for found in await second] == [443]
    with pytest.raises(asyncio.CancelledError):
        await first
    assert names.asked == [MUSEUM]


async def test_closing_waits_for_nobody() -> None:
    cache = NameCache(SilentNames({}), lambda: 0.0, Random(1))
    task = asyncio.create_task(cache.resolve(MUSEUM))
    await asyncio.sleep(0)
    async with asyncio.timeout(5):
        await cache.close()
        with pytest.raises(asyncio.CancelledError):
            await task


async def test_the_memory_is_bounded() -> None:
    memory = Memory({f"{number}.test": ["127.0.0.1"] for number in range(MAX_KNOWN_NAMES + 10)})
    for host in list(memory.names.table):
        await memory.ask(host)
    assert memory.cache.address_of("0.test") is None
    assert memory.cache.address_of(f"{MAX_KNOWN_NAMES}.test") == "127.0.0.1"
    memory.cache.forget()
    assert memory.cache.address_of(f"{MAX_KNOWN_NAMES}.test") is None


@given(
    st.lists(st.tuples(st.sampled_from(["a", "b"]), st.sampled_from(["", "1", "2", "silent"]), st.floats(0, 1_000)), max_size=30)
)
def test_nothing_older_than_its_time_is_told(steps: list[tuple[str, str, float]]) -> None:
    """Every answer is what the resolver said within ten minutes, or within the hour while it says nothing."""

    async def run() -> None:
        memory = Memory({})
        said: dict[str, list[tuple[float, str]]] = {"a": [], "b": []}
        silent_at = float("-inf")
        for host, answer, seconds in steps:
            memory.now += seconds
            memory.names.silent = answer == "silent"
            memory.names.table = {host: [answer]} if answer not in ("", "silent") else {}
            before = len(memory.names.asked)
            try:
                [(address, _)] = await memory.ask(host)
            except OSError:
                address = ""
            if len(memory.names.asked) > before and answer != "silent":
                said[host].append((memory.now, answer))
            if len(memory.names.asked) > before and answer == "silent":
                silent_at = memory.now
            limit = STALE_SECONDS if memory.now - silent_at <= SILENT_SECONDS else KNOWN_SECONDS
            assert not address or any(address == told and memory.now - at <= limit + SILENT_SECONDS for at, told in said[host])

    asyncio.run(run())
