"""Trouble of our own line: nobody is charged for it, and the run goes on by itself."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio

from tests.e2e.holdings import ask, check_order
from tests.e2e.program import Program, started
from tests.e2e.sources import list_of, served
from tests.scripted import Act, ScriptedServer, answer

HOSTS = ("one-museum.org", "two-museum.org", "three-museum.org", "four-museum.org")
PHOTOS = 8
CONTACT = ("--contact", "curator@museum-of-plants.org")
FAST = ("--allow-private", "127.0.0.0/8", "--host-rate", "50", "--host-connections", "4", *CONTACT)
NAMES = """
import socket
def _getaddrinfo(host, port, *rest, **more):
    address = open({path!r}).read().strip()
    if not address:
        raise socket.gaierror(socket.EAI_AGAIN, "Temporary failure in name resolution")
    return _real(address, port, *rest, **more)
_real, socket.getaddrinfo = socket.getaddrinfo, _getaddrinfo
"""
"""Every name leads to the address in a file; where it is empty the resolver does not answer."""


class Network:
    """What the program's resolver says."""

    def __init__(self, folder: Path) -> None:
        self._address = folder / "address"
        (folder / "hook").mkdir()
        (folder / "hook" / "sitecustomize.py").write_text(NAMES.format(path=str(self._address)))
        self.environment = {"PYTHONPATH": str(folder / "hook")}
        self.leads_to("")

    def leads_to(self, address: str) -> None:
        fresh = self._address.with_suffix(".new")
        fresh.write_text(address)
        fresh.replace(self._address)


@pytest.fixture
def network(tmp_path: Path) -> Network:
    return Network(tmp_path)


@pytest_asyncio.fixture
async def museums() -> AsyncIterator[ScriptedServer]:
    """All hosts, on one address."""
    async with ScriptedServer("127.0.0.2") as server:
        for number in range(PHOTOS):
            server.script(f"/{number}.jpg", served(f"photo {number}"))
        yield server


def links(museums: ScriptedServer) -> list[str]:
    return [f"http://{HOSTS[number % len(HOSTS)]}:{museums.port}/{number}.jpg" for number in range(PHOTOS)]


def check_nobody_was_charged(collection: Path) -> None:
    assert ask(collection, "SELECT count(*) FROM failures") == [(0,)]
    assert ask(collection, "SELECT max(attempts) FROM images WHERE status <> 2") == [(None,)]
    assert ask(collection, "SELECT count(*) FROM lanes WHERE incidents > 0 OR pause_until_ms > 0 OR down_since_ms > 0") == [(0,)]
    assert ask(collection, "SELECT detail FROM events WHERE kind = 'own-network' ORDER BY id")[-1:] == [
        ("our network answers again: going on; nobody was charged",)
    ]


async def ends_well(program: Program, collection: Path) -> None:
    ended = await program.end()
    assert ended.status == 0, ended.err
    assert check_order(collection) == PHOTOS
    check_nobody_was_charged(collection)


async def test_a_resolver_that_fails_for_everyone_is_charged_to_nobody(
    museums: ScriptedServer, network: Network, collection: Path, tmp_path: Path
) -> None:
    source = list_of(tmp_path / "links.txt", links(museums))
    async with started("get", source, collection, *FAST, environment=network.environment) as program:
        await program.says("paused: our network: nobody answers")
        assert museums.requests == []
        network.leads_to(museums.host)
        await ends_well(program, collection)


async def test_a_portal_stores_nothing_and_is_charged_to_nobody(
    museums: ScriptedServer, network: Network, collection: Path, tmp_path: Path
) -> None:
    """Before the log-in every name leads to the page of a hotel, robots.txt included."""
    page = answer(200, b"<html><title>Welcome, please log in</title></html>", {"Content-Type": "text/html", "Connection": "close"})
    async with ScriptedServer("127.0.0.1", port=museums.port) as portal:
        for path in ("/robots.txt", *(f"/{number}.jpg" for number in range(PHOTOS))):
            portal.script(path, page, Act.CLOSE)
        network.leads_to(portal.host)
        source = list_of(tmp_path / "links.txt", links(museums))
        async with started("get", source, collection, *FAST, environment=network.environment) as program:
            await program.says("paused: our network: unrelated hosts send the same page")
            assert ask(collection, "SELECT count(*) FROM files") == [(0,)]
            asked_in_all = len(portal.requests)
            network.leads_to(museums.host)
            await ends_well(program, collection)
            assert asked_in_all <= len(HOSTS) * 2
    assert {request.path for request in museums.requests} >= {"/robots.txt", "/0.jpg"}


async def test_a_line_that_stays_dead_ends_the_run(
    museums: ScriptedServer, network: Network, collection: Path, tmp_path: Path
) -> None:
    source = list_of(tmp_path / "links.txt", links(museums))
    async with started("get", source, collection, *FAST, "--storage-patience", "1s", environment=network.environment) as program:
        ended = await program.end()
    assert ended.status == 6, ended.err
    assert "our network: nobody answers" in ended.err
    assert "nothing was lost" in ended.err
    assert ask(collection, "SELECT count(*) FROM failures") == [(0,)]
    assert ask(collection, "SELECT count(*) FROM images WHERE status = 0 AND attempts = 0") == [(PHOTOS,)]
