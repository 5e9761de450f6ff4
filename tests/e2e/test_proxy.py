"""A network that only a proxy leads out of."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.e2e.holdings import ask, check_order
from tests.e2e.program import type_in
from tests.e2e.sources import hang, list_of
from tests.proxying import LocalProxy
from tests.scripted import ScriptedServer

CONTACT = ("--contact", "curator@museum-of-plants.org")
HOSTS = ("one-museum.org", "two-museum.org", "three-museum.org")
NOWHERE = """
import socket
def _getaddrinfo(*_, **__):
    raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")
socket.getaddrinfo = _getaddrinfo
"""
"""A resolver that knows no name outside, as behind such a wall."""


@pytest.fixture
def walled_in(tmp_path: Path) -> dict[str, str]:
    """The environment of a program behind a wall."""
    (tmp_path / "hook").mkdir()
    (tmp_path / "hook" / "sitecustomize.py").write_text(NOWHERE)
    return {"PYTHONPATH": str(tmp_path / "hook"), "HTTPS_PROXY": "http://user:secret@proxy.institute.edu:3128"}


async def test_a_run_goes_through_a_proxy(
    origin: ScriptedServer, collection: Path, tmp_path: Path, walled_in: dict[str, str]
) -> None:
    paths = [url.partition(str(origin.port))[2] for url in hang(origin, "one", "two", "three")]
    source = list_of(tmp_path / "links.txt", (f"http://{host}{path}" for host, path in zip(HOSTS, paths, strict=True)))
    async with LocalProxy(dict.fromkeys(HOSTS, origin.port), "Basic bWU6c2VjcmV0") as proxy:
        words = ("get", source, collection, *CONTACT, "--proxy", proxy.url)
        ended = await type_in(*words, environment=walled_in | {"PROXY_USER": "me", "PROXY_PWD": "secret"})
    assert ended.status == 0, ended.err
    assert check_order(collection) == 3
    assert {line.partition("/")[2].partition("/")[2] for line in proxy.asked} >= {f"{host}/robots.txt" for host in HOSTS}
    assert "secret" not in ended.err + ended.out + (await type_in("config", collection, environment=walled_in)).out


async def test_where_only_a_proxy_leads_out_it_is_said(collection: Path, tmp_path: Path, walled_in: dict[str, str]) -> None:
    source = list_of(tmp_path / "links.txt", (f"http://{host}/1.jpg" for host in HOSTS))
    ended = await type_in("get", source, collection, *CONTACT, "--storage-patience", "1s", environment=walled_in)
    assert ended.status == 6, ended.err
    assert "HTTPS_PROXY set here and not used: if only a proxy leads out of this network, say --proxy URL" in ended.err
    assert "secret" not in ended.err
    assert ask(collection, "SELECT count(*) FROM failures") == [(0,)]
