"""From names of hosts to addresses: the resolver of this machine, and one memory of what it said for the whole run.

`getaddrinfo` tells no lifetime, so ours are fixed, with jitter, so that names learnt together are not asked for together. A name that exists is known for
`KNOWN_SECONDS`; one that does not for `UNKNOWN_SECONDS` (RFC 2308 caches the negative too); a resolver that did not answer is left alone for `SILENT_SECONDS`, and what it
said before holds meanwhile (RFC 8767), because a museum rarely moves in the very hour in which a resolver fails. Look-ups of one name are joined, whoever
waits for them may give up. An address from here is only a proposal: the gate judges it at the socket, every time.
"""

from __future__ import annotations

import asyncio
import errno
import socket
from collections import OrderedDict
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from random import Random
from typing import Final

from aiohttp.abc import AbstractResolver, ResolveResult

MAX_ADDRESSES_PER_NAME: Final = 16
MAX_KNOWN_NAMES: Final = 10_000
KNOWN_SECONDS: Final = 600.0
UNKNOWN_SECONDS: Final = 30.0
SILENT_SECONDS: Final = 2.0
STALE_SECONDS: Final = 3_600.0
_JITTER: Final = 0.1
_RESOLVER_THREADS: Final = 64


def resolver_is_silent(exc: BaseException | None) -> bool:
    """Whether nobody answered the question for a name: neither "here it is" nor "there is no such name"."""
    return isinstance(exc, socket.gaierror) and exc.errno == socket.EAI_AGAIN


@dataclass(frozen=True, slots=True)
class _Known:
    """What was said of a name: addresses, or why there are none. It holds until `until`, addresses for a while longer where nobody answers."""

    addresses: tuple[ResolveResult, ...]
    failure: OSError | None
    until: float
    at: float


class NameCache(AbstractResolver):
    """One memory before a resolver. `clock` is monotonic seconds."""

    def __init__(self, resolver: AbstractResolver, clock: Callable[[], float], random: Random) -> None:
        self._resolver = resolver
        self._clock = clock
        self._random = random
        self._known: OrderedDict[str, _Known] = OrderedDict()
        self._asking: dict[str, asyncio.Task[_Known]] = {}

    async def resolve(self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_UNSPEC) -> list[ResolveResult]:
        """The addresses of a name; raises OSError when there are none."""
        known = self._known.get(host)
        if known is None or known.until <= self._clock():
            known = await self._ask(host, family)
        if known.failure is not None:
            raise type(known.failure)(*known.failure.args)  # a fresh one: a traceback grows each time that it is raised
        return [{**address, "port": port} for address in known.addresses]

    def address_of(self, host: str) -> str | None:
        """The first address of a name that was asked for before, however long ago."""
        known = self._known.get(host)
        return known.addresses[0]["host"] if known is not None and known.addresses else None

    def forget(self, host: str | None = None) -> None:
        """Ask again next time, for one name or for all."""
        if host is None:
            self._known.clear()
        else:
            self._known.pop(host, None)

    async def close(self) -> None:
        """Let go of the resolver; look-ups under way are not waited for."""
        asking = list(self._asking.values())
        for task in asking:
            task.cancel()
        if asking:
            await asyncio.wait(asking)
        await self._resolver.close()

    async def _ask(self, host: str, family: socket.AddressFamily) -> _Known:
        task = self._asking.get(host)
        if task is None:
            task = self._asking[host] = asyncio.create_task(self._look_up(host, family), name=f"name {host}")
            task.add_done_callback(partial(self._asked, host))
        return await asyncio.shield(task)

    def _asked(self, host: str, task: asyncio.Task[_Known]) -> None:
        del self._asking[host]
        if not task.cancelled():
            task.exception()  # whoever waited for it has it already, or has given up

    async def _look_up(self, host: str, family: socket.AddressFamily) -> _Known:
        before = self._known.get(host)
        addresses: tuple[ResolveResult, ...] = ()
        failure: OSError | None = None
        seconds = KNOWN_SECONDS
        try:
            addresses = tuple(await self._resolver.resolve(host, 0, family))[:MAX_ADDRESSES_PER_NAME]
        except OSError as exc:
            failure, seconds = exc, UNKNOWN_SECONDS
        now = self._clock()
        at = now
        if resolver_is_silent(failure):
            seconds = SILENT_SECONDS
            if before is not None and before.addresses and now - before.at < STALE_SECONDS:
                addresses, failure, at = before.addresses, None, before.at
        known = _Known(addresses, failure, now + seconds * (1 - _JITTER * self._random.random()), at)
        self._known[host] = known
        self._known.move_to_end(host)
        while len(self._known) > MAX_KNOWN_NAMES:
            self._known.popitem(last=False)
        return known


class ThreadResolver(AbstractResolver):
    """`getaddrinfo` in threads of its own: names that do not resolve must not hold up file and digest work."""

    def __init__(self) -> None:
        self._threads = ThreadPoolExecutor(_RESOLVER_THREADS, thread_name_prefix="asyncdl-dns")

    async def resolve(self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_INET) -> list[ResolveResult]:
        """The addresses of a name; raises OSError when there are none."""
        look_up = partial(socket.getaddrinfo, host, port, family, socket.SOCK_STREAM, flags=socket.AI_ADDRCONFIG)
        found = await asyncio.get_running_loop().run_in_executor(self._threads, look_up)
        if not found:
            raise OSError(errno.EADDRNOTAVAIL, "the name has no addresses")
        return [
            ResolveResult(hostname=host, host=str(address[0]), port=port, family=kind, proto=protocol, flags=socket.AI_NUMERICHOST)
            for kind, _, protocol, _, address in found
        ]

    async def close(self) -> None:
        """Let go of the threads without waiting for a resolver that does not answer."""
        self._threads.shutdown(wait=False, cancel_futures=True)


async def addresses_of(
    names: Iterable[str], *, timeout_seconds: float, resolver: AbstractResolver | None = None
) -> dict[str, frozenset[str]]:
    """What these names lead to, asked for side by side; nothing for those that lead nowhere, and for those that were not answered in time."""
    asked = resolver or ThreadResolver()

    async def look_up(name: str) -> frozenset[str]:
        try:
            return frozenset(found["host"] for found in await asked.resolve(name, 0, socket.AF_UNSPEC))
        except OSError:
            return frozenset()

    tasks = {name: asyncio.ensure_future(look_up(name)) for name in names}
    try:
        if tasks:
            await asyncio.wait(tasks.values(), timeout=timeout_seconds)
        return {name: task.result() if task.done() else frozenset() for name, task in tasks.items()}
    finally:
        for task in tasks.values():
            task.cancel()
        await asked.close()
