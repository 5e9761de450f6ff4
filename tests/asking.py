"""How tests ask: settings for loopback, with short deadlines where a test waits for one, and names from a table."""

from __future__ import annotations

import asyncio
import ipaddress
import socket
from collections.abc import Mapping
from dataclasses import replace

import pytest
from aiohttp.abc import AbstractResolver, ResolveResult
from aiolimiter import AsyncLimiter

from asyncdl.web import RequestFailure, Web, WebSettings

LOOPBACK = (ipaddress.ip_network("127.0.0.0/8"), ipaddress.ip_network("::1/128"))
SETTINGS = WebSettings(user_agent="asyncdl-test", allow_private=LOOPBACK)
HASTY = replace(SETTINGS, connect_timeout_seconds=0.2, first_byte_timeout_seconds=0.2, stall_timeout_seconds=0.2)


class Names(AbstractResolver):
    """Resolves from a table; a name without an entry does not exist. Counts the look-ups."""

    def __init__(self, table: Mapping[str, list[str]]) -> None:
        self.table = dict(table)
        self.asked: list[str] = []

    async def resolve(self, host: str, port: int = 0, family: int = 0) -> list[ResolveResult]:  # noqa: ARG002
        self.asked.append(host)
        if host not in self.table:
            raise OSError(None, "Domain name not found")
        return [
            ResolveResult(
                hostname=host,
                host=address,
                port=port,
                family=socket.AF_INET6 if ":" in address else socket.AF_INET,
                proto=0,
                flags=0,
            )
            for address in self.table[host]
        ]

    async def close(self) -> None:
        pass


class SilentNames(Names):
    """Never answers."""

    async def resolve(self, host: str, port: int = 0, family: int = 0) -> list[ResolveResult]:  # noqa: ARG002
        await asyncio.Event().wait()
        raise AssertionError


async def fetch(url: str, settings: WebSettings = SETTINGS, resolver: AbstractResolver | None = None) -> tuple[int, bytes]:
    async with Web(settings, resolver) as web:
        return await fetch_with(web, url)


async def fetch_with(web: Web, url: str, limiter: AsyncLimiter | None = None) -> tuple[int, bytes]:
    async with web.get(url, limiter=limiter) as response:
        return response.status, b"".join([chunk async for chunk in response.chunks()])


async def failure(url: str, settings: WebSettings = SETTINGS, resolver: AbstractResolver | None = None) -> RequestFailure:
    with pytest.raises(RequestFailure) as caught:
        await fetch(url, settings, resolver)
    return caught.value
